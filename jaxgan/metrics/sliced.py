"""Sliced Wasserstein distance: two samples compared along many directions, exactly along each."""

from collections.abc import Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, alike, flat, kept, linearised

ROWS, DIRECTIONS = 4096, 64  # held in float64 at a time: examples, and directions of all examples


def sliced_wasserstein(real: np.ndarray, projections: int = 512) -> Metric:
    """The root of the mean over directions of the projections' W2^2: real [n, ...], flattened.

    Rabin et al., 2011 (Bonneel et al., 2015). The directions are drawn evenly from the sphere, by a stream
    that numpy has frozen. A line's W2 is that of both sorted, of different numbers as well: no example is
    left out. Samples of one distribution do not score 0, but what their sizes leave.

    The interval is the root of the square's, of other generated samples, the real ones and the directions as
    they are: an example's influence on a direction is its potential in the transport along it, whose slope is
    2 (x - T(x)).

    >>> from jaxgan.metrics.metric import measured
    >>> x = np.array([[0.0], [1.0], [5.0]])
    >>> round(measured(sliced_wasserstein(x), [x + 3])["sliced_wasserstein"].value, 9)
    3.0
    """
    if projections < 1:
        raise Refused(f"a distance is along 1 direction or more, not {projections}")
    real = flat(real)
    directions = np.random.RandomState(0).randn(projections, real.shape[1])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    def compute(x: np.ndarray) -> Mapping[str, Estimate]:
        x = flat(x)
        alike(x.shape[1], real.shape[1])
        total, influence = 0.0, np.zeros(len(x))
        for start in range(0, projections, DIRECTIONS):
            few = directions[start : start + DIRECTIONS]
            squares, potentials = _along(_projected(x, few), _projected(real, few))
            total += squares.sum()
            influence += potentials.sum(axis=0)
        squared = linearised(total / projections, influence / projections, least=0.0)
        return {"sliced_wasserstein": Estimate(*(end**0.5 for end in squared))}

    return kept(compute)


def _projected(x: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """[directions, n] in float64."""
    blocks = [directions @ x[start : start + ROWS].T for start in range(0, len(x), ROWS)]
    return np.concatenate(blocks, axis=1)


def _along(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W2^2 of every row's numbers [p, n] to the other's [p, m]: [p], and the potentials of the x [p, n]."""
    n, m = x.shape[1], y.shape[1]
    order = np.argsort(x, axis=1)
    x, y = np.take_along_axis(x, order, axis=1), np.sort(y, axis=1)
    start = np.union1d(m * np.arange(n), n * np.arange(m))  # of equal shares of both, in units of 1 / nm
    width = np.diff(start, append=n * m) / (n * m)
    squares = (x[:, start // m] - y[:, start // n]) ** 2 @ width
    # between one x and the next T is a y, or half-way where it steps from one y to another
    border = m * np.arange(1, n)
    target = (y[:, border // n] + y[:, (border - 1) // n]) / 2
    rise = np.diff(x, axis=1) * (x[:, 1:] + x[:, :-1] - 2 * target)
    potential = np.empty_like(x)
    np.put_along_axis(potential, order, np.pad(np.cumsum(rise, axis=1), ((0, 0), (1, 0))), axis=1)
    return squares, potential
