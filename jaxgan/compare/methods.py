"""Runs as methods and their seeds: what is to be compared with what."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.compare.diversity import counts_as_collapsed
from jaxgan.compare.record import Record, Rows, describe, hook_rows, records, training_rows, without_path
from jaxgan.errors import Refused
from jaxgan.folder.settings import RESUMABLE
from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import count
from jaxgan.run.halted import FAILED

HOOKS = "while training"  # as what hooks measured is called, before what they noted of it

_ENDED = ("finished", "stopped", "NotFinite")  # by what the run itself did

_APART = RESUMABLE | {"seed", "seeds", "over"}  # options that make no other method


class Measure(NamedTuple):
    """A number and how it was measured: only what agrees in both can be compared."""

    name: str
    how: str


class Trained(NamedTuple):
    """One seed of a method: a run, or a lane of one."""

    seed: int
    run: str
    lane: str  # nothing, of a single run
    values: Mapping[Measure, Mapping[int, float]]  # by step
    failed: str  # why, or nothing
    over: bool  # it was ended by what it did itself, and so counts by its last numbers
    unfinished: str  # how it was ended by something else, or nothing

    @property
    def place(self) -> str:
        return f"{self.run} {self.lane}".strip()

    @property
    def finished(self) -> bool:
        return not (self.over or self.unfinished)


class Method(NamedTuple):
    """Runs that differ in nothing but the seed."""

    name: str
    options: Mapping[str, Any]
    seeds: tuple[Trained, ...]

    @property
    def ended(self) -> list[Trained]:
        """The seeds whose end is known; all, as they stand, where none has come as far as it was to."""
        # of a run that goes on only those that failed have ended: they alone would be 100 %
        going = any(seed.finished for seed in self.seeds)
        return [seed for seed in self.seeds if not (going and seed.unfinished)]


class Known(NamedTuple):
    """What evaluations and manifests say beside the numbers."""

    better: Mapping[str, str]
    oracle: Mapping[Measure, Estimate]
    notes: tuple[str, ...]


def methods(runs: Sequence[Path]) -> tuple[list[Method], Known]:
    """The methods in these run folders, named by what differs in their options."""
    found: dict[str, Method] = {}
    paths: dict[str, str] = {}
    every = records(runs)
    for record in every:
        for place, own in enumerate(_options(record)):
            options = _telling(record, own)
            key = json.dumps([options, record.manifest.files, _began_with(record)], sort_keys=True)
            if "data" in own:  # by one of its paths, where they have several
                options["data"] = paths.setdefault(options["data"], own["data"])
            seed = record.lanes[place].seed if record.lanes else int(own["seed"])
            one = _trained(record, seed, place)
            old = found.get(key, Method("", options, ()))
            if twins := [other for other in old.seeds if other.seed == seed]:
                raise Refused(
                    f"{twins[0].place} and {one.place} are the same seed of the same options: give one"
                )
            found[key] = old._replace(seeds=(*old.seeds, one))
    return _named(list(found.values())), _known(every)


def _trained(record: Record, seed: int, place: int) -> Trained:
    lane = record.lanes[place].name if record.lanes else ""
    rows = record.members[place]
    values: dict[Measure, dict[int, float]] = {}
    for row in hook_rows(rows):
        for name in row.numbers.keys() - {f"{name}_real" for name in row.numbers}:
            values.setdefault(_by_hook(record, name), {})[row.step] = row.numbers[name]
    for said in record.evaluations:
        if said.lane == lane:
            for name, estimate in said.rows["samples"].items():
                values.setdefault(Measure(name, said.how), {})[said.step] = estimate.value
    finite = {
        measure: {step: x for step, x in steps.items() if math.isfinite(x)}
        for measure, steps in values.items()
    }
    ended = str(record.halted.get(lane)) if lane else record.end
    failed = _failed(record, place, rows, ended)
    over = failed == "not finite" or ended.startswith(("stopped", *FAILED))
    unfinished = "" if over or record.end.startswith(_ENDED) else record.end
    return Trained(seed, record.name, lane, finite, failed, over, unfinished)


def _by_hook(record: Record, name: str) -> Measure:
    """A number as hooks measured it, and what they have noted of how; that may have changed on the way.

    What does not say of which numbers it was noted is of all of them.
    """
    noted = [(by, facts) for by, facts in record.hook_facts if name in facts.get("names", [name])]
    ways = dict.fromkeys(f"{by}: {describe(facts)}" for by, facts in noted)
    return Measure(name, ", ".join([HOOKS, *ways]))


def _failed(record: Record, place: int, rows: Rows, ended: str) -> str:
    """Why a seed counts as failed: not finite, or collapsed by its own stop rule or by what it ended at."""
    why = ended.partition(" (beside it:")[0]  # what follows are numbers by any name
    if why.startswith(("NotFinite", *FAILED)) or "hold NaN or infinite numbers" in why:
        return "not finite"
    # not what hooks measured: some numbers are rightly infinite
    if not all(math.isfinite(x) for row in training_rows(rows)[-1:] for x in row.numbers.values()):
        return "not finite"
    by_rule = why.startswith("stopped") and "collapsed" in why
    return "collapsed" if by_rule or counts_as_collapsed(record, place) else ""


def _known(every: Sequence[Record]) -> Known:
    said = [evaluation for record in every for evaluation in record.evaluations]
    fair = [one for one in said if one.oracle_n in (None, one.n)]  # most numbers depend on how many
    oracle = {Measure(name, one.how): x for one in fair for name, x in one.rows.get("oracle", {}).items()}
    rows = [(record, row.numbers) for record in every for lane in record.members for row in hook_rows(lane)]
    for record, row in rows:
        for name in row.keys() & {f"{name}_real" for name in row}:
            real = Estimate(row[name], math.nan, math.nan)
            oracle[_by_hook(record, name.removesuffix("_real"))] = real
    notes = [f"{record.name}: {note}" for record in every for note in record.notes]
    notes += [f"{record.name}: {line}" for record in every for line in record.changed]
    notes += _remarks(every)
    notes += [line for record in every for line in _unfinished(record)]
    notes += _rewritten(every)
    notes += [line for record in every[1:] for line in _unlike(every[0], record)]
    better = {name: way for one in said for name, way in one.better.items()}
    return Known(better, oracle, tuple(dict.fromkeys(notes)))


def _remarks(every: Sequence[Record]) -> list[str]:
    """What evaluations remark, and of which runs where it is not of all."""
    whose: dict[str, dict[str, None]] = {}
    for record in every:
        for note in (note for one in record.evaluations for note in one.notes):
            whose.setdefault(note, {})[record.name] = None
    return [x if len(of) == len(every) else f"{', '.join(of)}: {x}" for x, of in whose.items()]


def _rewritten(every: Sequence[Record]) -> list[str]:
    """That runs of the same options are different methods, since their script is another."""
    notes = []
    same: dict[str, dict[str, Record]] = {}
    for record in every:
        code = json.dumps(record.manifest.files, sort_keys=True)
        for own in _options(record):
            same.setdefault(json.dumps(_telling(record, own), sort_keys=True), {}).setdefault(code, record)
    for one, *others in (list(versions.values()) for versions in same.values()):
        for other in others:
            files = sorted(dict(one.manifest.files.items() ^ other.manifest.files.items()))
            notes.append(
                f"{one.name} and {other.name} differ in no option but in {', '.join(files)}: two methods"
            )
    return notes


def _options(record: Record) -> list[dict[str, Any]]:
    """The options of a run, or of each of its lanes."""
    return [{**record.config, **lane.values} for lane in record.lanes] or [dict(record.config)]


def _telling(record: Record, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that make a method, the data by what they are."""
    told = {name: x for name, x in options.items() if name not in _APART}
    return told | ({"data": without_path(told["data"], record.fingerprint)} if "data" in told else {})


