"""Convolutions whose input channels are scaled per example, and noise per pixel (Karras et al., 2020)."""

import zlib
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers.equalised import EqualDense, equal_kernel, resampled_conv
from jaxgan.models.layers.numbers import at_least_float32

Array = jax.Array


class ModulatedConv(nn.Module):
    """x [B, H, W, C], w [B, n] -> [B, H, W, features]: weights W s_i for a style s = A w + b, b from 1.

    With `demodulate` they are divided by sqrt(sum (W s_i)^2 + 1e-8) per output channel, so that outputs of
    inputs of unit variance have unit variance. Computed as conv(s x) d rather than with weights per example:
    W, and with it the learning rate, is equalised. `resample` as in `EqualConv`. Without a bias.

    >>> x, w = jnp.ones((2, 8, 8, 3)), jnp.ones((2, 16))
    >>> ModulatedConv(5).init_with_output(jax.random.key(0), x, w)[0].shape
    (2, 8, 8, 5)
    """

    features: int
    size: int = 3
    resample: Literal["up", "down", "none"] = "none"
    demodulate: bool = True

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        style = EqualDense(x.shape[-1], bias=1.0, name="style")(w)
        kernel = equal_kernel(self, x, self.size, self.features)
        y = resampled_conv(x * style[:, None, None], kernel.astype(x.dtype), self.resample)
        if not self.demodulate:
            return y
        squares = jnp.square(at_least_float32(kernel)).sum(axis=(0, 1))
        scale = jax.lax.rsqrt(jnp.square(at_least_float32(style)) @ squares + 1e-8)
        return y * scale[:, None, None].astype(y.dtype)


class Noise(nn.Module):
    """x [B, H, W, C] + strength n, with normal n [B, H, W, 1] and a learned strength that starts at 0.

    key [B]: the noise of an example depends on its key and on this layer's path in the network only. Without
    a key it is a constant image, the same for all examples.

    >>> x, keys = jnp.ones((2, 4, 4, 3)), jax.random.split(jax.random.key(0), 2)
    >>> y = Noise().apply({"params": {"strength": jnp.float32(1)}}, x, keys)
    >>> bool((y[0] == y[1]).any()), bool((y[..., 0] == y[..., 1]).all())
    (False, True)
    """

    @nn.compact
    def __call__(self, x: Array, key: Array | None = None) -> Array:
        strength = self.param("strength", nn.initializers.zeros, ())
        path_hash = zlib.crc32("/".join(self.path).encode())

        def draw(key: Array) -> Array:
            return jax.random.normal(jax.random.fold_in(key, path_hash), (*x.shape[1:3], 1), x.dtype)

        noise = draw(jax.random.key(0))[None] if key is None else jax.vmap(draw)(key)
        return x + strength.astype(x.dtype) * noise
