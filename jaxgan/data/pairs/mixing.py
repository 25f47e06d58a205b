"""Two domains without pairs: two sources, or one whose pairs are taken apart."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np

from jaxgan.data.kind import Leaf
from jaxgan.data.order import Integers, permute
from jaxgan.data.source import DerivedReader, Source
from jaxgan.errors import Refused
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Batch, Key, PyTree


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


def unmatched(source: Source, name: str = "source") -> Source:
    """Takes pairs apart: the leaf "other" is the leaf `name` of another example than that of "x".

    Which one is the same in every epoch and run; the leaf `name` itself is left out. Held-out examples keep
    their pairs, "other" being their own `name`, so a translation of "other" that was trained without pairs is
    still measured against the true answer, "x".

    >>> from jaxgan.data import load, pairs
    >>> two = unmatched(pairs.paired(load("digits"), pairs.edges))
    >>> sorted(two.leaves), two.asks, two.held_out().size
    (['label', 'other', 'x'], ('other',), 297)
    """
    _check_apart(source, name)
    held_out, size = source.held_out, source.size
    assert size is not None
    two = _Neighbours(size)

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        if source.read is not None:
            arrays = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), arrays)
        taken = source.take(arrays, key, two(number).reshape(-1))
        of_x = {leaf: array[0::2] for leaf, array in taken.items() if leaf != name}
        return {**of_x, "other": taken[name][1::2]}

    return source._replace(
        leaves=_as_other(source, name),
        take=take,
        read=None if source.read is None else DerivedReader(source.read, size, two),
        fingerprint=f"unmatched {name} {source.fingerprint}",
        held_out=None if held_out is None else lambda: _matched(held_out(), name),
        asks=() if held_out is None else ("other",),
    )


def _matched(source: Source, name: str) -> Source:
    """Returns pairs with the leaf `name` called "other"."""

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = source.take(arrays, key, number)
        return {("other" if leaf == name else leaf): array for leaf, array in taken.items()}

    return source._replace(leaves=_as_other(source, name), take=take, asks=("other",))


def _as_other(source: Source, name: str) -> dict[str, Leaf]:
    return {("other" if leaf == name else leaf): of for leaf, of in source.leaves.items()}


def _check_apart(source: Source, name: str) -> None:
    if name == "x" or name not in source.leaves:
        others = ", ".join(sorted(source.leaves.keys() - {"x"})) or "none"
        raise Refused(f"there is no leaf {name!r} to take from other examples: beside x there are {others}")
    if "other" in source.leaves:
        raise Refused('there is already a leaf "other": these examples have been taken apart before')
    if source.size is None or source.size < 2:
        raise Refused("pairs can be taken apart if there are two or more, and not examples without end")


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


@dataclass(frozen=True)
class _Neighbours:
    """Maps numbers [N] to two different examples each, [N, 2]; in either column all examples occur once."""

    size: int

    def __call__(self, number: Integers) -> Integers:
        round_keys = np.random.RandomState(2).randint(0, 2**32, 8, np.uint32)
        both = number.astype(np.uint32)[:, None] + np.arange(2, dtype=np.uint32)
        return permute(round_keys, both % self.size, self.size)
