"""Kernel distance: the squared maximum mean discrepancy of two samples' features for a cubic kernel."""

from collections.abc import Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, check_dims, collect_then, flatten, jackknife

TILE = 2048  # examples per side of a kernel matrix in memory: 33 MB


def kernel_distance(real: np.ndarray, name: str = "kernel_distance") -> Metric:
    """Returns the unbiased estimate of MMD^2 over all pairs of features, the real pairs summed once.

    k(x, y) = (x.y / d + 1)^3 (Bińkowski et al., 2018: KID if the features are Inception's). The literature's
    mean over random subsets, `subset_distances`, estimates the same with additional noise. Equal
    distributions score 0 on average, and less about half of the time.

    In float64; 50,000 against 50,000 of 2048 features are 2e13 operations. The interval is over other
    generated samples, with the real ones fixed: an example's influence is twice its mean kernel with the
    other generated examples, less that with the real ones (Hoeffding, 1948).

    >>> from jaxgan.metrics.metric import compute_metric
    >>> metric = kernel_distance(np.array([[0.0], [0.0]]))
    >>> compute_metric(metric, [np.array([[1.0], [1.0]])])["kernel_distance"].value  # 8 + 1 - 2 * 1
    7.0
    """
    real = flatten(real)
    _check_size(real)
    within_real = float(_mean_within(real).mean())

    def compute(x: np.ndarray) -> Mapping[str, Estimate]:
        x = flatten(x)
        check_dims(x.shape[1], real.shape[1])
        _check_size(x)
        within, across = _mean_within(x), _mean_across(x, real)
        value = float(within.mean()) + within_real - 2 * float(across.mean())
        if not np.isfinite(value):
            raise Refused("the features are too large for a cubic kernel: scale them down")
        return {name: jackknife(value, 2 * (within - across))}

    return collect_then(compute)


def subset_distances(
    x: np.ndarray, y: np.ndarray, subsets: int = 100, size: int = 1000, seed: int = 2020
) -> np.ndarray:
    """Returns the unbiased estimates [subsets] from random subsets of both samples, as in the literature.

    KID is published as their mean and standard deviation; the latter is the spread of 1,000 examples, not
    the error of the mean. The subsets are exactly those of torch-fidelity.

    >>> x = np.random.RandomState(0).randn(30, 2)
    >>> subset_distances(x, x, subsets=3, size=30).shape
    (3,)
    """
    x, y = flatten(x), flatten(y)
    check_dims(x.shape[1], y.shape[1])
    if size < 2:
        raise Refused(f"a subset needs at least two examples, not {size}")
    if size > min(len(x), len(y)):
        raise Refused(
            f"subsets of {size} cannot be drawn from {min(len(x), len(y))} examples: ask for smaller ones"
        )
    random = np.random.RandomState(seed)
    estimates = []
    for _ in range(subsets):
        a, b = (z[random.choice(len(z), size, replace=False)] for z in (x, y))
        estimates.append(_mean_within(a).mean() + _mean_within(b).mean() - 2 * _mean_across(a, b).mean())
    return np.array(estimates)


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    root = x.astype(np.float64) @ y.astype(np.float64).T / x.shape[1] + 1
    return root * root * root


def _mean_across(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns each x's mean kernel with all y [n]."""
    total = np.zeros(len(x))
    for i in range(0, len(x), TILE):
        for j in range(0, len(y), TILE):
            total[i : i + TILE] += _kernel(x[i : i + TILE], y[j : j + TILE]).sum(axis=1)
    return total / len(y)


def _mean_within(x: np.ndarray) -> np.ndarray:
    """Returns each x's mean kernel with the other x [n]; tiles below the diagonal are not computed twice."""
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


def _check_size(x: np.ndarray) -> None:
    if len(x) < 2:
        raise Refused("a kernel distance needs two examples on each side, not 1")
