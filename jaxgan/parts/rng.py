"""Random keys by name: every draw is a function of (root key, names, example index), not of earlier draws.

So resuming needs no saved generator state, a new stream changes no other, and the draws do not depend on the
number of devices.
"""

import zlib

import jax

from jaxgan.parts.types import Array, Key


def fold(key: Key, *names: str | int | Array) -> Key:
    """Returns the key for a purpose, as `fold(key, "g", step)`. A key array is folded key by key.

    >>> bool(fold(jax.random.key(0), "g") == fold(jax.random.key(0), "d"))
    False
    """
    if key.ndim:
        return jax.vmap(lambda k: fold(k, *names))(key)
    for name in names:
        key = jax.random.fold_in(key, zlib.crc32(name.encode()) if isinstance(name, str) else name)
    return key


def each(key: Key, index: Array) -> Key:
    """Returns one key per example: [B] keys from the global indices [B].

    >>> import jax.numpy as jnp
    >>> each(jax.random.key(0), jnp.arange(3)).shape
    (3,)
    """
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(index)
