"""Successive halving: all settings train for a few steps, and only the best of them for more."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jaxgan.errors import Refused

Setting = Mapping[str, Any]
"""The options of a cell without its seeds."""
ETA = 3
"""Of how many settings one goes on, with so many times the steps."""


class Rung(NamedTuple):
    """Settings that were trained up to the same step, and their scores; lower is better, nan is worst."""

    steps: int
    settings: tuple[Setting, ...]
    scores: tuple[float, ...]


def budgets(steps: int, first: int, eta: int = ETA) -> tuple[int, ...]:
    """Returns the steps of each rung: `steps` at last, and before each rung a share, at least `first`.

    >>> budgets(900, 100), budgets(1000, 100), budgets(50, 100)
    ((100, 300, 900), (111, 333, 1000), (50,))
    """
    listed = [steps]
    while listed[0] // eta >= max(first, 1):
        listed.insert(0, listed[0] // eta)
    return tuple(listed)


def best(scores: Sequence[float], eta: int = ETA) -> list[int]:
    """Returns the places of the best 1/eta of the scores, at least one, in their order; nan is worst.

    >>> best([0.3, math.nan, 0.1, 0.1, 0.2, 0.5])
    [2, 3]
    """
    finite = [place for place, score in enumerate(scores) if math.isfinite(score)]
    if not finite:
        raise Refused("no setting was measured to the end: see the logs of its runs")
    ranked = sorted(finite, key=lambda place: scores[place])  # of equal scores the first
    return sorted(ranked[: max(len(scores) // eta, 1)])


def halving(
    settings: Sequence[Setting],
    steps: Sequence[int],
    measure: Callable[[Sequence[Setting], int], Sequence[float]],
    eta: int = ETA,
) -> list[Rung]:
    """Trains settings up to each number of steps in turn, after each only the best 1/eta (Jamieson and
    Talwalkar, 2016).

    `measure(settings, steps)` trains them up to that step, from where they are, and returns their scores:
    lower is better, nan is worst.

    >>> nearest = lambda some, steps: [abs(setting["x"] - 5) for setting in some]
    >>> rungs = halving([{"x": x} for x in range(9)], (1, 3), nearest)
    >>> [[setting["x"] for setting in rung.settings] for rung in rungs]
    [[0, 1, 2, 3, 4, 5, 6, 7, 8], [4, 5, 6]]
    """
    rungs: list[Rung] = []
    left = list(settings)
    for count in steps:
        rungs.append(Rung(count, tuple(left), tuple(measure(left, count))))
        left = [left[place] for place in best(rungs[-1].scores, eta)]
    return rungs


def cost(settings: int, steps: Sequence[int], eta: int = ETA) -> int:
    """Returns the updates of a search over so many settings, for one seed; nothing is trained twice.

    >>> cost(27, (100, 300, 900))
    6300
    """
    total, before = 0, 0
    for count in steps:
        total += settings * (count - before)
        settings, before = max(settings // eta, 1), count
    return total
