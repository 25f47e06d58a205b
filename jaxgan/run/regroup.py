"""Copies lanes of several runs of one program into one run, which goes on with them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import msgspec

from jaxgan import reading
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.folder import codec, files, folder, rows
from jaxgan.folder.checkpoint import Checkpoints, SaveFailed, read
from jaxgan.folder.manifest import (
    Manifest,
    Session,
    compact_json,
    halted_lanes,
    manifest_text,
    new_id,
    read_manifest,
    write_manifest,
)
from jaxgan.folder.rows import Row
from jaxgan.folder.settings import Settings
from jaxgan.games.game import State
from jaxgan.run import lane
from jaxgan.run.check import experiment_of
from jaxgan.run.experiment import Experiment
from jaxgan.run.program import placeholder, start_shapes
from jaxgan.run.seeds import root_keys, with_data_key
from jaxgan.scale.lanes import stack, take_lane


class Part(NamedTuple):
    """Lanes of a run, by number."""

    run: Path
    numbers: Sequence[int]


def regroup(
    parts: Sequence[Part],
    settings: Settings,
    build: Callable[[Any, Source], Experiment],
    source: Source,
    out: Path,
) -> None:
    """Writes a run of these options, whose lanes are those of the parts, in this order, at their newest step.

    All are of one program and have reached the same step. Copied are states, rows and pictures; the best
    checkpoints are not.
    """
    members = lane.lanes(settings)
    old = [(folder.find_folder(part.run), part.numbers) for part in parts]
    options = [_options(place, settings) for place, _ in old]
    names = [[each.name for each in lane.lanes(each_of)] for each_of in options]
    if settings.lanes == "auto" and len(ways := {each_of.lanes for each_of in options}) == 1:
        settings = replace(settings, lanes=ways.pop())  # as chosen when they were begun
    shapes = partial(_shapes, settings, build, source)
    states = [state for place, numbers in old for state in _states(place, numbers, shapes, settings)]
    if len(states) != len(members):
        raise Refused(f"{out} has {len(members)} lanes, and not the {len(states)} that were given")
    keys = root_keys([member.settings(settings) for member in members])
    states = [with_data_key(state, each.data) for state, each in zip(states, keys, strict=True)]
    step = max(int(state.step) for state in states)
    with files.atomic_folder(out) as unfinished:
        new = folder.Folder(unfinished)
        new.samples.mkdir()
        new.script.write_bytes(old[0][0].script.read_bytes())
        logged = merged([([row for row in rows.read(p.metrics) if row.step <= step], n) for p, n in old])
        files.write(new.metrics, "".join(rows.encode(row) + "\n" for row in logged))
        text = codec.dumps(settings)
        manifests = [read_manifest(place) for place, _ in old]
        manifest = manifests[0]
        halted = {name: why for each in manifests for name, why in halted_lanes(each).items()}
        manifest.sessions = [
            _session(manifests, {x.name: halted[x.name] for x in members if x.name in halted}, step)
        ]
        manifest.seed, manifest.id, manifest.config = settings.seed, new_id(), [compact_json(text)]
        manifest.taken = f"{len(members)} lanes of {', '.join(str(place.path) for place, _ in old)}"
        write_manifest(new, manifest)
        kept = [
            (p, name[number]) for (p, numbers), name in zip(old, names, strict=True) for number in numbers
        ]
        for (place, was), member in zip(kept, members, strict=True):
            _copy_pictures(place.samples / was, new.samples / member.name, place)
        state = stack(states).replace(step=states[0].step * 0 + step)
        try:
            with Checkpoints(
                new.checkpoints, settings.keep, run=manifest.id, manifest=partial(manifest_text, new)
            ) as checkpoints:
                checkpoints.save(step, state, rows=len(logged))
        except SaveFailed as error:
            raise Refused(f"cannot write {out}: {error}") from None
        files.write(new.config, text)


def merged(parts: Sequence[tuple[Sequence[Row], Sequence[int]]]) -> list[Row]:
    """Returns the rows of these lanes of several runs as the rows of one run, by step.

    >>> a, b = Row(5, "train", {"x": [1.0, 2.0]}), Row(5, "train", {"x": [3.0, 4.0]})
    >>> merged([([a], [1]), ([b], [0, 1])])[0].numbers
    {'x': [2.0, 3.0, 4.0]}
    """
    total, start = sum(len(numbers) for _, numbers in parts), 0
    by_row: dict[Any, dict[str, Any]] = {}
    for some, numbers in parts:
        for row in some:
            columns = by_row.setdefault((row.step, row.kind, row.scheduled, tuple(row.numbers)), {})
            for name, value in row.numbers.items():
                if not isinstance(value, list):  # of the whole run
                    columns.setdefault(name, value)
                    continue
                column = columns.setdefault(name, [None] * total)
                column[start : start + len(numbers)] = [value[number] for number in numbers]
        start += len(numbers)
    every = [Row(step, kind, columns, scheduled) for (step, kind, scheduled, _), columns in by_row.items()]
    return sorted(every, key=lambda row: row.step)


def _options(place: folder.Folder, like: Settings) -> Settings:
    return codec.loads(reading.content(place.config), type(like), str(place.config))


def _shapes(
    settings: Settings,
    build: Callable[[Any, Source], Experiment],
    source: Source,
    members: Sequence[lane.Lane],
) -> State:
    """Returns the shapes of the state of these lanes."""
    experiment = experiment_of(settings, build, source)
    rule = lane.rule_of(build, settings, experiment)(members[0].values)
    singles = [member.settings(settings) for member in members]
    single = start_shapes(experiment._replace(rule=rule), settings, singles)
    return jax.eval_shape(stack, [single] * len(members))


def _states(
    place: folder.Folder,
    numbers: Sequence[int],
    shapes: Callable[[Sequence[lane.Lane]], State],
    like: Settings,
) -> list[State]:
    """Returns the states of some lanes of a run, from its newest checkpoint."""
    every = jax.tree.map(placeholder, shapes(lane.lanes(_options(place, like))))
    newest = lambda checkpoints: max(checkpoints.steps(), default=None)  # noqa: E731
    state = read(place.checkpoints, newest, every, read_manifest(place).id)
    if state is None:
        raise Refused(f"{place.path} has no checkpoint yet")
    return [take_lane(state, number) for number in numbers]


def _session(manifests: Sequence[Manifest], halted: Mapping[str, str], step: int) -> Session:
    """Returns the history of the lanes as one session."""
    hooks = {
        name: facts for each in manifests for entry in each.sessions for name, facts in entry.hooks.items()
    }
    ended = "Interrupted: of several runs, whose lanes go on here"
    last = manifests[0].sessions[-1]
    return msgspec.structs.replace(last, began=0, step=step, ended=ended, halted=dict(halted), hooks=hooks)


def _copy_pictures(old: Path, new: Path, place: folder.Folder) -> None:
    for picture in sorted(old.glob("step_*.png")):
        if reading.is_file_in(place.path, picture):
            new.mkdir(exist_ok=True)
            (new / picture.name).write_bytes(reading.content(picture))
