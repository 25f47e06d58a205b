"""Sources of examples: a batch is a pure function of (key, step), so a resumed run restores no iterator."""

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
from jaxgan.data.labels import check_known, classes_of, label_error
from jaxgan.data.order import Integers, permute, round_keys
from jaxgan.errors import Refused
from jaxgan.parts.rng import each, fold
from jaxgan.parts.types import Array, Batch, Key, PyTree

PROCEDURAL = "procedural: not comparable with published numbers"


class Modes(NamedTuple):
    """Known modes: Gaussians with means `centres` [K, D] and standard deviation `sigma` in `dimensions`.

    `dimensions` is less than D if the noise is in a subspace. `weights` [K]: the probabilities of the modes,
    positive and with the sum 1; None if they are equal.
    """

    centres: np.ndarray
    sigma: float
    dimensions: int
    weights: np.ndarray | None = None


class Source(NamedTuple):
    """Examples by number: in memory, generated, or read from files when needed.

    `take`: (arrays, key, number [N]) -> {"x": [N, *shape], ...}, one array for each leaf, traceable.
    `arrays` is its data, passed as an argument so that a compiled program does not contain it as a constant.
    `read`: number [N] -> leaves [N, ...], on the host, if the examples are in files: `take` then gets its
    result instead of `arrays`. It must be picklable, since worker processes get a copy.
    """

    leaves: Mapping[str, Leaf]  # the arrays of an example: "x", and possibly "label" and others
    size: int | None  # examples in an epoch; None if new ones are generated without end
    arrays: PyTree
    take: Callable[[PyTree, Key, Array], Batch]
    read: Callable[[np.ndarray], PyTree] | None = None
    note: str = ""  # reported with every result
    fingerprint: str = ""  # identifies the examples: a run is not resumed with another fingerprint
    modes: Modes | None = None  # the true modes, if known
    channels: Source | None = None  # the source of each channel, if grey images are stacked
    held_out: Callable[[], Source] | None = None  # the held-out examples
    factors: Callable[[np.ndarray], Mapping[str, np.ndarray]] | None = None  # measures factors of variation
    asks: tuple[str, ...] = ()  # leaves whose answer is the example's own "x", as a translation is

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.leaves["x"].shape

    @property
    def kind(self) -> Kind:
        """The kind of the examples."""
        return self.leaves["x"].kind

    @property
    def classes(self) -> int:
        """The number of classes, 0 without labels."""
        leaf = self.leaves.get("label")
        return leaf.kind.classes if leaf is not None and isinstance(leaf.kind, Label) else 0


@dataclass(frozen=True)
class DerivedReader:
    """A `read` of examples derived from those of another: leaves [N, ...], or [N, k, ...] for k of them.

    If all examples of `read`, which may be far fewer, are in memory, `of` alone is needed.
    """

    read: Callable[[np.ndarray], PyTree]
    size: int | None  # number of examples of `read`
    of: Callable[[Integers], Integers]  # number [N] -> numbers of examples of `read`, [N] or [N, k]

    def __call__(self, number: np.ndarray) -> PyTree:
        of = self.of(number)
        return jax.tree.map(lambda leaf: leaf.reshape(*of.shape, *leaf.shape[1:]), self.read(of.reshape(-1)))


def check_split(split: str) -> None:
    """Raises Refused for a split that is not "train" or "test"."""
    if split not in ("train", "test"):
        raise Refused(f'the splits are "train" and "test", not {split!r}')


def batch(source: Source, layout: tuple[int, ...], arrays: PyTree, key: Key, step: Array | int) -> Batch:
    """Returns the examples of one step, leaves [*layout, ...], and their positions in the stream as "index".

    Every epoch shows each example once, in another order; a batch may span the end of one epoch and the start
    of the next. The stream does not depend on the layout. Pure, and vmaps over keys. `arrays` are those of
    the source, or what it has read for this step, leaves [rows, batch, ...].

    >>> from jaxgan.data import load
    >>> digits = load("digits")
    >>> two = batch(digits, (2, 8), digits.arrays, jax.random.key(0), 3)
    >>> two["x"].shape, two["index"][0, 0].item()
    ((2, 8, 8, 8, 1), 48)
    """
    index = positions(prod(layout), step)
    number = numbers(source, key, index)
    if source.read is None:
        leaves = source.take(arrays, key, number)
    else:  # the arrays are split into rows of a batch, for several devices
        rows = jax.vmap(source.take, (0, None, 0))(arrays, key, number.reshape(-1, layout[-1]))
        leaves = {name: leaf.reshape(-1, *leaf.shape[2:]) for name, leaf in rows.items()}
    leaves = {**leaves, "index": index}
    return {name: leaf.reshape(*layout, *leaf.shape[1:]) for name, leaf in leaves.items()}


def positions(examples: int, step: Array | int) -> Array:
    """Returns the positions of a step's examples in the stream: uint32 [examples]."""
    start = jnp.asarray(step).astype(jnp.uint32) * jnp.uint32(examples)
    return start + jnp.arange(examples, dtype=jnp.uint32)


