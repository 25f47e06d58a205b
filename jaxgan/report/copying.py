"""Whether samples are copies of training examples, by what an evaluation measured."""

from jaxgan.metrics.memorisation import FRESH
from jaxgan.metrics.metric import Estimate
from jaxgan.report.line import MARKS, Line, Mark
from jaxgan.report.record import FEW, Evaluation, Record
from jaxgan.report.words import said

RULE = (
    "look: the interval of train_share lies above 0.6, or of copies above 0.02; bad: above 0.75, or 0.1; "
    "unknown: that of train_share is wider than a half"
)


def copying(record: Record) -> Line | None:
    """The worst of the lanes in the newest evaluation; None where it was not measured."""
    found = [line for one in record.newest if (line := _line(one)) is not None]
    return max(found, key=lambda line: MARKS.index(line.mark), default=None)


def _line(evaluation: Evaluation) -> Line | None:
    row = evaluation.rows["samples"]
    there = [name for name in ("train_share", "copies") if name in row]
    if not there:
        return None
    words = ", ".join(f"{name} {said(row[name])} (fresh draws: {FRESH[name]:g})" for name in there)
    lane = f"{evaluation.lane}: " if evaluation.lane else ""
    if evaluation.n < FEW:
        return Line("unknown", "Copies", f"{lane}{evaluation.n} samples are too few to say.", RULE)
    return Line(_mark(row.get("train_share"), row.get("copies")), "Copies", f"{lane}{words}.", RULE)


def _mark(share: Estimate | None, copies: Estimate | None) -> Mark:
    over = [(x.low, look, bad) for x, look, bad in ((share, 0.6, 0.75), (copies, 0.02, 0.1)) if x is not None]
    if any(low > bad for low, _, bad in over):
        return "bad"
    if any(low > look for low, look, _ in over):
        return "look"
    return "unknown" if share is not None and share.high - share.low > 0.5 else "good"
