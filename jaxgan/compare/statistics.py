"""What a handful of training seeds can tell: intervals, differences, and how sure they are.

SciPy is imported by the functions that need it: it takes its time.
"""

from functools import cache
from itertools import combinations
from math import comb, sqrt
from typing import NamedTuple

import numpy as np

from jaxgan.metrics.metric import Estimate

LEVEL = 0.95
"""Of every interval: of a hundred experiments, about 95 make one that holds the truth."""

_EXACT = 20_000  # so many arrangements are all gone through; of more, as many are drawn
_ROUNDING = 1e-12  # relative: arrangements that differ by less are the same


class Difference(NamedTuple):
    """How much B is above A: the interval of the mean, and what speaks for its being chance.

    Seeds that do not spread give no interval: that a few agree makes nothing certain, and so `p` is that of
    rearranging them.
    `p` is that of the t-test, `p_shuffled` that of rearranging the seeds, which assumes no distribution.
    `least` is the smallest `p_shuffled` that so many seeds can give, however far apart they lie.
    `shown` is the smallest true difference that this many seeds with this spread find four times in five, be
    it that of one pair `among` so many.
    """

    interval: Estimate
    p: float
    p_shuffled: float
    least: float
    shown: float
    paired: bool
    seeds: int  # pairs, or the smaller of both groups


def mean(x: np.ndarray) -> Estimate:
    """The mean and its interval by Student's t: mean +- t s / sqrt(n).

    >>> [round(end, 3) for end in mean(np.array([1.0, 2.0, 3.0]))]
    [2.0, -0.484, 4.484]
    """
    if len(x) < 2:
        return Estimate(float(x[0]) if len(x) else np.nan, np.nan, np.nan)
    error = _beyond_rounding(float(np.std(x, ddof=1)) / sqrt(len(x)), x)
    return _around(float(np.mean(x)), error, len(x) - 1)


def share(count: int, of: int) -> Estimate:
    """The probability of what happened `count` times `of` so many (Clopper & Pearson, 1934): exact.

    >>> [round(end, 3) for end in share(0, 8)]
    [0.0, 0.0, 0.369]
    """
    from scipy.stats import beta

    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, count, of - count + 1)) if count else 0.0
    high = float(beta.ppf(1 - tail, count + 1, of - count)) if count < of else 1.0
    return Estimate(count / of, low, high)


def paired(a: np.ndarray, b: np.ndarray, among: int = 1) -> Difference:
    """B - A of the same seeds, seed by seed: what a seed does to both cancels.

    >>> found = paired(np.array([1.0, 5.0, 3.0]), np.array([2.0, 6.1, 3.9]))
    >>> round(found.interval.value, 3), round(found.p, 3), found.p_shuffled
    (1.0, 0.003, 0.25)
    """
    each = b - a
    n, error = len(each), _beyond_rounding(float(np.std(each, ddof=1)) / sqrt(len(each)), a, b)
    shuffled, least = _flipped(each), 2.0 ** (1 - n)
    return _difference(float(np.mean(each)), error, n - 1, shuffled, least, True, n, among)


def unpaired(a: np.ndarray, b: np.ndarray, among: int = 1) -> Difference:
    """B - A of different seeds, whose spreads may differ too (Welch, 1947).

    >>> found = unpaired(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0, 7.0]))
    >>> round(found.interval.value, 3), round(found.p, 3)
    (3.5, 0.01)
    """
    parts = np.array([np.var(x, ddof=1) / len(x) for x in (a, b)])
    degrees = np.array([len(a) - 1, len(b) - 1])
    freedom = parts.sum() ** 2 / (parts**2 / degrees).sum() if parts.any() else degrees.sum()
    difference, error = float(np.mean(b) - np.mean(a)), _beyond_rounding(sqrt(float(parts.sum())), a, b)
    least = (1 + (len(a) == len(b))) / comb(len(a) + len(b), len(a))  # of as many, what is A's may be B's
    seeds = min(len(a), len(b))
    return _difference(difference, error, float(freedom), _shuffled(a, b), least, False, seeds, among)


