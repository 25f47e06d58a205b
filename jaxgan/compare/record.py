"""What a run folder says of its run: what is damaged or missing is noted rather than fatal."""

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


FEW = 100  # samples: of fewer nothing can be said


class Evaluation(NamedTuple):
    """One file of RUN/evaluations: numbers, and with what they were measured."""

    step: int
    lane: str
    n: int  # samples
    oracle_n: int | None  # real examples that "oracle" is of, None where nobody said
    how: str  # only what was measured alike can stand side by side
    extractor: str
    usual: bool  # by the usual number and seed, against the usual examples
    written: int  # when, in nanoseconds
    rows: Mapping[str, Mapping[str, Estimate]]  # "samples"; perhaps "oracle"; "alike" of `oracle_n` samples
    floor: Mapping[str, float]
    better: Mapping[str, str]  # "lower" or "higher"
    notes: tuple[str, ...]
    neighbours: Path | None  # a picture


class Record(NamedTuple):
    """A run as its folder tells it; `members` are the rows of each lane, of a single run its own alone."""

    name: str
    path: Path
    config: Mapping[str, Any]
    manifest: Manifest
    ends: tuple[str, ...]  # of its sessions
    lanes: tuple[Lane, ...]
    members: tuple[Rows, ...]
    evaluations: tuple[Evaluation, ...]  # oldest step first
    saved: int | None  # the step of the newest checkpoint
    best: Mapping[str, int]  # the step that scored best, by the name of its lane: of a single run ""
    notes: tuple[str, ...]  # what could not be read
    lost: tuple[str, ...]  # and what of its checkpoints, which a comparison of numbers does without

    @property
    def names(self) -> tuple[str, ...]:
        """Of its lanes; a single run is one that has none."""
        return tuple(lane.name for lane in self.lanes) or ("",)

    @property
    def groups(self) -> dict[str, tuple[int, ...]]:
        """The lanes that differ in nothing but their seed, by the values that they share."""
        found: dict[str, tuple[int, ...]] = {}
        for number, lane in enumerate(self.lanes):
            name = ", ".join(f"{option}={value}" for option, value in lane.values.items())
            found[name] = (*found.get(name, ()), number)
        return found or {"": (0,)}

    @property
    def parts(self) -> "dict[str, Record]":
        """Its groups of lanes, each as if it were the run."""
        return {name: self._of(lanes) for name, lanes in self.groups.items()}

    def _of(self, lanes: Sequence[int]) -> "Record":
        names = [self.names[n] for n in lanes]
        return self._replace(
            lanes=tuple(self.lanes[n] for n in lanes if self.lanes),
            members=tuple(self.members[n] for n in lanes),
            evaluations=tuple(one for one in self.evaluations if one.lane in names),
            best={name: step for name, step in self.best.items() if name in names},
        )

    @property
    def fingerprint(self) -> str:
        """Of its data, nothing where they have none."""
        return _fingerprint(self.manifest)

    @property
    def noted(self) -> list[tuple[str, Mapping[str, Any]]]:
        """What hooks noted of how they measured, oldest first, and by which name."""
        return [item for entry in self.manifest.sessions for item in entry.hooks.items()]

    @property
    def newest(self) -> tuple[Evaluation, ...]:
        """The last evaluation of each lane, as `at` chooses them."""
        return self.at({one.lane: one.step for one in self.evaluations})

    def at(self, steps: Mapping[str, int]) -> tuple[Evaluation, ...]:
        """The evaluations to go by of these steps, by the names of lanes: one of each lane, made alike.

        Through Inception rather than the local classifier, through that rather than anything else; then the
        usual rather than another; then the newest.
        """
        return _first([one for one in self.evaluations if one.step == steps.get(one.lane)])

    @property
    def end(self) -> str:
        """How its last session ended."""
        return self.ends[-1] if self.ends else "killed"  # before its first

    @property
    def still(self) -> Mapping[str, str]:
        """The lanes that stand still, and why."""
        return halted_lanes(self.manifest)

    @property
    def changed(self) -> tuple[str, ...]:
        """Its options that were changed by force, and when: they are not those it began with."""
        return tuple(
            f"{name} was {old} up to step {count(entry.began or 0)}, and is {new} only from there on"
            for entry in self.manifest.sessions
            for name, (old, new) in entry.changed.items()
        )

    @property
    def reached(self) -> int:
        """The last step that the folder knows of."""
        said = [entry.step or 0 for entry in self.manifest.sessions]
        return max([*said, *(row.step for rows in self.members for row in rows), 0])

    @property
    def seconds(self) -> float:
        """The time that its sessions took, as far as they were ended in order."""
        spans = [
            (entry.started, entry.stopped) for entry in self.manifest.sessions if entry.stopped is not None
        ]
        return sum((datetime.fromisoformat(b) - datetime.fromisoformat(a)).total_seconds() for a, b in spans)

    def pictures(self, lane: str = "") -> list[tuple[int, Path]]:
        """The sample pictures of a lane and their steps, oldest first: files of the run folder alone."""
        steps = [(path.stem.removeprefix("step_"), path) for path in _samples(self.path, lane)]
        return sorted(
            (int(step), path)
            for step, path in steps
            if step.isdecimal() and reading.is_file_in(self.path, path)
        )


