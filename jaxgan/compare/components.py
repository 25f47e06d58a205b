"""How much of a spread is due to each of several causes, by a crossed design: one value per combination."""

from collections.abc import Mapping
from itertools import combinations
from math import prod
from typing import NamedTuple

import numpy as np

from jaxgan.compare.statistics import LEVEL
from jaxgan.metrics.metric import Estimate

_DRAWS = 20_000


class Share(NamedTuple):
    """The share of the variance that is due to one cause.

    `alone` is that of its own mean effect, the same under every value of the other causes. `total` adds its
    interactions: what remains on average if all other causes are fixed. In a chaotic system `alone` is near 0
    and `total` near 1 for every cause (Saltelli et al., 2008, call them first-order and total-order indices).
    """

    alone: Estimate
    total: Estimate


def shares(y: np.ndarray, names: tuple[str, ...]) -> Mapping[str, Share]:
    """Returns the share of each cause in the variance of y, which has an axis for each with its values.

    By the expected mean squares of random effects (Searle et al., 1992). The intervals are generalised ones
    (Weerahandi, 1993): quantiles of what the mean squares would give if each were divided by a draw from its
    own chi-squared distribution. An estimate below 0 counts as 0.

    >>> share = shares(np.array([[1.0, 1.1], [3.0, 3.2], [5.0, 5.1]]), ("init", "data"))
    >>> round(share["init"].alone.value, 2), round(share["data"].alone.value, 2)
    (1.0, 0.0)
    """
    subsets = [c for size in range(1, y.ndim + 1) for c in combinations(range(y.ndim), size)]
    freedom = np.array([prod(y.shape[axis] - 1 for axis in subset) for subset in subsets])
    if min(y.shape) < 2:
        raise ValueError(f"each cause needs two values or more, not {y.shape}")
    squares = np.array([_sum_of_squares(y, subset) for subset in subsets])
    random = np.random.RandomState(0)
    draws = squares / random.chisquare(freedom, (_DRAWS, len(subsets)))
    estimate, drawn = (_variances(m, subsets, y.shape) for m in (squares / freedom, draws))

    def share(chosen: list[int]) -> Estimate:
        def of(variances: np.ndarray) -> np.ndarray:
            return variances[..., chosen].sum(-1) / np.maximum(variances.sum(-1), np.finfo(float).tiny)

        tails = (1 - LEVEL) / 2, (1 + LEVEL) / 2
        return Estimate(float(of(estimate)), *map(float, np.quantile(of(drawn), tails)))

    return {
        name: Share(
            share([n for n, subset in enumerate(subsets) if subset == (axis,)]),
            share([n for n, subset in enumerate(subsets) if axis in subset]),
        )
        for axis, name in enumerate(names)
    }


def _sum_of_squares(y: np.ndarray, subset: tuple[int, ...]) -> float:
    """Returns the sum of squares of the interaction of these axes, or of the effect of a single one."""
    effect = np.zeros_like(y)
    for size in range(len(subset) + 1):
        for kept in combinations(subset, size):
            others = tuple(axis for axis in range(y.ndim) if axis not in kept)
            effect = effect + (-1) ** (len(subset) - size) * y.mean(others, keepdims=True)
    return float((effect**2).sum())


def _variances(squares: np.ndarray, subsets: list[tuple[int, ...]], shape: tuple[int, ...]) -> np.ndarray:
    """Returns the variance of each effect [..., S] from mean squares [..., S], at least 0.

    E[square of S] is the sum of variance(T) * (values of all axes outside T) over all T that contain S.
    """
    columns = []
    for subset in subsets:
        total = np.zeros(squares.shape[:-1])
        for n, other in enumerate(subsets):
            if set(subset) <= set(other):
                total = total + (-1) ** (len(other) - len(subset)) * squares[..., n]
        columns.append(total / prod(size for axis, size in enumerate(shape) if axis not in subset))
    return np.maximum(np.stack(columns, -1), 0.0)
