"""Examples that lie in files, as sequences of which every item can be read by itself, wherever that is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.labels import wrong_label
from jaxgan.data.order import shuffled
from jaxgan.data.source import Source, orders
from jaxgan.errors import Unreadable
from jaxgan.parts.types import Key, PyTree


@dataclass(frozen=True)
class Steps:
    """What `source.read` gives for the steps start..stop-1, by position; every process can hold a copy.

    The order of each epoch is drawn once, here; from then on numpy finds the examples of a step without JAX.

    >>> from jaxgan.data.arrays import arrays
    >>> source = arrays(np.eye(4))._replace(read=lambda number: number)
    >>> import jax
    >>> steps = Steps.of(source, 2, jax.random.key(0), 10, 12)
    >>> sorted([*steps[0].tolist(), *steps[1].tolist()])
    [0, 1, 2, 3]
    """

    read: Callable[[np.ndarray], PyTree]
    size: int
    examples: int
    start: int
    stop: int
    orders: np.ndarray  # [epochs, 8], from the epoch of the first example on
    share: np.ndarray  # which examples of a step to read
    classes: Mapping[str, int] = field(default_factory=dict)  # of leaves that are labels

    @classmethod
    def of(
        cls,
        source: Source,
        examples: int,
        key: Key,
        start: int,
        stop: int,
        share: np.ndarray | None = None,
        classes: Mapping[str, int] | None = None,
    ) -> "Steps":
        """The steps of a source that reads, `examples` to each, or only a share of these."""
        assert source.read is not None
        assert source.size is not None
        epochs = np.arange(start * examples // source.size, -(-stop * examples // source.size))
        drawn = np.asarray(orders(key, jnp.asarray(epochs, jnp.uint32)))
        share = np.arange(examples) if share is None else share
        return cls(source.read, source.size, examples, start, stop, drawn, share, classes or {})

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, position: int) -> PyTree:
        place = (self.start + position) * self.examples + self.share
        epoch = place // self.size - self.start * self.examples // self.size
        number = shuffled(self.orders[epoch], (place % self.size).astype(np.uint32), self.size)
        return _labelled(self.read(number), number, self.classes)


@dataclass(frozen=True)
class Together:
    """The same steps of several streams, leaves [streams, ...]."""

    streams: Sequence[Steps]

    def __len__(self) -> int:
        return len(self.streams[0])

    def __getitem__(self, position: int) -> PyTree:
        return jax.tree.map(lambda *leaves: np.stack(leaves), *(steps[position] for steps in self.streams))


@dataclass(frozen=True)
class Blocks:
    """All the examples of a source, `block` at a time."""

    read: Callable[[np.ndarray], PyTree]
    size: int
    classes: Mapping[str, int] = field(default_factory=dict)
    block: int = 256

    def __len__(self) -> int:
        return -(-self.size // self.block)

    def __getitem__(self, position: int) -> PyTree:
        start = position * self.block
        number = np.arange(start, min(start + self.block, self.size), dtype=np.uint32)
        return _labelled(self.read(number), number, self.classes)


def _labelled(read: PyTree, number: np.ndarray, classes: Mapping[str, int]) -> PyTree:
    if why := wrong_label(read, number, classes):
        raise Unreadable(why)
    return read
