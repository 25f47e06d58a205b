"""Groups runs into methods and their seeds, and reads what each seed measured."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.compare.diversity import counts_as_collapsed
from jaxgan.compare.record import Record, describe, hook_rows, records, training_rows, without_path
from jaxgan.errors import Refused
from jaxgan.folder.settings import FIXED, RESUMABLE, SPLIT
from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import count
from jaxgan.run.halted import FAILED

HOOKS = "while training"
"""How numbers of hooks were measured, followed by what the hooks noted."""

_OWN_ENDS = ("finished", "stopped", "NotFinite")  # ends that the training itself caused

_NOT_OF_METHOD = RESUMABLE | FIXED  # options that do not make another method


class Measure(NamedTuple):
    """A number and how it was measured: values are compared only if both agree."""

    name: str
    how: str


class Seed(NamedTuple):
    """One seed of a method: a run, or a lane of one."""

    number: int
    run: str
    lane: str  # "" for a single run
    values: Mapping[Measure, Mapping[int, float]]  # by step
    failed: str  # why, or ""
    ended_early: bool  # by the training itself, and so counts with its last values
    unfinished: str  # how it was ended by something else, or ""
    parts: Mapping[str, int] = {}  # seed_init and the like, where the seed is split

    @property
    def key(self) -> tuple[int, ...]:
        """What seeds of several methods are paired by."""
        return self.number, *(self.parts.get(name, self.number) for name in SPLIT)

    @property
    def name(self) -> str:
        return f"{self.run} {self.lane}".strip()

    @property
    def finished(self) -> bool:
        return not (self.ended_early or self.unfinished)


class Method(NamedTuple):
    """Runs that differ only in the seed."""

    name: str
    options: Mapping[str, Any]
    seeds: tuple[Seed, ...]

    @property
    def ended(self) -> list[Seed]:
        """The seeds that have ended; all seeds if none is finished."""
        # while a run is going on only failed seeds have ended, and would be 100 %
        any_finished = any(seed.finished for seed in self.seeds)
        return [seed for seed in self.seeds if not (any_finished and seed.unfinished)]


class Metadata(NamedTuple):
    """What evaluations and manifests state besides values."""

    better: Mapping[str, str]
    oracle: Mapping[Measure, Estimate]
    notes: tuple[str, ...]


def read_methods(runs: Sequence[Path]) -> tuple[list[Method], Metadata]:
    """Returns the methods in these run folders, named by the options in which they differ."""
    methods: dict[str, Method] = {}
    paths: dict[str, str] = {}
    all_records = records(runs)
    for record in all_records:
        for lane, values in enumerate(_options(record)):
            parts = {name: int(values[name]) for name in SPLIT if values.get(name) is not None}
            options = _method_options(record, values)
            key = json.dumps([options, record.manifest.files, _initial_weights(record)], sort_keys=True)
            if "data" in values:  # named by the first of its paths
                options["data"] = paths.setdefault(options["data"], values["data"])
            seed = _seed(record, lane, record.lanes[lane].seed if record.lanes else int(values["seed"]))
            seed = seed._replace(parts=parts)
            method = methods.get(key, Method("", options, ()))
            if twins := [other for other in method.seeds if other.key == seed.key]:
                raise Refused(
                    f"{twins[0].name} and {seed.name} are the same seed of the same options: give only one"
                )
            methods[key] = method._replace(seeds=(*method.seeds, seed))
    return _name(list(methods.values())), _metadata(all_records)


def _seed(record: Record, lane: int, number: int) -> Seed:
    name = record.lanes[lane].name if record.lanes else ""
    values: dict[Measure, dict[int, float]] = {}
    for row in hook_rows(record.members[lane]):
        for metric in row.numbers.keys() - {f"{metric}_real" for metric in row.numbers}:
            values.setdefault(_hook_measure(record, metric), {})[row.step] = row.numbers[metric]
    for evaluation in record.evaluations:
        for metric, estimate in evaluation.rows["samples"].items() if evaluation.lane == name else ():
            values.setdefault(Measure(metric, evaluation.how), {})[evaluation.step] = estimate.value
    finite = {
        measure: {step: x for step, x in steps.items() if math.isfinite(x)}
        for measure, steps in values.items()
    }
    end = str(record.halted.get(name)) if name else record.end
    failed = _why_failed(record, lane, end)
    ended_early = failed == "not finite" or end.startswith(("stopped", *FAILED))
    unfinished = "" if ended_early or record.end.startswith(_OWN_ENDS) else record.end
    return Seed(number, record.name, name, finite, failed, ended_early, unfinished)


def _hook_measure(record: Record, name: str) -> Measure:
    """Returns a number of a hook with all that hooks noted of how they measured it, which may have changed.

    Notes that name no numbers are about all of them.
    """
    notes = [(hook, facts) for hook, facts in record.hook_facts if name in facts.get("names", [name])]
    ways = dict.fromkeys(f"{hook}: {describe(facts)}" for hook, facts in notes)
    return Measure(name, ", ".join([HOOKS, *ways]))


def _why_failed(record: Record, lane: int, end: str) -> str:
    """Returns why a seed failed: not finite, or collapsed by its stop rule or its last values; "" if not."""
    why = end.partition(" (beside it:")[0]  # numbers with arbitrary names follow
    if why.startswith(("NotFinite", *FAILED)) or "hold NaN or infinite numbers" in why:
        return "not finite"
    # only rows of training: numbers of hooks may rightly be infinite
    if not all(
        math.isfinite(x) for row in training_rows(record.members[lane])[-1:] for x in row.numbers.values()
    ):
        return "not finite"
    by_rule = why.startswith("stopped") and "collapsed" in why
    return "collapsed" if by_rule or counts_as_collapsed(record, lane) else ""


def _metadata(all_records: Sequence[Record]) -> Metadata:
    evaluations = [evaluation for record in all_records for evaluation in record.evaluations]
    fair = [x for x in evaluations if x.oracle_n in (None, x.n)]  # most numbers depend on the sample size
    oracle = {Measure(name, x.how): value for x in fair for name, value in x.rows.get("oracle", {}).items()}
    for record in all_records:
        for row in (row.numbers for rows in record.members for row in hook_rows(rows)):
            for name in row.keys() & {f"{name}_real" for name in row}:
                real = Estimate(row[name], math.nan, math.nan)
                oracle[_hook_measure(record, name.removesuffix("_real"))] = real
    notes = [f"{record.name}: {note}" for record in all_records for note in record.notes]
    notes += [f"{record.name}: {line}" for record in all_records for line in record.changed]
    notes += _evaluation_notes(all_records)
    notes += [
        f"{record.name} made {count(record.reached)} of {count(record.config['steps'])} steps: {record.end}"
        for record in all_records
        if not record.end.startswith(_OWN_ENDS)
    ]
    notes += _script_notes(all_records)
    notes += [line for record in all_records[1:] for line in _differences(all_records[0], record)]
    better = {name: way for evaluation in evaluations for name, way in evaluation.better.items()}
    return Metadata(better, oracle, tuple(dict.fromkeys(notes)))


def _evaluation_notes(all_records: Sequence[Record]) -> list[str]:
    """Returns the notes of evaluations, each with its runs unless all runs have it."""
    runs: dict[str, dict[str, None]] = {}
    for record in all_records:
        for note in (note for evaluation in record.evaluations for note in evaluation.notes):
            runs.setdefault(note, {})[record.name] = None
    return [x if len(of) == len(all_records) else f"{', '.join(of)}: {x}" for x, of in runs.items()]


def _script_notes(all_records: Sequence[Record]) -> list[str]:
    """Returns a note for runs that are different methods only because their scripts differ."""
    notes = []
    scripts: dict[str, dict[str, Record]] = {}
    for record in all_records:
        files = json.dumps(record.manifest.files, sort_keys=True)
        for values in _options(record):
            options = json.dumps(_method_options(record, values), sort_keys=True)
            scripts.setdefault(options, {}).setdefault(files, record)
    for first, *others in (list(versions.values()) for versions in scripts.values()):
        for other in others:
            changed = sorted(dict(first.manifest.files.items() ^ other.manifest.files.items()))
            notes.append(
                f"{first.name} and {other.name} have the same options, but differ in {', '.join(changed)}: "
                "they are two methods"
            )
    return notes


def _options(record: Record) -> list[dict[str, Any]]:
    """Returns the options of a run, or of each of its lanes."""
    return [{**record.config, **lane.values, **lane.seed_parts} for lane in record.lanes] or [
        dict(record.config)
    ]


def _method_options(record: Record, options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options that define a method, with the data named by their content."""
    kept = {name: x for name, x in options.items() if name not in _NOT_OF_METHOD}
    return kept | ({"data": without_path(kept["data"], record.fingerprint)} if "data" in kept else {})


