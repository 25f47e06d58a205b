"""Resizing of a source's images."""

import jax
import jax.numpy as jnp

from jaxgan.data.kind import Image, Leaf, Mask
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, Key, PyTree


def resized(source: Source, size: int) -> Source:
    """Returns the source with its square images resized to size x size px, bilinear with antialiasing.

    If an example has several images, `size` is that of "x", and the others keep their ratio to it; a mask has
    a hole where most of a pixel has one.

    >>> from jaxgan.data import load
    >>> resized(load("digits"), 16).shape
    (16, 16, 1)
    """
    if not isinstance(source.kind, Image) or source.shape[0] != source.shape[1]:
        raise Refused(
            f"only square images [side, side, channels] can be resized, not {source.shape}: crop first"
        )
    if size < 1:
        raise Refused(f"the size of images cannot be {size}: give the side in pixels")
    if source.shape[0] == size:
        return source
    changed = {
        name: _resized_leaf(name, leaf, source.shape[0], size)
        for name, leaf in source.leaves.items()
        if isinstance(leaf.kind, Image | Mask)
    }

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = dict(source.take(arrays, key, number))
        for name, leaf in changed.items():
            images = jax.image.resize(taken[name], (len(number), *leaf.shape), "linear", antialias=True)
            taken[name] = (images > 0.5).astype(jnp.float32) if isinstance(leaf.kind, Mask) else images
        return taken

    channels, held_out = source.channels, source.held_out
    return source._replace(
        leaves={**source.leaves, **changed},
        take=take,
        channels=None if channels is None else resized(channels, size),
        held_out=None if held_out is None else lambda: resized(held_out(), size),
        factors=None,
    )


def _resized_leaf(name: str, leaf: Leaf, side: int, size: int) -> Leaf:
    (height, width, channels) = leaf.shape
    if height * size % side or width * size % side:
        raise Refused(f"{name} {height} x {width} px cannot be resized as x is, from {side} to {size} px")
    return leaf._replace(shape=(height * size // side, width * size // side, channels))
