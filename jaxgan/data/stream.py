"""Sequences of examples in files; each item can be read by itself, in any process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.labels import label_error
from jaxgan.data.order import permute
from jaxgan.data.source import Source, epoch_round_keys
from jaxgan.errors import Unreadable
from jaxgan.parts.types import Key, PyTree


@dataclass(frozen=True)
class Steps:
    """The results of `source.read` for the steps start..stop-1; picklable.

    The round keys of all epochs are computed once, so that the numbers of a step need NumPy only, not JAX.

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
    round_keys: np.ndarray  # [epochs, 8], from the epoch of the first example on
    share: np.ndarray  # indices of the examples of a step to read
    classes: Mapping[str, int] = field(default_factory=dict)  # of each leaf that is a label

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
        """Returns the steps of a source that reads files, with `examples` per step, or a share of these."""
        assert source.read is not None
        assert source.size is not None
        epochs = np.arange(start * examples // source.size, -(-stop * examples // source.size))
        round_keys = np.asarray(epoch_round_keys(key, jnp.asarray(epochs, jnp.uint32)))
        share = np.arange(examples) if share is None else share
        return cls(source.read, source.size, examples, start, stop, round_keys, share, classes or {})

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, step: int) -> PyTree:
        position = (self.start + step) * self.examples + self.share
        epoch = position // self.size - self.start * self.examples // self.size
        number = permute(self.round_keys[epoch], (position % self.size).astype(np.uint32), self.size)
        return _check_labels(self.read(number), number, self.classes)


@dataclass(frozen=True)
class LaneSteps:
    """The same steps of several lanes, leaves [lanes, ...]."""

    lanes: Sequence[Steps]

    def __len__(self) -> int:
        return len(self.lanes[0])

    def __getitem__(self, step: int) -> PyTree:
        return jax.tree.map(lambda *leaves: np.stack(leaves), *(steps[step] for steps in self.lanes))


@dataclass(frozen=True)
class Blocks:
    """All examples of a source, in blocks of `block`."""

    read: Callable[[np.ndarray], PyTree]
    size: int
    classes: Mapping[str, int] = field(default_factory=dict)
    block: int = 256

    def __len__(self) -> int:
        return -(-self.size // self.block)

    def __getitem__(self, position: int) -> PyTree:
        start = position * self.block
        number = np.arange(start, min(start + self.block, self.size), dtype=np.uint32)
        return _check_labels(self.read(number), number, self.classes)


def _check_labels(leaves: PyTree, number: np.ndarray, classes: Mapping[str, int]) -> PyTree:
    if message := label_error(leaves, number, classes):
        raise Unreadable(message)
    return leaves