def _initial_weights(record: Record) -> str:
    """Returns the digest of the weights that a run started from, "" if it started from scratch."""
    return record.manifest.weights.sha256 if record.manifest.weights else ""


def _differences(first: Record, other: Record) -> list[str]:
    """Returns in what two runs differ besides their options, but should not."""
    notes = []
    data = [
        (run.fingerprint, without_path(str(run.config.get("data")), run.fingerprint), run.config.get("size"))
        for run in (first, other)
    ]
    if data[0] != data[1]:
        notes.append(f"{first.name} and {other.name} were trained on different data: their tasks differ")
    if _initial_weights(first) != _initial_weights(other):
        notes += [
            f"{record.name} did not start from scratch, but from the weights {record.manifest.weights.path}"
            for record in (first, other)
            if record.manifest.weights
        ]
    versions = other.manifest.versions
    changed = [
        f"{name} {version} and {versions.get(name)}"
        for name, version in first.manifest.versions.items()
        if versions.get(name) != version
    ]
    if changed:
        notes.append(f"{first.name} and {other.name} ran with different versions: {', '.join(changed)}")
    return notes


def _name(methods: list[Method]) -> list[Method]:
    """Names methods by the options in which they differ, and by folders too where these are not unique."""
    missing = object()
    differing = [
        option
        for option in dict.fromkeys(option for method in methods for option in method.options)
        if len({repr(method.options.get(option, missing)) for method in methods}) > 1
    ]
    names = [
        ", ".join(f"{option}={method.options[option]}" for option in differing if option in method.options)
        for method in methods
    ]
    if not all(names) or len(set(names)) < len(names):
        for number, method in enumerate(methods):
            names[number] = f"{names[number]} {'+'.join(dict.fromkeys(s.run for s in method.seeds))}".strip()
    return [method._replace(name=name) for method, name in zip(methods, names, strict=True)]
