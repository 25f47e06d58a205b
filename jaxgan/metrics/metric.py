"""The type of metrics: blocks of features -> mergeable states -> numbers with intervals; and intervals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from math import inf
from typing import Any, NamedTuple

import numpy as np

from jaxgan.errors import Refused

QUANTILE = 1.959964  # of the normal distribution: 95 % lie between - and +

INTERVALS = (
    "95 % intervals of the average over other samples, for the same real examples; for recall and coverage, "
    "over other real examples, for the same samples; for wasserstein, data_copying, train_share, copies and "
    "repeats, over both. The average is that of equally many examples: the bias of few is not removed"
)
"""What the intervals of an evaluation mean."""


class Estimate(NamedTuple):
    """A number and its 95 % interval, whose ends are NaN if there is none."""

    value: float
    low: float
    high: float


class Metric(NamedTuple):
    """`of` maps a block of features [n, ...] to a state, `merge` two states to one, `compute` to numbers.

    A block is an array, or a pair (features, labels) for metrics that need labels. Merging is associative and
    `empty` its neutral element, so blocks of any sizes, made anywhere, give the state of all features.

    >>> mean = Metric((0, 0.0), lambda x: (len(x), x.sum()), lambda a, b: (a[0] + b[0], a[1] + b[1]),
    ...               lambda s: {"mean": Estimate(*[float(s[1] / s[0])] * 3)})
    >>> compute_metric(mean, [np.array([1.0, 2.0]), np.array([6.0])])["mean"].value
    3.0
    """

    empty: Any
    of: Callable[[Any], Any]
    merge: Callable[[Any, Any], Any]
    compute: Callable[[Any], Mapping[str, Estimate]]


def compute_metric(metric: Metric, blocks: Iterable[Any]) -> Mapping[str, Estimate]:
    """Returns the numbers of a metric for features that come in blocks."""
    return metric.compute(reduce(metric.merge, map(metric.of, blocks), metric.empty))


def collect_then(compute: Callable[[np.ndarray], Mapping[str, Estimate]]) -> Metric:
    """Returns a metric that needs all features at once: its state is the blocks themselves.

    >>> spread = collect_then(lambda x: {"range": Estimate(*[float(np.ptp(x))] * 3)})
    >>> compute_metric(spread, [np.array([1.0, 2.0]), np.array([6.0])])["range"].value
    5.0
    """
    return Metric((), lambda x: (np.asarray(x),), lambda a, b: a + b, lambda s: compute(concatenate(s)))


def concatenate(blocks: Sequence[np.ndarray]) -> np.ndarray:
    """Concatenates blocks of examples; refused if there are none or their shapes differ.

    >>> concatenate([np.zeros((2, 3)), np.zeros((1, 3))]).shape
    (3, 3)
    """
    if not blocks:
        raise Refused("there is nothing to measure: no examples were given")
    if len({block.shape[1:] for block in blocks}) > 1:
        raise Refused(f"examples have different shapes: {sorted({block.shape[1:] for block in blocks})}")
    return np.concatenate(blocks)


def flatten(x: np.ndarray) -> np.ndarray:
    """Flattens examples x [n, ...] to rows [n, d]; refused if there are none or they are not finite.

    >>> flatten(np.zeros((5, 4, 4, 1))).shape
    (5, 16)
    """
    x = np.asarray(x)
    if x.ndim < 2 or len(x) == 0:
        raise Refused(f"an array of shape {x.shape} holds no examples: give [n, d] or images [n, H, W, C]")
    x = x.reshape(len(x), -1)
    bad = len(x) - int(np.isfinite(x).all(axis=1).sum())
    if bad:
        raise Refused(f"{bad} of {len(x)} examples hold NaN or infinite numbers: they cannot be measured")
    return x


def check_dims(d: int, e: int) -> None:
    """Refuses two samples with different numbers of features."""
    if d != e:
        raise Refused(f"{d} features cannot be compared with {e}")


def jackknife(value: float, influence: np.ndarray, least: float = -inf, most: float = inf) -> Estimate:
    """Returns a value with its infinitesimal-jackknife interval from each example's influence on it [n].

    value ± 1.96 sd(influence) / sqrt(n), where the influence is the value's derivative with respect to an
    example's weight: to first order the bootstrap's interval, without resampling (Efron, 1982). It is rather
    too wide for a distance near 0, where all influences vanish. It ends at the `least` and the `most` that
    the value can be.

    >>> x = np.array([1.0, 3.0])
    >>> [round(end, 2) for end in jackknife(x.mean(), x)]  # an example's influence on a mean is itself
    [2.0, 0.04, 3.96]
    """
    if len(influence) < 2:
        raise Refused("an interval needs at least two examples, not one")
    return interval(value, QUANTILE * float(np.std(influence, ddof=1)) / len(influence) ** 0.5, least, most)


def share(hits: np.ndarray, together: float = 1) -> Estimate:
    """Returns the share of hits [n] and its interval (Wilson, 1927): within [0, 1], never empty.

    `together` is the design effect: so many dependent examples count as one.

    >>> [round(end, 3) for end in share(np.ones(10))]
    [1.0, 0.722, 1.0]
    """
    n, p, z2 = len(hits) / together, float(np.mean(hits)), QUANTILE**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    reach = (p * (1 - p) * z2 / n + (z2 / (2 * n)) ** 2) ** 0.5 / (1 + z2 / n)
    return Estimate(p, max(min(middle - reach, p), 0.0), min(max(middle + reach, p), 1.0))  # rounding


def excess(hits: np.ndarray, others: np.ndarray) -> Estimate:
    """Returns the share of hits [n] less that of others [m], and its interval: never empty.

    Newcombe, 1998: it combines the ends of the two shares' intervals that face each other.

    >>> [round(end, 4) for end in excess(np.arange(70) < 56, np.arange(80) < 48)]  # his example
    [0.2, 0.0524, 0.3339]
    """
    x, y = share(hits), share(others)
    value = x.value - y.value
    below = ((x.value - x.low) ** 2 + (y.high - y.value) ** 2) ** 0.5
    above = ((x.high - x.value) ** 2 + (y.value - y.low) ** 2) ** 0.5
    return Estimate(value, value - below, value + above)


def bootstrap(
    value: float, replicates: Sequence[float] | np.ndarray, least: float = -inf, most: float = inf
) -> Estimate:
    """Returns a value ± 1.96 standard deviations of its bootstrap replicates (Efron, 1979).

    Around the value, not the replicates' mean: resampling itself raises a distance. It ends at the `least`
    and the `most` that the value can be.

    >>> [round(end, 2) for end in bootstrap(8.0, [7.0, 8.0], most=8.0)]
    [8.0, 6.61, 8.0]
    """
    return interval(value, QUANTILE * float(np.std(replicates, ddof=1)), least, most)


def t_interval(value: float, parts: np.ndarray, least: float = -inf, most: float = inf) -> Estimate:
    """Returns a value and the interval of the mean of few independent parts, by Student's t.

    >>> [round(end, 3) for end in t_interval(2.0, np.array([1.0, 2.0, 3.0]))]  # 4.303 / sqrt(3)
    [2.0, -0.484, 4.484]
    """
    from scipy.stats import t

    spread = float(np.std(parts, ddof=1)) / len(parts) ** 0.5
    return interval(value, float(t.ppf(0.975, len(parts) - 1)) * spread, least, most)


def interval(value: float, reach: float, least: float = -inf, most: float = inf) -> Estimate:
    """Returns value ± reach within [least, most], which rounding may let the value itself exceed.

    >>> interval(0.25, 0.5, least=0.0)
    Estimate(value=0.25, low=0.0, high=0.75)
    """
    value = float(value)
    return Estimate(value, max(value - reach, min(least, value)), min(value + reach, max(most, value)))


def resamples(n: int, count: int, seed: int = 0) -> Iterable[np.ndarray]:
    """Yields `count` bootstrap resamples, n indices below n each: the same at every call.

    >>> [len(set(r)) < 100 for r in resamples(100, 2)]
    [True, True]
    """
    random = np.random.RandomState(seed)  # a stream that numpy has frozen
    for _ in range(count):
        yield random.randint(0, n, n)
