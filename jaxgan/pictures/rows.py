"""Pictures that belong together in rows: what was given, what was made of it, what it should be."""

import math
from collections.abc import Sequence

import numpy as np

from jaxgan.pictures.images import GAP, quantise, tiles


def rows(groups: Sequence[np.ndarray], width: int = 768) -> np.ndarray:
    """Draws the i-th pictures of all groups, each [n, H, W, C] in [-1, 1], beside each other, for every i.

    Groups may differ in size and in channels: smaller pictures are enlarged, grey is repeated. Rows stand in
    columns with a wide grey line between them, so that the whole is about square. uint8 [height, width, 3].

    >>> rows([np.zeros((4, 8, 8, 1)), np.zeros((4, 16, 16, 3))]).shape
    (765, 765, 3)
    """
    pixels = [_coloured(quantise(np.asarray(group))) for group in groups]
    height, across = (max(group.shape[axis] for group in pixels) for axis in (1, 2))
    parts = [_fitted(group, height, across) for group in pixels]
    n, line = len(parts[0]), max(1, min(height, across) // 16)
    border = np.full((n, height, line, 3), GAP, np.uint8)
    joined = np.concatenate([x for part in parts for x in (border, part)][1:], axis=2)
    columns = max(1, math.floor(math.sqrt(n * height / joined.shape[2])))
    drawn = tiles(joined, columns, gap=3 * line)
    scale = max(1, round(width / drawn.shape[1]))
    return drawn.repeat(scale, axis=0).repeat(scale, axis=1)


def _coloured(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., :3] if pixels.shape[3] >= 3 else pixels[..., :1].repeat(3, axis=3)


def _fitted(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Enlarges pictures by the largest whole factor that fits, and puts them in the middle."""
    factor = min(height // pixels.shape[1], width // pixels.shape[2])
    large = pixels.repeat(factor, axis=1).repeat(factor, axis=2)
    top, left = height - large.shape[1], width - large.shape[2]
    around = [(0, 0), (top // 2, top - top // 2), (left // 2, left - left // 2), (0, 0)]
    return np.pad(large, around, constant_values=GAP)
