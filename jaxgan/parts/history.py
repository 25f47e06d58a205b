"""A pool of what G made before, of which D is shown some in the place of new (Shrivastava et al., 2017)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key, Lowering


class History(NamedTuple):
    """Examples that were kept, and how many there have been so far."""

    kept: Array  # [size, ...]
    filled: Array


def empty(size: int, like: Array) -> History:
    """A pool of so many examples like these [N, ...].

    >>> empty(50, jnp.zeros((4, 8, 8, 3))).kept.shape
    (50, 8, 8, 3)
    """
    return History(jnp.zeros((size, *like.shape[1:]), like.dtype), jnp.int32(0))


def exchanged(history: History, keys: Key, fake: Array, lowering: Lowering) -> tuple[Array, History]:
    """What D is shown in the place of `fake` [N, ...], and the pool after that.

    Until the pool is full, what comes is kept and shown as it is. Then, with probability 1/2 for each
    example, one that was kept is shown instead, and the new one kept in its place. All devices have one pool.

    >>> keys, history = jax.random.split(jax.random.key(0), 2), empty(2, jnp.zeros((2, 1)))
    >>> shown, history = exchanged(history, keys, jnp.ones((2, 1)), Lowering())
    >>> shown.tolist(), history.kept.tolist()
    ([[1.0], [1.0]], [[1.0], [1.0]])
    """
    size, count = history.kept.shape[0], fake.shape[0]
    new = lowering.gather(jax.lax.stop_gradient(fake))
    coins = jax.vmap(lambda key: jax.random.bernoulli(fold(key, "coin")))(keys)
    coin = lowering.gather(coins.astype(jnp.int32)) > 0
    first = jax.random.wrap_key_data(lowering.gather(jax.random.key_data(keys[:1]))[0])
    place = jnp.arange(new.shape[0])
    # no two of a batch the same slot, or which of them stays would be up to the device
    slots = jax.random.permutation(fold(first, "slots"), size)[place % size]
    filling = history.filled + place < size
    slots = jnp.where(filling, history.filled + place, slots)
    old = filling | ~coin | (place >= size)
    shown = jnp.where(_per_example(old, new), new, history.kept[slots])
    written = jnp.where((filling | coin) & (place < size), slots, size)
    kept = history.kept.at[written].set(new, mode="drop")
    start = 0 if lowering.axis is None else jax.lax.axis_index(lowering.axis) * count
    own = jax.lax.dynamic_slice_in_dim(shown, start, count)
    # as it is, an example keeps its gradient
    return (
        jnp.where(_per_example(jax.lax.dynamic_slice_in_dim(old, start, count), fake), fake, own),
        History(kept, jnp.minimum(history.filled + new.shape[0], size)),
    )


def _per_example(x: Array, like: Array) -> Array:
    return x.reshape(x.shape + (1,) * (like.ndim - 1))