def records(runs: Sequence[Path]) -> list[Record]:
    """What the folders say; refused where one is none. Each has a name of its own."""
    found = [record(run) for run in dict.fromkeys(run.absolute() for run in runs)]
    if not found:
        raise Refused("give at least one run folder")
    names = _told_apart([one.path for one in found])
    return [one._replace(name=name) for one, name in zip(found, names, strict=True)]


def record(run: Path) -> Record:
    """What one folder says."""
    place = folder.find_folder(run)
    manifest, config = read_manifest(place), folder.read_config(place)
    options = edited_options(place)
    members = _lanes(place, config)
    names = [lane.name for lane in members] or [""]
    of_lanes: list[int | None] = [*range(len(members))] or [None]
    rows = tuple(read(place.metrics, lane) if members else read_single(place.metrics) for lane in of_lanes)
    evaluations, notes = _evaluations(place, manifest, [lane.name for lane in members])
    if options:
        notes.append(f"config.json was edited, not by a session: {describe_changes(options)}")
    pictures = [path for name in names for path in _samples(place.path, name)]
    notes += [
        f"{path.relative_to(place.path)} is no file of the run folder: it is left out"
        for path in pictures
        if not reading.is_file_in(place.path, path)
    ]
    saved, best, trouble = _saved(place, names)
    last, finished = max((row.step for of in rows for row in of), default=None), endings(place, manifest)
    if last is None:
        notes.append("metrics.jsonl is missing or empty: there are no curves")
    elif finished[-1:] == ("finished",) and last < (manifest.sessions[-1].step or 0):
        notes.append(f"metrics.jsonl ends at step {count(int(last))}: what came after is lost")
    return Record(
        name=place.path.name,
        path=place.path,
        config=config,
        manifest=manifest,
        ends=finished,
        lanes=members,
        members=rows,
        evaluations=evaluations,
        saved=saved,
        best=best,
        notes=tuple(notes),
        lost=tuple(trouble),
    )


def number(x: Any) -> float:
    """A number out of a file, NaN where it is none.

    >>> number("inf"), number(None)
    (inf, nan)
    """
    try:
        return float(x)
    except (TypeError, ValueError):
        return math.nan


def trained(rows: Rows) -> list[Row]:
    """The rows that training wrote of itself."""
    return [row for row in rows if row.kind == "train"]


def how(facts: Mapping[str, Any]) -> str:
    """What a hook noted of how it measured, in words.

    >>> how({"n": 500, "extractor": {"name": "local", "digest": "ab"}, "names": ["fd_local"], "warnings": []})
    'extractor local ab, n 500'
    """
    told = {name: x for name, x in sorted(facts.items()) if name not in ("names", "note", "warnings")}
    words = {name: _extractor(x) if name == "extractor" else x for name, x in told.items()}
    return ", ".join(f"{name} {x}" for name, x in words.items())


def _extractor(said: Mapping[str, Any]) -> str:
    """By what it was made of; weights that came of that differ between machines by rounding."""
    name, digest, resizer = (str(said.get(part, "")) for part in ("name", "digest", "resizer"))
    made = [name, *([digest[:12]] if digest not in ("", name) else [])]
    return " ".join([*made, *([f"by the resizer {resizer}"] if resizer not in ("", "none") else [])])


def measured(rows: Rows) -> list[Row]:
    """The rows that hooks measured."""
    return [row for row in rows if row.kind == "measured"]


def whatever_path(data: str, fingerprint: str) -> str:
    """Data by what they are rather than where they lie, which is elsewhere on another machine.

    >>> whatever_path("mirrored:/home/me/faces at 32 px", "12ab"), whatever_path("digits", "34cd")
    ('mirrored:12ab at 32 px', 'digits')
    """
    named = rf"\g<1>{fingerprint}" if fingerprint else r"\g<0>"
    return re.sub(r"^((?:stacked:|mirrored:)*)/.*?(?= at \d+ px$|$)", named, data)


def _fingerprint(manifest: Manifest) -> str:
    return manifest.data.fingerprint


def _told_apart(paths: Sequence[Path]) -> list[str]:
    """Each by the shortest end of its path that no other ends in.

    >>> _told_apart([Path("/old/runs/digits"), Path("/new/runs/digits"), Path("/runs/ring")])
    ['old/runs/digits', 'new/runs/digits', 'ring']
    """
    ends = [[str(Path(*path.parts[-n:])) for n in range(1, len(path.parts) + 1)] for path in paths]
    taken = Counter(end for own in ends for end in own)
    return [next(end for end in own if taken[end] == 1) for own in ends]


