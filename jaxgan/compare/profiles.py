"""Robust summaries of scores over runs: interquartile mean, probability of improvement, performance profile.

They are those of Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice"
(2021), who call a run on one task a score.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.compare.statistics import LEVEL


class Profile(NamedTuple):
    """The share of runs better than each threshold, and its interval; all [thresholds]."""

    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


def interquartile_mean(x: np.ndarray) -> float:
    """Returns the mean of the middle half, NaN of nothing.

    >>> interquartile_mean(np.array([0.0, 1.0, 3.0, 100.0]))
    2.0
    """
    from scipy.stats import trim_mean

    return float(trim_mean(x, 0.25, axis=None)) if np.size(x) else np.nan


def improvement(a: np.ndarray, b: np.ndarray, better: str | None) -> float:
    """Returns the probability that a value of b is better than one of a, with ties counted as one half.

    This is the statistic of Mann and Whitney over the number of pairs.

    >>> improvement(np.array([1.0, 2.0]), np.array([2.0, 3.0]), "higher")
    0.875
    """
    gaps = (b[:, None] - a[None]) * (-1 if better == "lower" else 1)
    return float(((gaps > 0) + 0.5 * (gaps == 0)).mean())


def profile(strata: Sequence[np.ndarray], thresholds: np.ndarray, better: str | None) -> Profile:
    """Returns the share of runs that are better than each threshold, with intervals by stratified bootstrap.

    A stratum is the runs of one task or setting, and each is drawn anew from its own runs. How many of n
    drawn runs are better is binomial, so the distribution of the share under the bootstrap is that of a sum
    of binomial numbers; its percentiles are the interval, without any resampling. A run without a value
    (NaN) is better than no threshold. Of less than ten runs such intervals are too narrow.

    >>> profile([np.array([1.0, 2.0, 3.0, np.nan])], np.array([0.0, 2.5]), "higher").share.tolist()
    [0.75, 0.25]
    """
    sign = -1 if better == "lower" else 1
    sizes = [len(runs) for runs in strata]
    counts = np.array([(sign * runs[:, None] > sign * thresholds).sum(0) for runs in strata])
    distinct, where = np.unique(counts, axis=1, return_inverse=True)
    ends = np.array([_ends(sizes, column) for column in distinct.T])[where.ravel()] / sum(sizes)
    return Profile(counts.sum(0) / sum(sizes), ends[:, 0], ends[:, 1])


def _ends(sizes: Sequence[int], counts: np.ndarray) -> tuple[int, int]:
    """Returns the ends of the interval of a sum of binomial numbers: of n draws that hit with count / n."""
    from scipy.stats import binom

    masses = np.ones(1)
    for n, count in zip(sizes, counts, strict=True):
        masses = np.convolve(masses, binom.pmf(np.arange(n + 1), n, count / n))
    low, high = np.searchsorted(np.cumsum(masses), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return int(low), int(high)
