"""Examples with another beside them: made of each (a pair), or of another source (no pair)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Image, Leaf, Numbers
from jaxgan.data.order import Place, shuffled
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Batch, Key, PyTree

Make = Callable[[Array], Array]  # of one example, pure


def paired(source: Source, make: Make, name: str = "source", leaf: Leaf | None = None) -> Source:
    """Each example x with make(x) beside it as the leaf `name`: what a translator is given; x is the answer.

    What is made is of x's kind where it has as many axes, else Numbers, unless `leaf` says what it is.

    >>> from jaxgan.data import load
    >>> pair = paired(load("glyphs"), edges)
    >>> sorted(pair.leaves), pair.leaves["source"].shape
    (['label', 'source', 'x'], (28, 28, 1))
    """
    if name in source.leaves or name == "index":
        raise Refused(f"there is a leaf {name!r} already: give what is made another name")
    x, rest = source.leaves["x"], source.held_out
    made = jax.eval_shape(make, jax.ShapeDtypeStruct(x.shape, x.dtype))
    if leaf is None:
        leaf = Leaf(made.shape, x.kind if len(made.shape) == len(x.shape) else Numbers(), made.dtype)
    if (leaf.shape, jnp.dtype(leaf.dtype)) != (made.shape, made.dtype):
        raise Refused(f"the leaf {name!r} is {leaf.dtype}{leaf.shape}, but {made.dtype}{made.shape} is made")

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = source.take(arrays, key, number)
        return {**taken, name: jax.vmap(make)(taken["x"])}

    return source._replace(
        leaves={**source.leaves, name: leaf},
        take=take,
        fingerprint=f"paired {name} {source.fingerprint}".strip(),
        held_out=None if rest is None else lambda: paired(rest(), make, name, leaf),
    )


def unpaired(a: Source, b: Source) -> Source:
    """The examples of `a`, each with an x of `b` beside it as the leaf "other", which it does not depend on.

    An epoch shows each of the larger once; the smaller goes round, each time in another, constant order.

    >>> from jaxgan.data import load
    >>> two = unpaired(load("digits"), load("glyphs"))
    >>> two.size, two.leaves["x"].shape, two.leaves["other"].shape
    (60000, (8, 8, 1), (28, 28, 1))
    """
    if (a.size is None, a.read is None) != (b.size is None, b.read is None):
        raise Refused("take two sources of a kind: both read from files, both drawn anew, or neither of them")
    size = None if a.size is None or b.size is None else max(a.size, b.size)
    of_a, of_b = _Round(a.size, 0), _Round(b.size, 1)
    rest, other_rest = a.held_out, b.held_out

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = a.take(arrays[0], key, of_a(number))
        return {**taken, "other": b.take(arrays[1], fold(key, "other"), of_b(number))["x"]}

    return a._replace(
        leaves={**a.leaves, "other": b.leaves["x"]},
        size=size,
        arrays=(a.arrays, b.arrays),
        take=take,
        read=None if a.read is None or b.read is None else _Both(a.read, b.read, of_a, of_b),
        note="; ".join(dict.fromkeys(filter(None, (a.note, b.note)))),
        fingerprint=f"unpaired {a.fingerprint} {b.fingerprint}",
        held_out=None if rest is None or other_rest is None else lambda: unpaired(rest(), other_rest()),
    )


def recoloured(source: Source, palette: np.ndarray | Sequence[Sequence[float]]) -> Source:
    """Pictures in other colours: each pixel's channels [C], in [-1, 1], times the palette [C, D].

    >>> from jaxgan.data import load
    >>> recoloured(load("digits"), [[1, -1, 0.5]]).shape
    (8, 8, 3)
    """
    matrix, x, rest = np.asarray(palette, np.float32), source.leaves["x"], source.held_out
    if not isinstance(x.kind, Image) or matrix.ndim != 2 or len(matrix) != x.shape[2]:
        raise Refused(f"a palette {matrix.shape} cannot colour {x.shape}: it is [channels, channels]")
    if abs(matrix).sum(axis=0).max() > 1 + 1e-5:
        raise Refused("a column of this palette adds up to more than 1: its pictures would leave [-1, 1]")

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = source.take(arrays, key, number)
        return {**taken, "x": jnp.matmul(taken["x"], matrix, precision="highest")}  # on every device

    return source._replace(
        leaves={**source.leaves, "x": x._replace(shape=(*x.shape[:2], matrix.shape[1]))},
        take=take,
        fingerprint=f"recoloured {matrix.tolist()} {source.fingerprint}".strip(),
        channels=None,
        held_out=None if rest is None else lambda: recoloured(rest(), matrix),
    )


def edges(x: Array) -> Array:
    """Where a picture [H, W, C] in [-1, 1] changes: [H, W, 1], -1 where it is flat, 1 at a step of 2 or more.

    The length of the gradient, by Sobel's differences (right - left and lower - upper, over three rows or
    columns weighted 1/4, 1/2, 1/4), of the channel that changes most, cut at 2; borders are repeated.

    >>> edges(jnp.ones((8, 8, 3))).mean(), edges(2.0 * (jnp.mgrid[:8, :8][1] > 3)[..., None] - 1)[0, :, 0]
    (Array(-1., dtype=float32), Array([-1., -1., -1.,  1.,  1., -1., -1., -1.], dtype=float32))
    """
    p = jnp.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows, columns = (p[:-2] + 2 * p[1:-1] + p[2:]) / 4, (p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]) / 4
    square = ((rows[:, 2:] - rows[:, :-2]) ** 2 + (columns[2:] - columns[:-2]) ** 2).max(-1, keepdims=True)
    flat = square == 0  # where a root has no derivative
    return jnp.where(flat, 0, jnp.minimum(jnp.sqrt(jnp.where(flat, 1, square)), 2)) - 1


@dataclass(frozen=True)
class _Round:
    """Which example a number shows: of `size`, in an order to each round; itself where there is no end."""

    size: int | None
    seed: int

    def __call__(self, number: Place) -> Place:
        if self.size is None:
            return number
        number = number.astype(np.uint32)
        order = np.random.RandomState(self.seed).randint(0, 2**32, 8, np.uint32)  # a frozen stream
        turn = (number // self.size)[:, None] * np.uint32(0x9E3779B9)  # odd: to each round another
        return shuffled(turn ^ order, number % self.size, self.size)


@dataclass(frozen=True)
class _Both:
    a: Callable[[np.ndarray], PyTree]
    b: Callable[[np.ndarray], PyTree]
    of_a: _Round
    of_b: _Round

    def __call__(self, number: np.ndarray) -> PyTree:
        return self.a(self.of_a(number)), self.b(self.of_b(number))
