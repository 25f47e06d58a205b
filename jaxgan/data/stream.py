"""Examples that lie in files, read ahead of the steps that need them: the same batches, only sooner."""

import importlib.util
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.order import shuffled
from jaxgan.data.source import Source, orders
from jaxgan.errors import Refused, Unreadable
from jaxgan.parts.types import Key, PyTree

THREADS = max(2, min(8, os.cpu_count() or 2))  # decoding lets go of Python's lock
AHEAD = 8  # steps that are read before they are asked for


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

    @classmethod
    def of(
        cls, source: Source, examples: int, key: Key, start: int, stop: int, share: np.ndarray | None = None
    ) -> "Steps":
        """The steps of a source that reads, `examples` to each, or only a share of these."""
        assert source.read is not None
        assert source.size is not None
        epochs = np.arange(start * examples // source.size, -(-stop * examples // source.size))
        drawn = np.asarray(orders(key, jnp.asarray(epochs, jnp.uint32)))
        share = np.arange(examples) if share is None else share
        return cls(source.read, source.size, examples, start, stop, drawn, share)

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, position: int) -> PyTree:
        place = (self.start + position) * self.examples + self.share
        epoch = place // self.size - self.start * self.examples // self.size
        return self.read(shuffled(self.orders[epoch], (place % self.size).astype(np.uint32), self.size))


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
    block: int = 256

    def __len__(self) -> int:
        return -(-self.size // self.block)

    def __getitem__(self, position: int) -> PyTree:
        start = position * self.block
        return self.read(np.arange(start, min(start + self.block, self.size), dtype=np.uint32))


def can_read(source: Source, workers: int) -> None:
    """Refuses, before a run begins, what `ahead` cannot do.

    >>> from jaxgan.data import load
    >>> can_read(load("digits"), -1)
    Traceback (most recent call last):
    jaxgan.errors.Refused: there cannot be -1 processes that read: use 0 for threads, or more
    """
    if workers < 0:
        raise Refused(f"there cannot be {workers} processes that read: use 0 for threads, or more")
    if source.read is not None and importlib.util.find_spec("grain") is None:
        raise Refused("data in files are read by grain, of the extra `data`: install jaxgan[data]")


def ahead(items: Sequence[Any] | Steps | Together | Blocks, workers: int = 0) -> Iterator[Any]:
    """items[0], items[1], ... with the next ones always under way: in threads, or in `workers` processes.

    What a worker raises is raised here; one that is killed is noticed within a second or so.

    >>> list(ahead(["a", "b", "c"]))
    ['a', 'b', 'c']
    """
    import grain

    if workers == 0:
        options = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=AHEAD)
        under_way = iter(grain.MapDataset.source(items).to_iter_dataset(options))
    else:
        from absl import flags

        if not flags.FLAGS.is_parsed():  # grain asks absl, which scripts need not know
            flags.FLAGS.mark_as_parsed()
        options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=1)
        each = grain.MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=-(-AHEAD // workers))
        alone = grain.MapDataset.source(_Packed(items)).to_iter_dataset(options)
        under_way = iter(alone.mp_prefetch(each, worker_init_fn=_quiet))
    under_way.start_prefetch()
    return _handed(under_way, pickle.loads if workers else lambda item: item)


def _handed(under_way: Any, opened: Callable[[Any], Any]) -> Iterator[Any]:
    try:
        for item in under_way:
            yield opened(item)
    except RuntimeError as error:
        if not str(error).startswith("Worker process was terminated"):
            raise
        raise Unreadable(f"a process that reads data ended: {str(error).split('. ')[0]}") from error
    finally:
        under_way.close()


@dataclass(frozen=True)
class _Packed:
    """Items as bytes: these go through a pipe, where arrays would need shared memory, often scarce."""

    items: Sequence[Any] | Steps | Together | Blocks

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, position: int) -> bytes:
        return pickle.dumps(self.items[position], protocol=5)


def _quiet(worker: int, workers: int) -> None:
    """Ctrl-C goes to every process of a terminal; the first one answers it, and ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
