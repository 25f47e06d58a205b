"""A finished or interrupted run, opened again to look at."""

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
from jaxgan.errors import Refused
from jaxgan.folder import cache as compiled
from jaxgan.folder import codec, folder, trusted
from jaxgan.folder.checkpoint import Checkpoints, read
from jaxgan.folder.create import edited, in_words
from jaxgan.folder.manifest import copied_script, read_manifest
from jaxgan.games.game import Side, State
from jaxgan.run.check import experiment_of, source_of
from jaxgan.run.command import OLD_BUILD, REOPENED, takes_source
from jaxgan.run.experiment import Experiment
from jaxgan.run.lane import Lane, alone, lanes, named, rule_of
from jaxgan.run.program import blank, start_shapes
from jaxgan.scale.devices import check_there
from jaxgan.scale.lanes import lane as one_of
from jaxgan.scale.lanes import stacked
from jaxgan.terminal import warn


class Reopened(NamedTuple):
    """What a run folder holds: its options, the experiment they build, and a state of it."""

    config: Any
    experiment: Experiment
    state: State
    lane: int | None  # the number of the lane, of a run that has some


def reopened(
    run: Path,
    at: Literal["last", "best"] = "last",
    lane: str = "",
    *,
    average: str = "",
    source: Source | None = None,
    trust: bool = False,
) -> Reopened:
    """The run again, through the `Config`, `build` and, if any, `data` of the script copied into it.

    Of a run with lanes, one of them, as the single run that it is. `average` is the name of the one to sample
    in the place of the first; `source` are the run's examples where they have been loaded already.
    What is not the script that the run was played by is run only where the user says so, by `trust`.
    """
    compiled.enable()
    check_there()
    place = folder.existing(run)
    script, config = _script(place, trust)
    own = lanes(config)
    number = named(own, lane, run)
    experiment = _built(place, script, config, source)
    if options := edited(place):
        warn(f"{place.config} was edited: {in_words(options)}")
    if own:
        rule = rule_of(script["build"], config, experiment)(own[0].values)
        shapes = start_shapes(experiment._replace(rule=rule), config)
        shapes = jax.eval_shape(stacked, [shapes] * len(own))
    else:
        shapes = start_shapes(experiment, config)
    if not place.checkpoints.is_dir():
        raise Refused(f"{run} has no checkpoints yet")

    def choose(checkpoints: Checkpoints) -> int | None:
        return checkpoints.best(lane) if at == "best" else max(checkpoints.steps(), default=None)

    state = read(place.checkpoints, choose, jax.tree.map(blank, shapes), read_manifest(place).id)
    if state is None:
        raise Refused(_lacking(run, at, experiment))
    if own:
        config = own[number].settings(config)
        experiment = script["build"](config, experiment.source)
        state = alone(one_of(state, number), own[number])
    if average:
        state = state.replace(ema=_chosen(state, average, run))
    return Reopened(config, experiment, state, number if own else None)


def _lacking(run: Path, at: Literal["last", "best"], experiment: Experiment) -> str:
    """Why there is no such checkpoint."""
    if at == "best" and experiment.best is None:
        return (
            f"{run} has no best checkpoint, since its script scores none: take --at last, or train by a "
            "script whose jg.Experiment has hooks and a `best`"
        )
    return f"{run} has no {'scored ' if at == 'best' else ''}checkpoint yet"


def _chosen(state: State, average: str, run: Path) -> Side:
    if average not in state.averages:
        there = ", ".join(state.averages) or "none"
        raise Refused(
            f"{run} has no average {average!r} beside the one that is sampled anyway: there are {there}"
        )
    return Side(*state.averages[average])


def members(run: Path, trust: bool = False) -> tuple[Lane, ...]:
    """The lanes of a run, none of a single one."""
    return lanes(_script(folder.existing(run), trust)[1])


def _script(place: folder.Folder, trust: bool) -> tuple[dict[str, Any], Any]:
    """What the script copied into the folder defines, and the options of the run."""
    path, home = str(copied_script(place)), _home(place)
    trusted.check(place, trust)
    if home not in sys.path:  # and it stays there: functions may import what they need when they are called
        sys.path.insert(0, home)
    try:
        script = runpy.run_path(path, run_name=REOPENED)
    except (ImportError, SyntaxError) as error:
        raise Refused(f"{place.script} cannot be run: {error}; it looks for modules in {home}") from error
    if missing := {"Config", "build"} - script.keys():
        raise Refused(f"{place.script} has no {' and no '.join(sorted(missing))}, which reopen a run")
    if not takes_source(script["build"]):
        raise Refused(f"{place.path} {OLD_BUILD}")
    with _known(script):
        return script, codec.loads(reading.content(place.config), script["Config"], str(place.config))


@contextlib.contextmanager
def _known(script: dict[str, Any]) -> Iterator[None]:
    """For as long as this lasts the script is a module, where annotations that are texts are looked up."""
    module = ModuleType(REOPENED)
    vars(module).update(script)
    sys.modules[REOPENED] = module
    try:
        yield
    finally:
        del sys.modules[REOPENED]


def _built(place: folder.Folder, script: dict[str, Any], config: Any, source: Source | None) -> Experiment:
    data = script.get("data")
    try:
        if source is None:
            source = source_of(config, data if inspect.isfunction(data) else None)
        return experiment_of(config, script["build"], source)
    except ImportError as error:
        raise Refused(
            f"{place.script} cannot be run: {error}; it looks for modules in {_home(place)}"
        ) from error


def _home(place: folder.Folder) -> str:
    return str(Path(read_manifest(place).script).parent)
