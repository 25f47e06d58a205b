"""Three grey images as the channels of one: of ten digits, a thousand modes, each known by its label."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Image, image, with_label
from jaxgan.data.order import Place, shuffled
from jaxgan.data.source import Made, Source
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, Key, PyTree

CHANNELS = 3
MOST = 2**31 - 1  # examples, and classes


def stacked(base: Source, copies: int = 100) -> Source:
    """Grey images [H, W, 1] -> [H, W, 3], labelled (a K + b) K + c by the labels of red, green and blue.

    K: the base's classes. Of MNIST's digits this is StackedMNIST (Metz et al., 2017; Lin et al., 2018).
    There are `copies` times as many examples as the base has: each block of base.size numbers shows every one
    of them once in every channel, in orders that are constant and all different. Where the base draws anew,
    number n shows its 3n, 3n + 1 and 3n + 2.

    >>> from jaxgan.data import load
    >>> thousand = stacked(load("digits"))
    >>> thousand.shape, thousand.size, thousand.classes
    ((8, 8, 3), 150000, 1000)
    """
    if not isinstance(base.kind, Image) or base.shape[2] != 1:
        raise Refused(f"only grey images [H, W, 1] can be stacked, not examples of shape {base.shape}")
    if base.classes**CHANNELS > MOST:
        raise Refused(f"{base.classes} classes are {base.classes**CHANNELS} when stacked, more than {MOST}")
    if copies < 1:
        raise Refused(f"copies must be at least 1, not {copies}")
    if base.size is not None:
        copies = min(copies, MOST // base.size)
    # a stream that numpy has frozen
    orders = np.random.RandomState(0).randint(0, 2**32, (copies, CHANNELS, 8), np.uint32)
    members = _Members(base.size, orders)

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        if base.read is not None:
            arrays = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), arrays)
        taken = base.take(arrays, key, members(number).reshape(-1))
        x = jnp.moveaxis(taken["x"].reshape(-1, CHANNELS, *base.shape[:2]), 1, -1)
        if not base.classes:
            return {"x": x}
        a, b, c = taken["label"].reshape(-1, CHANNELS).T
        return {"x": x, "label": (a * base.classes + b) * base.classes + c}

    rest = base.held_out
    return base._replace(
        leaves=with_label(image(*base.shape[:2], CHANNELS), base.classes**CHANNELS if base.classes else 0),
        size=None if base.size is None else copies * base.size,
        take=take,
        read=None if base.read is None else Made(base.read, base.size, members),
        fingerprint=f"stacked {copies} {base.fingerprint}".strip(),
        channels=base,
        held_out=None if rest is None else lambda: stacked(rest(), copies),
    )


@dataclass(frozen=True)
class _Members:
    """Which three of the base each example is made of: [N] -> [N, 3], on the device or on the host."""

    size: int | None
    orders: np.ndarray  # [copies, 3, 8]

    def __call__(self, number: Place) -> Place:
        number = number.astype(np.uint32)[:, None]
        if self.size is None:
            return number * CHANNELS + np.arange(CHANNELS, dtype=np.uint32)
        orders = self.orders if isinstance(number, np.ndarray) else jnp.asarray(self.orders)
        return shuffled(orders[number[:, 0] // self.size], number % self.size, self.size)
