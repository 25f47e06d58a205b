"""How much of every fineness there is in images: their power by frequency."""

import numpy as np


def power(images: np.ndarray) -> np.ndarray:
    """[n, H, W, C] -> [n, R]: the mean of |F|^2 / HW over each ring of frequencies and over channels.

    F is the Fourier transform; the r-th ring holds frequencies of about r cycles over the shorter side, up to
    R - 1, half of its pixels. Generators that enlarge by transposed convolutions have too much in the last
    rings (Durall et al., 2020). White noise of variance s^2 has s^2 in each.

    >>> stripes = np.cos(2 * np.pi * 3 * np.arange(16) / 16)[None, None, :, None] * np.ones((1, 16, 1, 1))
    >>> power(stripes)[0].argmax().item()
    3
    """
    height, width = images.shape[1:3]
    side = min(height, width)
    squared = np.square(np.abs(np.fft.fft2(images.astype(np.float64), axes=(1, 2)))).mean(axis=-1)
    y, x = np.fft.fftfreq(height)[:, None] * side, np.fft.fftfreq(width)[None] * side
    ring = np.rint(np.hypot(y, x)).astype(np.int64).ravel()
    rings = side // 2 + 1
    inside = ring < rings
    flat = squared.reshape(len(images), -1)[:, inside] / (height * width)
    total = np.stack([np.bincount(ring[inside], row, rings) for row in flat])
    return total / np.bincount(ring[inside], minlength=rings)
