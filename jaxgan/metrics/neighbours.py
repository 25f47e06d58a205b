"""Precision, recall, density and coverage: whether samples lie where the data lie, and everywhere there."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, kept, linearised, share
from jaxgan.metrics.nearest import (
    BLOCK,
    FINE,
    Placed,
    distance,
    features,
    finely,
    nearest,
    placed,
    rounding,
    slices,
    squared,
)

PAIRS = 1024  # measured at once on the host
ONE_BY_ONE = 100  # one pair alone takes as long as so many at once
PARTS = 10  # of either side, of which it is seen how coverage varies
USUALLY = 2.0
"""So many balls tell no more than one of them, of points in a plane: where too few are there to find out."""


def precision_recall(real: np.ndarray, k: int = 5, block: int = BLOCK) -> Metric:
    """Precision, recall, density and coverage of samples against real features [N, D].

    A ball lies around every example, as far as its k-th nearest of its own side, the boundary not included:

    - precision: the share of samples inside any real example's ball,
    - recall: the share of real examples inside any sample's ball (Kynkäänniemi et al., 2019),
    - density: in how many real balls a sample lies, on average, over k; it may exceed 1,
    - coverage: the share of real balls with any sample inside (Naeem et al., 2020).

    k is 5 for all four, as Naeem et al. have it; Kynkäänniemi et al. publish precision and recall for k = 3.
    All depend on the number of examples: hold against each other only what was measured with as many on both
    sides. A perfect sampler scores a density of 1 on average, and a coverage of about 1 - 2^-k with as many
    samples; what its precision and recall would be, real examples held against others of their kind tell.

    Intervals are of other samples for precision and density, of other real examples for recall and coverage;
    the other side stays as it is. So they are those of means of independent examples, but for coverage: as
    other real examples come the balls around them change too, and balls that overlap are covered together.
    Its interval is that of a share of as many fewer examples as `_together` finds.

    >>> found = precision_recall(np.arange(8.0)[:, None], k=2).compute((np.array([[2.5], [4.5], [90.0]]),))
    >>> [round(found[name].value, 3) for name in ("precision", "recall", "density", "coverage")]
    [0.667, 1.0, 0.667, 0.5]
    """
    real = features(real, "real")
    real_radii = radii(real, k, block)

    def compute(generated: np.ndarray) -> Mapping[str, Estimate]:
        generated = features(generated, "generated", real)
        own = radii(generated, k, block)
        around = np.zeros(len(generated), np.int64)
        covered, recalled = np.zeros(len(real), bool), np.zeros(len(real), bool)
        middle = real.mean(axis=0)
        for rows in slices(len(generated), block):
            for columns in slices(len(real), block):
                in_own, in_real = _inside(
                    generated[rows], real[columns], middle, own[rows], real_radii[columns]
                )
                around[rows] += in_real.sum(axis=1)
                covered[columns] |= in_real.any(axis=0)
                recalled[columns] |= in_own.any(axis=0)
        return {
            "precision": share(around > 0),
            "recall": share(recalled),
            "density": linearised(float((around / k).mean()), around / k, least=0.0),
            "coverage": share(covered, _together(real, generated, k, block)),
        }

    return kept(compute)


def radii(x: np.ndarray, k: int, block: int = BLOCK) -> np.ndarray:
    """How far the k-th nearest other example lies from each of x [N, D]: [N].

    >>> radii(np.array([[0.0], [1.0], [5.0]]), k=1)
    array([1., 1., 4.])
    """
    if not 1 <= k < len(x):
        raise Refused(f"the {k} nearest others of an example need at least {k + 1} examples, not {len(x)}")
    return nearest(x, x, k + 1, block)[1][:, -1]  # the first is itself


def _together(real: np.ndarray, generated: np.ndarray, k: int, block: int) -> float:
    """How many real balls tell of coverage what an independent one would: its design effect (Kish, 1965).

    Both sides are dealt into parts. Of one part of the samples, the coverage of every part of the real ones
    is a draw like the others, and how they vary is held against coins as many as the balls of a part. Parts
    are sparser in both alike, so that as many balls meet as in the whole. At least 1.
    """
    count = min(PARTS, len(real) // (4 * k), len(generated) // (4 * k))
    if count < PARTS / 2:
        return USUALLY
    random = np.random.RandomState(0)  # a stream that numpy has frozen; examples may come class by class
    of_real, of_generated = (
        random.permutation(len(x))[: len(x) // count * count].reshape(count, -1) for x in (real, generated)
    )
    own = [radii(real[rows], k, block) for rows in of_real]
    covered = np.empty((count, count))  # [of real ones, of samples]
    for j, few in enumerate(of_generated):
        some = generated[few]
        for i, rows in enumerate(of_real):
            covered[i, j] = (nearest(real[rows], some, 1, block)[1][:, 0] < own[i]).mean()
    varies, mean = covered.var(axis=0, ddof=1).mean(), covered.mean(axis=0)
    coins = (mean * (1 - mean)).mean() + varies / count  # without the bias of few parts
    return max(1.0, float(varies / coins * of_real.shape[1])) if varies > 0 else USUALLY


def _inside(
    a: np.ndarray, b: np.ndarray, middle: np.ndarray, a_radii: np.ndarray, b_radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each pair of a [N, D] and b [M, D] is nearer than a's radius, and than b's: [N, M] both."""
    of_a, of_b = _sieve(placed(a, middle), placed(b, middle), np.float32(a_radii**2), np.float32(b_radii**2))
    return _settled(of_a, a, b, middle, a_radii[:, None]), _settled(of_b, a, b, middle, b_radii)


def _settled(
    sieved: tuple[jax.Array, jax.Array], a: np.ndarray, b: np.ndarray, middle: np.ndarray, radius: np.ndarray
) -> np.ndarray:
    """Which pairs are inside, those of which the sieve is unsure measured again.

    All pairs at once in float64 where that takes less time, then one by one those that even so are unsure.
    """
    answer, unsure = map(np.array, sieved)
    radius = np.broadcast_to(radius, answer.shape)
    if unsure.sum() > answer.size / ONE_BY_ONE:
        for rows in slices(len(a), FINE):
            found, square = finely(a[rows], b, middle), radius[rows] ** 2
            answer[rows] = np.where(unsure[rows], found < square, answer[rows])
            length = np.square(a[rows] - middle).sum(axis=1)[:, None] + np.square(b - middle).sum(axis=1)
            unsure[rows] &= np.abs(found - square) <= length * rounding(a.shape[1], np.float64)
    i, j = np.nonzero(unsure)
    for part in slices(len(i), PAIRS):
        p, q = i[part], j[part]
        answer[p, q] = distance(a[p], b[q]) < radius[p, q]
    return answer


@jax.jit
def _sieve(
    a: Placed, b: Placed, a_squares: jax.Array, b_squares: jax.Array
) -> list[tuple[jax.Array, jax.Array]]:
    """Which pairs are nearer than a's radius, and of which rounding leaves that unsure; the same for b's."""
    found, rounding = squared(a, b)
    return [
        (found < square, jnp.abs(found - square) <= rounding) for square in (a_squares[:, None], b_squares)
    ]
