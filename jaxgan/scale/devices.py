"""Data parallelism: each device holds the whole state and a shard of every batch, as one run."""

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
"""The mesh axis over which a batch is split, and the axis of `Lowering` under shard_map and pmap."""


def check_devices() -> None:
    """Raises `Refused` if JAX finds no devices, as with a JAX_PLATFORMS that has none.

    >>> check_devices()
    """
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # the latter if no plugin of that name is installed
        platform = f" for JAX_PLATFORMS={name}" if (name := os.environ.get("JAX_PLATFORMS")) else ""
        raise Refused(f"JAX has no devices{platform}: {error or 'no such plugin is installed'}") from None


def data_mesh(devices: list[jax.Device]) -> Mesh:
    """Returns a one-dimensional mesh, to split batches over.

    >>> data_mesh(jax.devices()[:1]).axis_names
    ('data',)
    """
    # Auto, because make_mesh's default, Explicit, rejects gathers and the gradients of convolutions
    return jax.make_mesh((len(devices),), (DATA,), axis_types=(AxisType.Auto,), devices=devices)


def replicated(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of which every device holds the whole array."""
    return NamedSharding(mesh, P())


def sharded(mesh: Mesh, axis: int) -> NamedSharding:
    """Returns the sharding of which every device holds a shard along this axis."""
    return NamedSharding(mesh, P(*[None] * axis, DATA))


def data_parallel(update: Update, mesh: Mesh, way: Way) -> Update:
    """Returns the update (state, batches [batches, micro, B, ...]) with B split over the mesh, to be jitted.

    `jit`: the compiler splits one program; means and BatchNorm are over the whole batch.
    `shard_map`, `pmap`: every device runs the program on its shard, and the recipe was built with
    `Lowering("data")`, whose means are over that axis.

    >>> import jax.numpy as jnp
    >>> double = lambda state, batches: (state, {"sum": 2 * batches["x"].sum()})
    >>> mesh = data_mesh(jax.devices()[:1])
    >>> data_parallel(double, mesh, "jit")(None, {"x": jnp.ones((1, 1, 4))})[1]["sum"].item()
    8.0
    """

    def by_jit(state: State, batches: Batch) -> tuple[State, Mapping[str, Array]]:
        return update(state, jax.lax.with_sharding_constraint(batches, sharded(mesh, 2)))

    def by_pmap(state: State, batches: Batch) -> tuple[State, Mapping[str, Array]]:
        devices = list(mesh.devices.flat)
        shards = jax.tree.map(lambda x: x.reshape(*x.shape[:2], len(devices), -1, *x.shape[3:]), batches)
        mapped = jax.pmap(update, axis_name=DATA, in_axes=(None, 2), out_axes=None, devices=devices)
        return mapped(state, shards)

    match way:
        case "jit":
            return by_jit
        case "shard_map":
            return jax.shard_map(update, mesh=mesh, in_specs=(P(), P(None, None, DATA)), out_specs=P())
        case "pmap":
            return by_pmap


def distribute(tree: PyTree, sharding: PyTree | Sharding) -> PyTree:
    """Places arrays that every process has in full by a sharding, or by a tree of shardings, one for each."""
    if jax.process_count() == 1:
        return jax.device_put(tree, sharding)

    def put(sharding: Sharding, x: Any) -> jax.Array:  # device_put would compare arrays across processes
        if isinstance(x, jax.Array) and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
            data = put(sharding, jax.random.key_data(x))
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(x))
        host = np.asarray(x)
        return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])

    def put_all(sharding: Sharding, subtree: PyTree) -> PyTree:
        return jax.tree.map(partial(put, sharding), subtree)

    return jax.tree.map(put_all, sharding, tree, is_leaf=lambda x: isinstance(x, Sharding))


def local_indices(sharding: Sharding, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Returns the indices along each axis of an array that devices of this process hold.

    >>> [axis.tolist() for axis in local_indices(replicated(data_mesh(jax.devices()[:1])), (2, 3))]
    [[0, 1], [0, 1, 2]]
    """
    slices = sharding.addressable_devices_indices_map(shape).values()
    return [
        np.unique([np.arange(n)[index[axis]] for index in slices if index]) for axis, n in enumerate(shape)
    ]
