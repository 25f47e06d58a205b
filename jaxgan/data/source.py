"""Where examples come from: a batch is a pure function of (key, step), so a resume needs no iterator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Kind, Label, Leaf
from jaxgan.data.labels import classes_of, wrong_label
from jaxgan.data.order import Place, rounds, shuffled
from jaxgan.errors import Refused
from jaxgan.parts.rng import each, fold
from jaxgan.parts.types import Array, Batch, Key, PyTree

PROCEDURAL = "procedural: not comparable with published numbers"


class Modes(NamedTuple):
    """Modes that are known: normal ones around `centres` [K, D], `sigma` wide in `dimensions`.

    `dimensions` may be fewer than D, where the noise fills a subspace only. `weights` [K]: how probable each
    is, positive shares that add up to 1; equally so by default.
    """

    centres: np.ndarray
    sigma: float
    dimensions: int
    weights: np.ndarray | None = None


class Source(NamedTuple):
    """Examples by number: in memory, made on the spot, or read from files as they are needed.

    `take`: (arrays, key, number [N]) -> {"x": [N, *shape], ...}, an array to each of the `leaves`, traceable.
    `arrays` is what it reads, handed over as an argument so that a program does not swallow it as a constant.
    `read`: number [N] -> leaves [N, ...], on the host, where examples lie in files: then it is what `take`
    is given in the place of `arrays`. Workers are sent a copy of it, so it must pickle.
    """

    leaves: Mapping[str, Leaf]  # what each example has: "x", and "label" and others where there are any
    size: int | None  # examples in an epoch; None where each is drawn anew
    arrays: PyTree
    take: Callable[[PyTree, Key, Array], Batch]
    read: Callable[[np.ndarray], PyTree] | None = None
    note: str = ""  # what must be said with every result
    fingerprint: str = ""  # other examples, another fingerprint: a resume refuses it
    modes: Modes | None = None  # the truth, where it is known
    channels: Source | None = None  # what every channel is one of, where grey images are stacked
    held_out: Callable[[], Source] | None = None  # those of the same kind that are kept apart from these

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.leaves["x"].shape

    @property
    def kind(self) -> Kind:
        """What an example is."""
        return self.leaves["x"].kind

    @property
    def classes(self) -> int:
        """How many classes the labels tell apart, 0 without labels."""
        leaf = self.leaves.get("label")
        return leaf.kind.classes if leaf is not None and isinstance(leaf.kind, Label) else 0


@dataclass(frozen=True)
class Made:
    """A `read` of examples made of what another reads: leaves [N, ...], or [N, k, ...] where each is of k.

    Whoever holds all that `read` knows, which may be far less than all that is made of it, needs `of` alone.
    """

    read: Callable[[np.ndarray], PyTree]
    size: int | None  # how many it knows
    of: Callable[[Place], Place]  # number [N] -> numbers that it knows, [N] or [N, k]

    def __call__(self, number: np.ndarray) -> PyTree:
        of = self.of(number)
        return jax.tree.map(lambda leaf: leaf.reshape(*of.shape, *leaf.shape[1:]), self.read(of.reshape(-1)))


def check_split(split: str) -> None:
    """Refuses what would else be taken for one of the two."""
    if split not in ("train", "test"):
        raise Refused(f'the splits are "train" and "test", not {split!r}')


def batch(source: Source, layout: tuple[int, ...], arrays: PyTree, key: Key, step: Array | int) -> Batch:
    """The examples of one step, leaves [*layout, ...], with their place in the endless stream as "index".

    Every epoch shows each example once, in an order of its own; a batch may hold the end of one epoch and the
    start of the next. How the stream is cut into layouts does not change it. Pure, and maps over keys.
    `arrays` are the source's own, or what it has read for this step, leaves [rows, batch, ...].

    >>> from jaxgan.data import load
    >>> digits = load("digits")
    >>> two = batch(digits, (2, 8), digits.arrays, jax.random.key(0), 3)
    >>> two["x"].shape, two["index"][0, 0].item()
    ((2, 8, 8, 8, 1), 48)
    """
    index = places(prod(layout), step)
    number = numbers(source, key, index)
    if source.read is None:
        leaves = source.take(arrays, key, number)
    else:  # what was read lies in rows of a batch, which devices may share
        rows = jax.vmap(source.take, (0, None, 0))(arrays, key, number.reshape(-1, layout[-1]))
        leaves = {name: leaf.reshape(-1, *leaf.shape[2:]) for name, leaf in rows.items()}
    leaves = {**leaves, "index": index}
    return {name: leaf.reshape(*layout, *leaf.shape[1:]) for name, leaf in leaves.items()}


def places(examples: int, step: Array | int) -> Array:
    """Where the examples of a step lie in the endless stream: uint32 [examples]."""
    start = jnp.asarray(step).astype(jnp.uint32) * jnp.uint32(examples)
    return start + jnp.arange(examples, dtype=jnp.uint32)


def numbers(source: Source, key: Key, place: Array) -> Array:
    """Which examples stand at these places of the stream."""
    if source.size is None:
        return place
    return shuffled(orders(key, place // source.size), place % source.size, source.size)


def orders(key: Key, epoch: Array) -> Array:
    """What `shuffled` needs for the order of each of these epochs [N]: [N, 8]."""
    return jax.vmap(rounds)(each(fold(key, "order"), epoch))


def given(source: Source, number: np.ndarray) -> PyTree:
    """What `take` is to be given for these numbers.

    >>> from jaxgan.data import load
    >>> ring = load("ring")
    >>> given(ring, np.arange(3)) is ring.arrays
    True
    """
    return source.arrays if source.read is None else source.read(number)


def shapes(source: Source, layout: tuple[int, ...]) -> PyTree:
    """The shapes of what `batch` takes from. Of a source that reads, one is, to see that it can be done."""
    if source.read is None:
        return source.arrays
    one, rows = source.read(np.zeros(1, np.uint32)), (prod(layout[:-1]), layout[-1])
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((*rows, *leaf.shape[1:]), leaf.dtype), one)


def examples(source: Source, count: int) -> np.ndarray:
    """`count` examples, or all if there are fewer, on the host: what samples are held against.

    >>> from jaxgan.data import load
    >>> examples(load("digits", split="test"), 1500).shape, examples(load("ring"), 5).shape
    ((297, 8, 8, 1), (5, 2))
    """
    return labelled(source, count)["x"]


def labelled(source: Source, count: int, start: int = 0, block: int = 8192) -> dict[str, np.ndarray]:
    """`count` examples after the first `start`, or as many as there are, with labels if they have some, on
    the host; taken a block at a time.

    They come in an order that is always the same and has nothing to do with how they lie, since files often
    lie class by class. Of what is drawn anew they are none that a run is shown.

    >>> from jaxgan.data import load
    >>> {name: leaf.shape for name, leaf in labelled(load("digits"), 1000, start=700).items()}
    {'label': (800,), 'x': (800, 8, 8, 1)}
    """
    end = start + count if source.size is None else min(start + count, source.size)
    if start >= end:
        return {name: leaf[:0] for name, leaf in labelled(source, 1).items()}
    return _shuffled(source, np.arange(start, end), block)


def givens(source: Source, names: Sequence[str]) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Conditions to sample under: (numbers of samples [N]) -> leaves of these names [N, ...], on the host.

    Labels go round the classes. Anything else is that of the held-out example of the number, in the order of
    `labelled` and round and round; of the examples themselves where none are held out.

    >>> from jaxgan.data import load
    >>> givens(load("digits"), ["label"])(np.array([0, 9, 10]))["label"].tolist()
    [0, 9, 0]
    """
    for name in names:
        if name not in source.leaves:
            there = ", ".join(sorted(source.leaves))
            raise Refused(f"samples are drawn under a leaf called {name}, and the data have {there} only")
    classes = {name: count for name, count in classes_of(source.leaves).items() if name in names}
    others = [name for name in names if name not in classes]
    held_out = cache(lambda: source.held_out() if source.held_out else source)

    def conditions(number: np.ndarray) -> dict[str, np.ndarray]:
        leaves = {name: (number % count).astype(np.int32) for name, count in classes.items()}
        if others:
            size = held_out().size
            taken = _shuffled(held_out(), number if size is None else number % size)
            leaves |= {name: taken[name] for name in others}
        return leaves

    return conditions


def _shuffled(source: Source, place: np.ndarray, block: int = 8192) -> dict[str, np.ndarray]:
    """The examples at these places of the order that is always the same; of what is drawn anew their own."""
    number = place if source.size is None else np.random.RandomState(0).permutation(source.size)[place]
    blocks, classes = [], classes_of(source.leaves)
    with jax.ensure_compile_time_eval():  # a `build` that looks at its examples is traced by `--over`
        key = fold(jax.random.key(0), "examples")
        for some in np.split(number.astype(np.uint32), range(block, len(number), block)):
            take = jax.jit(source.take)  # else each operation would be compiled by itself
            blocks.append(jax.device_get(take(given(source, some), key, jnp.asarray(some))))
            if why := wrong_label(blocks[-1], some, classes):
                raise Refused(why)
    return {name: np.concatenate([block[name] for block in blocks]) for name in sorted(blocks[0])}
