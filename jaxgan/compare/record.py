"""Everything that a run folder records about its run; damaged or missing files are noted, not fatal."""

import dataclasses
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan import reading
from jaxgan.data import PREFIXES
from jaxgan.errors import Refused
from jaxgan.folder import folder
from jaxgan.folder.create import describe_changes, edited_options
from jaxgan.folder.folder import Folder
from jaxgan.folder.manifest import Manifest, endings, halted_lanes, read_manifest
from jaxgan.folder.rows import Row, read, read_single
from jaxgan.folder.settings import Settings
from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import count
from jaxgan.run.lane import Lane, lanes

Rows = Sequence[Row]

NO_CHECKPOINTS = "there are no checkpoints"


class Evaluation(NamedTuple):
    """One file of RUN/evaluations: numbers, and how they were measured."""

    step: int
    lane: str
    n: int  # samples
    oracle_n: int | None  # real examples behind "oracle", None where the file does not say
    how: str  # only numbers measured in the same way can be compared
    extractor: str
    is_default: bool  # with the default number and seed, against the default examples
    written: int  # the time, in nanoseconds
    rows: Mapping[str, Mapping[str, Estimate]]  # "samples"; perhaps "oracle"; "alike": `oracle_n` samples
    floor: Mapping[str, float]
    better: Mapping[str, str]  # "lower" or "higher"
    notes: tuple[str, ...]
    neighbours: Path | None  # a picture


