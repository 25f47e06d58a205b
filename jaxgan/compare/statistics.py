"""Statistics of a few training seeds: intervals, differences between two methods, and their p-values.

SciPy is imported inside the functions, because importing it is slow.
"""

import warnings
from functools import cache
from math import comb, sqrt
from typing import NamedTuple

import numpy as np

from jaxgan.metrics.metric import Estimate

LEVEL = 0.95
"""Confidence level of every interval."""

_RESAMPLES = 20_000  # permutation tests with no more arrangements than this are exact, others draw this many
_ROUNDING = 1e-12  # relative: values that differ by less are equal


class Difference(NamedTuple):
    """B - A in the mean over seeds: confidence interval, p-values and the detectable difference.

    `p` is that of the t-test, `p_shuffled` that of the permutation test, which assumes no distribution. Seeds
    that do not vary give no interval, since a few equal values prove nothing; `p` is then `p_shuffled`.
    `least` is the smallest `p_shuffled` that this number of seeds can give, however far apart they are.
    `shown` is the smallest true difference that the t-test would detect with a power of 0.8, given the spread
    of these seeds and Holm's correction for the number of comparisons.
    """

    interval: Estimate
    p: float
    p_shuffled: float
    least: float
    shown: float
    paired: bool
    seeds: int  # pairs, or the size of the smaller group


def mean(x: np.ndarray) -> Estimate:
    """Returns the mean with its interval by Student's t: mean +- t s / sqrt(n).

    >>> [round(end, 3) for end in mean(np.array([1.0, 2.0, 3.0]))]
    [2.0, -0.484, 4.484]
    """
    from scipy.stats import t

    value = float(np.mean(x)) if len(x) else np.nan
    error = float(np.std(x, ddof=1)) / sqrt(len(x)) if len(x) > 1 else 0.0
    if not error or _is_rounding(error, x):
        return Estimate(value, np.nan, np.nan)
    return Estimate(value, *map(float, t.interval(LEVEL, len(x) - 1, value, error)))


def two_way_mean(x: np.ndarray) -> Estimate:
    """Returns the mean of x [seeds, examples], with its interval over other seeds and other examples.

    Of random effects of both: the variances of the means of seeds and of the means of examples, each divided
    by their number, add up, less that of single numbers, which both contain. Student's t with the degrees of
    freedom of Satterthwaite (1946). An interval over seeds alone would be of these very examples.

    >>> right = np.array([[1, 1, 0, 1, 1, 1], [1, 1, 0, 1, 0, 1]])
    >>> [round(end, 2) for end in two_way_mean(right)]
    [0.75, 0.33, 1.17]
    """
    from scipy.stats import t

    x = np.asarray(x, np.float64)
    seeds, examples = x.shape
    of_seeds, of_examples, value = x.mean(axis=1), x.mean(axis=0), float(x.mean())
    if min(x.shape) < 2 or not x.std():
        return Estimate(value, np.nan, np.nan)
    rest = x - of_seeds[:, None] - of_examples + value
    variances = of_seeds.var(ddof=1) / seeds, of_examples.var(ddof=1) / examples
    single = np.square(rest).sum() / ((seeds - 1) * (examples - 1)) / (seeds * examples)
    variance = max(sum(variances) - single, *variances)
    freedom = sum(variances) ** 2 / (variances[0] ** 2 / (seeds - 1) + variances[1] ** 2 / (examples - 1))
    return Estimate(value, *map(float, t.interval(LEVEL, freedom, value, sqrt(variance))))


def proportion(count: int, n: int) -> Estimate:
    """Returns count / n with its exact interval (Clopper & Pearson, 1934).

    >>> [round(end, 3) for end in proportion(0, 8)]
    [0.0, 0.0, 0.369]
    """
    from scipy.stats import binomtest

    return Estimate(count / n, *map(float, binomtest(count, n).proportion_ci(LEVEL)))


def paired_t(a: np.ndarray, b: np.ndarray, comparisons: int = 1) -> Difference:
    """Returns B - A of the same seeds, seed by seed: what a seed does to both methods cancels.

    >>> difference = paired_t(np.array([1.0, 5.0, 3.0]), np.array([2.0, 6.1, 3.9]))
    >>> round(difference.interval.value, 3), round(difference.p, 3), difference.p_shuffled
    (1.0, 0.003, 0.25)
    """
    n = len(a)
    error = float(np.std(b - a, ddof=1)) / sqrt(n)
    return _difference(a, b, error, _sign_flip_p(b - a), 2.0 ** (1 - n), True, comparisons)


