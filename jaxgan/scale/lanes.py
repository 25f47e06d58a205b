"""Lanes: several runs in one state, stacked along a leading axis of every array except the shared step."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.games.game import State
from jaxgan.parts.types import Array, Batch, PyTree
from jaxgan.scale.devices import DATA, Update, Way

LANE = "lane"
"""The mesh axis over which lanes are split."""


def fill_state(state: State, value: PyTree, step: PyTree) -> State:
    """Returns a tree with the structure of the state: `step` at the step, `value` at every other leaf.

    Lanes share one step, so that a condition on it, as in lazy terms, stays a condition under `vmap`, which
    computes both branches of a condition on a batched number.
    """
    return jax.tree.map(lambda _: value, state).replace(step=step)


def stack(states: Sequence[State]) -> State:
    """Returns one state of many lanes, all at the same step.

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.alternating import alternating
    >>> rule = alternating(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> runs = [rule.init(jax.random.key(i), {"x": jnp.zeros((1, 1, 1))}) for i in range(3)]
    >>> stack(runs).g.params.shape, stack(runs).step.shape, take_lane(stack(runs), 1) == runs[1]
    ((3,), (), True)
    """
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states).replace(step=states[0].step)


def take_lane(state: State, number: int | Array) -> State:
    """Returns the state of one lane, with a copy of the step: donated states may not share a buffer."""
    taken = jax.tree.map(lambda leaf: leaf[number], state.replace(step=None))
    return taken.replace(step=jnp.copy(state.step))


def vmap_lanes(update: Update) -> Update:
    """Returns the update of all lanes, with batches [lanes, batches, micro, B, ...]."""

    def update_all(state: State, batches: Batch) -> tuple[State, Mapping[str, Array]]:
        axes = fill_state(state, 0, None)
        return jax.vmap(update, in_axes=(axes, 0), out_axes=(axes, 0))(state, batches)

    return update_all


def lane_mesh(devices: Sequence[jax.Device], data: int) -> Mesh:
    """Returns a mesh [rows, data]: lanes are split over rows, each lane's batch over the devices of a row."""
    shape = (len(devices) // data, data)
    return jax.make_mesh(shape, (LANE, DATA), axis_types=(AxisType.Auto,) * 2, devices=devices)


def lane_parallel(update: Update, mesh: Mesh, way: Way) -> Update:
    """Returns the update of many lanes, split over both axes of a mesh of `lane_mesh`.

    `shard_map` outside, `vmap` inside: under `jit` alone the compiler would see grouped convolutions and
    gather all lanes in every update. Rows do not communicate.
    """
    all_lanes = vmap_lanes(update)

    def update_lanes(state: State, batches: Batch) -> tuple[State, Mapping[str, Array]]:
        state_specs = fill_state(state, P(LANE), P())
        if way == "shard_map":
            spec, names = P(LANE, None, None, DATA), {LANE, DATA}
        else:  # the compiler splits the data axis
            spec, names = P(LANE), {LANE}
        split = jax.shard_map(
            all_lanes,
            mesh=mesh,
            in_specs=(state_specs, spec),
            out_specs=(state_specs, P(LANE)),
            axis_names=names,
        )
        sharding = NamedSharding(mesh, P(LANE, None, None, DATA))
        return split(state, jax.lax.with_sharding_constraint(batches, sharding))

    return update_lanes


def shardings(state: PyTree, mesh: Mesh) -> PyTree:
    """Returns the shardings of a state of lanes on a mesh of `lane_mesh`."""
    return fill_state(state, NamedSharding(mesh, P(LANE)), NamedSharding(mesh, P()))