def spreads(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """How much farther B's seeds lie from their median than A's, and p (Brown & Forsythe, 1974).

    p is 1 where either has fewer than three seeds, as two lie equally far from their median whatever they
    are, or where neither's distances vary: then nothing can be told.

    >>> more, p = spreads(np.array([1.0, 2.0, 3.0, 4.0]), np.array([-9.0, -1.0, 2.0, 9.0]))
    >>> more, round(p, 3)
    (4.25, 0.101)
    """
    apart = [np.abs(x - np.median(x)) for x in (a, b)]
    freedom = len(a) + len(b) - 2
    pooled = sum(float(np.square(x - x.mean()).sum()) for x in apart) / freedom
    error = _beyond_rounding(sqrt(pooled * (1 / len(a) + 1 / len(b))), a, b)
    more = float(apart[1].mean() - apart[0].mean())
    return more, _p(more / error, freedom) if error and min(len(a), len(b)) > 2 else 1.0


def failures(a: tuple[int, int], b: tuple[int, int]) -> float:
    """p of A and B failing as often, each given as (failed, seeds): Fisher's exact test.

    >>> round(failures((4, 8), (0, 8)), 3)
    0.077
    """
    from scipy.stats import fisher_exact

    return float(fisher_exact([[a[0], a[1] - a[0]], [b[0], b[1] - b[0]]]).pvalue)


def holm(p: list[float]) -> list[float]:
    """Each p among several, so that one false alarm in all of them stays as rare as p says (Holm, 1979).

    >>> [round(x, 6) for x in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted, most = [0.0] * len(p), 0.0
    for rank, number in enumerate(np.argsort(p)):
        most = max(most, min(1.0, (len(p) - rank) * p[number]))
        adjusted[number] = most
    return adjusted


def _beyond_rounding(error: float, *x: np.ndarray) -> float:
    """A standard error, 0 where it is no more than rounding makes of numbers like x."""
    return error if error > _ROUNDING * max(float(np.abs(each).max()) for each in x) else 0.0


def _around(value: float, error: float, freedom: float) -> Estimate:
    from scipy.stats import t

    if not error:
        return Estimate(value, np.nan, np.nan)
    reach = float(t.ppf((1 + LEVEL) / 2, freedom)) * error
    return Estimate(value, value - reach, value + reach)


def _difference(
    value: float,
    error: float,
    freedom: float,
    shuffled: float,
    least: float,
    are_paired: bool,
    seeds: int,
    among: int,
) -> Difference:
    interval = _around(value, error, freedom)
    if not error:  # a t-test would be certain
        return Difference(interval, shuffled, shuffled, least, 0.0, are_paired, seeds)
    p, shown = _p(value / error, freedom), error * _found(freedom, among)
    return Difference(interval, p, shuffled, least, shown, are_paired, seeds)


def _p(errors: float, freedom: float) -> float:
    """Of a difference of so many standard errors, by Student's t."""
    from scipy.stats import t

    return 2 * float(t.sf(abs(errors), freedom))


@cache
def _found(freedom: float, among: int, power: float = 0.8) -> float:
    """The difference, in standard errors, that a t-test finds with this power: by the noncentral t.

    Of several pairs by the step of Holm's that asks most, for one false alarm in all of them.
    """
    from scipy.optimize import brentq
    from scipy.stats import nct, t

    edge = float(t.ppf(1 - (1 - LEVEL) / (2 * among), freedom))
    return float(brentq(lambda d: nct.sf(edge, freedom, d) - power, 0.0, 20.0 * edge))


def _flipped(each: np.ndarray) -> float:
    """p of the sum of differences under every choice of their signs."""
    n = len(each)
    if 2**n <= _EXACT:
        signs = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
        return _extreme(signs @ each, each.sum(), drawn=False)
    signs = np.random.RandomState(0).choice([-1, 1], (_EXACT, n))
    return _extreme(signs @ each, each.sum(), drawn=True)


def _shuffled(a: np.ndarray, b: np.ndarray) -> float:
    """p of the difference of means under every choice of which seeds are A's."""
    both, n = np.concatenate([a, b]), len(a)
    drawn = comb(len(both), n) > _EXACT
    if drawn:
        random = np.random.RandomState(0)
        sums = np.array([random.permutation(both)[:n].sum() for _ in range(_EXACT)])
    else:
        sums = np.array([both[list(chosen)].sum() for chosen in combinations(range(len(both)), n)])

    def difference(sums: np.ndarray) -> np.ndarray:
        return (both.sum() - sums) / len(b) - sums / n

    return _extreme(difference(sums), float(difference(a.sum())), drawn)


def _extreme(values: np.ndarray, seen: float, drawn: bool) -> float:
    """The share of the values as far from 0 as the one seen; that one is of those that are drawn."""
    count = int((np.abs(values) >= abs(seen) * (1 - _ROUNDING)).sum())
    return (count + drawn) / (len(values) + drawn)
