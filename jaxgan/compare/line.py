"""The lines of a verdict: what is known of a run, and the faults that were found."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import short

Mark = Literal["info", "good", "look", "bad"]

MARKS: tuple[Mark, ...] = ("info", "good", "look", "bad")
"""From the least to the most urgent; `info` is what no rule judges: numbers, and what is not known."""


class Line(NamedTuple):
    """What is known of one aspect of a run, the rule behind its mark, and the fault found, if any."""

    mark: Mark
    what: str
    words: str
    rule: str = ""
    fault: str = ""


def summary(lines: Sequence[Line]) -> Line:
    """Returns one line that names the faults of all lines.

    >>> summary([Line("info", "Score", "fid 9."), Line("bad", "Diversity", "0.", fault="collapsed")]).words
    'Found: collapsed.'
    """
    faults = dict.fromkeys(line.fault for line in lines if line.fault)
    if not faults:
        return Line("good", "", "No fault found.")
    return Line(max((line.mark for line in lines), key=MARKS.index), "", f"Found: {', '.join(faults)}.")


def with_interval(estimate: Estimate) -> str:
    """Formats a value, with its interval if it has one.

    >>> with_interval(Estimate(1.234, 1.1, 1.3)), with_interval(Estimate(8.0, math.nan, math.nan))
    ('1.23 [1.1, 1.3]', '8')
    """
    if not math.isfinite(estimate.low + estimate.high) or estimate.low == estimate.high:
        return short(estimate.value)
    return f"{short(estimate.value)} [{short(estimate.low)}, {short(estimate.high)}]"
