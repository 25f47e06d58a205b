"""Waveforms as pixels."""

import math

import numpy as np

from jaxgan.pictures.images import tiles
from jaxgan.pictures.points import BLUE, GREY

HEIGHT, WIDTH = 48, 240


def waveforms(samples: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Draws waves [n, samples] or [n, samples, channels] in [-1, 1] as waveforms in rows.

    >>> waveforms(np.zeros((4, 1000))).shape
    (197, 242, 3)
    """
    columns = columns or max(1, round(math.sqrt(len(samples) * HEIGHT / WIDTH)))
    return tiles(np.stack([_waveform(wave) for wave in samples]), columns)


def _waveform(wave: np.ndarray) -> np.ndarray:
    """Draws, in each column of pixels, the range between the smallest and the largest of its samples."""
    wave = np.nan_to_num(wave.reshape(len(wave), -1).astype(np.float64)).clip(-1, 1)
    edges = np.linspace(0, len(wave) - 1, WIDTH + 1)
    pixels = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    pixels[HEIGHT // 2] = GREY
    for x, (start, end) in enumerate(zip(np.floor(edges[:-1]), np.ceil(edges[1:]), strict=True)):
        part = wave[int(start) : int(end) + 1]  # with the first of the next column: they connect
        top, bottom = np.rint((1 - np.array([part.max(), part.min()])) / 2 * (HEIGHT - 1)).astype(int)
        pixels[top : bottom + 1, x] = BLUE
    return pixels
