"""What tells one state from another: its numbers on the host, their digest, their names and shapes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.parts.types import PyTree
from jaxgan.scale.processes import gather


def host_arrays(state: PyTree) -> dict[str, np.ndarray]:
    """Its arrays by their paths, keys as the numbers that they are; of several processes the whole.

    >>> on_host({"a": jax.random.key(7)})["['a']"].tolist()
    [0, 7]
    """

    def array(x: jax.Array) -> jax.Array:
        return jax.random.key_data(x) if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key) else x

    leaves = jax.tree_util.tree_flatten_with_path(jax.tree.map(array, state))[0]
    return {jax.tree_util.keystr(path): x for path, x in jax.device_get(gather(leaves))}


def dtypes_and_shapes(state: PyTree) -> list[tuple[Any, tuple[int, ...]]]:
    """The type and shape of each array.

    >>> kinds({"a": jnp.zeros(3)})
    [(dtype('float32'), (3,))]
    """
    return [(leaf.dtype, leaf.shape) for leaf in jax.tree.leaves(state)]


def digest(host: Mapping[str, np.ndarray]) -> str:
    """sha256 of every bit, name, type and shape.

    >>> digest({"a": np.zeros(2)}) == digest({"a": np.array([0.0, -0.0])})
    False
    """
    found = hashlib.sha256()
    for path, x in host.items():
        found.update(f"{path} {x.dtype} {x.shape}\n".encode())
        found.update(np.ascontiguousarray(x).tobytes())
    return found.hexdigest()


def seal(notes: Mapping[str, Any]) -> str:
    """A digest of the notes themselves: a flipped bit in them is damage, not another recipe.

    >>> seal({"step": 3}) == seal({"step": 3, "seal": "what it was"})
    True
    """
    said = {name: value for name, value in notes.items() if name != "seal"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def structure(host: Mapping[str, np.ndarray]) -> str:
    """As `digest`, of names, types and shapes alone: those of one recipe.

    >>> structure({"a": np.zeros(2)}) == structure({"a": np.ones(2)})
    True
    """
    return hashlib.sha256(repr([(k, str(x.dtype), x.shape) for k, x in host.items()]).encode()).hexdigest()


def first_not_finite(host: Mapping[str, np.ndarray]) -> str | None:
    """The path of an array that holds NaN or an infinity, None where none does.

    >>> first_not_finite({"a": np.zeros(2), "b": np.array([np.nan])})
    'b'
    """
    for path, x in host.items():
        if jnp.issubdtype(x.dtype, jnp.floating) and not np.isfinite(x).all():
            return path
    return None
