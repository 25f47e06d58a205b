"""Discriminators that autoencode their input, whose logit is minus the error: for `ebgan` and `began`."""

from collections.abc import Callable
from math import prod

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers import (
    Conv,
    ConvTranspose,
    Norm,
    at_least_float32,
    call_layer,
    doublings,
    normalise,
    square_side,
    valid_sides,
)
from jaxgan.parts.output import Output

Array = jax.Array
Activation = Callable[[Array], Array]
SIZES = valid_sides(256)


class Dense(nn.Module):
    """x [B, ...], flattened -> Output(-error [B], {"code": [B, code]}), by dense layers.

    To each width, norm and activation; to the code; back by the widths in reverse. `error` is applied to each
    number's difference, and its mean is the energy of an example: `jnp.square` (Zhao et al., 2017) or
    `jnp.abs` (Berthelot et al., 2017).

    >>> d = Dense(widths=(16,), code=4)
    >>> output, _ = d.init_with_output(jax.random.key(0), jnp.ones((2, 8, 8, 1)))
    >>> output.logit.shape, output.heads["code"].shape
    ((2,), (2, 4))
    """

    widths: tuple[int, ...] = (128,)
    code: int = 16
    activation: Activation = nn.relu
    error: Activation = jnp.square
    norm: Norm = "none"
    axis: str | None = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Output:
        def hidden(h: Array, width: int) -> Array:
            h = call_layer(nn.Dense(width), h, self.norm, train)
            return self.activation(normalise(h, self.norm, self.axis, train))

        h = x.reshape(x.shape[0], -1)
        for width in self.widths:
            h = hidden(h, width)
        h = code = call_layer(nn.Dense(self.code), h, self.norm, train)
        for width in self.widths[::-1]:
            h = hidden(h, width)
        rebuilt = call_layer(nn.Dense(prod(x.shape[1:])), h, self.norm, train)
        return _output(x, rebuilt.reshape(x.shape), code, self.error)


class Convolutional(nn.Module):
    """Images [B, s, s, channels] -> Output(-error [B], {"code": [B, code]}), for s = b 2^k with b in 4..7.

    k strided 4x4 convolutions that double the channels from `width`, norm on all but the first, LeakyReLU of
    slope 0.2, a dense layer to the code, and the same back by transposed convolutions. `error` as of `Dense`.

    >>> d = Convolutional(width=4, code=8, error=jnp.abs)
    >>> output, _ = jax.eval_shape(d.init_with_output, jax.random.key(0), jnp.ones((2, 28, 28, 1)))
    >>> output.logit.shape, output.heads["code"].shape
    ((2,), (2, 8))
    """

    width: int = 16
    code: int = 64
    error: Activation = jnp.square
    norm: Norm = "none"
    axis: str | None = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Output:
        def hidden(layer: nn.Module, h: Array, norm: bool = True) -> Array:
            h = call_layer(layer, h, self.norm, train)
            h = normalise(h, self.norm, self.axis, train) if norm else h
            return nn.leaky_relu(h, 0.2)

        name, h = "the autoencoder", x
        k = doublings(square_side(x.shape[1:], name, packed=True), name, SIZES)
        for i in range(k):
            h = hidden(Conv(self.width << i), h, norm=i > 0)
        base = h.shape[1:]
        code = call_layer(nn.Dense(self.code), h.reshape(h.shape[0], -1), self.norm, train)
        h = hidden(nn.Dense(prod(base)), code, norm=False).reshape(h.shape)
        for i in reversed(range(k - 1)):
            h = hidden(ConvTranspose(self.width << i), h)
        rebuilt = call_layer(ConvTranspose(x.shape[-1]), h, self.norm, train)
        return _output(x, rebuilt, code, self.error)


def _output(x: Array, rebuilt: Array, code: Array, error: Activation) -> Output:
    off = error(at_least_float32(rebuilt) - at_least_float32(x))
    return Output(-off.mean(axis=tuple(range(1, x.ndim))), {"code": at_least_float32(code)})
