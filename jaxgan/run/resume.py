"""Resuming a run: from its newest checkpoint, with what has changed since noted in the manifest."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from jaxgan.errors import Refused
from jaxgan.folder import codec
from jaxgan.folder.create import edited_options, write_config
from jaxgan.folder.folder import Folder, read_config
from jaxgan.folder.keeping import AnyCheckpoints
from jaxgan.folder.manifest import Session, read_manifest, update_session
from jaxgan.folder.rows import read
from jaxgan.folder.settings import RESUMABLE, Settings
from jaxgan.folder.weights import initial_state
from jaxgan.run.hooks import find_stops
from jaxgan.run.log import Log
from jaxgan.run.placement import Placement, Sharded
from jaxgan.run.run import Run
from jaxgan.scale.processes import broadcast

COMPLETE = "steps already; ask for more with --steps"
"""The end of the error for a run that has made all its steps."""


class Start(NamedTuple):
    """The state from which training starts. `resumed`: its step was measured and saved before."""

    held: Sharded
    step: int
    attempt: int = 0
    resumed: bool = False
    damaged: tuple[str, ...] = ()  # lines about the damaged checkpoints that were passed over
    rows: int | None = None  # number of rows logged up to this step, if known


def find_start(run: Run, placed: Placement, checkpoints: AnyCheckpoints) -> Start:
    """Returns the state of the newest checkpoint, or of step 0 in a new run.

    Refuses a run that has lost its checkpoints, or that has made all its steps.
    """
    folder = run.folder
    if folder is None:
        return Start(placed.init(lambda state: state), 0)
    fresh = not checkpoints.steps()
    if fresh and broadcast(lambda: _has_steps(folder)):
        raise Refused(f"{folder.path} has lost its checkpoints: copy them back, or start a new run elsewhere")
    held = placed.init(partial(initial_state, folder=folder) if fresh else lambda state: state)
    newest = None if fresh else checkpoints.newest(placed.gather(held))
    if newest is None:
        return Start(held, 0)
    if newest.step >= run.settings.steps:
        raise Refused(f"{folder.path} has made {newest.step} {COMPLETE}")
    state, damaged = placed.scatter(newest.state), tuple(newest.damaged)
    return Start(state, newest.step, newest.attempt, True, damaged, newest.rows)


def _has_steps(folder: Folder) -> bool:
    """Returns whether the run has made steps, and so had a checkpoint."""
    manifest = read_manifest(folder)
    reached = [step or 0 for session in manifest.sessions for step in (session.began, session.step)]
    return max([0, *reached, *(row.step for row in read(folder.metrics))]) > 0


def warnings(run: Run, start: Start, log: Log) -> Iterator[str]:
    """Yields what has been lost or has changed since the run was last trained."""
    folder = run.folder
    yield from (f"{line}; going on from step {start.step}" for line in start.damaged)
    if (lost := (start.rows or 0) - len(log.rows())) > 0:
        yield f"metrics.jsonl has lost {lost} of the {start.rows} rows up to step {start.step}"
    if folder is not None and start.resumed:
        yield from broadcast(lambda: _changed_machine(folder, run.settings))


def _changed_machine(folder: Folder, settings: Settings) -> list[str]:
    """Returns a line about the versions, devices and options of their use that differ from the last session.

    With these the run is the same only up to rounding. config.json still has the options of that session.
    """

    def machine(entry: Session) -> dict[str, Any]:
        kinds = sorted({*entry.devices})
        return {**entry.versions, **({"devices": " and ".join(kinds)} if kinds else {})}

    def layout(options: Mapping[str, Any]) -> dict[str, Any]:
        names = ("devices", "data_devices", "parallel", "lanes")
        return {f"--{name.replace('_', '-')}": options[name] for name in names if name in options}

    before, now = map(machine, [Session(started=""), *read_manifest(folder).sessions][-2:])
    before, now = {**before, **layout(read_config(folder))}, {**now, **layout(vars(settings))}
    changed = [f"{name} {now[name]} after {old}" for name, old in before.items() if now.get(name, old) != old]
    return [f"{', '.join(changed)}: from here on the run may differ by rounding"] if changed else []


def record_options(run: Run, entry: Session) -> None:
    """Writes the options to config.json, and to the session in the manifest what was changed by --force."""
    folder = run.folder
    if folder is None:
        return
    if changed := broadcast(lambda: {**_write_options(folder, run.settings), **run.record_changes()}):
        entry.changed = changed
        broadcast(lambda: update_session(folder, entry))


def _write_options(folder: Folder, settings: Settings) -> dict[str, tuple[Any, Any]]:
    """Writes the options to config.json; returns (old, new) of those changed by --force, by name."""
    old = {**read_config(folder), **{name: before for name, (before, _) in edited_options(folder).items()}}
    write_config(folder, codec.dumps(settings))
    new = read_config(folder)
    names = [name for name in new if name not in RESUMABLE]
    return {name: (old.get(name), new[name]) for name in names if not codec.same(new[name], old.get(name))}


def pending_stop(run: Run, start: Start, log: Log) -> str:
    """Returns why a single run was about to stop at this step when it was killed, "" if it was not.

    If a session has started at this step, the run was resumed after it stopped, and is to go on.
    """
    folder = run.folder
    if folder is None or run.lanes or not start.resumed:
        return ""

    def reason() -> str:
        killed = any(
            session.ended is None and session.began is not None and session.began < start.step
            for session in read_manifest(folder).sessions[-2:-1]
        )
        logged = bool(log.history()) and log.history()[-1].step == start.step
        stops = find_stops(run.experiment.stops, log, 0, ()) if killed and logged else {}
        return "".join(f"stopped: {why}" for why in stops.values())

    return broadcast(reason)
