"""One run over many devices: each holds the whole state and a share of every batch. It is the same run."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, Sharding
from jax.sharding import PartitionSpec as P

from jaxgan.errors import Refused
from jaxgan.games.game import State
from jaxgan.parts.types import Array, Batch, PyTree

Way = Literal["jit", "shard_map", "pmap"]
Update = Callable[[State, Batch], tuple[State, Mapping[str, Array]]]

DATA = "data"
"""The axis of devices over which a batch is split: what `Lowering` is told under shard_map and pmap."""


def check_devices() -> None:
    """Refuses to go on where JAX finds no devices, as with a JAX_PLATFORMS of which there are none.

    >>> check_there()
    """
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # the latter where no plugin of that name is installed
        asked = f" for JAX_PLATFORMS={name}" if (name := os.environ.get("JAX_PLATFORMS")) else ""
        raise Refused(f"JAX has no devices{asked}: {error or 'nothing of the kind is installed'}") from None


def data_mesh(devices: list[jax.Device]) -> Mesh:
    """Devices in a row, to split batches over.

    >>> row(jax.devices()[:1]).axis_names
    ('data',)
    """
    # Auto, because make_mesh's own choice, Explicit, refuses gathers and the gradients of convolutions
    return jax.make_mesh((len(devices),), (DATA,), axis_types=(AxisType.Auto,), devices=devices)


def replicated(mesh: Mesh) -> NamedSharding:
    """Every device holds all of it."""
    return NamedSharding(mesh, P())


def sharded(mesh: Mesh, axis: int) -> NamedSharding:
    """Every device holds its share along this axis."""
    return NamedSharding(mesh, P(*[None] * axis, DATA))


def data_parallel(update: Update, mesh: Mesh, way: Way) -> Update:
    """The update (state, batches [batches, micro, B, ...]) with B split over a row of devices, to be jitted.

    `jit`: the compiler splits one program; means and BatchNorm are of the whole batch by themselves.
    `shard_map`, `pmap`: every device runs the program on its share, and the recipe has been built with
    `Lowering("data")`, whose means meet on that axis.

    >>> import jax.numpy as jnp
    >>> double = lambda state, batches: (state, {"sum": 2 * batches["x"].sum()})
    >>> over_data(double, row(jax.devices()[:1]), "jit")(None, {"x": jnp.ones((1, 1, 4))})[1]["sum"].item()
    8.0
    """

    def by_jit(state: State, batches: Batch) -> tuple[State, Mapping[str, Array]]:
        return update(state, jax.lax.with_sharding_constraint(batches, sharded(mesh, 2)))

    def by_pmap(state: State, batches: Batch) -> tuple[State, Mapping[str, Array]]:
        devices = list(mesh.devices.flat)
        apart = jax.tree.map(lambda x: x.reshape(*x.shape[:2], len(devices), -1, *x.shape[3:]), batches)
        mapped = jax.pmap(update, axis_name=DATA, in_axes=(None, 2), out_axes=None, devices=devices)
        return mapped(state, apart)

    match way:
        case "jit":
            return by_jit
        case "shard_map":
            return jax.shard_map(update, mesh=mesh, in_specs=(P(), P(None, None, DATA)), out_specs=P())
        case "pmap":
            return by_pmap


def distribute(tree: PyTree, sharding: PyTree | Sharding) -> PyTree:
    """Arrays that every process has, where the sharding says, or for each the one in a tree of them."""
    if jax.process_count() == 1:
        return jax.device_put(tree, sharding)

    def spread(where: Sharding, x: Any) -> jax.Array:  # device_put would compare each among the processes
        if isinstance(x, jax.Array) and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
            data = spread(where, jax.random.key_data(x))
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(x))
        host = np.asarray(x)
        return jax.make_array_from_callback(host.shape, where, lambda index: host[index])

    def spread_all(where: Sharding, part: PyTree) -> PyTree:
        return jax.tree.map(partial(spread, where), part)

    return jax.tree.map(spread_all, sharding, tree, is_leaf=lambda x: isinstance(x, Sharding))


def local_indices(sharding: Sharding, shape: tuple[int, ...]) -> list[np.ndarray]:
    """The indices along each axis that devices of this process hold.

    >>> [axis.tolist() for axis in held_here(whole(row(jax.devices()[:1])), (2, 3))]
    [[0, 1], [0, 1, 2]]
    """
    slices = sharding.addressable_devices_indices_map(shape).values()
    return [
        np.unique([np.arange(n)[index[axis]] for index in slices if index]) for axis, n in enumerate(shape)
    ]
