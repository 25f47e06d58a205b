"""Signs of life: whether the two players still learn from one another."""

import math
from collections.abc import Callable

import numpy as np

from jaxgan.compare.line import MARKS, Line, Mark, with_interval
from jaxgan.compare.record import FEW, Evaluation, Record, Rows, measured, trained
from jaxgan.metrics.memorisation import FRESH
from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import first_three, short, value_range
from jaxgan.run.halted import FAILED
from jaxgan.run.stop import saturated


def health(record: Record) -> list[Line]:
    """Every sign of life that was logged, by its rule."""
    lines = []
    logged = max(len(trained(rows)) for rows in record.members)
    tenth = max(logged // 10, 3)
    lately = "the last tenth" if tenth > 3 else "the last 3 lines"
    rule = "bad: a number of the training is NaN or infinite, or one ended the run; look: one of a hook is"
    ended = [record.end.removeprefix("NotFinite: ")] if record.end.startswith("NotFinite") else []
    ended += [f"{name} {why}" for name, why in record.still.items() if why.startswith(FAILED)]
    broken = of_lanes(record, _broken, trained) or first_three(ended)
    if broken:
        lines.append(Line("bad", "Finite numbers", broken, rule))
    elif odd := of_lanes(record, _broken, measured):  # some numbers are rightly infinite
        lines.append(Line("look", "Finite numbers", odd, rule))
    elif any(record.members):
        lines.append(Line("good", "Finite numbers", "every logged number is finite", rule))
    else:
        lines.append(Line("unknown", "Finite numbers", "nothing was logged", rule))
    if any("d/acc_real" in row.numbers for rows in record.members for row in rows):
        rule = f"bad: D is right about 99 % of real and of generated examples throughout {lately}"
        why = of_lanes(record, saturated(times=tenth).why, trained)
        right = value_range([100 * ending(trained(rows), "d/acc_real", tenth) for rows in record.members])
        caught = value_range([100 * ending(trained(rows), "d/acc_fake", tenth) for rows in record.members])
        words = why or f"D is right about {right} % of real and {caught} % of generated examples"
        mark: Mark = "bad" if why else "good" if logged >= tenth else "unknown"
        lines.append(Line(mark, "Accuracy of D", words, rule))
    for who in ("d", "g"):
        grown = [_growth(trained(rows), f"{who}/grad") for rows in record.members]
        if known := [x for x in grown if math.isfinite(x)]:
            rule = "look: the last tenth of its norms is 10 times the second tenth; bad: 100 times"
            mark = "bad" if max(known) >= 100 else "look" if max(known) >= 10 else "good"
            words = f"the gradient of {who.upper()} ended at {short(max(known))} times what it began at"
            lines.append(Line(mark, f"Gradient of {who.upper()}", words, rule))
        moved = [ending(trained(rows), f"{who}/update", tenth) for rows in record.members]
        if known := [x for x in moved if math.isfinite(x)]:
            rule = f"look: an update of more than a tenth of the weights, or none at all, in {lately}"
            mark = "look" if max(known) > 0.1 or min(known) == 0 else "good"
            words = f"{who.upper()} moved by {value_range(known)} of its weights at a step, in {lately}"
            lines.append(Line(mark, f"Steps of {who.upper()}", words, rule))
    skipped = [ending(trained(rows), "skipped", 1) for rows in record.members]
    if any(x > 0 for x in skipped):
        words = f"{short(np.nansum(skipped))} updates were skipped"
        lines.append(
            Line("look", "Skipped updates", words, "look: an update was not finite and was left out")
        )
    return lines


def of_lanes(record: Record, why: Callable[[Rows], str | None], of: Callable[[Rows], Rows] = list) -> str:
    """What a rule says of the lanes that it finds something in, nothing where it finds none."""
    names = [name and f"{name}: " for name in record.names]
    told = [(name, why(of(rows))) for name, rows in zip(names, record.members, strict=True)]
    return first_three([f"{name}{words}" for name, words in told if words])


def ending(rows: Rows, name: str, times: int) -> float:
    """The median of a number in its last so many rows, NaN where there is none."""
    values = _column(rows, name)[-times:]
    return float(np.median(values)) if len(values) else math.nan


def _broken(rows: Rows) -> str | None:
    for row in rows:
        for name, x in row.numbers.items():
            if not math.isfinite(x):
                return f"{name} was {x} at step {row.step}"
    return None


def _column(rows: Rows, name: str) -> np.ndarray:
    values = np.array([row.numbers[name] for row in rows if name in row.numbers])
    return values[np.isfinite(values)]


def _growth(rows: Rows, name: str) -> float:
    """The median of the last tenth over that of the second, as a run begins wildly; NaN of a short one."""
    values = _column(rows, name)
    tenth = len(values) // 10
    if tenth == 0:
        return math.nan
    began = float(np.median(values[tenth : 2 * tenth]))
    return float(np.median(values[-tenth:])) / began if began > 0 else math.nan


COPIES = (
    "look: the interval of train_share lies above 0.6, or of copies above 0.02; bad: above 0.75, or 0.1; "
    "unknown: that of train_share is wider than a half"
)


def copying(record: Record) -> Line | None:
    """The worst of the lanes in the newest evaluation; None where it was not measured."""
    found = [line for one in record.newest if (line := _copies(one)) is not None]
    return max(found, key=lambda line: MARKS.index(line.mark), default=None)


def _copies(evaluation: Evaluation) -> Line | None:
    row = evaluation.rows["samples"]
    there = [name for name in ("train_share", "copies") if name in row]
    if not there:
        return None
    words = ", ".join(f"{name} {with_interval(row[name])} (fresh draws: {FRESH[name]:g})" for name in there)
    lane = f"{evaluation.lane}: " if evaluation.lane else ""
    if evaluation.n < FEW:
        return Line("unknown", "Copies", f"{lane}{evaluation.n} samples are too few to say.", COPIES)
    return Line(_copy_mark(row.get("train_share"), row.get("copies")), "Copies", f"{lane}{words}.", COPIES)


def _copy_mark(share: Estimate | None, copies: Estimate | None) -> Mark:
    over = [(x.low, look, bad) for x, look, bad in ((share, 0.6, 0.75), (copies, 0.02, 0.1)) if x is not None]
    if any(low > bad for low, _, bad in over):
        return "bad"
    if any(low > look for low, look, _ in over):
        return "look"
    return "unknown" if share is not None and share.high - share.low > 0.5 else "good"
