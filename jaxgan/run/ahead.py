"""The update of a run lowered from shapes alone, for devices that hold nothing yet, or are not even there."""

from functools import partial

import jax
from jax.sharding import NamedSharding, Sharding
from jax.sharding import PartitionSpec as P
from jax.stages import Lowered

from jaxgan.data.source import array_shapes
from jaxgan.folder.settings import Settings
from jaxgan.games.game import State
from jaxgan.parts.types import PyTree
from jaxgan.run.experiment import Experiment
from jaxgan.run.program import layout, lower_update
from jaxgan.scale.devices import DATA, data_mesh, data_parallel, replicated
from jaxgan.scale.lanes import LANE, lane_mesh, lane_parallel, shardings, stack


def lower_run(experiment: Experiment, settings: Settings, state: State, devices: list[jax.Device]) -> Lowered:
    """Lowers the update of a single run with a state of these shapes, whose batches all `devices` share."""
    mesh = data_mesh(devices)
    files = experiment.source.read is not None
    arrays = _with(
        array_shapes(experiment.source, layout(experiment, settings)),
        NamedSharding(mesh, P(None, DATA) if files else P()),
    )
    spread = partial(data_parallel, mesh=mesh, way=settings.parallel)
    on_all = replicated(mesh)
    return lower_update(experiment, settings, _with(state, on_all), arrays, spread, on_all)


def lower_lanes(
    experiment: Experiment, settings: Settings, lane: State, count: int, devices: list[jax.Device], data: int
) -> Lowered:
    """Lowers the update of `count` lanes side by side, of which `lane` has the shapes of one.

    `data` devices share a batch; `experiment.rule` is that of lanes.
    """
    mesh = lane_mesh(devices, data)
    state = jax.eval_shape(stack, [lane] * count)
    placed = shardings(state, mesh)
    state = jax.tree.map(_with_sharding, state, placed)
    arrays, sharding = array_shapes(experiment.source, layout(experiment, settings)), replicated(mesh)
    if experiment.source.read is not None:
        sharding = NamedSharding(mesh, P(LANE, None, DATA))
        arrays = jax.tree.map(lambda x: jax.ShapeDtypeStruct((count, *x.shape), x.dtype), arrays)
    spread = partial(lane_parallel, mesh=mesh, way=settings.parallel)
    results = placed, NamedSharding(mesh, P(LANE))
    return lower_update(experiment, settings, state, _with(arrays, sharding), spread, results)


def _with(tree: PyTree, sharding: Sharding) -> PyTree:
    return jax.tree.map(lambda leaf: _with_sharding(leaf, sharding), tree)


def _with_sharding(leaf: jax.ShapeDtypeStruct, sharding: Sharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)
