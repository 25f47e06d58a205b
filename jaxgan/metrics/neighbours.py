"""Precision, recall, density and coverage: how the supports of samples and data overlap."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, collect_then, jackknife, share
from jaxgan.metrics.nearest import (
    BLOCK,
    FINE,
    Centred,
    centred_rows,
    distance,
    features,
    nearest,
    rounding,
    slices,
    squared_float32,
    squared_float64,
)

PAIRS = 1024  # per step on the host
ONE_BY_ONE = 100  # computing a single pair takes as long as so many in a matrix product
PARTS = 10  # of each side, between which the variation of coverage is measured
DEFAULT_EFFECT = 2.0  # coverage's design effect for points in a plane, used if there are too few examples


def precision_recall(real: np.ndarray, k: int = 5, block: int = BLOCK) -> Metric:
    """Returns precision, recall, density and coverage of samples, given real features [N, D].

    Each example has an open ball with the distance of its k-th nearest neighbour of its own side as radius:

    - precision: the share of samples inside any real example's ball,
    - recall: the share of real examples inside any sample's ball (Kynkäänniemi et al., 2019),
    - density: the mean number of real balls that contain a sample, over k; it may exceed 1,
    - coverage: the share of real balls with any sample inside (Naeem et al., 2020).

    k is 5 for all four, as in Naeem et al.; Kynkäänniemi et al. publish precision and recall for k = 3. All
    depend on the number of examples: compare only numbers of equally many on both sides. A perfect sampler
    scores a density of 1 on average, and a coverage of about 1 - 2^-k with as many samples; its precision and
    recall are those of other real examples.

    Intervals are over other samples for precision and density, over other real examples for recall and
    coverage, with the other side fixed. They are those of means of independent examples, except for coverage:
    with other real examples the balls change as well, and overlapping balls are covered together. Its
    interval is that of a share with `_design_effect`.

    >>> samples = np.array([[2.5], [4.5], [90.0]])
    >>> numbers = precision_recall(np.arange(8.0)[:, None], k=2).compute((samples,))
    >>> [round(numbers[name].value, 3) for name in ("precision", "recall", "density", "coverage")]
    [0.667, 1.0, 0.667, 0.5]
    """
    real = features(real, "real")
    real_radii = radii(real, k, block)

    def compute(generated: np.ndarray) -> Mapping[str, Estimate]:
        generated = features(generated, "generated", real)
        generated_radii = radii(generated, k, block)
        balls = np.zeros(len(generated), np.int64)  # real ones that contain each sample
        covered, recalled = np.zeros(len(real), bool), np.zeros(len(real), bool)
        centre = real.mean(axis=0)
        for rows in slices(len(generated), block):
            for columns in slices(len(real), block):
                in_generated, in_real = _inside(
                    generated[rows], real[columns], centre, generated_radii[rows], real_radii[columns]
                )
                balls[rows] += in_real.sum(axis=1)
                covered[columns] |= in_real.any(axis=0)
                recalled[columns] |= in_generated.any(axis=0)
        return {
            "precision": share(balls > 0),
            "recall": share(recalled),
            "density": jackknife(float((balls / k).mean()), balls / k, least=0.0),
            "coverage": share(covered, _design_effect(real, generated, k, block)),
        }

    return collect_then(compute)


def radii(x: np.ndarray, k: int, block: int = BLOCK) -> np.ndarray:
    """Returns the distance of each x [N, D] to its k-th nearest other example: [N].

    >>> radii(np.array([[0.0], [1.0], [5.0]]), k=1)
    array([1., 1., 4.])
    """
    if not 1 <= k < len(x):
        raise Refused(f"{k} nearest neighbours need k >= 1 and at least {k + 1} examples, not {len(x)}")
    return nearest(x, x, k + 1, block)[1][:, -1]  # the first is itself


def _design_effect(real: np.ndarray, generated: np.ndarray, k: int, block: int) -> float:
    """Returns the design effect of coverage (Kish, 1965), at least 1: so many real balls count as one.

    Both sides are split into random parts. For one part of the samples, the coverages of the parts of the
    real examples are draws of one distribution; their variance is divided by that of as many independent
    balls. Both sides are equally sparser in parts, so balls overlap as in the whole.
    """
    count = min(PARTS, len(real) // (4 * k), len(generated) // (4 * k))
    if count < PARTS / 2:
        return DEFAULT_EFFECT
    random = np.random.RandomState(0)  # a stream that numpy has frozen; examples may be ordered by class
    of_real, of_generated = (
        random.permutation(len(x))[: len(x) // count * count].reshape(count, -1) for x in (real, generated)
    )
    part_radii = [radii(real[rows], k, block) for rows in of_real]
    covered = np.empty((count, count))  # [parts of real examples, parts of samples]
    for j, columns in enumerate(of_generated):
        samples = generated[columns]
        for i, rows in enumerate(of_real):
            covered[i, j] = (nearest(real[rows], samples, 1, block)[1][:, 0] < part_radii[i]).mean()
    variance, mean = covered.var(axis=0, ddof=1).mean(), covered.mean(axis=0)
    independent = (mean * (1 - mean)).mean() + variance / count  # corrected for the bias of few parts
    return max(1.0, float(variance / independent * of_real.shape[1])) if variance > 0 else DEFAULT_EFFECT


def _inside(
    a: np.ndarray, b: np.ndarray, centre: np.ndarray, a_radii: np.ndarray, b_radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns whether each pair of a [N, D] and b [M, D] is nearer than a's radius, and than b's: [N, M]."""
    of_a, of_b = _compare_float32(
        centred_rows(a, centre), centred_rows(b, centre), np.float32(a_radii**2), np.float32(b_radii**2)
    )
    return _resolve(of_a, a, b, centre, a_radii[:, None]), _resolve(of_b, a, b, centre, b_radii)


def _resolve(
    float32: tuple[jax.Array, jax.Array], a: np.ndarray, b: np.ndarray, centre: np.ndarray, radius: np.ndarray
) -> np.ndarray:
    """Returns which pairs are inside, recomputing those that float32 leaves unsure.

    All pairs by a matrix product in float64 if that is faster, then those still unsure one by one.
    """
    inside, unsure = map(np.array, float32)
    radius = np.broadcast_to(radius, inside.shape)
    if unsure.sum() > inside.size / ONE_BY_ONE:
        for rows in slices(len(a), FINE):
            squares, bound = squared_float64(a[rows], b, centre), radius[rows] ** 2
            inside[rows] = np.where(unsure[rows], squares < bound, inside[rows])
            length = np.square(a[rows] - centre).sum(axis=1)[:, None] + np.square(b - centre).sum(axis=1)
            unsure[rows] &= np.abs(squares - bound) <= length * rounding(a.shape[1], np.float64)
    i, j = np.nonzero(unsure)
    for part in slices(len(i), PAIRS):
        p, q = i[part], j[part]
        inside[p, q] = distance(a[p], b[q]) < radius[p, q]
    return inside


@jax.jit
def _compare_float32(
    a: Centred, b: Centred, a_squares: jax.Array, b_squares: jax.Array
) -> list[tuple[jax.Array, jax.Array]]:
    """Returns which pairs are nearer than a's radius, and for which rounding may decide; the same for b's."""
    squares, error = squared_float32(a, b)
    bounds = (a_squares[:, None], b_squares)
    return [(squares < bound, jnp.abs(squares - bound) <= error) for bound in bounds]
