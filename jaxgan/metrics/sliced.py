"""Sliced Wasserstein distance: the exact distances of two samples projected on many directions."""

from collections.abc import Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, check_dims, collect_then, flatten, jackknife

ROWS, DIRECTIONS = 4096, 64  # in float64 at a time: rows to project, and projections of all rows


def sliced_wasserstein(real: np.ndarray, projections: int = 512) -> Metric:
    """Returns the root of the mean over directions of the projections' W2^2: real [n, ...], flattened.

    Rabin et al., 2011 (Bonneel et al., 2015). The directions are uniform on the sphere, from a stream that
    numpy has frozen. Along a line W2 pairs sorted examples, in fractions if the sizes differ: no example is
    left out. Samples of one distribution do not score 0 but a bias that depends on their sizes.

    The interval is the root of that of the square, over other generated samples, with the real ones and the
    directions fixed: an example's influence along a direction is its potential in the transport along it,
    whose slope is 2 (x - T(x)).

    >>> from jaxgan.metrics.metric import compute_metric
    >>> x = np.array([[0.0], [1.0], [5.0]])
    >>> round(compute_metric(sliced_wasserstein(x), [x + 3])["sliced_wasserstein"].value, 9)
    3.0
    """
    if projections < 1:
        raise Refused(f"a sliced distance needs at least 1 direction, not {projections}")
    real = flatten(real)
    directions = np.random.RandomState(0).randn(projections, real.shape[1])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    def compute(x: np.ndarray) -> Mapping[str, Estimate]:
        x = flatten(x)
        check_dims(x.shape[1], real.shape[1])
        total, influence = 0.0, np.zeros(len(x))
        for start in range(0, projections, DIRECTIONS):
            block = directions[start : start + DIRECTIONS]
            squares, potentials = _along_lines(_project(x, block), _project(real, block))
            total += squares.sum()
            influence += potentials.sum(axis=0)
        squared = jackknife(total / projections, influence / projections, least=0.0)
        return {"sliced_wasserstein": Estimate(*(end**0.5 for end in squared))}

    return collect_then(compute)


def _project(x: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Returns the projections [directions, n] in float64."""
    blocks = [directions @ x[start : start + ROWS].T for start in range(0, len(x), ROWS)]
    return np.concatenate(blocks, axis=1)


def _along_lines(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns W2^2 [p] of each row of x [p, n] and of y [p, m], and the potentials of the x [p, n]."""
    n, m = x.shape[1], y.shape[1]
    order = np.argsort(x, axis=1)
    x, y = np.take_along_axis(x, order, axis=1), np.sort(y, axis=1)
    start = np.union1d(
        m * np.arange(n), n * np.arange(m)
    )  # where the pairing of quantiles changes, in units of 1 / nm
    width = np.diff(start, append=n * m) / (n * m)
    squares = (x[:, start // m] - y[:, start // n]) ** 2 @ width
    # between two neighbouring x, T is a y, or the mean of two if it jumps there
    border = m * np.arange(1, n)
    target = (y[:, border // n] + y[:, (border - 1) // n]) / 2
    rise = np.diff(x, axis=1) * (x[:, 1:] + x[:, :-1] - 2 * target)
    potential = np.empty_like(x)
    np.put_along_axis(potential, order, np.pad(np.cumsum(rise, axis=1), ((0, 0), (1, 0))), axis=1)
    return squares, potential
