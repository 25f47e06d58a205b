"""Digests of states: of their numbers on the host, and of their names, dtypes and shapes."""

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
    """Returns a state's arrays by path, gathered over processes, with random keys as their numbers.

    >>> host_arrays({"a": jax.random.key(7)})["['a']"].tolist()
    [0, 7]
    """

    def array(x: jax.Array) -> jax.Array:
        return jax.random.key_data(x) if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key) else x

    leaves = jax.tree_util.tree_flatten_with_path(jax.tree.map(array, state))[0]
    return {jax.tree_util.keystr(path): x for path, x in jax.device_get(gather(leaves))}


def digest(host: Mapping[str, np.ndarray]) -> str:
    """Returns the sha256 of every bit, name, dtype and shape.

    >>> digest({"a": np.zeros(2)}) == digest({"a": np.array([0.0, -0.0])})
    False
    """
    sha256 = hashlib.sha256()
    for path, x in host.items():
        sha256.update(f"{path} {x.dtype} {x.shape}\n".encode())
        sha256.update(np.ascontiguousarray(x).tobytes())
    return sha256.hexdigest()


def seal(notes: Mapping[str, Any]) -> str:
    """Returns a digest of a checkpoint's notes: a flipped bit in them is damage, not another recipe.

    >>> seal({"step": 3}) == seal({"step": 3, "seal": "what it was"})
    True
    """
    content = {name: value for name, value in notes.items() if name != "seal"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def structure(host: Mapping[str, np.ndarray]) -> str:
    """Returns the sha256 of the names, dtypes and shapes, which are the same for all states of a recipe.

    >>> structure({"a": np.zeros(2)}) == structure({"a": np.ones(2)})
    True
    """
    return hashlib.sha256(repr([(k, str(x.dtype), x.shape) for k, x in host.items()]).encode()).hexdigest()


def first_not_finite(host: Mapping[str, np.ndarray]) -> str | None:
    """Returns the path of the first array with a NaN or an infinity, else None.

    >>> first_not_finite({"a": np.zeros(2), "b": np.array([np.nan])})
    'b'
    """
    for path, x in host.items():
        if jnp.issubdtype(x.dtype, jnp.floating) and not np.isfinite(x).all():
            return path
    return None
