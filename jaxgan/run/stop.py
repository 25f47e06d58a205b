"""When a run has done enough, or no longer does any good."""

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from jaxgan.errors import Refused
from jaxgan.folder.rows import Row

Rows = Sequence[Row]  # what metrics.jsonl holds of one run, oldest first


class StopRule(NamedTuple):
    """Looks at all that was logged and measured so far and says why to stop, or None.

    A pure function of the rows, so a resumed run stops where it would have. `reads` are the names it looks
    at: it is asked when one of them is new, and when it stops a run, that run's other numbers are what is
    reported. A rule that names none is asked at every line.
    """

    reads: tuple[str, ...]
    why: Callable[[Rows], str | None]


def reached(name: str, *, at_least: float | None = None, at_most: float | None = None) -> StopRule:
    """A quality has been reached.

    >>> reached("modes", at_least=8).why([Row(100, "measured", {"modes": 8.0})])
    'modes has reached 8'
    """

    if at_least is None and at_most is None:
        raise Refused(f"when has {name} been reached? give at_least, or at_most")

    def why(rows: Rows) -> str | None:
        for _, value in _values(rows, name)[-1:]:
            if (at_least is not None and value >= at_least) or (at_most is not None and value <= at_most):
                return f"{name} has reached {value:.4g}"
        return None

    return StopRule((name,), why)


def stalled(name: str, steps: int, better: Literal["higher", "lower"]) -> StopRule:
    """No measurement has been better than the best one for so many steps.

    >>> rows = [Row(100 * i, "measured", {"modes": min(i, 3)}) for i in range(6)]
    >>> stalled("modes", 200, "higher").why(rows)
    'modes has not been better than 3, at step 300, for 200 steps'
    """

    if better not in ("higher", "lower"):
        raise Refused(f'{name} is better "higher" or "lower", not {better!r}')

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
    """Coverage, diversity or the like has fallen below a share of its best, so many measurements running.

    What was measured before the step `after` counts for nothing: a generator begins with noise, whose
    diversity may be higher than that of the data.

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
    """D has told real from fake almost without fault, so many lines running: G then learns nothing.

    It is right about what lies on its side of the middle between the mean logits of either.

    >>> rows = [Row(i, "train", {"d/acc_real": 1.0, "d/acc_fake": 1.0}) for i in range(10)]
    >>> saturated().why(rows)
    'D is right about 100 % of real and 100 % of fake examples'
    """

    def why(rows: Rows) -> str | None:
        real, fake = _values(rows, "d/acc_real"), _values(rows, "d/acc_fake")
        last = [*real[-times:], *fake[-times:]]
        if len(last) < 2 * times or any(value < accuracy for _, value in last):
            return None
        right, caught = 100 * real[-1][1], 100 * fake[-1][1]
        return f"D is right about {right:.3g} % of real and {caught:.3g} % of fake examples"

    return StopRule(("d/acc_real", "d/acc_fake"), why)


def _values(rows: Rows, name: str) -> list[tuple[int, float]]:
    """(step, value) where it was measured, and is a number."""
    values = [(row.step, float(row.numbers[name])) for row in rows if name in row.numbers]
    return [pair for pair in values if not math.isnan(pair[1])]
