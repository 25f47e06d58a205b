"""Where examples come from: a batch is a pure function of (key, step), so a resume needs no iterator."""

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.order import shuffled
from jaxgan.errors import Refused
from jaxgan.parts.rng import each, fold
from jaxgan.parts.types import Array, Batch, Key, PyTree


class Source(NamedTuple):
    """Examples by number, small enough to live on the device.

    `take`: (arrays, key, number [N]) -> {"x": [N, *shape], "label": int32 [N] where there is one}, traceable.
    `arrays` is what it reads, handed over as an argument so that a program does not swallow it as a constant.
    """

    shape: tuple[int, ...]  # of one example
    size: int | None  # examples in an epoch; None where each is drawn anew
    classes: int  # 0 without labels
    arrays: PyTree
    take: Callable[[PyTree, Key, Array], Batch]


def batch(source: Source, layout: tuple[int, ...], arrays: PyTree, key: Key, step: Array | int) -> Batch:
    """The examples of one step, leaves [*layout, ...], with their place in the endless stream as "index".

    Every epoch shows each example once, in an order of its own; a batch may hold the end of one epoch and the
    start of the next. How the stream is cut into layouts does not change it. Pure, and maps over keys.

    >>> from jaxgan.data import load
    >>> digits = load("digits")
    >>> two = batch(digits, (2, 8), digits.arrays, jax.random.key(0), 3)
    >>> two["x"].shape, two["index"][0, 0].item()
    ((2, 8, 8, 8, 1), 48)
    """
    examples = prod(layout)
    place = jnp.asarray(step).astype(jnp.uint32) * jnp.uint32(examples)
    place = place + jnp.arange(examples, dtype=jnp.uint32)
    if source.size is None:
        number = place
    else:
        size = source.size
        epochs = each(fold(key, "order"), place // size)
        number = jax.vmap(lambda key, position: shuffled(key, position, size))(epochs, place % size)
    leaves = {**source.take(arrays, key, number), "index": place}
    return {name: leaf.reshape(*layout, *leaf.shape[1:]) for name, leaf in leaves.items()}


def check(source: Source, layout: tuple[int, ...], steps: int) -> None:
    """Refuses, before the first step, what `batch` cannot do. The batch is the last axis of the layout.

    >>> from jaxgan.data import load
    >>> check(load("digits"), (1, 2000), 10)
    Traceback (most recent call last):
    jaxgan.errors.Refused: a batch of 2000 is more than the 1500 examples there are: take a smaller batch
    """
    if source.size is not None and layout[-1] > source.size:
        raise Refused(
            f"a batch of {layout[-1]} is more than the {source.size} examples there are: take a smaller batch"
        )
    if steps * prod(layout) >= 2**32:
        raise Refused(
            f"{steps} steps of {prod(layout)} examples are more than the stream's 2^32 - 1: "
            f"take at most {(2**32 - 1) // prod(layout)} steps"
        )


def examples(source: Source, count: int) -> np.ndarray:
    """The first `count` examples, or all if there are fewer, on the host: what samples are held against.

    >>> from jaxgan.data import load
    >>> examples(load("digits", split="test"), 1500).shape, examples(load("ring"), 5).shape
    ((297, 8, 8, 1), (5, 2))
    """
    numbers = jnp.arange(count if source.size is None else min(count, source.size), dtype=jnp.uint32)
    return np.asarray(source.take(source.arrays, jax.random.key(0), numbers)["x"])