class Record(NamedTuple):
    """A run as its folder records it; `members` are the rows of each lane, or of the whole run."""

    name: str
    path: Path
    config: Mapping[str, Any]
    manifest: Manifest
    ends: tuple[str, ...]  # how each session ended
    lanes: tuple[Lane, ...]
    members: tuple[Rows, ...]
    evaluations: tuple[Evaluation, ...]  # oldest step first
    saved: int | None  # the step of the newest checkpoint
    best: Mapping[str, int]  # the step that scored best, by lane: "" without lanes
    notes: tuple[str, ...]  # what could not be read
    checkpoint_notes: tuple[str, ...]  # the same of its checkpoints, which `compare` does not need

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its lanes, or one empty name."""
        return tuple(lane.name for lane in self.lanes) or ("",)

    @property
    def groups(self) -> dict[str, tuple[int, ...]]:
        """The lanes that differ only in their seed, by the options that they share."""
        groups: dict[str, tuple[int, ...]] = {}
        for number, lane in enumerate(self.lanes):
            name = ", ".join(f"{option}={value}" for option, value in lane.values.items())
            groups[name] = (*groups.get(name, ()), number)
        return groups or {"": (0,)}

    @property
    def parts(self) -> "dict[str, Record]":
        """Its groups of lanes, each as a record of its own."""
        return {name: self._part(lanes) for name, lanes in self.groups.items()}

    def _part(self, lanes: Sequence[int]) -> "Record":
        names = [self.names[n] for n in lanes]
        return self._replace(
            lanes=tuple(self.lanes[n] for n in lanes if self.lanes),
            members=tuple(self.members[n] for n in lanes),
            evaluations=tuple(evaluation for evaluation in self.evaluations if evaluation.lane in names),
            best={name: step for name, step in self.best.items() if name in names},
        )

    @property
    def fingerprint(self) -> str:
        """That of its data, empty if they have none."""
        return self.manifest.data.fingerprint

    @property
    def hook_facts(self) -> list[tuple[str, Mapping[str, Any]]]:
        """What hooks recorded of how they measured, oldest first, each with a name."""
        return [item for entry in self.manifest.sessions for item in entry.hooks.items()]

    @property
    def newest_evaluations(self) -> tuple[Evaluation, ...]:
        """The last evaluation of each lane, as `at` chooses them."""
        return self.at({evaluation.lane: evaluation.step for evaluation in self.evaluations})

    def at(self, steps: Mapping[str, int]) -> tuple[Evaluation, ...]:
        """Returns the main evaluations at these steps, given by lane: one of each lane, measured alike.

        Those by Inception come first, then those by the local classifier, then others; among these the
        default ones, then the newest.
        """
        candidates = [one for one in self.evaluations if one.step == steps.get(one.lane)]
        main = min(
            candidates, key=lambda one: (_rank(one.extractor), not one.is_default, -one.written), default=None
        )
        return tuple(one for one in candidates if main and one.how == main.how)

    @property
    def end(self) -> str:
        """How its last session ended."""
        return self.ends[-1] if self.ends else "killed"  # before its first

    @property
    def halted(self) -> Mapping[str, str]:
        """The lanes that no longer train, and why."""
        return halted_lanes(self.manifest)

    @property
    def changed(self) -> tuple[str, ...]:
        """Its options that were changed by --force, and from which step on."""
        return tuple(
            f"{name} was {old} up to step {count(entry.began or 0)}, and is {new} only from there on"
            for entry in self.manifest.sessions
            for name, (old, new) in entry.changed.items()
        )

    @property
    def reached(self) -> int:
        """The last step that the folder records."""
        sessions = [entry.step or 0 for entry in self.manifest.sessions]
        return max([*sessions, *(row.step for rows in self.members for row in rows), 0])

    @property
    def seconds(self) -> float:
        """The time that its sessions took, without those that were killed."""
        sessions = [
            (entry.started, entry.stopped) for entry in self.manifest.sessions if entry.stopped is not None
        ]
        times = [map(datetime.fromisoformat, session) for session in sessions]
        return sum((stopped - started).total_seconds() for started, stopped in times)

    def pictures(self, lane: str = "") -> list[tuple[int, Path]]:
        """Returns the steps and sample pictures of a lane, oldest first; only files inside the folder."""
        steps = [(path.stem.removeprefix("step_"), path) for path in _samples(self.path, lane)]
        return sorted(
            (int(step), path)
            for step, path in steps
            if step.isdecimal() and reading.is_file_in(self.path, path)
        )


def records(runs: Sequence[Path]) -> list[Record]:
    """Reads run folders, and gives each record a name of its own; raises Refused if one is no run folder."""
    read_records = [record(run) for run in dict.fromkeys(run.absolute() for run in runs)]
    if not read_records:
        raise Refused("give at least one run folder")
    names = _unique_names([one.path for one in read_records])
    return [one._replace(name=name) for one, name in zip(read_records, names, strict=True)]


def record(run: Path) -> Record:
    """Reads a run folder."""
    place = folder.find_folder(run)
    manifest, config = read_manifest(place), folder.read_config(place)
    lanes = _lanes(place, config)
    names = [lane.name for lane in lanes] or [""]
    members = tuple(read(place.metrics, lane) for lane in range(len(lanes))) or (read_single(place.metrics),)
    evaluations, notes = _evaluations(place, manifest, [lane.name for lane in lanes])
    if options := edited_options(place):
        notes.append(f"config.json was edited, not by a session: {describe_changes(options)}")
    pictures = [path for name in names for path in _samples(place.path, name)]
    notes += [
        f"{path.relative_to(place.path)} is not a file inside the run folder: it is left out"
        for path in pictures
        if not reading.is_file_in(place.path, path)
    ]
    saved, best, checkpoint_notes = _checkpoints(place, names)
    session_ends = endings(place, manifest)
    last = max((row.step for rows in members for row in rows), default=None)
    if last is None:
        notes.append("metrics.jsonl is missing or empty: there are no curves")
    elif session_ends[-1:] == ("finished",) and last < (manifest.sessions[-1].step or 0):
        notes.append(f"metrics.jsonl ends at step {count(int(last))}: later rows are lost")
    return Record(
        name=place.path.name,
        path=place.path,
        config=config,
        manifest=manifest,
        ends=session_ends,
        lanes=lanes,
        members=members,
        evaluations=evaluations,
        saved=saved,
        best=best,
        notes=tuple(notes),
        checkpoint_notes=tuple(checkpoint_notes),
    )


def to_float(x: Any) -> float:
    """Returns a value from a file as a number, NaN if it is none.

    >>> to_float("inf"), to_float(None)
    (inf, nan)
    """
    try:
        return float(x)
    except (TypeError, ValueError):
        return math.nan


def training_rows(rows: Rows) -> list[Row]:
    """Returns the rows that training logged."""
    return [row for row in rows if row.kind == "train"]


def describe(facts: Mapping[str, Any]) -> str:
    """Returns in words what a hook recorded of how it measured.

    >>> describe({"n": 500, "extractor": {"name": "local", "digest": "ab"}, "names": ["fd"], "warnings": []})
    'extractor local ab, n 500'
    """
    return ", ".join(
        f"{name} {_extractor(x) if name == 'extractor' else x}"
        for name, x in sorted(facts.items())
        if name not in ("names", "note", "warnings")
    )


def _extractor(facts: Mapping[str, Any]) -> str:
    """Returns an extractor in words: by the digest of its ingredients, as its weights differ by rounding."""
    name, digest, resizer = (str(facts.get(part, "")) for part in ("name", "digest", "resizer"))
    parts = [name, *([digest[:12]] if digest not in ("", name) else [])]
    return " ".join([*parts, *([f"by the resizer {resizer}"] if resizer not in ("", "none") else [])])


def hook_rows(rows: Rows) -> list[Row]:
    """Returns the rows that hooks measured."""
    return [row for row in rows if row.kind == "measured"]


def without_path(data: str, fingerprint: str) -> str:
    """Replaces the path of data, which differs between machines, by their fingerprint.

    >>> without_path("mirrored:/home/me/faces at 32 px", "12ab"), without_path("digits", "34cd")
    ('mirrored:12ab at 32 px', 'digits')
    """
    replacement = rf"\g<1>{fingerprint}" if fingerprint else r"\g<0>"
    return re.sub(rf"^((?:{'|'.join(PREFIXES)})*)/.*?(?= at \d+ px$|$)", replacement, data)


def _unique_names(paths: Sequence[Path]) -> list[str]:
    """Returns, for each path, its shortest end that is the end of no other.

    >>> _unique_names([Path("/old/runs/digits"), Path("/new/runs/digits"), Path("/runs/ring")])
    ['old/runs/digits', 'new/runs/digits', 'ring']
    """
    ends = [[str(Path(*path.parts[-n:])) for n in range(1, len(path.parts) + 1)] for path in paths]
    times = Counter(end for path_ends in ends for end in path_ends)
    return [next(end for end in path_ends if times[end] == 1) for path_ends in ends]


def _lanes(place: Folder, config: Mapping[str, Any]) -> tuple[Lane, ...]:
    """Returns the lanes of the run without its script, from the options in config.json."""
    values = {
        name: tuple(x) if isinstance(x, list) else x
        for name, x in config.items()
        if not isinstance(x, dict)  # lanes have no groups of options
    }
    fields = [(name, type(x), dataclasses.field(default=x)) for name, x in values.items()]
    try:
        settings: Settings = dataclasses.make_dataclass("Config", fields, bases=(Settings,), frozen=True)()
        return lanes(settings)
    except (TypeError, ValueError, AttributeError) as error:
        raise Refused(f"{place.config} is damaged: {error}") from None


def _evaluations(
    place: Folder, manifest: Manifest, lanes: Sequence[str]
) -> tuple[tuple[Evaluation, ...], list[str]]:
    """Returns the valid evaluations, the newest of those that repeat one, and a note for each other file."""
    newest: dict[tuple[int, str, str], Evaluation] = {}
    notes = []
    for path in sorted((place.path / "evaluations").glob("*.json")):
        try:
            one = _evaluation(path, json.loads(reading.content(path)), manifest.data.fingerprint)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            notes.append(f"evaluations/{path.name} is damaged; `jaxgan evaluate` writes it again")
            continue
        if _is_outdated(one, manifest):
            notes.append(f"evaluations/{path.name} is of a step that was repeated since: evaluate it again")
            continue
        other = newest.setdefault((one.step, one.lane, one.how), one)
        if one.written > other.written:
            newest[one.step, one.lane, one.how] = one
    order = {name: number for number, name in enumerate(lanes)}
    return tuple(sorted(newest.values(), key=lambda one: (one.step, order.get(one.lane, len(order))))), notes


def _samples(run: Path, lane: str) -> list[Path]:
    return sorted((run / "samples" / lane).glob("step_*.png"))


def _is_outdated(evaluation: Evaluation, manifest: Manifest) -> bool:
    """Returns whether a session has repeated its step after it was written."""
    return any(
        entry.began is not None and entry.began < evaluation.step
        for entry in manifest.sessions
        if datetime.fromisoformat(entry.started).timestamp() > evaluation.written / 1e9
    )


def _evaluation(path: Path, content: Mapping[str, Any], fingerprint: str) -> Evaluation:
    rows = {
        row: {
            name: Estimate(*(to_float(x.get(part)) for part in Estimate._fields))
            for name, x in values.items()
        }
        for row, values in content["rows"].items()
    }
    picture = content.get("pictures", {}).get("neighbours")
    return Evaluation(
        step=int(content["step"]),
        lane=str(content.get("lane", "")),
        n=int(content["n"]),
        oracle_n=None if content.get("oracle_n") is None else int(content["oracle_n"]),
        how=_how(content, fingerprint),
        extractor=str(content.get("extractor", {}).get("name", "")),
        is_default=bool(content.get("usual", not content.get("seed"))),
        written=path.stat().st_mtime_ns,
        rows={"samples": rows["samples"], **rows},
        floor={name: to_float(x) for name, x in content.get("floor", {}).items()},
        better=dict(content.get("better", {})),
        notes=tuple(str(x) for x in (content.get("note"), *content.get("warnings", [])) if x),
        neighbours=path.with_name(Path(picture).name) if picture else None,
    )


def _rank(extractor: str) -> int:
    """Returns the place of an extractor in the order of preference, 0 for the best."""
    return 0 if extractor == "inception" else 1 if extractor.startswith("local") else 2


def _how(content: Mapping[str, Any], fingerprint: str) -> str:
    """Returns in words how the numbers of an evaluation were measured."""
    words = [f"{count(content['n'])} samples of seed {content.get('seed')}"]
    split = content.get("split")
    reference = "drawn anew" if split == "drawn anew" else f"of the {split} split"
    words.append(f"against {count(content['reference_n'])} examples {reference}")
    if neighbours := content.get("neighbours_n"):
        words.append(f"neighbours of {count(neighbours)} on either side")
    if (oracle := content.get("oracle_n")) and oracle != content["n"]:
        words.append(f"real examples by {count(oracle)}")
    if average := content.get("average"):
        words.append(f"of the average {average}")
    if lpips := content.get("lpips"):
        words.append(f"LPIPS of {lpips}")
    if data := content.get("data"):
        words.append(f"of {without_path(data, fingerprint)}")
    if extractor := content.get("extractor"):
        words.append(f"extractor {_extractor(extractor)}")
    return ", ".join(words)


def _checkpoints(place: Folder, names: Sequence[str]) -> tuple[int | None, dict[str, int], list[str]]:
    """Returns the step of the newest checkpoint and the best step of each lane, or why they are not known."""
    if not place.checkpoints.is_dir():
        return None, {}, [NO_CHECKPOINTS]
    from jaxgan.folder.checkpoint import Checkpoints

    try:
        with Checkpoints(place.checkpoints) as checkpoints:
            best = {name: checkpoints.best(name) for name in names}
            newest = max(checkpoints.steps(), default=None)
            return newest, {name: step for name, step in best.items() if step is not None}, []
    except Exception as error:  # Orbax raises many kinds of errors on a damaged folder
        return None, {}, [f"the checkpoints cannot be read: {error}"]
