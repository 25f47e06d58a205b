"""A source in other colours."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Image
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, Key, PyTree


def recoloured(source: Source, palette: np.ndarray | Sequence[Sequence[float]]) -> Source:
    """Multiplies the channels [C] of each pixel, in [-1, 1], by the palette [C, D].

    >>> from jaxgan.data import load
    >>> recoloured(load("digits"), [[1, -1, 0.5]]).shape
    (8, 8, 3)
    """
    matrix, x, held_out = np.asarray(palette, np.float32), source.leaves["x"], source.held_out
    if not isinstance(x.kind, Image) or matrix.ndim != 2 or len(matrix) != x.shape[2]:
        raise Refused(f"a palette {matrix.shape} cannot colour {x.shape}: it needs a row for each channel")
    if abs(matrix).sum(axis=0).max() > 1 + 1e-5:
        raise Refused("a column of the palette has absolute values that add up to more than 1: scale it down")

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        taken = source.take(arrays, key, number)
        return {**taken, "x": jnp.matmul(taken["x"], matrix, precision="highest")}  # on all devices

    return source._replace(
        leaves={**source.leaves, "x": x._replace(shape=(*x.shape[:2], matrix.shape[1]))},
        take=take,
        fingerprint=f"recoloured {matrix.tolist()} {source.fingerprint}".strip(),
        channels=None,
        held_out=None if held_out is None else lambda: recoloured(held_out(), matrix),
    )
