"""A metric: examples' features in blocks -> a state that merges -> numbers with intervals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from math import inf
from typing import Any, NamedTuple

import numpy as np

from jaxgan.errors import Refused

QUANTILE = 1.959964  # of the normal distribution: 95 % lie between - and +

INTERVALS = (
    "95 % intervals of what other samples would score on average against the same real examples; of recall "
    "and coverage, other real examples against the same samples; of wasserstein, data_copying, train_share, "
    "copies and repeats, others of both. Averages of so many: what few examples add to a distance is not "
    "taken off"
)
"""What the intervals of an evaluation are of."""


class Estimate(NamedTuple):
    """A number and its 95 % interval, whose ends are NaN where nothing can be said."""

    value: float
    low: float
    high: float


class Metric(NamedTuple):
    """`of` makes a state of a block of features [n, ...], `merge` one of two, `compute` numbers of it.

    A block is an array, or the pair of arrays (features, labels) where a metric asks for labels. Merging is
    associative and `empty` its neutral element, so blocks of any sizes, made anywhere, give the state of all
    features together.

    >>> mean = Metric((0, 0.0), lambda x: (len(x), x.sum()), lambda a, b: (a[0] + b[0], a[1] + b[1]),
    ...               lambda s: {"mean": Estimate(*[float(s[1] / s[0])] * 3)})
    >>> measured(mean, [np.array([1.0, 2.0]), np.array([6.0])])["mean"].value
    3.0
    """

    empty: Any
    of: Callable[[Any], Any]
    merge: Callable[[Any, Any], Any]
    compute: Callable[[Any], Mapping[str, Estimate]]


def measured(metric: Metric, blocks: Iterable[Any]) -> Mapping[str, Estimate]:
    """What a metric says of features that come in blocks."""
    return metric.compute(reduce(metric.merge, map(metric.of, blocks), metric.empty))


def kept(compute: Callable[[np.ndarray], Mapping[str, Estimate]]) -> Metric:
    """A metric that needs all features at once: its state is the blocks themselves.

    >>> spread = kept(lambda x: {"range": Estimate(*[float(np.ptp(x))] * 3)})
    >>> measured(spread, [np.array([1.0, 2.0]), np.array([6.0])])["range"].value
    5.0
    """
    return Metric((), lambda x: (np.asarray(x),), lambda a, b: a + b, lambda s: compute(joined(s)))


def joined(blocks: Sequence[np.ndarray]) -> np.ndarray:
    """Blocks of examples as one array.

    >>> joined([np.zeros((2, 3)), np.zeros((1, 3))]).shape
    (3, 3)
    """
    if not blocks:
        raise Refused("there is nothing to measure: no examples were given")
    if len({block.shape[1:] for block in blocks}) > 1:
        raise Refused(f"examples of different shapes: {sorted({block.shape[1:] for block in blocks})}")
    return np.concatenate(blocks)


def flat(x: np.ndarray) -> np.ndarray:
    """Examples as rows of finite numbers: x [n, ...] -> [n, d].

    >>> flat(np.zeros((5, 4, 4, 1))).shape
    (5, 16)
    """
    x = np.asarray(x)
    if x.ndim < 2 or len(x) == 0:
        raise Refused(f"an array of shape {x.shape} holds no examples: give [n, d] or images [n, H, W, C]")
    x = x.reshape(len(x), -1)
    wrong = len(x) - int(np.isfinite(x).all(axis=1).sum())
    if wrong:
        raise Refused(f"{wrong} of {len(x)} examples hold NaN or infinite numbers: they cannot be measured")
    return x


def alike(d: int, e: int) -> None:
    """Refuses two samples whose examples have other numbers of features."""
    if d != e:
        raise Refused(f"{d} features cannot be held against {e}")


def linearised(value: float, influence: np.ndarray, least: float = -inf, most: float = inf) -> Estimate:
    """The value and the interval that every example's influence on it gives: influence [n].

    value ± 1.96 sd(influence) / sqrt(n), where the influence is the value's derivative as one example gains
    weight. To first order the bootstrap's interval (the infinitesimal jackknife; Efron, 1982), without
    drawing. Of a distance that is nearly 0, where every influence fades, it is rather too wide. It ends at
    the `least` and the `most` that the value can be.

    >>> x = np.array([1.0, 3.0])
    >>> [round(end, 2) for end in linearised(x.mean(), x)]  # of a mean it is the example itself
    [2.0, 0.04, 3.96]
    """
    if len(influence) < 2:
        raise Refused("an interval needs two examples at the least, not one")
    return around(value, QUANTILE * float(np.std(influence, ddof=1)) / len(influence) ** 0.5, least, most)


def share(hits: np.ndarray, together: float = 1) -> Estimate:
    """The share of examples [n] that are hit, and its interval (Wilson, 1927): within [0, 1], never empty.

    Examples that are hit so many `together` tell no more than one of them.

    >>> [round(end, 3) for end in share(np.ones(10))]  # ten of ten may well have been nine
    [1.0, 0.722, 1.0]
    """
    n, p, z2 = len(hits) / together, float(np.mean(hits)), QUANTILE**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    reach = (p * (1 - p) * z2 / n + (z2 / (2 * n)) ** 2) ** 0.5 / (1 + z2 / n)
    return Estimate(p, max(min(middle - reach, p), 0.0), min(max(middle + reach, p), 1.0))  # but for rounding


def excess(hits: np.ndarray, others: np.ndarray) -> Estimate:
    """The share of examples [n] that are hit less that of others [m], and its interval: never empty.

    Of the two shares' own intervals, which are uneven, the ends that lie towards each other (Newcombe, 1998).

    >>> [round(end, 4) for end in excess(np.arange(70) < 56, np.arange(80) < 48)]  # his example
    [0.2, 0.0524, 0.3339]
    """
    x, y = share(hits), share(others)
    value = x.value - y.value
    below = ((x.value - x.low) ** 2 + (y.high - y.value) ** 2) ** 0.5
    above = ((x.high - x.value) ** 2 + (y.value - y.low) ** 2) ** 0.5
    return Estimate(value, value - below, value + above)


def estimate(
    value: float, replicates: Sequence[float] | np.ndarray, least: float = -inf, most: float = inf
) -> Estimate:
    """The value, 1.96 standard deviations of its bootstrap replicates to either side (Efron, 1979).

    Around the value, not the replicates' mean: of a distance, resampling itself raises them. It ends at the
    `least` and the `most` that the value can be.

    >>> [round(end, 2) for end in estimate(8.0, [7.0, 8.0], most=8.0)]
    [8.0, 6.61, 8.0]
    """
    return around(value, QUANTILE * float(np.std(replicates, ddof=1)), least, most)


def of_parts(value: float, parts: np.ndarray, least: float = -inf, most: float = inf) -> Estimate:
    """The value, and the interval of the mean of few independent parts: Student's t of their number less 1.

    >>> [round(end, 3) for end in of_parts(2.0, np.array([1.0, 2.0, 3.0]))]  # 4.303 / sqrt(3)
    [2.0, -0.484, 4.484]
    """
    from scipy.stats import t

    spread = float(np.std(parts, ddof=1)) / len(parts) ** 0.5
    return around(value, float(t.ppf(0.975, len(parts) - 1)) * spread, least, most)


def around(value: float, reach: float, least: float = -inf, most: float = inf) -> Estimate:
    """As far to either side, but no further than the value can be; rounding may have put itself there.

    >>> around(0.25, 0.5, least=0.0)
    Estimate(value=0.25, low=0.0, high=0.75)
    """
    value = float(value)
    return Estimate(value, max(value - reach, min(least, value)), min(value + reach, max(most, value)))


def resamples(n: int, count: int, seed: int = 0) -> Iterable[np.ndarray]:
    """`count` times n numbers below n, drawn with replacement: the same at every call.

    >>> [len(set(r)) < 100 for r in resamples(100, 2)]
    [True, True]
    """
    random = np.random.RandomState(seed)  # a stream that numpy has frozen
    for _ in range(count):
        yield random.randint(0, n, n)
