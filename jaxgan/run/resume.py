"""How a run goes on: from its newest checkpoint, with what has changed under it written down."""

from collections.abc import Mapping
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
from jaxgan.run.hooks import stopped_by
from jaxgan.run.log import Log
from jaxgan.run.placement import Placement, Sharded
from jaxgan.run.run import Run
from jaxgan.scale.processes import broadcast


class Start(NamedTuple):
    """The state that the loop starts from. `resumed`: it was looked at and saved before."""

    held: Sharded
    step: int
    attempt: int = 0
    resumed: bool = False
    aside: tuple[str, ...] = ()  # damaged checkpoints that were set aside on the way
    rows: int | None = None  # how many had been logged up to this step, if that was noted


def start(run: Run, placed: Placement, checkpoints: AnyCheckpoints) -> Start:
    """The state of the newest checkpoint, or else of step 0; refused where there is nothing to go on with."""
    folder = run.folder
    if folder is None:
        return Start(placed.init(lambda state: state), 0)
    fresh = not checkpoints.steps()
    if fresh and broadcast(lambda: _moved_before(folder)):
        raise Refused(f"{folder.path} has lost its checkpoints: copy them back, or begin anew elsewhere")
    held = placed.init(partial(initial_state, folder=folder) if fresh else lambda state: state)
    found = None if fresh else checkpoints.newest(placed.gather(held))
    if found is None:
        return Start(held, 0)
    if found.step >= run.settings.steps:
        raise Refused(f"{folder.path} has made {found.step} steps already; ask for more with --steps")
    state, aside = placed.scatter(found.state), tuple(found.damaged)
    return Start(state, found.step, found.attempt, True, aside, found.rows)


def _moved_before(folder: Folder) -> bool:
    """Whether the run has made steps, and so had a checkpoint."""
    manifest = read_manifest(folder)
    reached = [step or 0 for session in manifest.sessions for step in (session.began, session.step)]
    return max([0, *reached, *(row.step for row in read(folder.metrics))]) > 0


def adopt(run: Run, entry: Session) -> None:
    """Writes down the options that the run goes on with, and in the session what was changed by force."""
    folder = run.folder
    if folder is None:
        return
    if changed := broadcast(lambda: {**_reconfigured(folder, run.settings), **run.adopted()}):
        entry.changed = changed
        broadcast(lambda: update_session(folder, entry))


def _reconfigured(folder: Folder, settings: Settings) -> dict[str, tuple[Any, Any]]:
    """Writes down the options the run goes on with; those changed by force, by name: old, new."""
    old = {**read_config(folder), **{name: was for name, (was, _) in edited_options(folder).items()}}
    write_config(folder, codec.dumps(settings))
    new = read_config(folder)
    fixed = [name for name in new if name not in RESUMABLE]
    return {name: (old.get(name), new[name]) for name in fixed if not codec.same(new[name], old.get(name))}


def elsewhere(folder: Folder, settings: Settings) -> list[str]:
    """A line on what has changed under the run since it last went on: it is the same to rounding only.

    Of the options that lay it out, as config.json has them until the run goes on, as well.
    """

    def machine(entry: Session) -> dict[str, Any]:
        kinds = sorted({*entry.devices})
        return {**entry.versions, **({"devices": " and ".join(kinds)} if kinds else {})}

    def layout(options: Mapping[str, Any]) -> dict[str, Any]:
        names = ("devices", "data_devices", "parallel", "lanes")
        return {f"--{name.replace('_', '-')}": options[name] for name in names if name in options}

    was, has = map(machine, [Session(started=""), *read_manifest(folder).sessions][-2:])
    was, has = {**was, **layout(read_config(folder))}, {**has, **layout(vars(settings))}
    other = [f"{name} {has[name]} after {old}" for name, old in was.items() if has.get(name, old) != old]
    return [f"{', '.join(other)}: from here on it may be another run, by rounding"] if other else []


def about_to_stop(run: Run, begin: Start, log: Log) -> str:
    """Why a single run that was killed was about to stop at the step that it goes on from, if it was."""
    folder = run.folder
    if folder is None or run.lanes or not begin.resumed:
        return ""

    def why() -> str:
        before = read_manifest(folder).sessions[-2:-1]
        # a session that began here was told to go on
        killed = any(
            session.ended is None and session.began is not None and session.began < begin.step
            for session in before
        )
        here = bool(log.history()) and log.history()[-1].step == begin.step
        stops = stopped_by(run.experiment.stops, log, 0, ()) if killed and here else {}
        return "".join(f"stopped: {reason}" for reason in stops.values())

    return broadcast(why)
