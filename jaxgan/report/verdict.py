"""Did it go well? What a person is told first, each line with its mark and the reason."""

from collections.abc import Sequence

import numpy as np

from jaxgan.compare.diversity import RULE, ended_at
from jaxgan.compare.line import MARKS, Line, Mark
from jaxgan.compare.record import Record, measured
from jaxgan.compare.scores import Score, scored, scores
from jaxgan.pictures.words import count, first_three, short, step_range
from jaxgan.report.signs import copying, health


def verdict(record: Record) -> list[Line]:
    """The lines for the top of a report: how it ended, scores, best step, diversity, copies, health."""
    lines = health(record)
    worst = max((line.mark for line in lines), key=MARKS.index)
    told = [line.words for line in lines if line.mark == worst] if worst != "good" else []
    well = [line.what[0].lower() + line.what[1:] for line in lines if line.mark == "good"]
    words = f"{'; '.join(told)}." if told else f"No trouble in: {', '.join(well)}."
    return [
        ended(record),
        *(scored(record) or [_UNSCORED]),
        best(record, scores(record)),
        diversity(record),
        *([copied] if (copied := copying(record)) else []),
        Line(worst, "Health", words),
    ]


def ended(record: Record) -> Line:
    """Whether it finished, and why not."""
    steps = record.config.get("steps", 0)
    came = f"{count(record.reached)} of {count(steps)} steps"
    end, still = record.end.partition(" (beside it:")[0], record.still
    goes_on = "`jaxgan resume` goes on"
    if record.saved is not None:
        goes_on += f" from step {count(record.saved)}, its newest checkpoint"
    mark: Mark
    if end == "finished":
        killed = any(entry.stopped is None for entry in record.manifest.sessions)
        rest = ", sessions that were killed not counted" if killed else ""
        mark, words = "good", f"Finished: {came} in {_clock(record.seconds)}{rest}."
    elif end == "running":
        mark, words = "look", f"Still running: {came}."
    elif end == "killed":
        mark, words = "look", f"Killed after {came}: no process holds the folder; {goes_on}."
    elif end.startswith("stopped"):
        mark, words = "good" if " has reached " in end else "look", f"S{end[1:]}, after {came}."
    elif end.startswith("Interrupted"):
        mark, words = "look", f"Interrupted after {came}; {goes_on}."
    else:
        mark, words = "bad", f"Failed after {came}: {end}."
    if still:
        mark = "bad" if any(not why.startswith("stopped") for why in still.values()) else "look"
        listed = first_three([f"{name} {why.partition(' (beside it:')[0]}" for name, why in still.items()])
        words += f" {len(still)} of {len(record.lanes)} lanes stand still: {listed}."
    return Line(mark, "End", words)


def best(record: Record, found: Sequence[Score]) -> Line:
    """Where it was best, and whether it went on in vain."""
    rule = "good: the best step lies in the last quarter; look: sooner; bad: never better than it began"
    rule += "; of lanes most, but bad where one is" if record.lanes else ""
    if not record.best:
        words = "No checkpoint was scored: that takes a `best`, and hooks that measure what it asks for."
        return Line("unknown", "Best step", words, rule)
    hooks = {name: measured(rows) for name, rows in zip(record.names, record.members, strict=True)}
    # a lane that stands still has rows as others do, and no numbers in them
    asked = {name: [row.step for row in rows if row.numbers] for name, rows in hooks.items()}
    first, latest = min(record.best.values()), max(record.best.values())
    own = ", of each lane its own," if first < latest else ""
    words = f"S{step_range(first, latest)[1:]}{own} of {count(record.reached)} scored best"
    spans = {name: (own[0], own[-1]) for name, own in asked.items() if own and own[0] < own[-1]}
    known = {name: step for name, step in record.best.items() if name in spans}
    if not known:
        return Line("unknown", "Best step", f"{words}: nothing else was measured.", rule)
    late = [name for name, step in known.items() if step >= 0.75 * spans[name][1]]
    if vain := [name or "it" for name, step in known.items() if step <= spans[name][0]]:
        return Line("bad", "Best step", f"{words}: {', '.join(vain)} never got better than it began.", rule)
    if 2 * len(late) > len(known):
        most = "in most " if len(late) < len(known) else ""
        return Line("good", "Best step", f"{words}, {most}when last measured or near it.", rule)
    for score in found[:1]:
        ends = [rows[-1].numbers for rows in hooks.values() if rows]
        last = [numbers[score.name] for numbers in ends if score.name in numbers]
        words += f"; {score.name} ended at {short(float(np.median(last)))}" if last else ""
    since = "nothing since was better" if record.end == "running" else "what came after was in vain"
    return Line("look", "Best step", f"{words}: {since}.", rule)


def diversity(record: Record) -> Line:
    """Whether the samples are as different as the examples are, as far as anything says so."""
    names = [name and f"{name}: " for name in record.names]
    found = [(mark, name, words) for n, name in enumerate(names) for mark, words in ended_at(record, n)]
    if not found:
        words = (
            "Not measured: give the experiment a hook of jaxgan.evaluate.health, or run `jaxgan evaluate`."
        )
        return Line("unknown", "Diversity", words, RULE)
    found = [one for one in found if one[0] != "unknown"] or found  # one that is known says enough
    worst = max((mark for mark, _, _ in found), key=MARKS.index)
    told = [f"{name}{words}" for mark, name, words in found if mark == worst]
    return Line(worst, "Diversity", f"{first_three(told)}.", RULE)


_UNSCORED = Line(
    "unknown",
    "Score",
    "Nothing was measured: run `jaxgan evaluate`, or give the experiment hooks that measure.",
)


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 120:
        return f"{round(seconds)} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
