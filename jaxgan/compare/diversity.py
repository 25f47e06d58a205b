"""Whether samples ended as different as examples are: one rule, for the report and for counting failures."""

import math
from collections.abc import Iterator, Sequence

from jaxgan.compare.line import Mark
from jaxgan.compare.record import FEW, Evaluation, Record, measured
from jaxgan.folder.rows import Row
from jaxgan.metrics.mixture import perfect
from jaxgan.pictures.words import short
from jaxgan.run.stop import collapsed

COVERING = ("modes", "coverage", "recall", "diversity")
"""The numbers that fall where samples become alike."""

RULE = (
    "bad: the last value is 0, or below half of its best after the first tenth, or of real examples; "
    "look: below 75 % of real examples"
)

Values = Sequence[tuple[int, float]]  # (step, value), oldest first


def ended_at(record: Record, lane: int) -> list[tuple[Mark, str]]:
    """How good the end of a run, or of one lane of it, is by each of these numbers, and why."""
    # a generator begins with noise, whose diversity may be higher than that of the data
    after = record.reached // 10
    told = (_judged(name, values, real, after) for name, values, real in _numbers(record, lane))
    return list(dict.fromkeys(told))


def _judged(name: str, values: Values, real: float | None, after: int) -> tuple[Mark, str]:
    """The last value beside the best one and that of real examples.

    >>> _judged("modes", [(0, 5.0), (100, 6.0), (200, 2.0)], None, 20)
    ('bad', 'modes has collapsed to 2, from 6 at step 100')
    >>> _judged("modes", [(100, 5.0), (200, 6.0)], 8.0, 20)
    ('good', 'modes 6, of real examples 8')
    >>> _judged("modes", [(200, 6.0)], None, 20)
    ('unknown', 'modes 6; what real examples score is not known')
    """
    last = values[-1][1]
    if last == 0:
        return "bad", f"{name} ended at 0"
    rows = [Row(step, "measured", {name: value}) for step, value in values]
    if fallen := collapsed(name, times=1, after=after).why(rows):
        return "bad", fallen
    if not real or not real > 0:
        return "unknown", f"{name} {short(last)}; what real examples score is not known"
    share = last / real
    mark: Mark = "good" if share >= 0.75 else "look" if share >= 0.5 else "bad"
    if name == "diversity":
        return mark, f"samples lie {short(100 * share)} % as far apart as examples do"
    return mark, f"{name} {short(last)}, of real examples {short(real)}"


def _numbers(record: Record, lane: int) -> Iterator[tuple[str, Values, float | None]]:
    """The numbers of a lane, of its hooks and its last evaluation, each with what real examples score."""
    rows = measured(record.members[lane])
    hooks = {
        name: [(row.step, x) for row in rows if math.isfinite(x := row.numbers.get(name, math.nan))]
        for name in COVERING
    }
    for name, values in hooks.items():
        if values:
            yield name, values, _real(record, name, lane)
    place = record.lanes[lane].name if record.lanes else ""
    for newest in record.newest:
        if newest.lane != place or newest.n < FEW:
            continue
        alike = [one for one in record.evaluations if (one.lane, one.how) == (place, newest.how)]
        for name in COVERING:
            # as many samples as real examples, where those were fewer
            rows_of = [(one.step, one.rows.get("alike") or one.rows["samples"]) for one in alike]
            values = [(step, row[name].value) for step, row in rows_of if name in row]
            values = [(step, value) for step, value in values if math.isfinite(value)]
            if values and not any(step > newest.step for step, _ in hooks[name]):
                yield name, values, _oracle(newest, name)


def _real(record: Record, name: str, lane: int) -> float | None:
    """What real examples score by a hook: 1 of diversity, a ratio; of the modes that an evaluation knew of
    as many as so many examples show.
    """
    if name == "diversity":
        return 1.0
    if logged := [x for row in record.members[lane] if (x := row.numbers.get(f"{name}_real")) is not None]:
        return logged[-1]
    if name == "modes":  # of other numbers it depends on how many samples are taken
        known = [_oracle(one, name) for one in record.evaluations if one.n >= FEW]
        most = max((x for x in known if x is not None), default=None)
        taken = [facts["n"] for _, facts in record.noted if name in facts.get("names", ()) and "n" in facts]
        return perfect(max(round(most), 1), taken[-1])[name] if most and taken else most
    return None


def _oracle(one: Evaluation, name: str) -> float | None:
    real = one.rows.get("oracle", {}).get(name)
    return real.value if real else one.floor.get(name)
