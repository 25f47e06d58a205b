"""Lanes: several runs as one state, along a leading axis of every array but the step, which they share."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.games.game import State
from jaxgan.parts.types import Array, Batch, PyTree
from jaxgan.scale.devices import DATA, Update, Way

LANE = "lane"
"""The axis of devices over which lanes are split."""


def fill_state(state: State, everything: PyTree, step: PyTree) -> State:
    """A tree shaped like the state: `everything` at each leaf, but `step` at the step.

    One step for all, and not one per lane: a condition on it, as lazy terms have, then stays a condition
    under `vmap`, where one on a batched number computes both sides.
    """
    return jax.tree.map(lambda _: everything, state).replace(step=step)


def stack(states: Sequence[State]) -> State:
    """One state of many lanes, all at the same step.

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.alternating import alternating
    >>> rule = alternating(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> runs = [rule.init(jax.random.key(i), {"x": jnp.zeros((1, 1, 1))}) for i in range(3)]
    >>> stacked(runs).g.params.shape, stacked(runs).step.shape, lane(stacked(runs), 1) == runs[1]
    ((3,), (), True)
    """
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states).replace(step=states[0].step)


def take_lane(state: State, number: int | Array) -> State:
    """One run out of many, with a copy of the step: two donated states may not hold one buffer."""
    own = jax.tree.map(lambda leaf: leaf[number], state.replace(step=None))
    return own.replace(step=jnp.copy(state.step))


def vmap_lanes(update: Update) -> Update:
    """The update of one run as that of many, leaves of the batches [lanes, batches, micro, B, ...]."""

    def update_all(state: State, batches: Batch) -> tuple[State, Mapping[str, Array]]:
        axes = fill_state(state, 0, None)
        return jax.vmap(update, in_axes=(axes, 0), out_axes=(axes, 0))(state, batches)

    return update_all


def lane_mesh(devices: Sequence[jax.Device], data: int) -> Mesh:
    """Devices in a rectangle: lanes are split over its rows, the batch of each over the `data` of a row."""
    shape = (len(devices) // data, data)
    return jax.make_mesh(shape, (LANE, DATA), axis_types=(AxisType.Auto,) * 2, devices=devices)


def lane_parallel(update: Update, mesh: Mesh, way: Way) -> Update:
    """The update of many lanes, split over both sides of a grid: rows of devices have lanes of their own.

    `shard_map` outside, `vmap` inside: left to `jit`, the compiler would see grouped convolutions and gather
    all lanes at every turn. Rows never talk to one another.
    """
    all_lanes = vmap_lanes(update)

    def laid_out(state: State, batches: Batch) -> tuple[State, Mapping[str, Array]]:
        state_specs = fill_state(state, P(LANE), P())
        if way == "shard_map":
            spec, names = P(LANE, None, None, DATA), {LANE, DATA}
        else:  # the data side is left to the compiler
            spec, names = P(LANE), {LANE}
        split = jax.shard_map(
            all_lanes,
            mesh=mesh,
            in_specs=(state_specs, spec),
            out_specs=(state_specs, P(LANE)),
            axis_names=names,
        )
        where = NamedSharding(mesh, P(LANE, None, None, DATA))
        return split(state, jax.lax.with_sharding_constraint(batches, where))

    return laid_out


def shardings(state: PyTree, mesh: Mesh) -> PyTree:
    """Where the arrays of a state of lanes lie in a grid."""
    return fill_state(state, NamedSharding(mesh, P(LANE)), NamedSharding(mesh, P()))
