"""Three grey images as the channels of one: ten digits make a thousand classes with known labels."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Image, image, with_label
from jaxgan.data.order import Integers, permute
from jaxgan.data.source import DerivedReader, Source
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, Key, PyTree

CHANNELS = 3
MOST = 2**31 - 1  # number of examples, and of classes


def stacked(base: Source, copies: int = 100) -> Source:
    """Stacks grey images [H, W, 1] to [H, W, 3], with the label (a K + b) K + c of red, green and blue.

    K is the number of classes of `base`. MNIST's digits make StackedMNIST (Metz et al., 2017; Lin et al.,
    2018). There are `copies` times as many examples as in `base`: each block of base.size numbers shows every
    one once in every channel, in constant orders that all differ. If `base` has no end, number n is made of
    its examples 3n, 3n + 1 and 3n + 2.

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
    # the same in every version of NumPy
    round_keys = np.random.RandomState(0).randint(0, 2**32, (copies, CHANNELS, 8), np.uint32)
    members = _Members(base.size, round_keys)

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        if base.read is not None:
            arrays = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), arrays)
        taken = base.take(arrays, key, members(number).reshape(-1))
        x = jnp.moveaxis(taken["x"].reshape(-1, CHANNELS, *base.shape[:2]), 1, -1)
        if not base.classes:
            return {"x": x}
        a, b, c = taken["label"].reshape(-1, CHANNELS).T
        return {"x": x, "label": (a * base.classes + b) * base.classes + c}

    held_out = base.held_out
    return base._replace(
        leaves=with_label(image(*base.shape[:2], CHANNELS), base.classes**CHANNELS if base.classes else 0),
        size=None if base.size is None else copies * base.size,
        take=take,
        read=None if base.read is None else DerivedReader(base.read, base.size, members),
        fingerprint=f"stacked {copies} {base.fingerprint}".strip(),
        channels=base,
        held_out=None if held_out is None else lambda: stacked(held_out(), copies),
        asks=(),
        factors=None,
    )


@dataclass(frozen=True)
class _Members:
    """Returns the numbers of the three base examples of each example: [N] -> [N, 3]."""

    size: int | None
    round_keys: np.ndarray  # [copies, 3, 8]

    def __call__(self, number: Integers) -> Integers:
        number = number.astype(np.uint32)[:, None]
        if self.size is None:
            return number * CHANNELS + np.arange(CHANNELS, dtype=np.uint32)
        round_keys = self.round_keys if isinstance(number, np.ndarray) else jnp.asarray(self.round_keys)
        return permute(round_keys[number[:, 0] // self.size], number % self.size, self.size)
