"""The verdict on a run: how it ended, its numbers beside those of real examples, and the faults found."""

from collections.abc import Sequence

import numpy as np

from jaxgan.compare.diversity import FEW, Ending, endings
from jaxgan.compare.line import MARKS, Line, Mark, with_interval
from jaxgan.compare.record import NO_CHECKPOINTS, Record, hook_rows
from jaxgan.compare.scores import Score, median_and_range, over_lanes, score_lines, scores
from jaxgan.pictures.words import count, first_three, short, step_range
from jaxgan.report.signs import copies_line, health_lines


def verdict(record: Record) -> list[Line]:
    """Returns the lines for the top of a report."""
    unscored = "Nothing was measured: run `jaxgan evaluate`, or give the experiment hooks that measure."
    copies = copies_line(record)
    files = [*record.notes, *(note for note in record.checkpoint_notes if note != NO_CHECKPOINTS)]
    return [
        end_line(record),
        *(score_lines(record) or [Line("info", "Score", unscored)]),
        best_step_line(record, scores(record)),
        diversity_line(record),
        *([copies] if copies else []),
        _health_line(record),
        *([Line("look", "Files", f"{first_three(files)}.", "", "missing or damaged files")] if files else []),
    ]


def end_line(record: Record) -> Line:
    """Returns whether the run finished, and if not, why."""
    progress = f"{count(record.reached)} of {count(record.config.get('steps', 0))} steps"
    end = _without_values(record.end)
    resume = "`jaxgan resume` continues it"
    if record.saved is not None:
        resume += f" from step {count(record.saved)}, its newest checkpoint"
    mark: Mark
    mark, fault = "look", "unfinished"
    if end == "finished":
        killed = any(entry.stopped is None for entry in record.manifest.sessions)
        rest = ", not counting sessions that were killed" if killed else ""
        mark, fault, words = "good", "", f"Finished: {progress} in {_duration(record.seconds)}{rest}."
    elif end == "running":
        words = f"Still running: {progress}."
    elif end == "killed":
        words = f"Killed after {progress}: no process is running it; {resume}."
    elif end.startswith("stopped"):
        words = f"S{end[1:]}, after {progress}."
        if " has reached " in end:
            mark, fault = "good", ""
    elif end.startswith("Interrupted"):
        words = f"Interrupted after {progress}; {resume}."
    else:
        mark, fault, words = "bad", "ended by an error", f"Failed after {progress}: {end}."
    if halted := record.halted:
        failed = any(not why.startswith("stopped") for why in halted.values())
        mark = max(mark, "bad" if failed else "look", key=MARKS.index)
        fault = ", ".join(filter(None, [fault, "failed lanes" if failed else "stopped lanes"]))
        listed = first_three([f"{name} {_without_values(why)}" for name, why in halted.items()])
        words += f" {len(halted)} of {len(record.lanes)} lanes no longer train: {listed}."
    return Line(mark, "End", words, fault=fault)


def best_step_line(record: Record, all_scores: Sequence[Score]) -> Line:
    """Returns which step scored best, and how the first score ended."""
    if not record.best:
        words = "No checkpoint was scored: give the experiment a `best`, and hooks that measure for it."
        return Line("info", "Best step", words)
    hooks = {name: hook_rows(rows) for name, rows in zip(record.names, record.members, strict=True)}
    # a lane that no longer trains has rows without numbers
    steps = {name: [row.step for row in rows if row.numbers] for name, rows in hooks.items()}
    first, latest = min(record.best.values()), max(record.best.values())
    each = ", of each lane its own," if first < latest else ""
    words = f"S{step_range(first, latest)[1:]}{each} of {count(record.reached)} scored best"
    compared = [name for name in record.best if len(set(steps.get(name, []))) > 1]
    if not compared:
        return Line("info", "Best step", f"{words}: nothing else was measured.")
    for score in all_scores[:1]:
        last_rows = [rows[-1].numbers for rows in hooks.values() if rows]
        last = [numbers[score.name] for numbers in last_rows if score.name in numbers]
        words += f"; {score.name} ended at {short(float(np.median(last)))}" if last else ""
    if unimproved := [name or "it" for name in compared if record.best[name] <= steps[name][0]]:
        words += f": {', '.join(unimproved)} never improved on the first measurement"
    return Line("info", "Best step", f"{words}.")


def diversity_line(record: Record) -> Line:
    """Returns the numbers that fall where samples become alike, or which of them have collapsed."""
    rule = "bad: collapsed, the last value is 0, or below half of the best after the first tenth of the run"
    rule += f" (evaluations of fewer than {FEW} samples do not count)"
    collapsed: dict[str, None] = {}
    by_name: dict[str, dict[str, Ending]] = {}
    for number, lane in enumerate(record.names):
        for end in endings(record, number):
            by_name.setdefault(end.name, {})[lane] = end  # an evaluation replaces hooks
            if end.collapsed:
                collapsed[f"{lane and f'{lane}: '}{end.collapsed}"] = None
    if collapsed:
        return Line("bad", "Diversity", f"{first_three([*collapsed])}.", rule, "collapsed")
    if not by_name:
        words = "give the experiment a hook of jaxgan.evaluate.health, or run `jaxgan evaluate`."
        return Line("info", "Diversity", f"Not measured: {words}")
    words = "; ".join(_in_words([*ends.values()], len(record.lanes)) for ends in by_name.values())
    return Line("info", "Diversity", f"{words}.", rule)


def _in_words(ends: Sequence[Ending], lanes: int) -> str:
    """Returns one number over lanes beside that of real examples.

    >>> from jaxgan.metrics.metric import Estimate
    >>> _in_words([Ending("modes", Estimate(6.0, 6.0, 6.0), Estimate(8.0, 8.0, 8.0), "", None)], 0)
    'modes 6, real examples 8'
    """
    real = [end.real for end in ends if end.real]
    oracle = with_interval(median_and_range(real)) if real else "not known"
    value = f"{ends[0].name} {with_interval(median_and_range([end.value for end in ends]))}"
    return f"{value}{over_lanes(len(ends), lanes)}, real examples {oracle}"


def _health_line(record: Record) -> Line:
    """Returns the most urgent signs of health in one line."""
    lines = health_lines(record)
    mark = max((line.mark for line in lines), key=MARKS.index)
    shown = [line for line in lines if line.mark == mark]
    words, rule = "; ".join(line.words for line in shown), "; ".join(line.rule for line in shown)
    faults = dict.fromkeys(line.fault for line in lines if line.fault)
    return Line(mark, "Health", f"{words}.", rule, ", ".join(faults))


def _without_values(end: str) -> str:
    """Returns how a session or a lane ended, without the numbers that were measured beside that."""
    return end.partition(" (beside it:")[0]


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 120:
        return f"{round(seconds)} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
