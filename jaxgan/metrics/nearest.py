"""Nearest neighbours among many examples: what all metrics of neighbourhoods share.

Distances are measured twice. The device goes through all pairs in float32, a block at a time; then those
that rounding could have put on the wrong side are measured again on the host in float64, pair by pair. Where
examples lie closer together than float32 can tell, the host goes through all of them. So what comes out
depends neither on the block nor on the device, and a copy lies at a distance of exactly 0.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

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
FINE = 256
"""Rows of distances in float64 that the host holds at once."""
COARSE = 1e-3
"""Rounding to float32 may move an example by so much of how far they lie apart."""
LARGEST = 1e18
"""Larger numbers have squares that float32 cannot hold."""


class Placed(NamedTuple):
    """Examples on the device around a middle [N, D], and the squares of their lengths [N]."""

    x: jax.Array
    squares: jax.Array


def features(x: np.ndarray, side: str, like: np.ndarray | None = None) -> np.ndarray:
    """Examples [N, ...] as float32 [N, D], refused where they have no distances; `side` is what to call them.

    So are examples that lie farther from 0 than float32 can tell them apart.

    >>> features(np.ones((3, 2, 2, 1)), "real").shape
    (3, 4)
    """
    if len(x) == 0:
        raise Refused(f"neighbours need examples on every side: of the {side} ones there are none")
    whole = np.asarray(x).reshape(len(x), -1)
    x = whole.astype(np.float32)
    if like is not None and x.shape[1] != like.shape[1]:
        raise Refused(
            f"{side} examples of {x.shape[1]} numbers have no distances to those of {like.shape[1]}"
        )
    if damaged := int((~np.isfinite(x).all(axis=1)).sum()):
        raise Refused(f"{damaged} of {len(x)} {side} examples are not finite: they have no neighbours")
    if np.abs(x).max(initial=0.0) > LARGEST / x.shape[1] ** 0.5:
        raise Refused(f"the {side} examples are too large to have distances in float32: scale them down")
    if whole.dtype == np.float64 and 0 < COARSE * np.ptp(whole, axis=0).max() < np.abs(whole - x).max():
        raise Refused(
            f"the {side} examples lie too far from 0 for float32 to tell them apart: subtract a common middle"
        )
    return x


def nearest(
    x: np.ndarray, among: np.ndarray, k: int = 1, block: int = BLOCK
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of `among` [M, D] to each of x [N, D]: their numbers and distances [N, k], nearest first.

    Of examples equally far the lower number comes first, where no more than 8 are left out for it. Among
    itself an example is its own nearest.

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
    found = _measured(x, among, numbers, k)
    if numbers.shape[1] == len(among):
        return found
    unsure = np.flatnonzero(_unsure(x - middle, found[1][:, -1], values[:, -1]))
    for few in (unsure[part] for part in slices(len(unsure), FINE)):
        for whole, fine in zip(found, _finely(x[few], among, middle, k), strict=True):
            whole[few] = fine
    return found


def _measured(
    x: np.ndarray, among: np.ndarray, candidates: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of the candidates [N, C], and how far they lie."""
    candidates = np.sort(candidates, axis=1)
    distances = np.stack([distance(x, among[number]) for number in candidates.T], axis=1)
    best = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(candidates, best, axis=1), np.take_along_axis(distances, best, axis=1)


def _unsure(x: np.ndarray, farthest: np.ndarray, left_out: np.ndarray) -> np.ndarray:
    """Whether one that is no candidate may lie nearer than the farthest that was found: [N].

    `left_out` is what float32 says of the nearest of them, at the least; x [N, D] lies around the middle.
    """
    d, scale = x.shape[1], farthest**2
    if d > FEW:
        length = np.linalg.norm(x, axis=1)
        scale = length**2 + (length + farthest) ** 2
    return farthest**2 + scale * rounding(d, np.float32) >= left_out


def _finely(x: np.ndarray, among: np.ndarray, middle: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """As `_nearest`, by candidates in float64."""
    count = min(k + SPARE, len(among))
    candidates = np.argpartition(finely(x, among, middle), count - 1, axis=1)[:, :count]
    return _measured(x, among, candidates, k)


def finely(a: np.ndarray, b: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """|a - b|^2 of all pairs of a [N, D] and b [M, D] around a middle, in float64: [N, M].

    >>> finely(np.array([[3.0, 4.0]]), np.zeros((1, 2)), np.zeros(2))
    array([[25.]])
    """
    a, b = (x.astype(np.float64) - middle for x in (a, b))
    return np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T


def rounding(d: int, dtype: type[np.floating[Any]]) -> float:
    """How far rounding moves |a|^2 + |b|^2 - 2 a.b at most, relative to |a|^2 + |b|^2, of d numbers.

    It grows with the root of d; the largest found on a CPU in float32, for d from 33 to 49,152, was 0.6 of
    this.

    >>> round(rounding(64, np.float32), 8)
    1.91e-06
    """
    return float(2 * d**0.5 * np.finfo(dtype).eps)


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

    As |a|^2 + |b|^2 - 2 a.b.

    >>> squared(*(placed(np.full((1, 40), value), np.zeros(40)) for value in (1.0, 3.0)))[0]
    Array([[160.]], dtype=float32)
    """
    d = a.x.shape[1]
    if d <= FEW:
        found = scale = jnp.square(a.x[:, None] - b.x).sum(axis=-1)
    else:
        scale = a.squares[:, None] + b.squares
        found = scale - 2 * jnp.matmul(a.x, b.x.T, precision=jax.lax.Precision.HIGHEST)
    return found, scale * rounding(d, np.float32)


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
