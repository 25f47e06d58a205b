"""What a person is told: one thing at a time, how good it is, and by which rule."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import short

Mark = Literal["good", "unknown", "look", "bad"]

MARKS: tuple[Mark, ...] = ("good", "unknown", "look", "bad")
"""From the best to the worst; unknown is what was not measured."""


class Line(NamedTuple):
    """One thing to know, how good it is, and by which rule."""

    mark: Mark
    what: str
    words: str
    rule: str = ""


def summary(lines: Sequence[Line]) -> Line:
    """All lines in one.

    >>> summary([Line("good", "End", "Finished."), Line("look", "Score", "Twice.")]).words
    'Have a look at: score.'
    """
    worst = max((line.mark for line in lines), key=MARKS.index)
    named = ", ".join(dict.fromkeys(line.what.lower() for line in lines if line.mark == worst))
    match worst:
        case "good":
            words = "It went well."
        case "unknown":
            words = f"It went well as far as is known; not known: {named}."
        case "look":
            words = f"Have a look at: {named}."
        case "bad":
            words = f"It did not go well: {named}."
    return Line(worst, "", words)


def with_interval(estimate: Estimate) -> str:
    """A value, and its interval where it has one.

    >>> with_interval(Estimate(1.234, 1.1, 1.3)), with_interval(Estimate(8.0, math.nan, math.nan))
    ('1.23 [1.1, 1.3]', '8')
    """
    if not math.isfinite(estimate.low + estimate.high) or estimate.low == estimate.high:
        return short(estimate.value)
    return f"{short(estimate.value)} [{short(estimate.low)}, {short(estimate.high)}]"
