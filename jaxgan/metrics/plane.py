"""Exact 1-Wasserstein distance: the mean distance by which samples must be moved to become real ones."""

from collections.abc import Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import QUANTILE, Estimate, Metric, collect_then, interval

MOST = 2500  # per side: the assignment takes seconds, and eight times as long for twice as many
LEAST = 20  # fewer give no meaningful interval
TOLERANCE = 1e-3  # of the potentials, relative to the mean distance: changes their deviation by less


def wasserstein(x: np.ndarray, y: np.ndarray) -> float:
    """Returns W1, the least mean distance over all pairings of x [N, D] with y [N, D]; exact.

    It is above 0 for two samples of one distribution too: compare it with that.

    >>> wasserstein(np.array([[0.0, 0.0], [5.0, 0.0]]), np.array([[5.0, 1.0], [0.0, 2.0]]))  # (2 + 1) / 2
    1.5
    """
    distance, pair = _pair(x, y)
    return float(distance[np.arange(len(pair)), pair].mean())


def _pair(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns all distances [N, N], and the index of each x's partner [N]."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 2 or x.shape != y.shape or not 0 < len(x) <= MOST:
        raise Refused(
            f"samples of shapes {x.shape} and {y.shape} cannot be paired: give [N, D] twice, N at most {MOST}"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise Refused("the samples are not finite, so they cannot be paired")
    distance = cdist(x, y)
    return distance, linear_sum_assignment(distance)[1]


def _potentials(distance: np.ndarray, pair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the Kantorovich potentials f [N] of x and g [N] of y (Kantorovich, 1942).

    f_i + g_j is the distance of a pair, and at most the distance of any other two, up to TOLERANCE. So f_i is
    at most f_j plus how much farther x_i is from the partner of x_j than x_j is: f are shortest paths.
    """
    paired = distance[np.arange(len(pair)), pair]
    edges = np.ascontiguousarray((distance[:, pair] - paired).T)  # [j, i]
    tolerance = TOLERANCE * paired.mean() + 1e-12 * distance.max()
    f, changed = np.zeros(len(paired)), np.arange(len(paired))
    while len(changed):
        shorter = (f[changed, None] + edges[changed]).min(axis=0)
        changed = np.flatnonzero(shorter < f - tolerance)
        f[changed] = shorter[changed]
    g = np.empty_like(f)
    g[pair] = paired - f
    return f, g


def transport(real: np.ndarray) -> Metric:
    """Returns the metric "wasserstein": `wasserstein` of samples and equally many of the real ones [M, D].

    Those are the first. The interval is over other samples and other real ones: an example's influence is its
    potential, so the variance is that of both potentials over their number (del Barrio & Loubes, 2019). If
    both sides have one distribution, and the pairing is that of noise, this is up to twice too large, and the
    interval up to 1.4 times too wide, never too narrow (Efron & Stein, 1981).

    >>> from jaxgan.metrics.metric import compute_metric
    >>> real = np.random.RandomState(0).normal(size=(50, 2))
    >>> round(compute_metric(transport(real), [real[:20] + 1.0, real[20:] + 1.0])["wasserstein"].value, 4)
    1.4142
    """

    def compute(samples: np.ndarray) -> Mapping[str, Estimate]:
        if not LEAST <= len(samples) <= len(real):
            raise Refused(
                f"{len(samples)} samples cannot be paired with {len(real)} real ones: give at most as many, "
                f"and at least {LEAST}"
            )
        distance, pair = _pair(samples, real[: len(samples)])
        f, g = _potentials(distance, pair)
        error = ((np.var(f, ddof=1) + np.var(g, ddof=1)) / len(pair)) ** 0.5
        value = float(f.mean() + g.mean())
        return {"wasserstein": interval(value, QUANTILE * float(error), least=0.0)}

    return collect_then(compute)
