"""Orders: of the examples in every epoch, one at a time and never held; and of those to hold out."""

from math import isqrt
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.parts.types import Array, Key

ROUNDS = 8
Place = TypeVar("Place", Array, np.ndarray)  # on the device, or on the host: the same numbers


def rounds(key: Key) -> Array:
    """The ROUNDS numbers [8] that make an order out of a key."""
    return jax.random.bits(key, (ROUNDS,), jnp.uint32)


def shuffled(rounds: Place, position: Place, size: int) -> Place:
    """Where keyed permutations of 0..size-1 send `position` [N] (uint32): O(1) in time and memory for each.

    A Feistel network (Luby & Rackoff, 1988) over the pairs (position // b, position % b) of an a x b grid,
    either half shifted in turn by a hash of the other with one of the `rounds` [N, 8] or [8]. What lands
    beyond `size` is sent on until it lands inside (cycle walking; Black & Rogaway, 2002). Of all nearly
    square grids the tightest is taken: 1,500, 50,000 and 60,000 fit exactly and need no loop at all, the
    others seldom a second turn.

    >>> place = jnp.arange(10, dtype=jnp.uint32)
    >>> sorted(shuffled(rounds(jax.random.key(0)), place, 10).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    a, b = _grid(size)

    def once(x: Place) -> Place:
        left, right = x // b, x % b
        for i in range(0, ROUNDS, 2):
            left = (left + _mix(right ^ rounds[..., i]) % a) % a
            right = (right + _mix(left ^ rounds[..., i + 1]) % b) % b
        return left * b + right

    first = once(position)
    if a * b == size:
        return first
    if isinstance(first, np.ndarray):
        while (first >= size).any():
            first = np.where(first >= size, once(first), first)
        return first
    return jax.lax.while_loop(lambda x: (x >= size).any(), lambda x: jnp.where(x >= size, once(x), x), first)


def spread(label: np.ndarray) -> np.ndarray:
    """A constant order of labelled examples in which every class is spread evenly: any cut is stratified.

    >>> label = np.array([0, 0, 0, 1, 1, 1])
    >>> sorted(label[spread(label)[:2]].tolist())
    [0, 1]
    """
    shuffled = np.random.RandomState(0).permutation(len(label))  # a stream that numpy has frozen
    place = np.empty(len(label))
    for k in np.unique(label):
        of_class = shuffled[label[shuffled] == k]
        place[of_class] = (np.arange(len(of_class)) + 0.5) / len(of_class)
    return shuffled[np.argsort(place[shuffled], kind="stable")]


def _grid(size: int) -> tuple[int, int]:
    """The sides a, b >= 2 near sqrt(size) with the least a b >= size."""
    root = isqrt(size)
    a = min(range(max(2, root // 2), root + 2), key=lambda a: (a * -(-size // a), -a), default=2)
    return a, -(-size // a)


def _mix(x: Place) -> Place:
    """The finaliser of MurmurHash3: each bit in sways every bit out."""
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    return x ^ (x >> 16)
