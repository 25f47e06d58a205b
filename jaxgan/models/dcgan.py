"""DCGAN (Radford et al., 2016): transposed convolutions in G, strided ones in D."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers import (
    Conv,
    ConvTranspose,
    Heads,
    Logit,
    Norm,
    call_layer,
    doublings,
    initial_kernel,
    normalise,
    square_side,
    valid_sides,
    with_heads,
)
from jaxgan.parts.output import Output

Array = jax.Array
SIZES = valid_sides(256)
MOST_CHANNELS = 1024


def _scale_init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
    return 1 + 0.02 * jax.random.normal(key, shape, dtype)


class Generator(nn.Module):
    """z [B, n] -> images [B, s, s, channels] in (-1, 1), for s = b 2^k with b in 4..7.

    Dense to b x b, then k transposed 4x4 convolutions of stride 2 that halve the channels down to `width`
    before the last, BatchNorm and ReLU between them, tanh at the end. Kernels start as
    `initial_kernel` has them, scales of BatchNorm as N(1, 0.02). Figure 1 of the paper has `width=128`.

    >>> g = Generator(shape=(28, 28, 1), width=4)
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), jnp.ones((2, 16)))[0].shape
    (2, 28, 28, 1)
    """

    shape: tuple[int, ...] = (64, 64, 3)
    width: int = 64
    norm: Norm = "batch"
    axis: str | None = None

    def __post_init__(self) -> None:
        _doublings(self.shape)
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, *, train: bool = False) -> Array:
        k = _doublings(self.shape)
        base = self.shape[0] >> k
        bias = self.norm not in ("batch", "instance")  # which have a bias
        kernel_init = initial_kernel(self.norm)
        widths = [min(self.width << i, MOST_CHANNELS) for i in reversed(range(k))]

        dense = nn.Dense(base * base * widths[0], use_bias=bias, kernel_init=kernel_init)
        x = call_layer(dense, z, self.norm, train).reshape(z.shape[0], base, base, widths[0])
        for width in widths[1:]:
            x = nn.relu(normalise(x, self.norm, self.axis, train, scale_init=_scale_init))
            x = call_layer(ConvTranspose(width, bias, kernel_init), x, self.norm, train)
        x = nn.relu(normalise(x, self.norm, self.axis, train, scale_init=_scale_init))
        last = ConvTranspose(self.shape[-1], kernel_init=kernel_init)
        return nn.tanh(call_layer(last, x, self.norm, train))


class Discriminator(nn.Module):
    """Images [B, s, s, channels] -> logits [B], for the sizes of the generator.

    k strided 4x4 convolutions that double the channels from `width`, BatchNorm on all but the first,
    LeakyReLU of slope 0.2, then one dense layer. With `heads`, (name, size) each, or `features` it returns an
    Output with them: dense layers on the features of the logit, and all hidden activations as "features".
    `across` is a layer between examples before the logit, such as `layers.MinibatchStd(4)`. Kernels start as
    `initial_kernel` has them.

    >>> d = Discriminator(width=4, norm="spectral", classes=10)
    >>> x, label = jnp.ones((2, 32, 32, 3)), jnp.array([3, 9])
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), x, label)[0].shape
    (2,)
    """

    width: int = 64
    norm: Norm = "batch"
    classes: int = 0
    axis: str | None = None
    heads: Heads = ()
    features: bool = False
    across: nn.Module | None = None

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, *, train: bool = False) -> Array | Output:
        hidden = []
        kernel_init = initial_kernel(self.norm)
        for i in range(_doublings(x.shape[1:], packed=True)):
            bias = self.norm not in ("batch", "instance") or i == 0
            width = min(self.width << i, MOST_CHANNELS)
            x = call_layer(Conv(width, bias, kernel_init), x, self.norm, train)
            if i:
                x = normalise(x, self.norm, self.axis, train, scale_init=_scale_init)
            x = nn.leaky_relu(x, 0.2)
            hidden.append(x)
        x = x.reshape(x.shape[0], -1)
        if self.across is not None:
            x = self.across(x, train)
        logit = Logit(self.classes, self.norm, kernel_init)(x, label, train)
        features = hidden if self.features else None
        return with_heads(logit, x, self.heads, features, self.norm, train, kernel_init)


def _doublings(shape: tuple[int, ...], packed: bool = False) -> int:
    return doublings(square_side(shape, "DCGAN", packed), "DCGAN", SIZES)
