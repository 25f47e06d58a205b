"""Every picture twice, the second time as a mirror shows it."""

import jax.numpy as jnp

from jaxgan.data.kind import Image
from jaxgan.data.order import Place
from jaxgan.data.source import Made, Source
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, Key, PyTree


def mirrored(source: Source) -> Source:
    """2 N pictures of N: number 2n is the n-th, 2n + 1 the n-th with left and right exchanged.

    So an epoch shows either of both once, where a coin at each step would show some twice. Of an example that
    is several pictures all are exchanged.

    >>> from jaxgan.data import load
    >>> mirrored(load("digits")).size
    3000
    """
    if not isinstance(source.kind, Image) or source.size is None:
        raise Refused(f"only pictures [side, side, channels] have a mirror image, not {source.shape}")

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = source.take(arrays, key, _halved(number))
        odd = (number % 2 == 1)[:, None, None, None]
        pictures = [name for name, leaf in source.leaves.items() if isinstance(leaf.kind, Image)]
        return {**taken, **{name: jnp.where(odd, taken[name][:, :, ::-1], taken[name]) for name in pictures}}

    read = None if source.read is None else Made(source.read, source.size, _halved)
    return source._replace(size=2 * source.size, take=take, read=read)


def _halved(number: Place) -> Place:
    return number // 2
