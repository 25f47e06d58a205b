"""Reopens a finished or interrupted run, without training it."""

import contextlib
import inspect
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

import jax

from jaxgan import reading
from jaxgan.data.source import Source
from jaxgan.errors import Refused, probe
from jaxgan.folder import cache, codec, folder, trusted
from jaxgan.folder.checkpoint import Checkpoints, read
from jaxgan.folder.create import describe_changes, edited_options
from jaxgan.folder.manifest import read_manifest, script_copy
from jaxgan.games.game import Side, State
from jaxgan.run.check import experiment_of, source_of
from jaxgan.run.command import OLD_BUILD, REOPENED, takes_source
from jaxgan.run.experiment import Experiment
from jaxgan.run.lane import Lane, as_single_run, lane_index, lanes, rule_of
from jaxgan.run.program import placeholder, start_shapes
from jaxgan.scale.devices import check_devices
from jaxgan.scale.lanes import stack, take_lane
from jaxgan.terminal import warn


class Reopened(NamedTuple):
    """A reopened run: its options, the experiment that they build, and the state of a checkpoint."""

    config: Any
    experiment: Experiment
    state: State
    lane: int | None  # the index of the lane, None for a single run


def reopen(
    run: Path,
    at: Literal["last", "best"] = "last",
    lane: str = "",
    *,
    average: str = "",
    source: Source | None = None,
    trust: bool = False,
) -> Reopened:
    """Reopens a run by the `Config`, `build` and, if any, `data` of the script copied into its folder.

    A lane is reopened as the single run it would have been. `average` names another average of the generator
    to sample from than the first; `source` are the examples of the run if they are loaded already. A script
    that was changed since the run was trained with it is run only with `trust`.
    """
    cache.enable()
    check_devices()
    place = folder.find_folder(run)
    script, config = _load_script(place, trust)
    members = lanes(config)
    number = lane_index(members, lane, run)
    experiment = _build(place, script, config, source)
    if options := edited_options(place):
        warn(f"{place.config} was edited: {describe_changes(options)}")
    if members:
        rule = rule_of(script["build"], config, experiment)(members[0].values)
        shapes = start_shapes(experiment._replace(rule=rule), config, [x.settings(config) for x in members])
        shapes = jax.eval_shape(stack, [shapes] * len(members))
    else:
        shapes = start_shapes(experiment, config)
    if not place.checkpoints.is_dir():
        raise Refused(f"{run} has no checkpoints yet")

    def choose(checkpoints: Checkpoints) -> int | None:
        return checkpoints.best(lane) if at == "best" else max(checkpoints.steps(), default=None)

    state = read(place.checkpoints, choose, jax.tree.map(placeholder, shapes), read_manifest(place).id)
    if state is None and at == "best" and experiment.best is None:
        raise Refused(
            f"{run} has no best checkpoint, since its script scores none: use --at last, or train with a "
            "script whose jg.Experiment has hooks and a `best`"
        )
    if state is None:
        raise Refused(f"{run} has no {'scored ' if at == 'best' else ''}checkpoint yet")
    if members:
        config = members[number].settings(config)
        experiment = script["build"](config, experiment.source)
        state = as_single_run(take_lane(state, number), members[number], config)
    if average:
        if average not in state.averages:
            others = ", ".join(state.averages) or "none"
            raise Refused(f"{run} has no average {average!r}; besides the default it has: {others}")
        state = state.replace(ema=Side(*state.averages[average]))
    return Reopened(config, experiment, state, number if members else None)


def read_lanes(run: Path, trust: bool = False) -> tuple[Lane, ...]:
    """Returns the lanes of a run, () of a single run."""
    return lanes(_load_script(folder.find_folder(run), trust)[1])


def _load_script(place: folder.Folder, trust: bool) -> tuple[dict[str, Any], Any]:
    """Returns the globals of the script copied into the folder, and the options of the run."""
    path, home = str(script_copy(place)), _home(place)
    trusted.check(place, trust)
    if home not in sys.path:  # for good: functions may import modules from there when they are called
        sys.path.insert(0, home)
    try:
        script = runpy.run_path(path, run_name=REOPENED)
    except (ImportError, SyntaxError) as error:
        raise _cannot_run(place, error) from error
    if missing := {"Config", "build"} - script.keys():
        raise Refused(f"{place.script} has no {' and no '.join(sorted(missing))}, needed to reopen the run")
    if not takes_source(script["build"]):
        raise Refused(f"{place.path} {OLD_BUILD}")
    with as_module(script):
        return script, codec.loads(reading.content(place.config), script["Config"], str(place.config))


def load_script(path: Path) -> dict[str, Any]:
    """Returns the globals of a script that was not run yet; refuses one that cannot be, or is no such script.

    >>> load_script(Path("nowhere.py"))
    Traceback (most recent call last):
    jaxgan.errors.Refused: nowhere.py: there is no such script
    """
    if not probe(Path.is_file, path):
        raise Refused(f"{path}: there is no such script")
    home = str(path.absolute().parent)
    if home not in sys.path:
        sys.path.insert(0, home)
    try:
        script = runpy.run_path(str(path), run_name=REOPENED)
    except (ImportError, SyntaxError) as error:
        raise Refused(f"{path} cannot be run: {error}; it looks for modules in {home}") from error
    if missing := {"Config", "build"} - script.keys():
        raise Refused(f"{path} has no {' and no '.join(sorted(missing))}: give a script that calls jg.main")
    if not takes_source(script["build"]):
        raise Refused(f"{path}: `build` takes (config, source)")
    return script


@contextlib.contextmanager
def as_module(script: dict[str, Any]) -> Iterator[None]:
    """Makes the script a module in this context, where annotations that are strings are looked up."""
    module = ModuleType(REOPENED)
    vars(module).update(script)
    sys.modules[REOPENED] = module
    try:
        yield
    finally:
        del sys.modules[REOPENED]


def _build(place: folder.Folder, script: dict[str, Any], config: Any, source: Source | None) -> Experiment:
    data = script.get("data")
    try:
        if source is None:
            source = source_of(config, data if inspect.isfunction(data) else None)
        return experiment_of(config, script["build"], source)
    except ImportError as error:
        raise _cannot_run(place, error) from error


def _cannot_run(place: folder.Folder, error: Exception) -> Refused:
    return Refused(f"{place.script} cannot be run: {error}; it looks for modules in {_home(place)}")


def _home(place: folder.Folder) -> str:
    return str(Path(read_manifest(place).script).parent)