def _began_with(record: Record) -> str:
    """The digest of the weights that a run was told to begin with, nothing of one that began anew."""
    return record.manifest.weights.sha256 if record.manifest.weights else ""


def _unfinished(record: Record) -> list[str]:
    """That a run neither finished nor was ended by what it did."""
    if record.end.startswith(_ENDED):
        return []
    done = f"{count(record.reached)} of its {count(record.config['steps'])} steps"
    return [f"{record.name} has made {done}: {record.end}"]


def _unlike(one: Record, other: Record) -> list[str]:
    """What differs between two runs beside their options, and should not."""
    notes = []
    data = [
        (of.fingerprint, without_path(str(of.config.get("data")), of.fingerprint), of.config.get("size"))
        for of in (one, other)
    ]
    if data[0] != data[1]:
        notes.append(
            f"{one.name} and {other.name} learned from different data: their scores are of different tasks"
        )
    if _began_with(one) != _began_with(other):
        notes += [
            f"{record.name} did not begin anew, but with the weights {record.manifest.weights.path}"
            for record in (one, other)
            if record.manifest.weights
        ]
    theirs = other.manifest.versions
    changed = [
        f"{name} {version} and {theirs.get(name)}"
        for name, version in one.manifest.versions.items()
        if theirs.get(name) != version
    ]
    if changed:
        notes.append(f"{one.name} and {other.name} ran other versions: {', '.join(changed)}")
    return notes


def _named(found: list[Method]) -> list[Method]:
    """Methods by the options in which they differ; by folders too, where those do not tell them apart."""
    options = list(dict.fromkeys(name for method in found for name in method.options))
    missing = object()

    def differs(name: str) -> bool:
        return len({repr(method.options.get(name, missing)) for method in found}) > 1

    differing = [name for name in options if differs(name)]
    names = []
    for method in found:
        own = [f"{name}={method.options[name]}" for name in differing if name in method.options]
        names.append(", ".join(own))
    if not all(names) or len(set(names)) < len(names):
        for number, method in enumerate(found):
            names[number] = f"{names[number]} {'+'.join(dict.fromkeys(s.run for s in method.seeds))}".strip()
    return [method._replace(name=name) for method, name in zip(found, names, strict=True)]
