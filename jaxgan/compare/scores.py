"""The scores of a run, with their intervals, beside those of real examples."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.compare.line import Line, with_interval
from jaxgan.compare.record import Evaluation, Record, Rows, hook_rows
from jaxgan.evaluate import names
from jaxgan.metrics.memorisation import FRESH
from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import count, short, step_range


class Score(NamedTuple):
    """A number over the lanes of a run, and what real examples score."""

    name: str
    steps: tuple[int, int]  # the earliest and the latest of the lanes
    estimate: Estimate  # of several lanes their median and range
    oracle: Estimate | None
    lanes: int
    n: int | None = None  # samples, where known
    oracle_n: int | None = None  # real examples, where known
    all_samples: Estimate | None = None  # where `estimate` is of only as many as there are real examples


def scores(record: Record) -> list[Score]:
    """Returns the main numbers of a run, at the best steps if measured there, else at the last."""
    if record.evaluations:
        at_best = record.at(record.best)
        evaluations = at_best if len(at_best) == len(record.names) else record.newest_evaluations
        known = [name for name in evaluations[0].rows["samples"] if better(name, evaluations) is not None]
        return [_evaluated_score(name, evaluations) for name in headlines(known)]
    hooks = [hook_rows(rows) for rows in record.members]
    known = [name for rows in hooks for row in rows for name in row.numbers if better(name)]
    best = [record.best.get(name) for name in record.names]
    return [score for name in headlines(known) if (score := _training_score(name, hooks, best))]


def score_lines(record: Record) -> list[Line]:
    """Returns a line for each score; where lanes differ in options, that of the best options."""
    parts = record.parts
    if len(parts) == 1:
        return [_line(score, record) for score in scores(record)]
    by_options = {options: {score.name: score for score in scores(part)} for options, part in parts.items()}
    lines = []
    for name in dict.fromkeys(name for part_scores in by_options.values() for name in part_scores):
        sign = -1 if better(name, record.evaluations) == "lower" else 1
        values = {
            options: sign * part_scores[name].estimate.value
            for options, part_scores in by_options.items()
            if name in part_scores
        }
        ranked = sorted(values, key=lambda options: np.nan_to_num(values[options], nan=-np.inf))
        line = _line(by_options[ranked[-1]][name], parts[ranked[-1]])
        last = f"the last is {ranked[0]}, {short(sign * values[ranked[0]])}"
        words = f"Of {len(parts)} settings the best by {name} is {ranked[-1]}, {last}. {line.words}"
        lines.append(line._replace(words=words))
    return lines


def better(name: str, evaluations: Sequence[Evaluation] = ()) -> str | None:
    """Returns whether "lower" or "higher" is better, None where that is not known.

    >>> better("fd_local"), better("coverage"), better("colour")
    ('lower', 'higher', None)
    """
    for evaluation in evaluations:
        if name in evaluation.better:
            return evaluation.better[name]
    return names.better(name)


def _line(score: Score, record: Record) -> Line:
    """Returns the score, its interval and that of real examples, marked only where it is not finite."""
    value, oracle = score.all_samples or score.estimate, score.oracle
    lanes = over_lanes(score.lanes, len(record.lanes))
    if score.n and not score.all_samples:
        lanes += f", {count(score.n)} samples"
    if oracle is None:
        real = "What real examples score is not known: run `jaxgan evaluate`."
    elif score.all_samples and score.n:
        many = count(score.n)
        real = f"Of {many} samples {with_interval(score.estimate)}, "
        real += f"of {many} real examples {with_interval(oracle)}."
    elif score.oracle_n == score.n:
        real = f"Real examples: {with_interval(oracle)}."
    else:
        number = f"{count(score.oracle_n)} of them" if score.oracle_n else "their number is not known"
        real = f"Real examples, {number}: {with_interval(oracle)}. "
        real += "The numbers must be equal to compare: run `jaxgan evaluate` again."
    way = better(score.name, record.evaluations) or "higher"
    at = f"at {step_range(*score.steps)}{lanes} ({way} is better)"
    words = f"{score.name} {with_interval(value)} {at}. {real}"
    if math.isfinite(value.value):
        return Line("info", "Score", words)
    return Line("bad", "Score", words, "bad: the score is not finite", "not finite")


def over_lanes(measured: int, lanes: int) -> str:
    """Says which lanes a number is of, nothing for a single run.

    >>> over_lanes(3, 8), over_lanes(1, 8), over_lanes(1, 0)
    (', the median of 3 of 8 lanes and their range', ', of 1 of 8 lanes', '')
    """
    if lanes < 2:
        return ""
    number = f"{measured} lanes" if measured == lanes else f"{measured} of {lanes} lanes"
    return f", the median of {number} and their range" if measured > 1 else f", of {number}"


def headlines(names: Iterable[str]) -> list[str]:
    """Returns the FID; else the numbers of modes; else another Frechet distance; else the first name."""
    known = sorted(set(names) - FRESH.keys())
    frechet = [name for name in known if name.startswith("fd_")]
    for wanted in (["fid"], ["modes", "high_quality", "reverse_kl"], frechet, known[:1]):
        if chosen := [name for name in wanted if name in known]:
            return chosen
    return []


def _evaluated_score(name: str, evaluations: Sequence[Evaluation]) -> Score:
    """Returns the number in these evaluations, which are one of each lane."""
    steps = [evaluation.step for evaluation in evaluations]
    samples, oracles, equal = (
        [numbers[name] for evaluation in evaluations if name in (numbers := evaluation.rows.get(row, {}))]
        for row in ("samples", "oracle", "alike")
    )
    floors = [Estimate(*[one.floor[name]] * 3) for one in evaluations if name in one.floor]
    oracle = median_and_range(oracles or floors) if oracles or floors else None
    n = evaluations[0].n
    oracle_n = evaluations[0].oracle_n if oracles else n  # the floor is that of n samples
    score = Score(
        name, (min(steps), max(steps)), median_and_range(samples), oracle, len(samples), n, oracle_n
    )
    if len(equal) == len(samples):
        return score._replace(estimate=median_and_range(equal), n=oracle_n, all_samples=score.estimate)
    return score


def median_and_range(estimates: Sequence[Estimate]) -> Estimate:
    """Returns the estimate if all are the same, else the median, lowest and highest of their values."""
    if len(set(estimates)) == 1:
        return estimates[0]
    values = [estimate.value for estimate in estimates]
    return Estimate(float(np.median(values)), min(values), max(values))


def _training_score(name: str, hooks: Sequence[Rows], best: Sequence[int | None]) -> Score | None:
    """Returns the number as hooks measured it, at the best step of each lane or else the last of all."""
    lanes = [
        {row.step: x for row in rows if math.isfinite(x := row.numbers.get(name, math.nan))} for rows in hooks
    ]
    known = [(step, values) for step, values in zip(best, lanes, strict=True) if values]
    if not known:
        return None
    if not all(step in values for step, values in known):
        last = max(step for _, values in known for step in values)
        known = [(last, values) for _, values in known]
    steps = [step for step, values in known if step in values]
    estimate = median_and_range(
        [Estimate(values[step], math.nan, math.nan) for step, values in known if step in values]
    )
    real = [row.numbers[f"{name}_real"] for rows in hooks for row in rows if f"{name}_real" in row.numbers]
    oracle = Estimate(real[-1], math.nan, math.nan) if real else None
    return Score(name, (min(steps), max(steps)), estimate, oracle, len(steps))
