"""A finished or interrupted run, opened again to look at."""

import runpy
import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from jaxgan.errors import Refused
from jaxgan.games.game import State
from jaxgan.run import cache, codec, folder
from jaxgan.run.checkpoint import Checkpoints
from jaxgan.run.experiment import Experiment
from jaxgan.run.program import start_shapes


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
        script = runpy.run_path(str(folder.copied_script(place)), run_name="jaxgan_script")
    finally:
        sys.path.remove(home)
    if missing := {"Config", "build"} - script.keys():
        raise Refused(f"{place.script} has no {' and no '.join(sorted(missing))}, which reopen a run")
    config = codec.loads(place.config.read_bytes(), script["Config"], str(place.config))
    experiment: Experiment = script["build"](config)
    shapes = start_shapes(experiment, config)
    if not place.checkpoints.is_dir():
        raise Refused(f"{run} has no checkpoints yet")
    with Checkpoints(place.checkpoints) as checkpoints:
        step = checkpoints.best() if at == "best" else max(checkpoints.steps(), default=None)
        if step is None:
            raise Refused(f"{run} has no {'scored ' if at == 'best' else ''}checkpoint yet")
        return Reopened(config, experiment, checkpoints.at(step, jax.tree.map(_blank, shapes)))


def _blank(x: jax.ShapeDtypeStruct) -> jax.Array:
    if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
        return jax.random.split(jax.random.key(0), x.shape)
    return jax.device_put(np.zeros(x.shape, x.dtype))
