"""Resizing of a source's images."""

import jax

from jaxgan.data.kind import Image
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, Key, PyTree


def resized(source: Source, size: int) -> Source:
    """Returns the source with its square images resized to size x size px, bilinear with antialiasing.

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
    shape = (size, size, source.shape[2])

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = source.take(arrays, key, number)
        return {**taken, "x": jax.image.resize(taken["x"], (len(number), *shape), "linear", antialias=True)}

    channels, held_out = source.channels, source.held_out
    return source._replace(
        leaves={**source.leaves, "x": source.leaves["x"]._replace(shape=shape)},
        take=take,
        channels=None if channels is None else resized(channels, size),
        held_out=None if held_out is None else lambda: resized(held_out(), size),
        factors=None,
    )
