"""Pairs that are made on the spot: the input of a translator is computed from its target."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Image, Leaf, Mask, Numbers
from jaxgan.data.order import Integers
from jaxgan.data.source import DerivedReader, Source
from jaxgan.errors import Refused
from jaxgan.parts.rng import each, fold
from jaxgan.parts.types import Array, Batch, Key, PyTree

Make = Callable[[Array], Array] | Callable[[Key, Array], Array]
"""A pure function of one example, or of a key and one example, as augmentations are."""
MOST = 2**31 - 1  # examples in an epoch


def paired(
    source: Source, make: Make, name: str = "source", leaf: Leaf | None = None, variants: int = 1
) -> Source:
    """Adds make(x) to each example x as the leaf `name`: the input of a translator, of which x is the target.

    A `make` of two parameters, make(key, x), draws at random. Its key depends on the example's number alone,
    so an example has the same input in every epoch, measurement and run. With `variants`, an epoch shows each
    training example that many times, each time with another input; held-out examples have one. Without
    `leaf`, make(x) has x's kind if it has as many axes as x, else the kind Numbers.

    >>> from jaxgan.data import load
    >>> from jaxgan.data.pairs import edges, noisy
    >>> pair = paired(load("glyphs"), edges)
    >>> sorted(pair.leaves), pair.leaves["source"].shape
    (['label', 'source', 'x'], (28, 28, 1))
    >>> paired(load("digits"), noisy(0.1), variants=10).size
    15000
    """
    x = source.leaves["x"]
    draw = _with_key(make)
    made = jax.eval_shape(draw, jax.random.key(0), jax.ShapeDtypeStruct(x.shape, x.dtype))
    if leaf is None:
        leaf = Leaf(made.shape, x.kind if len(made.shape) == len(x.shape) else Numbers(), made.dtype)
    if (leaf.shape, jnp.dtype(leaf.dtype)) != (made.shape, made.dtype):
        raise Refused(f"the leaf {name!r} is {leaf.dtype}{leaf.shape}, but make(x) {made.dtype}{made.shape}")
    return _with_made(source, lambda key, x: {name: draw(key, x)}, {name: leaf}, f"paired {name}", variants)


def masked(source: Source, hole: Make, variants: int = 1) -> Source:
    """Adds hole(x) as the leaf "mask" [H, W, 1], 1 in the hole, and the picture x with 0 there as "source".

    Holes are `centre_hole`, `boxes` and `strokes`; `variants` is as in `paired`.

    >>> from jaxgan.data import load
    >>> from jaxgan.data.pairs import boxes
    >>> {name: leaf.shape for name, leaf in masked(load("shapes"), boxes()).leaves.items() if name != "label"}
    {'x': (32, 32, 3), 'source': (32, 32, 3), 'mask': (32, 32, 1)}
    """
    x = source.leaves["x"]
    if not isinstance(x.kind, Image):
        raise Refused(f"holes are cut into pictures, not into examples of the kind {type(x.kind).__name__}")
    draw = _with_key(hole)
    made = jax.eval_shape(draw, jax.random.key(0), jax.ShapeDtypeStruct(x.shape, x.dtype))
    if made.shape != (*x.shape[:2], 1):
        raise Refused(
            f"a hole in pictures {x.shape} is a mask {(*x.shape[:2], 1)}, but hole(x) is {made.shape}"
        )
    leaves = {"source": x, "mask": Leaf(made.shape, Mask())}

    def cut(key: Key, x: Array) -> Batch:
        mask = draw(key, x).astype(jnp.float32)
        return {"source": x * (1 - mask), "mask": mask}

    return _with_made(source, cut, leaves, "masked", variants)


def _with_made(
    source: Source, make: Callable[[Key, Array], Batch], leaves: Mapping[str, Leaf], text: str, variants: int
) -> Source:
    """Adds the leaves make(key, x) to each example."""
    for name in leaves:
        if name in source.leaves or name == "index":
            raise Refused(f"there is already a leaf {name!r}: choose another name")
    if variants < 1:
        raise Refused(f"variants must be 1 or more, not {variants}")
    size, read, held_out = source.size, source.read, source.held_out
    variants = 1 if size is None else min(variants, MOST // size)
    base = _Base(size)

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = source.take(arrays, key, base(number))
        keys = each(fold(jax.random.key(0), *leaves), number)  # not the run's key: the same in every run
        return {**taken, **jax.vmap(make)(keys, taken["x"])}

    return source._replace(
        leaves={**source.leaves, **leaves},
        size=None if size is None else size * variants,
        take=take,
        read=read if read is None or variants == 1 else DerivedReader(read, size, base),
        fingerprint=f"{text} {source.fingerprint}".strip()
        + (f", {variants} variants" if variants > 1 else ""),
        held_out=None if held_out is None else lambda: _with_made(held_out(), make, leaves, text, 1),
        asks=(*source.asks, *leaves),
    )


@dataclass(frozen=True)
class _Base:
    """Maps the numbers of variants to those of the examples that they are made of."""

    size: int | None

    def __call__(self, number: Integers) -> Integers:
        return number if self.size is None else number.astype(np.uint32) % np.uint32(self.size)


def _with_key(make: Make) -> Callable[[Key, Array], Array]:
    """Returns make(key, x), whether or not `make` draws at random."""
    try:
        parameters = inspect.signature(make).parameters.values()
    except ValueError:  # some functions do not say
        return lambda key, x: make(x)
    needed = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return make if len(needed) == 2 else lambda key, x: make(x)
