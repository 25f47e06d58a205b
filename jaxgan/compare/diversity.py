"""The diversity of samples at the end of a run, and whether it has collapsed."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from jaxgan.compare.record import Evaluation, Record, hook_rows
from jaxgan.folder.rows import Row
from jaxgan.metrics.metric import Estimate
from jaxgan.metrics.mixture import perfect
from jaxgan.run.stop import collapsed

COVERING = ("modes", "coverage", "recall", "diversity")
"""The numbers that fall where samples become alike."""

FEW = 100
"""An evaluation of fewer samples does not count as a failure or a collapse."""

Values = Sequence[tuple[int, Estimate]]  # (step, value), oldest first


class Ending(NamedTuple):
    """The last value of a number, that of real examples, and how it collapsed, if it did."""

    name: str
    value: Estimate
    real: Estimate | None
    collapsed: str
    n: int | None  # samples of the evaluation, None where a hook measured it


def endings(record: Record, lane: int) -> list[Ending]:
    """Returns how each of the numbers ended in a lane, those of hooks first.

    One has collapsed by the stop rule `collapsed` of a single measurement after the first tenth of the run,
    or if its last value is 0.
    """
    # a generator begins with noise, whose diversity may be higher than that of the data
    after = record.reached // 10
    return [
        Ending(name, values[-1][1], real, "" if _too_few(n) else _collapse(name, values, after), n)
        for name, values, real, n in _numbers(record, lane)
    ]


def counts_as_collapsed(record: Record, lane: int) -> bool:
    """Returns whether `compare` counts a lane as failed: collapsed, or ended below half of real examples."""
    ends = [end for end in endings(record, lane) if not _too_few(end.n)]
    below = [end.value.value / end.real.value < 0.5 for end in ends if end.real and end.real.value > 0]
    return any(below) or any(end.collapsed for end in ends)


def _too_few(n: int | None) -> bool:
    return n is not None and n < FEW


def _collapse(name: str, values: Values, after: int) -> str:
    """Returns how a number has collapsed, nothing where it has not.

    >>> values = [(100 * n, Estimate(x, x, x)) for n, x in enumerate([5.0, 6.0, 2.0])]
    >>> _collapse("modes", values, after=20), _collapse("modes", values[:2], after=20)
    ('modes has collapsed to 2, from 6 at step 100', '')
    """
    if values[-1][1].value == 0:
        return f"{name} ended at 0"
    rows = [Row(step, "measured", {name: estimate.value}) for step, estimate in values]
    return collapsed(name, times=1, after=after).why(rows) or ""


def _numbers(record: Record, lane: int) -> Iterator[tuple[str, Values, Estimate | None, int | None]]:
    """Yields the numbers of a lane, by hooks and by its newest evaluation, with what real examples score."""
    rows = hook_rows(record.members[lane])
    hooks = {
        name: [
            (row.step, Estimate(x, math.nan, math.nan))
            for row in rows
            if math.isfinite(x := row.numbers.get(name, math.nan))
        ]
        for name in COVERING
    }
    for name, values in hooks.items():
        if values:
            yield name, values, _real(record, name, lane), None
    lane_name = record.names[lane]
    for newest in record.newest_evaluations:
        if newest.lane != lane_name:
            continue
        alike = [one for one in record.evaluations if (one.lane, one.how) == (lane_name, newest.how)]
        for name in COVERING:
            # of as many samples as real examples, where those were fewer
            samples = [(one.step, one.rows.get("alike") or one.rows["samples"]) for one in alike]
            values = [(step, row[name]) for step, row in samples if name in row]
            values = [(step, estimate) for step, estimate in values if math.isfinite(estimate.value)]
            if values and not any(step > newest.step for step, _ in hooks[name]):
                yield name, values, _oracle(newest, name), newest.n


def _real(record: Record, name: str, lane: int) -> Estimate | None:
    """Returns what real examples score by a hook.

    That is 1 of diversity, which is a ratio. Of modes it is how many of those that an evaluation knows of are
    expected in as many examples. Of other numbers it depends on how many samples are taken.
    """
    if name == "diversity":
        return Estimate(1.0, math.nan, math.nan)
    values = [x for row in record.members[lane] if (x := row.numbers.get(f"{name}_real")) is not None]
    if not values and name == "modes":
        known = [_oracle(one, name) for one in record.evaluations if not _too_few(one.n)]
        most = max((estimate.value for estimate in known if estimate), default=0.0)
        ns = [facts["n"] for _, facts in record.hook_facts if name in facts.get("names", ()) and "n" in facts]
        if most:
            values = [perfect(max(round(most), 1), ns[-1])[name] if ns else most]
    return Estimate(values[-1], math.nan, math.nan) if values else None


def _oracle(evaluation: Evaluation, name: str) -> Estimate | None:
    floor = evaluation.floor.get(name)
    exact = None if floor is None else Estimate(floor, math.nan, math.nan)
    return evaluation.rows.get("oracle", {}).get(name) or exact
