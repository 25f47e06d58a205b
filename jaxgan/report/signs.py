"""The health of a training: finite numbers, saturation, gradients, update sizes and memorisation."""

import math
from collections.abc import Callable

import numpy as np

from jaxgan.compare.line import Line, with_interval
from jaxgan.compare.record import Record, Rows, hook_rows, training_rows
from jaxgan.compare.scores import median_and_range, over_lanes
from jaxgan.metrics.memorisation import FRESH
from jaxgan.pictures.words import first_three, short, value_range
from jaxgan.run.halted import FAILED
from jaxgan.run.stop import saturated


def health_lines(record: Record) -> list[Line]:
    """Returns a line for each sign of health that was logged."""
    training = [training_rows(rows) for rows in record.members]
    lines = [_finite_line(record)]
    logged = max(map(len, training))
    tenth = max(logged // 10, 3)
    period = "the last tenth of the run" if tenth > 3 else "the last 3 lines"
    if any("d/acc_real" in row.numbers for rows in record.members for row in rows):
        saturation = _by_lane(record, saturated(times=tenth).why, training_rows)
        real, fake = (
            value_range(100 * _median_of_last(rows, name, tenth) for rows in training)
            for name in ("d/acc_real", "d/acc_fake")
        )
        words = saturation or f"D is right about {real} % of real and {fake} % of generated examples"
        rule = f"bad: saturated, D is right about 99 % of real and of generated examples throughout {period}"
        line = Line("info", "Accuracy of D", words, rule)
        lines.append(line._replace(mark="bad", fault="saturated") if saturation else line)
    for player in ("d", "g"):
        name = player.upper()
        growths = [_growth(rows, f"{player}/grad") for rows in training]
        if any(map(math.isfinite, growths)):
            words = f"the gradient of {name} ended at {value_range(growths)} times what it began at"
            rule = "the median norm of the last tenth of the run over that of the second tenth"
            lines.append(Line("info", f"Gradient of {name}", words, rule))
        updates = [_median_of_last(rows, f"{player}/update", tenth) for rows in training]
        if any(map(math.isfinite, updates)):
            words = f"{name} moved by {value_range(updates)} of its weights in a step, in {period}"
            lines.append(Line("info", f"Steps of {name}", words))
    skipped = [_median_of_last(rows, "skipped", 1) for rows in training]
    if any(x > 0 for x in skipped):
        words, rule = f"{short(np.nansum(skipped))} updates were skipped", "look: an update was not finite"
        lines.append(Line("look", "Skipped updates", words, rule, "skipped updates"))
    return lines


def _finite_line(record: Record) -> Line:
    what = "Finite numbers"
    rule = "bad: a number of the training is NaN or infinite, or one ended the run; look: one of a hook is"
    ends = [record.end.removeprefix("NotFinite: ")] if record.end.startswith("NotFinite") else []
    ends += [f"{name} {why}" for name, why in record.halted.items() if why.startswith(FAILED)]
    if training := _by_lane(record, _not_finite, training_rows) or first_three(ends):
        return Line("bad", what, training, rule, "not finite")
    if measured := _by_lane(record, _not_finite, hook_rows):  # which some numbers may rightly be
        return Line("look", what, measured, rule, "not finite")
    if any(record.members):
        return Line("good", what, "every logged number is finite", rule)
    return Line("info", what, "nothing was logged", rule)


def _by_lane(record: Record, why: Callable[[Rows], str | None], select: Callable[[Rows], Rows]) -> str:
    """Returns what a rule finds in the selected rows, for the first three lanes with a fault."""
    reasons = [(name, why(select(rows))) for name, rows in zip(record.names, record.members, strict=True)]
    return first_three([f"{name and f'{name}: '}{reason}" for name, reason in reasons if reason])


def _not_finite(rows: Rows) -> str | None:
    for row in rows:
        for name, x in row.numbers.items():
            if not math.isfinite(x):
                return f"{name} was {x} at step {row.step}"
    return None


def _finite_values(rows: Rows, name: str) -> np.ndarray:
    values = np.array([row.numbers[name] for row in rows if name in row.numbers])
    return values[np.isfinite(values)]


def _median_of_last(rows: Rows, name: str, times: int) -> float:
    """Returns the median of the last values of a number, NaN where there are none."""
    values = _finite_values(rows, name)[-times:]
    return float(np.median(values)) if len(values) else math.nan


def _growth(rows: Rows, name: str) -> float:
    """Returns the median of the last tenth over that of the second; NaN of fewer than ten values."""
    values = _finite_values(rows, name)
    tenth = len(values) // 10
    if tenth == 0:
        return math.nan
    early = float(np.median(values[tenth : 2 * tenth]))  # the first tenth may be erratic
    return float(np.median(values[-tenth:])) / early if early > 0 else math.nan


def copies_line(record: Record) -> Line | None:
    """Returns the measures of copied training examples in the newest evaluation, None if there are none."""
    rows = [evaluation.rows["samples"] for evaluation in record.newest_evaluations]
    values = {name: [row[name] for row in rows if name in row] for name in ("train_share", "copies")}
    words = [
        f"{name} {with_interval(median_and_range(estimates))} (fresh draws: {FRESH[name]:g})"
        for name, estimates in values.items()
        if estimates
    ]
    lanes = over_lanes(len(rows), len(record.lanes))
    return Line("info", "Copies", f"{', '.join(words)}{lanes}.") if words else None
