"""Histograms of the columns of a table."""

import math

import numpy as np

from jaxgan.pictures.images import tiles
from jaxgan.pictures.points import histogram
from jaxgan.pictures.texts import line

BARS, WIDTH = 32, 4  # bars in a histogram, and the pixels of a bar


def columns(
    rows: np.ndarray, names: tuple[str, ...], beside: np.ndarray | None = None, across: int | None = None
) -> np.ndarray:
    """Draws a small histogram for each column of rows [n, D], under its name, over a grey one of `beside`.

    Its axis has the range of the values of `beside`, or of the rows if there are none.

    >>> columns(np.zeros((5, 3)), ("age", "height", "weight")).shape
    (287, 259, 3)
    """
    histograms = []
    for number, name in enumerate(names):
        values, real = rows[:, number], None if beside is None else beside[:, number]
        head = np.full((14, BARS * WIDTH, 3), 255, np.uint8)
        title = line(name)[:14, : BARS * WIDTH]
        head[: title.shape[0], : title.shape[1]] = title[..., None]
        body = histogram(values, real, _ends(values if real is None else real), BARS, WIDTH)
        histograms.append(np.concatenate([head, body]))
    return tiles(np.stack(histograms), across or math.ceil(math.sqrt(len(histograms))))


def _ends(values: np.ndarray) -> tuple[float, float]:
    """Returns the smallest and the largest value, each moved outwards by a twentieth of the range."""
    finite = values[np.isfinite(values)].astype(np.float64)
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin
