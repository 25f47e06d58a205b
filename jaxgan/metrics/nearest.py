"""Exact nearest neighbours among many examples, for all metrics that use neighbourhoods.

Distances are computed twice. The device computes all pairs in float32, a block at a time; then the host
recomputes in float64, pair by pair, those whose order rounding could change, or all pairs if examples are
closer together than float32 resolves. So results depend neither on the block size nor on the device, and a
copy has a distance of exactly 0.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused

BLOCK = 4096
"""Rows and columns of distances in memory: about 200 MB for examples of 2,048 numbers."""
FEW = 32  # dimensions up to which differences are cheap, and more exact than a matrix product
SPARE = 8  # candidates in float32 in addition to k, among which the k nearest are found in float64
FINE = 256  # rows of distances in float64 in the host's memory
COARSE = 1e-3  # the most that rounding to float32 may move an example, relative to the examples' range
LARGEST = 1e18  # squares of larger numbers overflow float32


class Centred(NamedTuple):
    """Examples on the device relative to a centre [N, D], and their squared lengths [N]."""

    x: jax.Array
    squares: jax.Array


def features(x: np.ndarray, side: str, like: np.ndarray | None = None) -> np.ndarray:
    """Returns examples [N, ...] as float32 [N, D]; `side` names them in messages.

    Raises `Refused` if they are none, not finite, of another width than `like`, too large for distances in
    float32, or so far from 0 that float32 does not resolve their differences.

    >>> features(np.ones((3, 2, 2, 1)), "real").shape
    (3, 4)
    """
    if len(x) == 0:
        raise Refused(f"there are no {side} examples: neighbours need some on each side")
    exact = np.asarray(x).reshape(len(x), -1)
    x = exact.astype(np.float32)
    if like is not None and x.shape[1] != like.shape[1]:
        raise Refused(
            f"{side} examples of {x.shape[1]} numbers have no distances to those of {like.shape[1]}"
        )
    if bad := int((~np.isfinite(x).all(axis=1)).sum()):
        raise Refused(f"{bad} of {len(x)} {side} examples are not finite: they have no neighbours")
    if np.abs(x).max(initial=0.0) > LARGEST / x.shape[1] ** 0.5:
        raise Refused(f"the {side} examples are too large to have distances in float32: scale them down")
    if exact.dtype == np.float64 and 0 < COARSE * np.ptp(exact, axis=0).max() < np.abs(exact - x).max():
        raise Refused(
            f"the {side} examples are too far from 0 for float32 to resolve them: subtract a common centre"
        )
    return x


def nearest(
    x: np.ndarray, among: np.ndarray, k: int = 1, block: int = BLOCK
) -> tuple[np.ndarray, np.ndarray]:
    """Returns indices and distances [N, k] of the k nearest of `among` [M, D] to each x [N, D], in order.

    Ties go to the lower index, if at most 8 candidates are tied beyond the k. An example's nearest neighbour
    in its own set is itself.

    >>> nearest(np.array([[0.9, 0.0]]), np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]]), k=2)[0]
    array([[1, 0]])
    """
    among = features(among, "other")
    x = features(x, "given", among)
    if not 1 <= k <= len(among):
        raise Refused(f"{len(among)} examples do not have {k} nearest: choose k from 1 to {len(among)}")
    centre = among.mean(axis=0)
    blocks = [_nearest(x[rows], among, centre, k, block) for rows in slices(len(x), block)]
    indices, distances = zip(*blocks, strict=True)
    return np.concatenate(indices), np.concatenate(distances)


def _nearest(
    x: np.ndarray, among: np.ndarray, centre: np.ndarray, k: int, block: int
) -> tuple[np.ndarray, np.ndarray]:
    values, indices = np.empty((len(x), 0), np.float32), np.empty((len(x), 0), np.int64)
    rows = centred_rows(x, centre)
    for columns in slices(len(among), block):
        count = min(k + SPARE, columns.stop - columns.start)
        value, index = _lowest(rows, centred_rows(among[columns], centre), count)
        values = np.concatenate([values, value], axis=1)
        indices = np.concatenate([indices, np.asarray(index) + columns.start], axis=1)
        best = np.argsort(values, axis=1, kind="stable")[:, : k + SPARE]
        values, indices = np.take_along_axis(values, best, axis=1), np.take_along_axis(indices, best, axis=1)
    result = _nearest_candidates(x, among, indices, k)
    if indices.shape[1] == len(among):
        return result
    unsure = np.flatnonzero(_unsure(x - centre, result[1][:, -1], values[:, -1]))
    for some in (unsure[part] for part in slices(len(unsure), FINE)):
        for array, exact in zip(result, _nearest_float64(x[some], among, centre, k), strict=True):
            array[some] = exact
    return result


def _nearest_candidates(
    x: np.ndarray, among: np.ndarray, candidates: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns indices and distances of the k nearest of the candidates [N, C]."""
    candidates = np.sort(candidates, axis=1)
    distances = np.stack([distance(x, among[index]) for index in candidates.T], axis=1)
    best = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(candidates, best, axis=1), np.take_along_axis(distances, best, axis=1)


def _unsure(x: np.ndarray, farthest: np.ndarray, next_square: np.ndarray) -> np.ndarray:
    """Returns whether an example that is no candidate may be nearer than the farthest neighbour: [N].

    `next_square` is a lower bound in float32 of their squared distances; x [N, D] is relative to the centre.
    """
    d, scale = x.shape[1], farthest**2
    if d > FEW:
        length = np.linalg.norm(x, axis=1)
        scale = length**2 + (length + farthest) ** 2
    return farthest**2 + scale * rounding(d, np.float32) >= next_square


def _nearest_float64(
    x: np.ndarray, among: np.ndarray, centre: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    count = min(k + SPARE, len(among))
    candidates = np.argpartition(squared_float64(x, among, centre), count - 1, axis=1)[:, :count]
    return _nearest_candidates(x, among, candidates, k)


def squared_float64(a: np.ndarray, b: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Returns |a - b|^2 [N, M] of all pairs of a [N, D] and b [M, D], relative to a centre, in float64.

    >>> squared_float64(np.array([[3.0, 4.0]]), np.zeros((1, 2)), np.zeros(2))
    array([[25.]])
    """
    a, b = (x.astype(np.float64) - centre for x in (a, b))
    return np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T


def rounding(d: int, dtype: type[np.floating[Any]]) -> float:
    """Returns a bound on the rounding error of |a|^2 + |b|^2 - 2 a.b in d dimensions, over |a|^2 + |b|^2.

    It grows with the root of d; the largest error measured on a CPU in float32, for d from 33 to 49,152, was
    0.6 of this.

    >>> round(rounding(64, np.float32), 8)
    1.91e-06
    """
    return float(2 * d**0.5 * np.finfo(dtype).eps)


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns |a - b| [N] of the pairs a, b [N, D], in float64: the same for a pair in any position.

    >>> distance(np.array([[3.0, 4.0]]), np.zeros((1, 2)))
    array([5.])
    """
    return np.sqrt(np.square(np.subtract(a, b, dtype=np.float64)).sum(axis=1))


@jax.jit
def centred_rows(x: jax.Array, centre: jax.Array) -> Centred:
    """Returns the input of `squared_float32`; the centre [D], common to both sides, reduces cancellation.

    Compiled on its own: inside `_lowest`, XLA for CPU would recompute the lengths for every pair.

    >>> centred_rows(jnp.ones((1, 40)), jnp.zeros(40)).squares
    Array([40.], dtype=float32)
    """
    x = x - centre if x.shape[1] > FEW else x
    return Centred(x, jnp.square(x).sum(axis=1))


def squared_float32(a: Centred, b: Centred) -> tuple[jax.Array, jax.Array]:
    """Returns |a - b|^2 of all pairs of a [N, D] and b [M, D], and bounds on their rounding errors: [N, M].

    Computed as |a|^2 + |b|^2 - 2 a.b, beyond FEW dimensions.

    >>> squared_float32(*(centred_rows(np.full((1, 40), value), np.zeros(40)) for value in (1.0, 3.0)))[0]
    Array([[160.]], dtype=float32)
    """
    d = a.x.shape[1]
    if d <= FEW:
        squares = scale = jnp.square(a.x[:, None] - b.x).sum(axis=-1)
    else:
        scale = a.squares[:, None] + b.squares
        squares = scale - 2 * jnp.matmul(a.x, b.x.T, precision=jax.lax.Precision.HIGHEST)
    return squares, scale * rounding(d, np.float32)


@partial(jax.jit, static_argnums=2)
def _lowest(a: Centred, b: Centred, k: int) -> tuple[jax.Array, jax.Array]:
    values, indices = jax.lax.top_k(-squared_float32(a, b)[0], k)
    return -values, indices


def slices(n: int, size: int) -> Iterator[slice]:
    """Yields slices of `size` that cover range(n), the last of which may be shorter.

    >>> list(slices(5, 3))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    return (slice(start, min(start + size, n)) for start in range(0, n, size))
