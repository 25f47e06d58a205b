"""Scatter plots and histograms as pixels."""

from collections.abc import Sequence

import numpy as np

BLUE, GREY = (31, 81, 180), (190, 190, 190)


def scatter(points: np.ndarray, beside: np.ndarray | None = None, width: int = 512) -> np.ndarray:
    """Draws the first two coordinates as blue dots on white, over grey dots for `beside`.

    >>> scatter(np.zeros((4, 2))).shape
    (512, 512, 3)
    """
    shown = points[:, :2] if beside is None else beside[:, :2]
    reach = 1.25 * float(np.abs(shown).max()) or 1.0  # all may be 0
    pixels = np.full((width, width, 3), 255, np.uint8)
    layers = [(points, BLUE)] if beside is None else [(beside, GREY), (points, BLUE)]
    for dots, colour in layers:
        with np.errstate(invalid="ignore"):
            corners = np.rint((dots[:, :2] / reach * [1, -1] + 1) / 2 * (width - 1))
        corners = corners[np.isfinite(corners).all(axis=1)]
        for x in (0, 1):
            for y in (0, 1):
                pixel = (corners + np.array([x, y])).astype(np.int64)
                inside = ((pixel >= 0) & (pixel < width)).all(axis=1)
                pixels[pixel[inside, 1], pixel[inside, 0]] = colour
    return pixels


def bars(points: np.ndarray, beside: np.ndarray | None = None) -> np.ndarray:
    """Draws a histogram of numbers [n, 1]: blue bars on white, inside grey bars for `beside`.

    >>> bars(np.zeros((4, 1))).shape
    (512, 512, 3)
    """
    shown = points if beside is None else beside
    reach = 1.25 * float(np.abs(shown[np.isfinite(shown)]).max(initial=0.0)) or 1.0
    return histogram(points, beside, (-reach, reach))


def histogram(
    values: np.ndarray,
    beside: np.ndarray | None,
    ends: tuple[float, float],
    count: int = 64,
    width: int = 8,
) -> np.ndarray:
    """Draws a square histogram between two ends, of `count` bars that are `width` pixels wide.

    >>> histogram(np.zeros(4), np.ones(4), (0.0, 1.0), count=16, width=4).shape
    (64, 64, 3)
    """
    layers: Sequence[tuple[np.ndarray, tuple[int, int, int]]] = [(values, BLUE)]
    if beside is not None:
        layers = [(beside, GREY), *layers]
    finite = [x[np.isfinite(x)] for x, _ in layers]
    shares = [np.histogram(x, count, ends)[0] / max(len(x), 1) for x in finite]
    side = count * width
    pixels = np.full((side, side, 3), 255, np.uint8)
    inset = max(width // 4, 1)
    for within, (share, (_, colour)) in enumerate(zip(shares, layers, strict=True)):
        heights = np.rint(0.9 * side * share / (np.max(shares) or 1.0)).astype(np.int64)
        for n, height in enumerate(heights):
            start, end = n * width + inset * within, (n + 1) * width - inset * within
            pixels[side - height :, start:end] = colour
    return pixels
