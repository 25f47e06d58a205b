"""A source with the mirror image of every image."""

import jax.numpy as jnp

from jaxgan.data.kind import Image, Mask
from jaxgan.data.order import Integers
from jaxgan.data.source import DerivedReader, Source
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, Key, PyTree


def mirrored(source: Source) -> Source:
    """Returns a source of 2 N images: number 2n is image n, number 2n + 1 is image n flipped left to right.

    An epoch shows each of them once, unlike random flips. If an example has several images, all are flipped.

    >>> from jaxgan.data import load
    >>> mirrored(load("digits")).size
    3000
    """
    if not isinstance(source.kind, Image) or source.size is None:
        raise Refused(f"only images [side, side, channels] can be mirrored, not {source.shape}")
    images = [name for name, leaf in source.leaves.items() if isinstance(leaf.kind, Image | Mask)]

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = source.take(arrays, key, _half(number))
        odd = (number % 2 == 1)[:, None, None, None]
        return {**taken, **{name: jnp.where(odd, taken[name][:, :, ::-1], taken[name]) for name in images}}

    read = None if source.read is None else DerivedReader(source.read, source.size, _half)
    return source._replace(size=2 * source.size, take=take, read=read, factors=None)


def _half(number: Integers) -> Integers:  # a function of the module, so that it can be pickled
    return number // 2
