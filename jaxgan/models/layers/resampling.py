"""Convolutions that halve or double the sides of an image."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.convolution import strided_conv, transposed_conv
from jaxgan.models.layers.norms import Initializer

Array = jax.Array


class Conv(nn.Module):
    """Halves height and width: [B, H, W, C] -> [B, H/2, W/2, features], kernel 4, stride 2, "SAME".

    Equal to `flax.linen.Conv(features, (4, 4), (2, 2))` with the same parameters.

    >>> Conv(8).init_with_output(jax.random.key(0), jnp.ones((2, 8, 10, 3)))[0].shape
    (2, 4, 5, 8)
    """

    features: int
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = strided_conv(x, self.param("kernel", self.kernel_init, (4, 4, x.shape[-1], self.features)))
        return y + self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else y


class ConvTranspose(nn.Module):
    """Doubles height and width: [B, H, W, C] -> [B, 2H, 2W, features], kernel 4, stride 2, "SAME".

    Equal to `flax.linen.ConvTranspose(features, (4, 4), (2, 2))` with the same parameters.

    >>> ConvTranspose(3).init_with_output(jax.random.key(0), jnp.ones((2, 4, 5, 8)))[0].shape
    (2, 8, 10, 3)
    """

    features: int
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = transposed_conv(x, self.param("kernel", self.kernel_init, (4, 4, x.shape[-1], self.features)))
        return y + self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else y


class UpConv(nn.Module):
    """Repeats pixels to double the sides, then a 3x3 convolution: [B, H, W, C] -> [B, 2H, 2W, features].

    Equal to repeating and `flax.linen.Conv(features, (3, 3))` with the same parameters, with 4/9 of the
    products: along each axis the taps a, b, c apply to two different pixels, not three, and are the
    transposed convolution with the taps a, a+b, b+c, c.

    >>> UpConv(3).init_with_output(jax.random.key(0), jnp.ones((2, 4, 5, 8)))[0].shape
    (2, 8, 10, 3)
    """

    features: int
    kernel_init: Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", self.kernel_init, (3, 3, x.shape[-1], self.features))
        for axis in (0, 1):
            after = [(0, 1) if i == axis else (0, 0) for i in range(4)]
            kernel = jnp.pad(kernel, after) + jnp.pad(kernel, [pair[::-1] for pair in after])
        return transposed_conv(x, kernel) + self.param("bias", nn.initializers.zeros, (self.features,))


def split_2x2(x: Array) -> Array:
    """[B, H, W, C] -> [B, H/2, 2, W/2, 2, C]: splits an image into 2x2 blocks, to pool over.

    The last row or column of an odd side is dropped.

    >>> float(split_2x2(jnp.arange(4.0).reshape(1, 2, 2, 1)).mean(axis=(2, 4))[0, 0, 0, 0])
    1.5
    """
    b, h, w, c = x.shape
    return x[:, : h // 2 * 2, : w // 2 * 2].reshape(b, h // 2, 2, w // 2, 2, c)


def repeat_2x2(x: Array) -> Array:
    """Doubles height and width by repeating pixels: [B, H, W, C] -> [B, 2H, 2W, C].

    >>> repeat_2x2(jnp.arange(2.0).reshape(1, 1, 2, 1))[0, :, :, 0].tolist()
    [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    """
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)


def halve(x: Array) -> Array:
    """Averages 2x2 pixels: [B, H, W, C] -> [B, H/2, W/2, C].

    >>> halve(jnp.arange(4.0).reshape(1, 2, 2, 1)).ravel().tolist()
    [1.5]
    """
    return split_2x2(x).mean(axis=(2, 4))