def numbers(source: Source, key: Key, position: Array) -> Array:
    """Returns the numbers of the examples at these positions of the stream."""
    if source.size is None:
        return position
    return permute(epoch_round_keys(key, position // source.size), position % source.size, source.size)


def epoch_round_keys(key: Key, epoch: Array) -> Array:
    """Returns the round keys [N, 8] of the permutations of these epochs [N]; see `order.permute`."""
    return jax.vmap(round_keys)(each(fold(key, "order"), epoch))


def arrays_for(source: Source, number: np.ndarray) -> PyTree:
    """Returns the argument `arrays` of `take` for these numbers.

    >>> from jaxgan.data import load
    >>> ring = load("ring")
    >>> arrays_for(ring, np.arange(3)) is ring.arrays
    True
    """
    return source.arrays if source.read is None else source.read(number)


def array_shapes(source: Source, layout: tuple[int, ...]) -> PyTree:
    """Returns the shapes of the argument `arrays` of `batch`. Reads one example if the source reads files."""
    if source.read is None:
        return source.arrays
    example, rows = source.read(np.zeros(1, np.uint32)), (prod(layout[:-1]), layout[-1])
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((*rows, *leaf.shape[1:]), leaf.dtype), example)


def examples(source: Source, count: int) -> np.ndarray:
    """Returns `count` examples, or all if there are fewer, on the host, to compare samples with.

    >>> from jaxgan.data import load
    >>> examples(load("digits", split="test"), 1500).shape, examples(load("ring"), 5).shape
    ((297, 8, 8, 1), (5, 2))
    """
    return labelled(source, count)["x"]


def labelled(source: Source, count: int, start: int = 0, block: int = 8192) -> dict[str, np.ndarray]:
    """Returns `count` examples after the first `start`, or as many as there are, with all their leaves, on
    the host; `block` of them are taken at a time.

    The order is random but always the same, since files are often sorted by class. Examples of a source
    without end differ from those of every run.

    >>> from jaxgan.data import load
    >>> {name: leaf.shape for name, leaf in labelled(load("digits"), 1000, start=700).items()}
    {'label': (800,), 'x': (800, 8, 8, 1)}
    """
    end = start + count if source.size is None else min(start + count, source.size)
    if start >= end:
        return {name: leaf[:0] for name, leaf in labelled(source, 1).items()}
    return _take_shuffled(source, np.arange(start, end), block)


def conditions_for(source: Source, names: Sequence[str]) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Returns the conditions to sample under: (numbers of samples [N]) -> these leaves [N, ...], on the host.

    Labels go through the classes in turn; see `labels_in_turn`. Other leaves are those of the held-out
    example with the sample's number, in the order of `labelled`, modulo their count; of the training examples
    if none are held out.

    >>> from jaxgan.data import load
    >>> conditions_for(load("digits"), ["label"])(np.array([0, 9, 10]))["label"].tolist()
    [0, 9, 0]
    """
    for name in names:
        if name not in source.leaves:
            leaves = ", ".join(sorted(source.leaves))
            raise Refused(f"the generator is conditional on {name}, but the data have only {leaves}")
    check_known(source.leaves, names)
    classes = labels_in_turn(source, names)
    others = [name for name in names if name not in classes]
    held_out = cache(lambda: source.held_out() if source.held_out else source)

    def conditions(number: np.ndarray) -> dict[str, np.ndarray]:
        leaves = {name: (number % count).astype(np.int32) for name, count in classes.items()}
        if others:
            size = held_out().size
            taken = _take_shuffled(held_out(), number if size is None else number % size)
            leaves |= {name: taken[name] for name in others}
        return leaves

    return conditions


def labels_in_turn(source: Source, names: Sequence[str]) -> dict[str, int]:
    """Returns the labels among these conditions that are not those of an example, with their classes.

    There are none if another condition asks for an example's own "x": its label is then of the same example.

    >>> from jaxgan.data import load, pairs
    >>> source = pairs.paired(load("digits"), pairs.edges)
    >>> labels_in_turn(source, ["label"]), labels_in_turn(source, ["label", "source"])
    ({'label': 10}, {})
    """
    if set(names) & set(source.asks):
        return {}
    return {name: count for name, count in classes_of(source.leaves).items() if name in names}


def _take_shuffled(source: Source, position: np.ndarray, block: int = 8192) -> dict[str, np.ndarray]:
    """Returns the examples at these positions of a constant random order; by number if there is no end."""
    number = position if source.size is None else np.random.RandomState(0).permutation(source.size)[position]
    blocks, classes = [], classes_of(source.leaves)
    with jax.ensure_compile_time_eval():  # `--over` traces a `build` that may look at examples
        key = fold(jax.random.key(0), "examples")
        for part in np.split(number.astype(np.uint32), range(block, len(number), block)):
            take = jax.jit(source.take)  # else each operation would be compiled by itself
            blocks.append(jax.device_get(take(arrays_for(source, part), key, jnp.asarray(part))))
            if message := label_error(blocks[-1], part, classes):
                raise Refused(message)
    return {name: np.concatenate([block[name] for block in blocks]) for name in sorted(blocks[0])}
