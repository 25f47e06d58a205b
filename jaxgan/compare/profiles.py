"""Robust summaries of scores over runs: interquartile mean, probability of improvement, performance profile.

They are those of Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice", 2021.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.compare.statistics import LEVEL

RESAMPLES = 2000


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


def profile(
    strata: Sequence[np.ndarray],
    thresholds: np.ndarray,
    better: str | None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Profile:
    """Returns the share of runs that are better than each threshold, with intervals by stratified bootstrap.

    A stratum is the runs of one task or setting. Runs are drawn anew within each stratum, and the interval is
    from percentiles. How many of n drawn runs are better is binomial, so that it is drawn directly. A run
    without a value (NaN) is better than no threshold. Of less than ten runs such intervals are too narrow.

    >>> profile([np.array([1.0, 2.0, 3.0, np.nan])], np.array([0.0, 2.5]), "higher").share.tolist()
    [0.75, 0.25]
    """
    sign = -1 if better == "lower" else 1
    counts = np.array([len(runs) for runs in strata])
    shares = np.array([(sign * runs[:, None] > sign * thresholds).mean(0) for runs in strata])
    random = np.random.default_rng(seed)
    drawn = np.zeros((resamples, len(thresholds)))
    for n, share in zip(counts, shares, strict=True):
        drawn += random.binomial(n, share, drawn.shape)
    low, high = np.quantile(drawn / counts.sum(), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Profile(counts @ shares / counts.sum(), low, high)
