"""Sources for translation between images: paired, computed from each example; or unpaired, two sources."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Image, Leaf, Numbers
from jaxgan.data.order import Integers, permute
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Batch, Key, PyTree

Make = Callable[[Array], Array]  # a pure function of one example


def paired(source: Source, make: Make, name: str = "source", leaf: Leaf | None = None) -> Source:
    """Adds make(x) to each example x as the leaf `name`: the input of a translator, of which x is the target.

    Without `leaf`, make(x) has x's kind if it has as many axes as x, else the kind Numbers.

    >>> from jaxgan.data import load
    >>> pair = paired(load("glyphs"), edges)
    >>> sorted(pair.leaves), pair.leaves["source"].shape
    (['label', 'source', 'x'], (28, 28, 1))
    """
    if name in source.leaves or name == "index":
        raise Refused(f"there is already a leaf {name!r}: choose another name")
    x, held_out = source.leaves["x"], source.held_out
    made = jax.eval_shape(make, jax.ShapeDtypeStruct(x.shape, x.dtype))
    if leaf is None:
        leaf = Leaf(made.shape, x.kind if len(made.shape) == len(x.shape) else Numbers(), made.dtype)
    if (leaf.shape, jnp.dtype(leaf.dtype)) != (made.shape, made.dtype):
        raise Refused(f"the leaf {name!r} is {leaf.dtype}{leaf.shape}, but make(x) {made.dtype}{made.shape}")

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = source.take(arrays, key, number)
        return {**taken, name: jax.vmap(make)(taken["x"])}

    return source._replace(
        leaves={**source.leaves, name: leaf},
        take=take,
        fingerprint=f"paired {name} {source.fingerprint}".strip(),
        held_out=None if held_out is None else lambda: paired(held_out(), make, name, leaf),
        asks=(*source.asks, name),
    )


def unpaired(a: Source, b: Source) -> Source:
    """Adds the x of an unrelated example of `b` to each example of `a`, as the leaf "other".

    An epoch shows each example of the larger source once and repeats the smaller one, each time in another
    constant order.

    >>> from jaxgan.data import load
    >>> two = unpaired(load("digits"), load("glyphs"))
    >>> two.size, two.leaves["x"].shape, two.leaves["other"].shape
    (60000, (8, 8, 1), (28, 28, 1))
    """
    if (a.size is None, a.read is None) != (b.size is None, b.read is None):
        raise Refused("the sources differ: take both read from files, both without end, or both in memory")
    size = None if a.size is None or b.size is None else max(a.size, b.size)
    number_a, number_b = _Repeat(a.size, 0), _Repeat(b.size, 1)
    rest_a, rest_b = a.held_out, b.held_out

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = a.take(arrays[0], key, number_a(number))
        return {**taken, "other": b.take(arrays[1], fold(key, "other"), number_b(number))["x"]}

    return a._replace(
        leaves={**a.leaves, "other": b.leaves["x"]},
        size=size,
        arrays=(a.arrays, b.arrays),
        take=take,
        read=None if a.read is None or b.read is None else _ReadBoth(a.read, b.read, number_a, number_b),
        note="; ".join(dict.fromkeys(filter(None, (a.note, b.note)))),
        fingerprint=f"unpaired {a.fingerprint} {b.fingerprint}",
        held_out=None if rest_a is None or rest_b is None else lambda: unpaired(rest_a(), rest_b()),
    )


def recoloured(source: Source, palette: np.ndarray | Sequence[Sequence[float]]) -> Source:
    """Multiplies the channels [C] of each pixel, in [-1, 1], by the palette [C, D].

    >>> from jaxgan.data import load
    >>> recoloured(load("digits"), [[1, -1, 0.5]]).shape
    (8, 8, 3)
    """
    matrix, x, held_out = np.asarray(palette, np.float32), source.leaves["x"], source.held_out
    if not isinstance(x.kind, Image) or matrix.ndim != 2 or len(matrix) != x.shape[2]:
        raise Refused(f"a palette {matrix.shape} cannot colour {x.shape}: it needs a row for each channel")
    if abs(matrix).sum(axis=0).max() > 1 + 1e-5:
        raise Refused("a column of the palette has absolute values that add up to more than 1: scale it down")

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = source.take(arrays, key, number)
        return {**taken, "x": jnp.matmul(taken["x"], matrix, precision="highest")}  # on all devices

    return source._replace(
        leaves={**source.leaves, "x": x._replace(shape=(*x.shape[:2], matrix.shape[1]))},
        take=take,
        fingerprint=f"recoloured {matrix.tolist()} {source.fingerprint}".strip(),
        channels=None,
        held_out=None if held_out is None else lambda: recoloured(held_out(), matrix),
    )


def edges(x: Array) -> Array:
    """Returns the edges [H, W, 1] of an image [H, W, C] in [-1, 1]: -1 where flat, 1 at a step of 2 or more.

    The largest gradient norm of any channel, clipped at 2, minus 1. Gradients are Sobel differences (right -
    left and lower - upper, over three rows or columns weighted 1/4, 1/2, 1/4); borders are replicated.

    >>> edges(jnp.ones((8, 8, 3))).mean(), edges(2.0 * (jnp.mgrid[:8, :8][1] > 3)[..., None] - 1)[0, :, 0]
    (Array(-1., dtype=float32), Array([-1., -1., -1.,  1.,  1., -1., -1., -1.], dtype=float32))
    """
    p = jnp.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows, columns = (p[:-2] + 2 * p[1:-1] + p[2:]) / 4, (p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]) / 4
    square = ((rows[:, 2:] - rows[:, :-2]) ** 2 + (columns[2:] - columns[:-2]) ** 2).max(-1, keepdims=True)
    flat = square == 0  # sqrt has no derivative there
    return jnp.where(flat, 0, jnp.minimum(jnp.sqrt(jnp.where(flat, 1, square)), 2)) - 1


@dataclass(frozen=True)
class _Repeat:
    """Maps numbers to 0..size-1, with another permutation in each pass; the identity if `size` is None."""

    size: int | None
    seed: int

    def __call__(self, number: Integers) -> Integers:
        if self.size is None:
            return number
        number = number.astype(np.uint32)
        round_keys = np.random.RandomState(self.seed).randint(0, 2**32, 8, np.uint32)
        epoch = (number // self.size)[:, None] * np.uint32(0x9E3779B9)  # odd, so different in each epoch
        return permute(epoch ^ round_keys, number % self.size, self.size)


@dataclass(frozen=True)
class _ReadBoth:
    a: Callable[[np.ndarray], PyTree]
    b: Callable[[np.ndarray], PyTree]
    number_a: _Repeat
    number_b: _Repeat

    def __call__(self, number: np.ndarray) -> PyTree:
        return self.a(self.number_a(number)), self.b(self.number_b(number))
