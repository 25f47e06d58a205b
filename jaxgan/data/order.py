"""Random permutations evaluated one index at a time, and the stratified order behind train/test splits."""

from math import isqrt
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.parts.types import Array, Key

ROUNDS = 8
Integers = TypeVar("Integers", Array, np.ndarray)  # on the device or on the host, with equal results


def round_keys(key: Key) -> Array:
    """Returns the ROUNDS round keys [8] of the permutation that belongs to a key."""
    return jax.random.bits(key, (ROUNDS,), jnp.uint32)


def permute(round_keys: Integers, position: Integers, size: int) -> Integers:
    """Maps `position` [N] (uint32) by a keyed permutation of 0..size-1, in O(1) time and memory each.

    A Feistel network (Luby & Rackoff, 1988) over the pairs (position // b, position % b) of an a x b grid:
    each half in turn is shifted by a hash of the other half and one of the `round_keys` [N, 8] or [8]. Values
    of `size` or more are mapped again until they are smaller (cycle walking; Black & Rogaway, 2002). The grid
    is the smallest nearly square one: sizes 1,500, 50,000 and 60,000 fit exactly and need no loop, others
    rarely a second pass.

    >>> position = jnp.arange(10, dtype=jnp.uint32)
    >>> sorted(permute(round_keys(jax.random.key(0)), position, 10).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    a, b = _factors(size)

    def feistel(x: Integers) -> Integers:
        left, right = x // b, x % b
        for i in range(0, ROUNDS, 2):
            left = (left + _mix(right ^ round_keys[..., i]) % a) % a
            right = (right + _mix(left ^ round_keys[..., i + 1]) % b) % b
        return left * b + right

    result = feistel(position)
    if a * b == size:
        return result
    if isinstance(result, np.ndarray):
        while (result >= size).any():
            result = np.where(result >= size, feistel(result), result)
        return result
    return jax.lax.while_loop(
        lambda x: (x >= size).any(), lambda x: jnp.where(x >= size, feistel(x), x), result
    )


def stratified_order(label: np.ndarray) -> np.ndarray:
    """Returns a constant order of examples with every class spread evenly, so that any cut is stratified.

    >>> label = np.array([0, 0, 0, 1, 1, 1])
    >>> sorted(label[stratified_order(label)[:2]].tolist())
    [0, 1]
    """
    shuffled = np.random.RandomState(0).permutation(len(label))  # the same in every version of NumPy
    rank = np.empty(len(label))
    for k in np.unique(label):
        of_class = shuffled[label[shuffled] == k]
        rank[of_class] = (np.arange(len(of_class)) + 0.5) / len(of_class)
    return shuffled[np.argsort(rank[shuffled], kind="stable")]


def _factors(size: int) -> tuple[int, int]:
    """Returns a, b >= 2 near sqrt(size) with the least product a b >= size."""
    root = isqrt(size)
    a = min(range(max(2, root // 2), root + 2), key=lambda a: (a * -(-size // a), -a), default=2)
    return a, -(-size // a)


def _mix(x: Integers) -> Integers:
    """The finaliser of MurmurHash3: each input bit affects every output bit."""
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    return x ^ (x >> 16)