def welch_t(a: np.ndarray, b: np.ndarray, comparisons: int = 1) -> Difference:
    """Returns B - A of different seeds, whose variances may differ too (Welch, 1947).

    >>> difference = welch_t(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0, 7.0]))
    >>> round(difference.interval.value, 3), round(difference.p, 3)
    (3.5, 0.01)
    """
    error = sqrt(sum(float(np.var(x, ddof=1)) / len(x) for x in (a, b)))
    least = (1 + (len(a) == len(b))) / comb(len(a) + len(b), len(a))  # groups of equal size can be swapped
    return _difference(a, b, error, _permutation_p(a, b), least, False, comparisons)


def brown_forsythe(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Returns how much farther B's seeds are from their median than A's, and p (Brown & Forsythe, 1974).

    p is 1 where either has fewer than three seeds, since two are always equally far from their median, and
    where neither's distances vary.

    >>> more, p = brown_forsythe(np.array([1.0, 2.0, 3.0, 4.0]), np.array([-9.0, -1.0, 2.0, 9.0]))
    >>> more, round(p, 3)
    (4.25, 0.101)
    """
    from scipy.stats import levene

    distances = [np.abs(x - np.median(x)) for x in (a, b)]
    more = float(distances[1].mean() - distances[0].mean())
    if min(len(a), len(b)) < 3 or _is_rounding(float(max(map(np.std, distances))), a, b):
        return more, 1.0
    return more, float(levene(a, b, center="median").pvalue)


def fisher(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Returns p of A and B failing equally often, each given as (failed, seeds): Fisher's exact test.

    >>> round(fisher((4, 8), (0, 8)), 3)
    0.077
    """
    from scipy.stats import fisher_exact

    return float(fisher_exact([[a[0], a[1] - a[0]], [b[0], b[1] - b[0]]]).pvalue)


def holm(p: list[float]) -> list[float]:
    """Returns p-values corrected for their number: they bound the chance of one false alarm (Holm, 1979).

    >>> [round(x, 6) for x in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, number in enumerate(np.argsort(p)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[number]))
        adjusted[number] = largest
    return adjusted


def _is_rounding(error: float, *x: np.ndarray) -> bool:
    """Whether an error is no more than rounding makes of numbers like x."""
    return error <= _ROUNDING * max(float(np.abs(values).max()) for values in x)


def _difference(
    a: np.ndarray,
    b: np.ndarray,
    error: float,
    p_shuffled: float,
    least: float,
    paired: bool,
    comparisons: int,
) -> Difference:
    """Returns the difference of the means, whose standard error is `error`."""
    from scipy.stats import ttest_ind, ttest_rel

    value, seeds = float(np.mean(b - a) if paired else np.mean(b) - np.mean(a)), min(len(a), len(b))
    if _is_rounding(error, a, b):  # a t-test would be certain
        return Difference(Estimate(value, np.nan, np.nan), p_shuffled, p_shuffled, least, 0.0, paired, seeds)
    with warnings.catch_warnings(action="ignore"):  # that the seeds of one group are all equal
        test = ttest_rel(b, a) if paired else ttest_ind(b, a, equal_var=False)
    interval = Estimate(value, *map(float, test.confidence_interval(LEVEL)))
    shown = error * _detectable(float(test.df), comparisons)
    return Difference(interval, float(test.pvalue), p_shuffled, least, shown, paired, seeds)


@cache
def _detectable(freedom: float, comparisons: int, power: float = 0.8) -> float:
    """Returns the difference, in standard errors, that a t-test detects with this power: by the noncentral t.

    Of several comparisons, by the strictest step of Holm's correction.
    """
    from scipy.optimize import brentq
    from scipy.stats import nct, t

    edge = float(t.ppf(1 - (1 - LEVEL) / (2 * comparisons), freedom))
    return float(brentq(lambda d: nct.sf(edge, freedom, d) - power, 0.0, 20.0 * edge))


def _sign_flip_p(differences: np.ndarray) -> float:
    """Returns p of the sum of paired differences under every choice of their signs.

    Not by SciPy's permutation_test, which permutes pairs up to ninety times more slowly.
    """
    n = len(differences)
    exact = 2**n <= _RESAMPLES
    if exact:
        signs = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    else:
        signs = np.random.RandomState(0).choice([-1, 1], (_RESAMPLES, n))
    count = int((np.abs(signs @ differences) >= abs(differences.sum()) * (1 - _ROUNDING)).sum())
    return (count + (not exact)) / (len(signs) + (not exact))


def _permutation_p(a: np.ndarray, b: np.ndarray) -> float:
    """Returns p of the difference of means under every choice of which seeds are A's."""
    from scipy.stats import permutation_test

    observed = abs(b.mean() - a.mean()) * (1 - _ROUNDING)

    def is_as_far(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        return (np.abs(y.mean(axis) - x.mean(axis)) >= observed).astype(float)

    options = {"alternative": "greater", "vectorized": True, "random_state": 0}
    return float(permutation_test((a, b), is_as_far, n_resamples=_RESAMPLES, **options).pvalue)
