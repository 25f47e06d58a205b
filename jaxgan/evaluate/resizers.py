"""Images at the size that Inception sees, in the two ways of the published numbers.

[n, H, W, C] in 0..255 -> [n, 299, 299, C]. Which one it was moves FID by more than many papers gain, so that
a number is worth little without the name of its resizer (Parmar et al., 2022). Both are products with a
matrix of weights [299, H] on the left and one [299, W] on the right.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.models.inception import SIDE
from jaxgan.parts.types import Array


def clean(images: Array) -> Array:
    """Bicubic, smoothed where it shrinks, clipped, not rounded: that of clean-fid (Parmar et al., 2022).

    The filter is Keys' with a = -1/2, stretched by H / 299 where that is above 1, as Pillow has it.

    >>> clean(jnp.full((2, 32, 32, 3), 7, jnp.uint8)).shape
    (2, 299, 299, 3)
    """
    return _resized(images, _bicubic).clip(0, 255)


def tf1(images: Array) -> Array:
    """Bilinear, never smoothed, corner on corner: TensorFlow 1's, of the first FIDs (Heusel et al., 2017).

    Output pixel i is at i H / 299 of the input, not at (i + 1/2) H / 299 - 1/2: the image is moved up and
    left, and its last row and column are repeated.

    >>> x = jnp.array([0, 299], jnp.float32).reshape(1, 1, 2, 1)
    >>> tf1(x)[0, 0, jnp.array([0, 1, 149, 150, 298]), 0].tolist()
    [0.0, 2.0, 298.0, 299.0, 299.0]
    """
    return _resized(images, _bilinear)


def _resized(images: Array, weights: Callable[[int], np.ndarray]) -> Array:
    _, height, width, _ = images.shape
    rows, columns = (weights(size).astype(np.float32) for size in (height, width))
    x = images.astype(jnp.float32)
    return jnp.einsum("ih,nhwc,jw->nijc", rows, x, columns, precision=jax.lax.Precision.HIGHEST)


def _bicubic(size: int) -> np.ndarray:
    scale = size / SIDE
    centres = (np.arange(SIDE)[:, None] + 0.5) * scale
    d = abs(np.arange(size) + 0.5 - centres) / max(scale, 1.0)
    far = np.where(d < 2, -0.5 * (((d - 5) * d + 8) * d - 4), 0.0)
    weights = np.where(d < 1, (1.5 * d - 2.5) * d**2 + 1, far)
    return weights / weights.sum(axis=1, keepdims=True)


def _bilinear(size: int) -> np.ndarray:
    place = np.arange(SIDE, dtype=np.float32) * np.float32(size / SIDE)
    return np.maximum(1 - abs(np.arange(size) - np.minimum(place, size - 1)[:, None]), 0)
