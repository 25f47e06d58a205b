"""Nearest neighbours among many examples: what all metrics of neighbourhoods share.

Distances are measured twice. The device goes through all pairs in float32, a block at a time; then those
that rounding could have put on the wrong side are measured again on the host in float64, pair by pair. So
what comes out depends neither on the block nor on the device, and a copy lies at a distance of exactly 0.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused

BLOCK = 4096
"""Rows, and columns, of distances held at once: with 2,048 numbers to an example, some 200 MB."""
FEW = 32
"""Up to so many numbers to an example its differences are cheap, and lose less than a product of matrices."""
SPARE = 8
"""Candidates in float32 beyond the k among which the k nearest are found."""


class Placed(NamedTuple):
    """Examples on the device around a middle [N, D], and the squares of their lengths [N]."""

    x: jax.Array
    squares: jax.Array


def features(x: np.ndarray, side: str, like: np.ndarray | None = None) -> np.ndarray:
    """Examples [N, ...] as float32 [N, D], refused where they have no distances; `side` is what to call them.

    >>> features(np.ones((3, 2, 2, 1)), "real").shape
    (3, 4)
    """
    if len(x) == 0:
        raise Refused(f"neighbours need examples on every side: of the {side} ones there are none")
    x = np.asarray(x, np.float32).reshape(len(x), -1)
    if like is not None and x.shape[1] != like.shape[1]:
        raise Refused(
            f"{side} examples of {x.shape[1]} numbers have no distances to those of {like.shape[1]}"
        )
    if damaged := int((~np.isfinite(x).all(axis=1)).sum()):
        raise Refused(f"{damaged} of {len(x)} {side} examples are not finite: they have no neighbours")
    return x


def nearest(
    x: np.ndarray, among: np.ndarray, k: int = 1, block: int = BLOCK
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of `among` [M, D] to each of x [N, D]: their numbers and distances [N, k], nearest first.

    Of examples equally far the lower number comes first. Among itself an example is its own nearest.

    >>> nearest(np.array([[0.9, 0.0]]), np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]]), k=2)[0]
    array([[1, 0]])
    """
    among = features(among, "other")
    x = features(x, "given", among)
    if not 1 <= k <= len(among):
        raise Refused(f"of {len(among)} examples there are no {k} nearest")
    middle = among.mean(axis=0)
    found = [_nearest(x[rows], among, middle, k, block) for rows in slices(len(x), block)]
    numbers, distances = zip(*found, strict=True)
    return np.concatenate(numbers), np.concatenate(distances)


def _nearest(
    x: np.ndarray, among: np.ndarray, middle: np.ndarray, k: int, block: int
) -> tuple[np.ndarray, np.ndarray]:
    values, numbers = np.empty((len(x), 0), np.float32), np.empty((len(x), 0), np.int64)
    rows = placed(x, middle)
    for columns in slices(len(among), block):
        value, number = _lowest(
            rows, placed(among[columns], middle), min(k + SPARE, columns.stop - columns.start)
        )
        values = np.concatenate([values, value], axis=1)
        numbers = np.concatenate([numbers, np.asarray(number) + columns.start], axis=1)
        best = np.argsort(values, axis=1, kind="stable")[:, : k + SPARE]
        values, numbers = np.take_along_axis(values, best, axis=1), np.take_along_axis(numbers, best, axis=1)
    numbers.sort(axis=1)
    distances = np.stack([distance(x, among[number]) for number in numbers.T], axis=1)
    best = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(numbers, best, axis=1), np.take_along_axis(distances, best, axis=1)


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b| [N] of the pairs a, b [N, D], in float64: the same for the same pair wherever it stands.

    >>> distance(np.array([[3.0, 4.0]]), np.zeros((1, 2)))
    array([5.])
    """
    return np.sqrt(np.square(np.subtract(a, b, dtype=np.float64)).sum(axis=1))


@jax.jit
def placed(x: jax.Array, middle: jax.Array) -> Placed:
    """Examples as `squared` takes them; the middle [D], the same for both sides, keeps what cancels small.

    A program of its own: inside the one that follows, XLA for CPU would take the lengths anew for every pair.

    >>> placed(jnp.ones((1, 40)), jnp.zeros(40)).squares
    Array([40.], dtype=float32)
    """
    x = x - middle if x.shape[1] > FEW else x
    return Placed(x, jnp.square(x).sum(axis=1))


def squared(a: Placed, b: Placed) -> tuple[jax.Array, jax.Array]:
    """|a - b|^2 of all pairs of a [N, D] and b [M, D], and how far rounding may have moved each: both [N, M].

    As |a|^2 + |b|^2 - 2 a.b. Rounding grows with the root of D; the largest found on a CPU, for D from 33 to
    49,152, was 0.6 of what is allowed for.

    >>> squared(*(placed(np.full((1, 40), value), np.zeros(40)) for value in (1.0, 3.0)))[0]
    Array([[160.]], dtype=float32)
    """
    d = a.x.shape[1]
    if d <= FEW:
        found = scale = jnp.square(a.x[:, None] - b.x).sum(axis=-1)
    else:
        scale = a.squares[:, None] + b.squares
        found = scale - 2 * jnp.matmul(a.x, b.x.T, precision=jax.lax.Precision.HIGHEST)
    return found, scale * (2 * d**0.5 * float(jnp.finfo(jnp.float32).eps))


@partial(jax.jit, static_argnums=2)
def _lowest(a: Placed, b: Placed, k: int) -> tuple[jax.Array, jax.Array]:
    values, numbers = jax.lax.top_k(-squared(a, b)[0], k)
    return -values, numbers


def slices(n: int, size: int) -> Iterator[slice]:
    """The numbers below n in slices of `size`, the last of which may be shorter.

    >>> list(slices(5, 3))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    return (slice(start, min(start + size, n)) for start in range(0, n, size))
