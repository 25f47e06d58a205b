"""How far samples would have to be moved to lie as real ones do: in few dimensions, where it can be told."""

from collections.abc import Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import QUANTILE, Estimate, Metric, around, kept

MOST = (
    2500  # on either side: the assignment takes seconds for them, and eight times as long for twice as many
)
LEAST = 20  # of fewer an interval says nothing
ROUGHLY = 1e-3  # of the mean distance: what is left moves the potentials' deviation by less than that


def wasserstein(x: np.ndarray, y: np.ndarray) -> float:
    """W1: the mean distance between x [N, D] and y [N, D], paired so that it is smallest; exact.

    Two samples of one distribution are some way apart too: hold it against that.

    >>> wasserstein(np.array([[0.0, 0.0], [5.0, 0.0]]), np.array([[5.0, 1.0], [0.0, 2.0]]))  # (2 + 1) / 2
    1.5
    """
    distance, pair = _paired(x, y)
    return float(distance[np.arange(len(pair)), pair].mean())


def _paired(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All distances [N, N], and the number of every x's partner [N]."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 2 or x.shape != y.shape or not 0 < len(x) <= MOST:
        raise Refused(
            f"samples of shapes {x.shape} and {y.shape} cannot be paired: give [N, D] twice, N at most {MOST}"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise Refused("samples that are not finite cannot be paired with others")
    distance = cdist(x, y)
    return distance, linear_sum_assignment(distance)[1]


def _potentials(distance: np.ndarray, pair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each x and each y adds to the mean distance of pairs: f [N] and g [N] (Kantorovich, 1942).

    f_i + g_j is that of a pair, and at most the distance of any other two, but for ROUGHLY. So f_i is at most
    f_j and how much farther x_i is from the partner of x_j than x_j is: f are lengths of shortest paths.
    """
    own = distance[np.arange(len(pair)), pair]
    farther = np.ascontiguousarray((distance[:, pair] - own).T)  # [j, i]
    near = ROUGHLY * own.mean() + 1e-12 * distance.max()
    f, moved = np.zeros(len(own)), np.arange(len(own))
    while len(moved):
        new = (f[moved, None] + farther[moved]).min(axis=0)
        moved = np.flatnonzero(new < f - near)
        f[moved] = new[moved]
    g = np.empty_like(f)
    g[pair] = own - f
    return f, g


def transport(real: np.ndarray) -> Metric:
    """`wasserstein` of samples to as many real ones [M, D], the first of them, as a metric "wasserstein".

    Its interval is of other samples and other real ones: what one of either adds to it is its potential, and
    so its variance is that of the potentials of both over their number (del Barrio & Loubes, 2019). Where
    both are of one distribution, and the pairing is of their noise, that is too much by up to twice, and the
    interval by up to 1.4 times too wide, never too narrow (Efron & Stein, 1981).

    >>> from jaxgan.metrics.metric import measured
    >>> real = np.random.RandomState(0).normal(size=(50, 2))
    >>> round(measured(transport(real), [real[:20] + 1.0, real[20:] + 1.0])["wasserstein"].value, 4)
    1.4142
    """

    def compute(samples: np.ndarray) -> Mapping[str, Estimate]:
        if not LEAST <= len(samples) <= len(real):
            raise Refused(
                f"{len(samples)} samples cannot be paired with {len(real)} real ones: give at most as many, "
                f"and at least {LEAST}"
            )
        distance, pair = _paired(samples, real[: len(samples)])
        f, g = _potentials(distance, pair)
        error = ((np.var(f, ddof=1) + np.var(g, ddof=1)) / len(pair)) ** 0.5
        return {"wasserstein": around(float(f.mean() + g.mean()), QUANTILE * float(error), least=0.0)}

    return kept(compute)
