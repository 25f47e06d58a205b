"""Resampling by the filter [1, 3, 3, 1], alone or with a 3x3 convolution (Zhang, 2019; Karras et al., 2020).

Doubling is: a 0 after every pixel, then the filter over 4 along either axis. Halving is: the filter over 8,
then every second pixel. Outside the image is 0. The filter has two taps per output or input pixel, so it is
slices and sums, which every device does well and which have all derivatives.
"""

import jax
import jax.numpy as jnp

from jaxgan.models.convolution import strided_conv, transposed_conv

Array = jax.Array


def fir_up(x: Array) -> Array:
    """Doubles height and width: [B, H, W, C] -> [B, 2H, 2W, C].

    >>> fir_up(jnp.ones((1, 3, 1, 1)))[0, :, 0, 0].tolist()
    [0.5625, 0.75, 0.75, 0.75, 0.75, 0.5625]
    """
    for axis in (1, 2):
        before, now, after = _slices(_pad(x, axis, 1, 1), axis, 3)
        pair = jnp.stack([before + 3 * now, 3 * now + after], axis=axis + 1) / 4
        x = pair.reshape(*(2 * n if i == axis else n for i, n in enumerate(x.shape)))
    return x


def fir_down(x: Array) -> Array:
    """Halves height and width, which are even: [B, H, W, C] -> [B, H/2, W/2, C].

    >>> fir_down(jnp.ones((1, 6, 6, 1)))[0, :, 1, 0].tolist()
    [0.875, 1.0, 0.875]
    """
    for axis in (1, 2):
        a, b, c, d = _slices(_pad(x, axis, 1, 1), axis, 4, step=2)
        x = (a + 3 * (b + c) + d) / 8
    return x


def up_conv(x: Array, kernel: Array) -> Array:
    """A 0 after every pixel, 3x3 convolution, filter: [B, H, W, C], [3, 3, C, n] -> [B, 2H, 2W, n].

    The same as the filter before the convolution, of images that are not cropped in between, for a quarter of
    the products.

    >>> up_conv(jnp.ones((2, 4, 5, 3)), jnp.ones((3, 3, 3, 8))).shape
    (2, 8, 10, 8)
    """
    padded = _pad(_pad(x, 1, 1, 0), 2, 1, 0)  # the convolution reaches one pixel before the image
    y = transposed_conv(padded, jnp.pad(kernel, ((1, 0), (1, 0), (0, 0), (0, 0))))
    for axis in (1, 2):
        a, b, c, d = _slices(_pad(y, axis, 0, 1), axis, 4)
        y = (a + 3 * (b + c) + d) / 4
    return y


def down_conv(x: Array, kernel: Array) -> Array:
    """Filter, 3x3 convolution of stride 2: even sides [B, H, W, C], [3, 3, C, n] -> [B, H/2, W/2, n].

    >>> down_conv(jnp.ones((2, 4, 6, 3)), jnp.ones((3, 3, 3, 8))).shape
    (2, 2, 3, 8)
    """
    for axis in (1, 2):
        a, b, c, d = _slices(_pad(x, axis, 3, 2), axis, 4)
        x = (a + 3 * (b + c) + d) / 8  # begins two pixels before the image
    return strided_conv(x, jnp.pad(kernel, ((0, 1), (0, 1), (0, 0), (0, 0))))[:, 1:, 1:]


def _pad(x: Array, axis: int, before: int, after: int) -> Array:
    return jnp.pad(x, [(before, after) if i == axis else (0, 0) for i in range(x.ndim)])


def _slices(x: Array, axis: int, taps: int, step: int = 1) -> list[Array]:
    """Returns the inputs of each tap of a filter along the axis."""
    n = x.shape[axis]
    return [jax.lax.slice_in_dim(x, i, n - taps + 1 + i, step, axis) for i in range(taps)]
