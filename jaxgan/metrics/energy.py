"""Energy distance: two samples compared by the distances between examples, without features."""

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import check_dims, flatten


def energy_distance(x: np.ndarray, y: np.ndarray, block: int = 1024) -> float:
    """Returns the unbiased estimate of 2 E|X - Y| - E|X - X'| - E|Y - Y'| from x [N, ...] and y [M, ...].

    Székely & Rizzo, 2013; 0 only for equal distributions. X and X' are never the same example, so two samples
    of one distribution score 0 on average, and less about half of the time. Examples are flattened. In
    float64, `block` rows at a time.

    >>> energy_distance(np.array([[0.0], [2.0]]), np.array([[5.0], [7.0]]))  # 2*5 - 2 - 2
    6.0
    """
    x, y = (flatten(a).astype(np.float64) for a in (x, y))
    check_dims(x.shape[1], y.shape[1])
    if min(len(x), len(y)) < 2:
        raise Refused(f"an energy distance needs two examples on each side, not {len(x)} and {len(y)}")
    mean = (x.sum(axis=0) + y.sum(axis=0)) / (len(x) + len(y))
    x, y = x - mean, y - mean  # distances stay the same, and squares are small
    within_x = _sum(x, x, block) / (len(x) * (len(x) - 1))
    within_y = _sum(y, y, block) / (len(y) * (len(y) - 1))
    return float(2 * _sum(x, y, block) / (len(x) * len(y)) - within_x - within_y)


def _sum(a: np.ndarray, b: np.ndarray, block: int) -> float:
    """Returns the sum of all distances; an example's distance to itself is exactly 0."""
    b_squared = np.square(b).sum(axis=1)
    total = 0.0
    for start in range(0, len(a), block):
        rows = a[start : start + block]
        squared = np.square(rows).sum(axis=1)[:, None] + b_squared - 2 * rows @ b.T
        if a is b:
            squared[np.arange(len(rows)), start + np.arange(len(rows))] = 0.0
        total += np.sqrt(np.maximum(squared, 0.0)).sum()
    return total
