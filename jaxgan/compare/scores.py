"""How good the samples are, beside what real examples would score."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.compare.line import MARKS, Line, Mark, with_interval
from jaxgan.compare.record import FEW, Evaluation, Record, Rows, measured
from jaxgan.evaluate import names
from jaxgan.metrics.memorisation import FRESH
from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import count, short, step_range

RULE = (
    "good: not worse than real examples, within the intervals; or 98 % of the way to them from step 0, of a "
    "distance 99.5 %; where that is not known at most twice their score, at least 90 % of one to be high. "
    "bad: less than 80 % of the way; more than ten times, less than half."
)


class Score(NamedTuple):
    """A number at a step of each lane, their median; what real examples score, and what it began at."""

    name: str
    steps: tuple[int, int]  # of the lane whose was the earliest, and of the one whose was the latest
    found: Estimate
    oracle: Estimate | None
    start: float | None
    lanes: int
    n: int | None = None  # samples it was measured on, where that is known
    oracle_n: int | None = None  # real examples likewise
    whole: Estimate | None = None  # what all samples score, where n are not all: as many as real examples


def scores(record: Record) -> list[Score]:
    """The numbers to judge a run by, the one that says most first; of the best steps if measured."""
    if record.evaluations:
        at_best = record.at(record.best)
        alike = at_best if len(at_best) == len(record.names) else record.newest
        known = [name for name in alike[0].rows["samples"] if better(name, alike) is not None]
        return [_evaluated(name, alike) for name in headlines(known)]
    hooks = [measured(rows) for rows in record.members]
    found = {name for rows in hooks for row in rows for name in row.numbers if better(name)}
    best = [record.best.get(name) for name in record.names]
    scored = [score for name in headlines(found) if (score := _while_training(name, hooks, best))]
    # what began with trained weights had most of the way behind it
    return [score._replace(start=None) for score in scored] if record.manifest.weights else scored


def scored(record: Record) -> list[Line]:
    """Each score in words; where lanes have options of their own, that of those which scored best."""
    parts = record.parts
    if len(parts) == 1:
        return [_line(score, record) for score in scores(record)]
    every = {options: {score.name: score for score in scores(part)} for options, part in parts.items()}
    lines = []
    for name in dict.fromkeys(name for own in every.values() for name in own):
        sign = -1 if better(name, record.evaluations) == "lower" else 1
        values = {options: sign * own[name].found.value for options, own in every.items() if name in own}
        ranked = sorted(values, key=lambda options: np.nan_to_num(values[options], nan=-np.inf))
        line = _line(every[ranked[-1]][name], parts[ranked[-1]])
        last = f"the last is {ranked[0]}, {short(sign * values[ranked[0]])}"
        words = f"Of {len(parts)} settings the best by {name} is {ranked[-1]}, {last}. {line.words}"
        lines.append(line._replace(words=words))
    return lines


def better(name: str, evaluations: Sequence[Evaluation] = ()) -> str | None:
    """Which way a number is better, None where nobody said.

    >>> better("fd_local"), better("coverage"), better("colour")
    ('lower', 'higher', None)
    """
    for one in evaluations:
        if name in one.better:
            return one.better[name]
    return names.better(name)


def judged(score: Score, way: str) -> tuple[Mark, str]:
    """How near a score is to that of real examples; never good where these were not as many, or nobody knows:
    of more samples most numbers are the better.

    >>> exact = lambda x: Estimate(x, x, x)
    >>> judged(Score("fid", (9, 9), exact(30.0), exact(2.0), None, 1), "lower")
    ('bad', '15 times that of real examples')
    """
    mark, why = _compared(score, way)
    if mark == "good" and score.oracle_n != score.n:
        return "look", "real examples were fewer, or nobody said how many: run `jaxgan evaluate` again"
    return mark, why


def _compared(score: Score, way: str) -> tuple[Mark, str]:
    found, oracle, start = score.found, score.oracle, score.start
    if score.n is not None and score.n < FEW:
        return "unknown", f"{score.n} samples are too few to say: take {FEW} at least"
    if oracle is None:
        return "look", "what real examples score is not known: run `jaxgan evaluate`"
    sign = 1 if way == "higher" else -1
    if sign * (found.value - oracle.value) >= 0:
        return "good", "no worse than real examples"
    high, edge = max(sign * found.low, sign * found.high), min(sign * oracle.low, sign * oracle.high)
    if score.lanes == 1 and high >= edge:  # never so of NaN
        return "good", "its interval reaches that of real examples"
    mark: Mark
    if start is not None and sign * (oracle.value - start) > 0:
        share = (found.value - start) / (oracle.value - start)
        near = 0.98 if way == "higher" else 0.995  # a distance that noise has is many times any other
        mark = "good" if share >= near else "look" if share >= 0.8 else "bad"
        return mark, f"{short(100 * share)} % of the way from the start, {short(start)}, to real examples"
    if oracle.value <= 0:
        return "look", "real examples score better"
    times = found.value / oracle.value
    if way == "lower":
        mark = "good" if times <= 2 else "look" if times <= 10 else "bad"
        return mark, f"{short(times)} times that of real examples"
    mark = "good" if times >= 0.9 else "look" if times >= 0.5 else "bad"
    return mark, f"{short(100 * times)} % of that of real examples"


def _line(score: Score, record: Record) -> Line:
    """The score in words."""
    way = better(score.name, record.evaluations) or "higher"
    mark, why = judged(score, way)
    if score.lanes > 1:
        end = score.found.high if way == "lower" else score.found.low
        worst, reason = judged(score._replace(found=Estimate(end, end, end)), way)
        if MARKS.index(worst) > MARKS.index(mark):
            mark, why = worst, f"the worst of them: {reason}"
    every = max(len(record.lanes), 1)
    of = f"{score.lanes} of {every} lanes" if every > score.lanes else f"{score.lanes} lanes"
    if every > score.lanes and mark == "good":
        mark, why = "look", f"{why}, but the other lanes were not measured so"
    lanes = f", the median of {of} and their range" if score.lanes > 1 else f", of {of}" if every > 1 else ""
    real = f" Real examples: {with_interval(score.oracle)}." if score.oracle else ""
    if score.whole and score.oracle and score.n:
        many = count(score.n)
        ours, theirs = with_interval(score.found), with_interval(score.oracle)
        real = f" Of {many} samples {ours}, of {many} real examples {theirs}."
    value = with_interval(score.whole or score.found)
    words = f"{score.name} {value} at {step_range(*score.steps)}{lanes} ({way} is better).{real}"
    return Line(mark, "Score", f"{words} {why[0].upper()}{why[1:]}.", RULE)


def headlines(names: Iterable[str]) -> list[str]:
    """Of these numbers the FID; or those of modes; or another Frechet distance; or the first there is."""
    there = sorted(set(names) - FRESH.keys())
    frechet = [name for name in there if name.startswith("fd_")]
    for wanted in (["fid"], ["modes", "high_quality", "reverse_kl"], frechet, there[:1]):
        if chosen := [name for name in wanted if name in there]:
            return chosen
    return []


def _evaluated(name: str, alike: Sequence[Evaluation]) -> Score:
    """The number in these evaluations, one of each lane."""
    at = min(one.step for one in alike), max(one.step for one in alike)
    found = [one.rows["samples"][name] for one in alike if name in one.rows["samples"]]
    real = [one.rows["oracle"][name] for one in alike if name in one.rows.get("oracle", {})]
    floor = [Estimate(*[one.floor[name]] * 3) for one in alike if name in one.floor]
    oracle = _median(real or floor) if real or floor else None
    n, oracle_n = alike[0].n, alike[0].oracle_n if real else alike[0].n  # the floor is that of n samples
    fair = [one.rows["alike"][name] for one in alike if name in one.rows.get("alike", {})]
    if len(fair) == len(found):
        whole = _median(found)
        return Score(name, at, _median(fair), oracle, None, len(fair), oracle_n, oracle_n, whole)
    return Score(name, at, _median(found), oracle, None, len(found), n, oracle_n)


def _median(found: Sequence[Estimate]) -> Estimate:
    """The one estimate; of several that differ their median value, and the lowest and highest of them."""
    if len(set(found)) == 1:
        return found[0]
    values = [one.value for one in found]
    return Estimate(float(np.median(values)), min(values), max(values))


def _while_training(name: str, hooks: Sequence[Rows], best: Sequence[int | None]) -> Score | None:
    """The number as hooks measured it, at the best step of each lane or else the last of all."""
    lanes = [
        {row.step: x for row in rows if math.isfinite(x := row.numbers.get(name, math.nan))} for rows in hooks
    ]
    known = [(step, values) for step, values in zip(best, lanes, strict=True) if values]
    if not known:
        return None
    asked = {step for _, values in known for step in values}
    if not all(step in values for step, values in known):
        known = [(max(asked), values) for _, values in known]
    at = [(step, values[step]) for step, values in known if step in values]
    real = [row.numbers[f"{name}_real"] for rows in hooks for row in rows if f"{name}_real" in row.numbers]
    start = float(np.median([next(iter(values.values())) for _, values in known])) if len(asked) > 1 else None
    found = _median([Estimate(x, math.nan, math.nan) for _, x in at])
    oracle = Estimate(real[-1], math.nan, math.nan) if real else None
    return Score(name, (min(at)[0], max(at)[0]), found, oracle, start, len(at))
