"""A finished or interrupted run, opened again to look at."""

import runpy
import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.data.source import batch
from jaxgan.errors import Refused
from jaxgan.games.game import State
from jaxgan.rules.guard import guarded
from jaxgan.run import cache, codec, folder
from jaxgan.run.checkpoint import Checkpoints
from jaxgan.run.experiment import Experiment


class Reopened(NamedTuple):
    """What a run folder holds: its options, the experiment they build, and a state of it."""

    config: Any
    experiment: Experiment
    state: State


def reopened(run: Path, at: Literal["last", "best"] = "last") -> Reopened:
    """The run again, through the `Config` and `build` of the script copied into it."""
    cache.enable()
    place = folder.existing(run)
    home = str(Path(folder.read_manifest(place)["script"]).parent)
    sys.path.insert(0, home)
    try:
        script = runpy.run_path(str(place.script), run_name="jaxgan_script")
    finally:
        sys.path.remove(home)
    config = codec.loads(place.config.read_text(), script["Config"], str(place.config))
    experiment: Experiment = script["build"](config)
    source, rule = experiment.source, guarded(experiment.rule)
    layout = (rule.batches, config.micro_batches, config.batch_size)

    @jax.jit
    def init(key: jax.Array, arrays: Any) -> State:
        return rule.init(key, batch(source, layout, arrays, key, jnp.int32(0)))

    like = init(jax.random.key(config.seed), source.arrays)
    if not place.checkpoints.is_dir():
        raise Refused(f"{run} has no checkpoints yet")
    with Checkpoints(place.checkpoints, config.keep) as checkpoints:
        step = checkpoints.best() if at == "best" else max(checkpoints.steps(), default=None)
        if step is None:
            raise Refused(f"{run} has no {'scored ' if at == 'best' else ''}checkpoint yet")
        return Reopened(config, experiment, checkpoints.at(step, like))
