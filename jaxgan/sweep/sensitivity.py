"""How a metric moves with one option of a sweep, all others pooled."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.compare.statistics import mean
from jaxgan.metrics.metric import Estimate
from jaxgan.sweep.table import Value

MANY = 12
"""An option of more values than this is taken as a continuous one, and its values in groups."""
GROUPS, LEAST = 5, 6  # at most so many groups, each of at least so many values


class Level(NamedTuple):
    """The cells of one value of an option, or of a range of its values, and their mean with its interval."""

    values: tuple[Any, ...]
    cells: tuple[Value, ...]
    mean: Estimate


def levels(cells: Sequence[Value], option: str) -> list[Level]:
    """Returns the mean at each value of an option; of more than 12 numbers, in groups of about equal size.

    >>> cells = [Value({"lr": lr, "seed": seed}, lr + seed, "") for lr in (1.0, 2.0) for seed in (0, 1)]
    >>> [(level.values, level.mean.value) for level in levels(cells, "lr")]
    [((1.0,), 1.5), ((2.0,), 2.5)]
    """
    values = ordered({cell.options[option] for cell in cells})
    groups: list[list[Any]] = [[value] for value in values]
    if is_continuous(values):
        count = max(2, min(GROUPS, len(values) // LEAST))
        groups = [list(group) for group in np.array_split(np.array(values), count)]
    result = []
    for group in groups:
        inside = tuple(cell for cell in cells if cell.options[option] in group)
        x = np.array([cell.value for cell in inside])
        result.append(Level(tuple(group), inside, mean(x[np.isfinite(x)])))
    return result


def is_continuous(values: Sequence[Any]) -> bool:
    """Whether these are so many numbers that they stand for a range, as those drawn at random do."""
    return len(values) > MANY and all(is_number(value) for value in values)


def is_number(value: Any) -> bool:
    """Whether a value of an option is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def ordered(values: set[Any]) -> list[Any]:
    """Returns the values of an option: numbers by size, others by name.

    >>> ordered({10, 9, 0.5}), ordered({"b", "a"})
    ([0.5, 9, 10], ['a', 'b'])
    """
    return sorted(values) if all(is_number(value) for value in values) else sorted(values, key=str)
