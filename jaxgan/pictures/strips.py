"""Videos as rows of frames."""

import numpy as np

from jaxgan.pictures.images import grid

FRAMES = 12  # the most that are shown of a video


def strips(videos: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Draws videos [n, frames, H, W, C] in [-1, 1] as rows of frames, at most 12 from first to last.

    >>> strips(np.zeros((3, 5, 8, 8, 1))).shape
    (308, 506)
    """
    frames = videos.shape[1]
    shown = np.rint(np.linspace(0, frames - 1, min(frames, FRAMES))).astype(int)
    chosen = videos[:, shown]
    return grid(chosen.reshape(-1, *videos.shape[2:]), columns=len(shown) * (columns or 1))
