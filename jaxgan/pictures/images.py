"""Images in a grid."""

import math
from typing import TypeVar

import jax
import numpy as np

A = TypeVar("A", np.ndarray, jax.Array)

GAP = 90  # the grey value of the lines between images


def quantise(images: A) -> A:
    """Rounds [-1, 1] to the nearest of 0 to 255, uint8; for NumPy and JAX arrays.

    >>> quantise(np.array([-2.0, -1.0, 0.0, 1.0])).tolist()
    [0, 0, 128, 255]
    """
    return ((images.astype("float32").clip(-1, 1) + 1) * 127.5).round().astype("uint8")


def grid(images: np.ndarray, width: int = 512, columns: int | None = None) -> np.ndarray:
    """Draws images [n, H, W, C] in [-1, 1] as one uint8 picture, with grey lines between them.

    The grid is as square as possible unless `columns` are given; small images are enlarged.

    >>> grid(np.zeros((4, 8, 8, 1))).shape
    (513, 513)
    """
    n, h, w, c = images.shape
    tiled = tiles(quantise(images), columns or math.ceil(math.sqrt(n)), max(1, min(h, w) // 16))
    scale = max(1, round(width / tiled.shape[1]))
    tiled = tiled.repeat(scale, axis=0).repeat(scale, axis=1)
    return tiled[..., 0] if c < 3 else tiled[..., :3]  # a second or fourth channel would be read as opacity


def tiles(pixels: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """Puts pictures [n, H, W, C] of uint8 in rows of `columns`, with a grey line around each.

    >>> tiles(np.zeros((3, 8, 10, 3), np.uint8), columns=2).shape
    (19, 23, 3)
    """
    n, h, w, c = pixels.shape
    rows = math.ceil(n / columns)
    tiled = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, c), GAP, np.uint8)
    for i, tile in enumerate(pixels):
        y, x = gap + i // columns * (h + gap), gap + i % columns * (w + gap)
        tiled[y : y + h, x : x + w] = tile
    return tiled
