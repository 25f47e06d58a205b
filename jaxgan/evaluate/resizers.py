"""The two ways in which published FIDs resize images to Inception's input: [n, H, W, C] -> [n, 299, 299, C];
for other networks the first of them, to any side.

Pixels are in 0..255. The resizer changes FID by more than many papers improve it, so a number means little
without the resizer's name (Parmar et al., 2022). Images are multiplied by a matrix [299, H] from the left and
[299, W] from the right. `jax.image.resize` computes these in float32 and is off by up to 5e-3 of Pillow's
pixels (3e-2 of TensorFlow's) where these are by 6e-5.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.models.inception import SIDE
from jaxgan.parts.types import Array


def clean(images: Array) -> Array:
    """Resizes as clean-fid does: bicubic, antialiased, clipped, not rounded (Parmar et al., 2022).

    The filter is Keys' with a = -1/2, stretched by H / 299 where that is above 1, as in Pillow.

    >>> clean(jnp.full((2, 32, 32, 3), 7, jnp.uint8)).shape
    (2, 299, 299, 3)
    """
    return bicubic(images, SIDE)


def bicubic(images: Array, side: int) -> Array:
    """Resizes to [n, side, side, C] as `clean` does.

    >>> bicubic(jnp.full((2, 28, 28, 1), 7, jnp.uint8), 32).shape
    (2, 32, 32, 1)
    """
    return _resize(images, partial(_bicubic, side=side)).clip(0, 255)


def tf1(images: Array) -> Array:
    """Resizes as TensorFlow 1 did: bilinear, not antialiased; for the first FIDs (Heusel et al., 2017).

    Output pixel i is at i H / 299 of the input, not at (i + 1/2) H / 299 - 1/2: the image is shifted up and
    left, and its last row and column are repeated.

    >>> x = jnp.array([0, 299], jnp.float32).reshape(1, 1, 2, 1)
    >>> tf1(x)[0, 0, jnp.array([0, 1, 149, 150, 298]), 0].tolist()
    [0.0, 2.0, 298.0, 299.0, 299.0]
    """
    return _resize(images, _bilinear)


def _resize(images: Array, weights: Callable[[int], np.ndarray]) -> Array:
    _, height, width, _ = images.shape
    rows, columns = (weights(size).astype(np.float32) for size in (height, width))
    x = images.astype(jnp.float32)
    return jnp.einsum("ih,nhwc,jw->nijc", rows, x, columns, precision=jax.lax.Precision.HIGHEST)


def _bicubic(size: int, side: int) -> np.ndarray:
    scale = size / side
    centres = (np.arange(side)[:, None] + 0.5) * scale
    d = abs(np.arange(size) + 0.5 - centres) / max(scale, 1.0)
    outer = np.where(d < 2, -0.5 * (((d - 5) * d + 8) * d - 4), 0.0)
    weights = np.where(d < 1, (1.5 * d - 2.5) * d**2 + 1, outer)
    return weights / weights.sum(axis=1, keepdims=True)


def _bilinear(size: int) -> np.ndarray:
    position = np.arange(SIDE, dtype=np.float32) * np.float32(size / SIDE)
    return np.maximum(1 - abs(np.arange(size) - np.minimum(position, size - 1)[:, None]), 0)
