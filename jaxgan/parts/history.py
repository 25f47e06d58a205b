"""A pool of earlier fakes, some of which D sees instead of new ones (Shrivastava et al., 2017)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key, Lowering, per_row


class History(NamedTuple):
    """The pool of examples, and how many of its slots are filled."""

    kept: Array  # [size, ...]
    filled: Array


def empty(size: int, like: Array) -> History:
    """Returns an empty pool for `size` examples like these [N, ...].

    >>> empty(50, jnp.zeros((4, 8, 8, 3))).kept.shape
    (50, 8, 8, 3)
    """
    return History(jnp.zeros((size, *like.shape[1:]), like.dtype), jnp.int32(0))


def exchange(history: History, keys: Key, fake: Array, lowering: Lowering) -> tuple[Array, History]:
    """Returns the examples that D sees instead of `fake` [N, ...], and the updated pool.

    Until the pool is full, new examples enter it and D sees them as they are. After that, with probability
    1/2 for each example, D sees one from the pool instead, and the new one takes its slot. All devices share
    one pool.

    >>> keys, history = jax.random.split(jax.random.key(0), 2), empty(2, jnp.zeros((2, 1)))
    >>> shown, history = exchange(history, keys, jnp.ones((2, 1)), Lowering())
    >>> shown.tolist(), history.kept.tolist()
    ([[1.0], [1.0]], [[1.0], [1.0]])
    """
    size, count = history.kept.shape[0], fake.shape[0]
    new = lowering.gather(jax.lax.stop_gradient(fake))
    coins = jax.vmap(lambda key: jax.random.bernoulli(fold(key, "coin")))(keys)
    coin = lowering.gather(coins.astype(jnp.int32)) > 0
    position = jnp.arange(new.shape[0])
    # distinct slots within a batch: which of two writes to one slot wins would depend on the device
    slots = jax.random.permutation(fold(lowering.first_key(keys), "slots"), size)[position % size]
    filling = history.filled + position < size
    slots = jnp.where(filling, history.filled + position, slots)
    unchanged = filling | ~coin | (position >= size)
    seen = jnp.where(per_row(unchanged, new), new, history.kept[slots])
    written = jnp.where((filling | coin) & (position < size), slots, size)
    kept = history.kept.at[written].set(new, mode="drop")
    own = lowering.own_rows(count)
    seen, unchanged = seen[own], unchanged[own]
    # an unchanged example is taken from `fake`, which has a gradient
    return (
        jnp.where(per_row(unchanged, fake), fake, seen),
        History(kept, jnp.minimum(history.filled + new.shape[0], size)),
    )