def _lanes(place: Folder, config: Mapping[str, Any]) -> tuple[Lane, ...]:
    """The lanes of the run, without its script: options of whatever type they have in config.json."""
    plain = {
        name: x for name, x in config.items() if not isinstance(x, dict)
    }  # lanes have no groups of options
    values = {name: tuple(x) if isinstance(x, list) else x for name, x in plain.items()}
    fields = [(name, type(x), dataclasses.field(default=x)) for name, x in values.items()]
    try:
        settings: Settings = dataclasses.make_dataclass("Config", fields, bases=(Settings,), frozen=True)()
        return lanes(settings)
    except (TypeError, ValueError, AttributeError) as error:
        raise Refused(f"{place.config} is damaged: {error}") from None


def _evaluations(
    place: Folder, manifest: Manifest, lanes: Sequence[str]
) -> tuple[tuple[Evaluation, ...], list[str]]:
    """Those that hold, of several of one lane made alike the newest; a line for each that does not."""
    found: dict[tuple[int, str, str], Evaluation] = {}
    notes = []
    for path in sorted((place.path / "evaluations").glob("*.json")):
        try:
            one = _evaluation(path, json.loads(reading.content(path)), _fingerprint(manifest))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            notes.append(f"evaluations/{path.name} is damaged; `jaxgan evaluate` makes it anew")
            continue
        if _made_again(one, manifest):
            notes.append(f"evaluations/{path.name} is of a step that was made again since: evaluate it anew")
            continue
        other = found.setdefault((one.step, one.lane, one.how), one)
        if one.written > other.written:
            found[one.step, one.lane, one.how] = one
    order = {name: number for number, name in enumerate(lanes)}
    return tuple(sorted(found.values(), key=lambda one: (one.step, order.get(one.lane, len(order))))), notes


def _samples(run: Path, lane: str) -> list[Path]:
    return sorted((run / "samples" / lane).glob("step_*.png"))


def _made_again(one: Evaluation, manifest: Manifest) -> bool:
    """Whether a session that began before its step was started after it had been written."""
    later = [
        one.step if entry.began is None else entry.began
        for entry in manifest.sessions
        if datetime.fromisoformat(entry.started).timestamp() > one.written / 1e9
    ]
    return any(began < one.step for began in later)


def _evaluation(path: Path, said: Mapping[str, Any], fingerprint: str) -> Evaluation:
    rows = {
        row: {
            name: Estimate(*(number(x.get(part)) for part in Estimate._fields)) for name, x in values.items()
        }
        for row, values in said["rows"].items()
    }
    picture = said.get("pictures", {}).get("neighbours")
    return Evaluation(
        step=int(said["step"]),
        lane=str(said.get("lane", "")),
        n=int(said["n"]),
        oracle_n=None if said.get("oracle_n") is None else int(said["oracle_n"]),
        how=_how(said, fingerprint),
        extractor=str(said.get("extractor", {}).get("name", "")),
        usual=bool(said.get("usual", not said.get("seed"))),
        written=path.stat().st_mtime_ns,
        rows={"samples": rows["samples"], **rows},
        floor={name: number(x) for name, x in said.get("floor", {}).items()},
        better=dict(said.get("better", {})),
        notes=tuple(map(str, [*([said["note"]] if said.get("note") else []), *said.get("warnings", [])])),
        neighbours=path.with_name(Path(picture).name) if picture else None,
    )


def _first(found: Sequence[Evaluation]) -> tuple[Evaluation, ...]:
    """Those that were made as the one that says most."""
    first = min(found, key=lambda one: (_rank(one.extractor), not one.usual, -one.written), default=None)
    return tuple(one for one in found if first and one.how == first.how)


def _rank(extractor: str) -> int:
    """Which extractor says most, the lowest first."""
    return 0 if extractor == "inception" else 1 if extractor.startswith("local") else 2


def _how(said: Mapping[str, Any], fingerprint: str) -> str:
    """With what it was measured, in words."""
    words = [f"{count(said['n'])} samples of seed {said.get('seed')}"]
    where = "drawn anew" if said.get("split") == "drawn anew" else f"of the {said.get('split')} split"
    words.append(f"against {count(said['reference_n'])} examples {where}")
    if neighbours := said.get("neighbours_n"):
        words.append(f"neighbours of {count(neighbours)} on either side")
    if (oracle := said.get("oracle_n")) and oracle != said["n"]:
        words.append(f"real examples by {count(oracle)}")
    if average := said.get("average"):
        words.append(f"of the average {average}")
    if data := said.get("data"):
        words.append(f"of {whatever_path(data, fingerprint)}")
    if extractor := said.get("extractor"):
        words.append(f"extractor {_extractor(extractor)}")
    return ", ".join(words)


def _saved(place: Folder, names: Sequence[str]) -> tuple[int | None, dict[str, int], list[str]]:
    """The newest checkpoint, and of each lane that which scored best; or why nobody can say."""
    if not place.checkpoints.is_dir():
        return None, {}, ["there are no checkpoints"]
    from jaxgan.folder.checkpoint import Checkpoints

    try:
        with Checkpoints(place.checkpoints) as checkpoints:
            best = {name: checkpoints.best(name) for name in names}
            newest = max(checkpoints.steps(), default=None)
            return newest, {name: step for name, step in best.items() if step is not None}, []
    except Exception as error:  # whatever Orbax makes of a damaged folder
        return None, {}, [f"the checkpoints cannot be read: {error}"]
