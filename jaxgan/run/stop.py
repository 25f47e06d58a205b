"""Rules that stop a run when it has reached a goal, or no longer improves."""

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from jaxgan.errors import Refused
from jaxgan.folder.rows import Row

Rows = Sequence[Row]  # the rows of metrics.jsonl of a single run or of one lane, oldest first


class StopRule(NamedTuple):
    """A rule that stops a run: `why` maps all rows logged so far to the reason, or to None.

    A pure function of the rows, so that a resumed run stops where an uninterrupted one would. `reads` are the
    names it uses: it is called when one of them is new, and when it stops a run, the run's other numbers are
    reported. A rule without `reads` is called at every line.
    """

    reads: tuple[str, ...]
    why: Callable[[Rows], str | None]


def reached(name: str, *, at_least: float | None = None, at_most: float | None = None) -> StopRule:
    """Stops when the newest value of a measure is at least, or at most, a goal.

    >>> reached("modes", at_least=8).why([Row(100, "measured", {"modes": 8.0})])
    'modes has reached 8'
    """
    if at_least is None and at_most is None:
        raise Refused(f"jg.reached needs a goal for {name}: give at_least, or at_most")

    def why(rows: Rows) -> str | None:
        for _, value in _values(rows, name)[-1:]:
            if (at_least is not None and value >= at_least) or (at_most is not None and value <= at_most):
                return f"{name} has reached {value:.4g}"
        return None

    return StopRule((name,), why)


def stalled(name: str, steps: int, better: Literal["higher", "lower"]) -> StopRule:
    """Stops when the best value of a measure is `steps` steps old.

    >>> rows = [Row(100 * i, "measured", {"modes": min(i, 3)}) for i in range(6)]
    >>> stalled("modes", 200, "higher").why(rows)
    'modes has not been better than 3, at step 300, for 200 steps'
    """
    if better not in ("higher", "lower"):
        raise Refused(f'`better` must be "higher" or "lower" for {name}, not {better!r}')

    def why(rows: Rows) -> str | None:
        values = _values(rows, name)
        if not values:
            return None
        sign = 1 if better == "higher" else -1
        best, value = max(values, key=lambda pair: (sign * pair[1], -pair[0]))
        if max(row.step for row in rows if name in row.numbers) - best < steps:
            return None
        return f"{name} has not been better than {value:.4g}, at step {best}, for {steps} steps"

    return StopRule((name,), why)


def collapsed(name: str, share: float = 0.5, times: int = 2, after: int = 0) -> StopRule:
    """Stops when coverage or diversity has been below a share of its best, `times` measurements in a row.

    Measurements before the step `after` are ignored: an untrained generator makes noise, whose diversity may
    be higher than that of the data.

    >>> collapsed("modes").why([Row(i, "measured", {"modes": m}) for i, m in enumerate([7, 8, 3, 2])])
    'modes has collapsed to 2, from 8 at step 1'
    """

    def why(rows: Rows) -> str | None:
        values = [pair for pair in _values(rows, name) if pair[0] >= after]
        if len(values) <= times:
            return None
        best, most = max(values, key=lambda pair: (pair[1], -pair[0]))
        if all(value < share * most for _, value in values[-times:]):
            return f"{name} has collapsed to {values[-1][1]:.4g}, from {most:.4g} at step {best}"
        return None

    return StopRule((name,), why)


def saturated(accuracy: float = 0.99, times: int = 10) -> StopRule:
    """Stops when D has been right about almost all examples, `times` lines in a row: G then learns nothing.

    D is right about an example on its side of the midpoint between the mean real and the mean fake logit.

    >>> rows = [Row(i, "train", {"d/acc_real": 1.0, "d/acc_fake": 1.0}) for i in range(10)]
    >>> saturated().why(rows)
    'D is right about 100 % of real and 100 % of fake examples'
    """

    def why(rows: Rows) -> str | None:
        real, fake = _values(rows, "d/acc_real"), _values(rows, "d/acc_fake")
        last = [*real[-times:], *fake[-times:]]
        if len(last) < 2 * times or any(value < accuracy for _, value in last):
            return None
        percent_real, percent_fake = 100 * real[-1][1], 100 * fake[-1][1]
        return f"D is right about {percent_real:.3g} % of real and {percent_fake:.3g} % of fake examples"

    return StopRule(("d/acc_real", "d/acc_fake"), why)


def _values(rows: Rows, name: str) -> list[tuple[int, float]]:
    """Returns (step, value) of the rows that have this number, without NaNs."""
    values = [(row.step, float(row.numbers[name])) for row in rows if name in row.numbers]
    return [pair for pair in values if not math.isnan(pair[1])]
