"""Kernel distance: two samples compared by the maximum mean discrepancy of a cubic kernel."""

from collections.abc import Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, alike, flat, kept, linearised

TILE = 2048  # examples to a side whose kernel is held at a time: 33 MB


def kernel_distance(real: np.ndarray, name: str = "kernel_distance") -> Metric:
    """The unbiased estimate of MMD^2 over all pairs of features, those within the real ones summed once.

    k(x, y) = (x.y / d + 1)^3 (Bińkowski et al., 2018: KID where the features are Inception's). The headline
    is this estimate, which the usual mean over random subsets, `subset_distances`, aims at with noise of its
    own. Equal distributions score 0 on average, and below it about half of the time.

    In float64; 50,000 against 50,000 of 2048 features are 2e13 operations. The interval is of other generated
    samples, the real ones as they are: an example's influence is twice its mean kernel with the other
    generated examples, less that with the real ones (Hoeffding, 1948).

    >>> from jaxgan.metrics.metric import measured
    >>> metric = kernel_distance(np.array([[0.0], [0.0]]))
    >>> measured(metric, [np.array([[1.0], [1.0]])])["kernel_distance"].value  # 8 + 1 - 2 * 1
    7.0
    """
    real = flat(real)
    _enough(real)
    within_real = float(_within(real).mean())

    def compute(x: np.ndarray) -> Mapping[str, Estimate]:
        x = flat(x)
        alike(x.shape[1], real.shape[1])
        _enough(x)
        within, across = _within(x), _across(x, real)
        value = float(within.mean()) + within_real - 2 * float(across.mean())
        if not np.isfinite(value):
            raise Refused("the features are too large for a cubic kernel: scale them down")
        return {name: linearised(value, 2 * (within - across))}

    return kept(compute)


def subset_distances(
    x: np.ndarray, y: np.ndarray, subsets: int = 100, size: int = 1000, seed: int = 2020
) -> np.ndarray:
    """The unbiased estimates [subsets] of random subsets of either sample, as the literature has them.

    KID is published as the mean and the standard deviation of these; the latter says how much 1,000 examples
    scatter, not how well the mean is known. The subsets are torch-fidelity's, to the example.

    >>> x = np.random.RandomState(0).randn(30, 2)
    >>> subset_distances(x, x, subsets=3, size=30).shape
    (3,)
    """
    x, y = flat(x), flat(y)
    alike(x.shape[1], y.shape[1])
    if size < 2:
        raise Refused(f"a subset needs two examples, not {size}")
    if size > min(len(x), len(y)):
        raise Refused(
            f"subsets of {size} cannot be drawn from {min(len(x), len(y))} examples: ask for smaller ones"
        )
    random = np.random.RandomState(seed)
    estimates = []
    for _ in range(subsets):
        one, other = (a[random.choice(len(a), size, replace=False)] for a in (x, y))
        estimates.append(_within(one).mean() + _within(other).mean() - 2 * _across(one, other).mean())
    return np.array(estimates)


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    root = x.astype(np.float64) @ y.astype(np.float64).T / x.shape[1] + 1
    return root * root * root


def _across(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Every x's mean kernel with the y [n]."""
    total = np.zeros(len(x))
    for i in range(0, len(x), TILE):
        for j in range(0, len(y), TILE):
            total[i : i + TILE] += _kernel(x[i : i + TILE], y[j : j + TILE]).sum(axis=1)
    return total / len(y)


def _within(x: np.ndarray) -> np.ndarray:
    """Every x's mean kernel with the other x [n]; of tiles beside the diagonal only one side is computed."""
    total = np.zeros(len(x))
    for i in range(0, len(x), TILE):
        for j in range(i, len(x), TILE):
            tile = _kernel(x[i : i + TILE], x[j : j + TILE])
            if i == j:
                np.fill_diagonal(tile, 0.0)
            else:
                total[j : j + TILE] += tile.sum(axis=0)
            total[i : i + TILE] += tile.sum(axis=1)
    return total / (len(x) - 1)


def _enough(x: np.ndarray) -> None:
    if len(x) < 2:
        raise Refused("a kernel distance needs two examples on either side, not 1")
