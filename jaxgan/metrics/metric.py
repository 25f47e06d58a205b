"""A metric: examples' features in blocks -> a state that merges -> numbers with intervals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

QUANTILE = 1.959964  # of the normal distribution: 95 % lie between - and +


class Estimate(NamedTuple):
    """A number, and the 95 % interval of what other samples of the same size would have given."""

    value: float
    low: float
    high: float


class Metric(NamedTuple):
    """`of` makes a state of a block of features [n, ...], `merge` one of two, `compute` numbers of it.

    Merging is associative and `empty` its neutral element, so blocks of any sizes, made anywhere, give the
    state of all features together.

    >>> mean = Metric((0, 0.0), lambda x: (len(x), x.sum()), lambda a, b: (a[0] + b[0], a[1] + b[1]),
    ...               lambda s: {"mean": Estimate(*[float(s[1] / s[0])] * 3)})
    >>> measured(mean, [np.array([1.0, 2.0]), np.array([6.0])])["mean"].value
    3.0
    """

    empty: Any
    of: Callable[[np.ndarray], Any]
    merge: Callable[[Any, Any], Any]
    compute: Callable[[Any], Mapping[str, Estimate]]


def measured(metric: Metric, blocks: Iterable[np.ndarray]) -> Mapping[str, Estimate]:
    """What a metric says of features that come in blocks."""
    return metric.compute(reduce(metric.merge, map(metric.of, blocks), metric.empty))


def kept(compute: Callable[[np.ndarray], Mapping[str, Estimate]]) -> Metric:
    """A metric that needs all features at once: its state is the blocks themselves.

    >>> spread = kept(lambda x: {"range": Estimate(*[float(np.ptp(x))] * 3)})
    >>> measured(spread, [np.array([1.0, 2.0]), np.array([6.0])])["range"].value
    5.0
    """
    return Metric((), lambda x: (np.asarray(x),), lambda a, b: a + b, lambda s: compute(np.concatenate(s)))


def estimate(value: float, replicates: Sequence[float] | np.ndarray) -> Estimate:
    """The value, 1.96 standard deviations of its bootstrap replicates to either side (Efron, 1979).

    Around the value, not the replicates' mean: of a distance, resampling itself raises them.

    >>> estimate(1.0, [2.0, 2.0])
    Estimate(value=1.0, low=1.0, high=1.0)
    """
    reach = QUANTILE * float(np.std(replicates, ddof=1))
    return Estimate(float(value), float(value) - reach, float(value) + reach)


def resamples(n: int, count: int, seed: int = 0) -> Iterable[np.ndarray]:
    """`count` times n numbers below n, drawn with replacement: the same at every call.

    >>> [len(set(r)) < 100 for r in resamples(100, 2)]
    [True, True]
    """
    random = np.random.RandomState(seed)  # a stream that numpy has frozen
    for _ in range(count):
        yield random.randint(0, n, n)
