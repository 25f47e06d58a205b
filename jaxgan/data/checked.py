"""Checks of a source before the first step: batch size, shapes and labels."""

from collections.abc import Mapping
from math import prod

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.labels import classes_of, label_error
from jaxgan.data.source import DerivedReader, Source, arrays_for
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, PyTree


def check_layout(source: Source, layout: tuple[int, ...], steps: int) -> None:
    """Raises Refused for a batch (the last axis of the layout) or a number of steps that is too large.

    >>> from jaxgan.data import load
    >>> check_layout(load("digits"), (1, 2000), 10)
    Traceback (most recent call last):
    jaxgan.errors.Refused: a batch of 2000 is more than the 1500 examples there are: take a smaller batch
    """
    if source.read is not None and source.size is None:
        raise Refused("a source that reads files must say how many examples they hold: give it a `size`")
    if source.size is not None and layout[-1] > source.size:
        raise Refused(
            f"a batch of {layout[-1]} is more than the {source.size} examples there are: take a smaller batch"
        )
    if steps * prod(layout) >= 2**32:
        raise Refused(
            f"{steps} steps of {prod(layout)} examples are more than the stream's 2^32 - 1: "
            f"take at most {(2**32 - 1) // prod(layout)} steps"
        )


def check_take(source: Source) -> None:
    """Raises Refused if `take` does not return the source's leaves in their shapes.

    >>> from jaxgan.data import load
    >>> ring = load("ring")
    >>> transposed = lambda arrays, key, number: {"x": ring.take(arrays, key, number)["x"].T}
    >>> check_take(ring._replace(take=transposed))
    Traceback (most recent call last):
    jaxgan.errors.Refused: `take` gives x of shape (2, 3) for 3 numbers, but its leaf needs (3, 2)
    """
    number = np.arange(3 if source.read is None else 1, dtype=np.uint32)
    taken = jax.eval_shape(source.take, arrays_for(source, number), jax.random.key(0), number)
    for name, leaf in source.leaves.items():
        if name not in taken:
            raise Refused(f"`take` gives {', '.join(sorted(taken))} and no {name}, which is a leaf")
        if taken[name].shape != (shape := (len(number), *leaf.shape)):
            raise Refused(
                f"`take` gives {name} of shape {taken[name].shape} for {len(number)} numbers, "
                f"but its leaf needs {shape}"
            )


def unchanged_labels(source: Source) -> dict[str, int]:
    """Returns the class counts of the labels that are read from files and that `take` returns unchanged.

    >>> from jaxgan.data import load
    >>> digits = load("digits")
    >>> unchanged = digits._replace(
    ...     read=lambda number: {name: leaf[number] for name, leaf in digits.arrays.items()},
    ...     take=lambda read, key, number: read,
    ... )
    >>> changed = unchanged._replace(take=lambda read, *_: {"label": 9 - read["label"]})
    >>> unchanged_labels(unchanged), unchanged_labels(changed)
    ({'label': 10}, {})
    """
    base = source.channels or source
    read, classes = base.read, classes_of(base.leaves)
    while isinstance(read, DerivedReader):
        read = read.read
    if read is None or not classes:
        return {}
    number = np.zeros(1, np.uint32)
    example = read(number)
    if not isinstance(example, Mapping) or len(jax.tree.leaves(example)) != len(example):
        return {}
    traced, taken = jax.make_jaxpr(base.take, return_shape=True)(example, jax.random.key(0), number)
    inputs = dict(zip(sorted(example), traced.jaxpr.invars, strict=False))
    outputs = dict(zip(sorted(taken), traced.jaxpr.outvars, strict=True))
    return {
        name: count
        for name, count in classes.items()
        if name in inputs and name in outputs and inputs[name] is outputs[name]
    }


def check_labels(source: Source, generated: int = 4096, block: int = 2**16) -> None:
    """Raises Refused if a label is outside its classes.

    Checks all labels in memory, or the first `generated` ones of a source without end. Labels in files are
    checked when they are read.

    >>> from jaxgan.data import load
    >>> check_labels(load("digits"))
    """
    classes = classes_of(source.leaves)
    if source.read is not None or not classes:
        return

    @jax.jit
    def take_labels(arrays: PyTree, number: Array) -> Batch:
        taken = source.take(arrays, jax.random.key(0), number)
        return {name: taken[name] for name in classes if name in taken}

    numbers = np.arange(generated if source.size is None else source.size, dtype=np.uint32)
    for number in np.split(numbers, range(block, len(numbers), block)):
        labels = jax.device_get(take_labels(source.arrays, jnp.asarray(number)))
        if message := label_error(labels, number, classes):
            raise Refused(message)
