"""Feeds the arrays of each step: from memory, or read from files ahead of the step."""

import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding

from jaxgan.data.ahead import prefetch
from jaxgan.data.checked import unchanged_labels
from jaxgan.data.source import DerivedReader, Source, numbers, positions
from jaxgan.data.stream import Blocks, LaneSteps, Steps
from jaxgan.folder.settings import Settings
from jaxgan.parts.types import Key, PyTree
from jaxgan.scale.devices import distribute, local_indices


class Stream:
    """The arrays of one step after another; measures how long the steps waited for files."""

    def __init__(self, arrays: Generator[PyTree, None, None], files: bool) -> None:
        self._arrays = arrays
        self._timer = ThreadPoolExecutor(1) if files else None
        self._waited, self._since = 0.0, time.perf_counter()

    def next(self, under_way: PyTree) -> PyTree:
        """Returns the arrays of the next step; `under_way` are the outputs of the step before.

        That step was dispatched a moment ago, so the next one only waits from when its outputs are ready.
        """
        if self._timer is None:
            return next(self._arrays)
        called, ready = time.perf_counter(), self._timer.submit(_time_ready, under_way)
        arrays = next(self._arrays)
        if ready.done():
            self._waited += max(0.0, time.perf_counter() - max(called, ready.result()))
        return arrays

    def wait_metrics(self) -> dict[str, float]:
        """Returns the share of the time since the last call that steps waited for files, {} without files."""
        share = self._waited / (time.perf_counter() - self._since)
        self._waited, self._since = 0.0, time.perf_counter()
        return {} if self._timer is None else {"data_wait": share}

    def close(self) -> None:
        """Stops reading ahead, and ends the processes that read."""
        self._arrays.close()
        if self._timer is not None:
            self._timer.shutdown(wait=False)


def _time_ready(arrays: PyTree) -> float:
    jax.block_until_ready(arrays)
    return time.perf_counter()


class Streams:
    """The streams of several lanes that are updated one after another, as one stream."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams

    def next(self, under_way: Sequence[PyTree] | None) -> tuple[PyTree, ...]:
        """Returns the arrays of the next step of each lane."""
        outputs = [None] * len(self._streams) if under_way is None else under_way
        return tuple(stream.next(of_lane) for stream, of_lane in zip(self._streams, outputs, strict=True))

    def wait_metrics(self) -> dict[str, float]:
        """As for one stream; the shares add up, since the lanes waited one after another."""
        shares = [share for stream in self._streams for share in stream.wait_metrics().values()]
        return {"data_wait": sum(shares)} if shares else {}

    def close(self) -> None:
        """Closes all of them."""
        for stream in self._streams:
            stream.close()


class Feed(NamedTuple):
    """The `arrays` argument of `batch`, on the devices; both functions give the same arrays for a step.

    `at`: (key, step) -> the arrays of one step. `ahead`: (key, step) -> the stream of arrays from that step
    on, where files are read while earlier steps run. `Unreadable` is raised at the step it concerns.
    """

    at: Callable[[Key, int], PyTree]
    ahead: Callable[[Key, int], Stream]


def make_feed(
    source: Source, layout: tuple[int, ...], settings: Settings
) -> Callable[[Sharding, Sharding], Feed]:
    """Returns a function (shared, per_step) -> feed of steps of shape [batches, micro-batches, batch].

    `shared` is the sharding of arrays used by all steps, `per_step` that of arrays read for a step: leaves
    [rows, batch, ...], or [lanes, rows, batch, ...] if `key` is an array of keys, one for each lane. Each
    process reads its own share. Files are read into memory, once for all feeds, if `settings.memory` allows.

    >>> from jaxgan.data import load
    >>> sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    >>> feed = make_feed(load("digits"), (1, 1, 64), Settings())(sharding, sharding)
    >>> sorted(feed.at(jax.random.key(0), 3))
    ['label', 'x']
    """
    if source.read is None:

        def from_arrays(shared: Sharding, per_step: Sharding) -> Feed:
            arrays = distribute(source.arrays, shared)
            stream = partial(Stream, files=False)
            return Feed(lambda key, at: arrays, lambda key, start: stream(arrays for _ in count()))

        return from_arrays
    read, size = _base(source)
    classes = unchanged_labels(source)
    example = read(np.zeros(1, np.uint32))
    if size * sum(leaf.nbytes for leaf in jax.tree.leaves(example)) <= settings.memory * 2**20:
        examples = _read_all(Blocks(read, size, classes), example, settings.workers)
        return lambda shared, per_step: _from_memory(source, layout, distribute(examples, shared), per_step)
    return lambda shared, per_step: _from_files(source, layout, settings, per_step, classes)


def _from_memory(source: Source, layout: tuple[int, ...], examples: PyTree, sharding: Sharding) -> Feed:
    def pick(examples: PyTree, key: Key, step: jax.Array) -> PyTree:
        number, read = numbers(source, key, positions(prod(layout), step)), source.read
        while isinstance(read, DerivedReader):
            base = read.of(number.reshape(-1))
            number, read = base.reshape(*number.shape, *base.shape[1:]), read.read
        number = number.reshape(-1, layout[-1], *number.shape[1:])
        return jax.tree.map(lambda leaf: leaf[number], examples)

    @partial(jax.jit, out_shardings=sharding)
    def pick_lanes(examples: PyTree, key: Key, step: jax.Array) -> PyTree:
        return (jax.vmap(pick, (None, 0, None)) if key.ndim else pick)(examples, key, step)

    def at(key: Key, step: int) -> PyTree:
        return pick_lanes(examples, key, jnp.int32(step))

    return Feed(at, lambda key, start: Stream((at(key, step) for step in count(start)), files=False))


def _from_files(
    source: Source,
    layout: tuple[int, ...],
    settings: Settings,
    sharding: Sharding,
    classes: Mapping[str, int],
) -> Feed:
    examples, rows = prod(layout), (prod(layout[:-1]), layout[-1])

    def steps(key: Key, start: int, stop: int) -> Steps | LaneSteps:
        *lanes, _, columns = local_indices(sharding, (*key.shape, *rows))
        share = (np.arange(rows[0])[:, None] * rows[1] + columns).ravel()
        if not lanes:
            return Steps.of(source, examples, key, start, stop, share, classes)
        return LaneSteps([Steps.of(source, examples, key[i], start, stop, share, classes) for i in lanes[0]])

    def place(read: PyTree, lanes: tuple[int, ...]) -> PyTree:
        def place_leaf(leaf: np.ndarray) -> jax.Array:
            example = leaf.shape[len(lanes) + 1 :]
            local = leaf.reshape(*leaf.shape[: len(lanes)], rows[0], -1, *example)
            return jax.make_array_from_process_local_data(sharding, local, (*lanes, *rows, *example))

        return jax.tree.map(place_leaf, read)

    def at(key: Key, step: int) -> PyTree:
        return place(steps(key, step, step + 1)[0], key.shape)

    def stream(key: Key, start: int) -> Stream:
        lanes, reads = key.shape, prefetch(steps(key, start, settings.steps), settings.workers)
        return Stream((place(read, lanes) for read in reads), files=True)

    return Feed(at, stream)


def _base(source: Source) -> tuple[Callable[[np.ndarray], PyTree], int]:
    """Returns the function that reads the examples from which the source makes its own, and their number."""
    read, size = source.read, source.size
    while isinstance(read, DerivedReader):
        size, read = read.size, read.read
    assert read is not None
    assert size is not None
    return read, size


def _read_all(blocks: Blocks, example: PyTree, workers: int) -> PyTree:
    """Reads all examples into memory, leaves [size, ...] like those of `example`, and prints the progress."""
    size = blocks.size
    examples = jax.tree.map(lambda leaf: np.empty((size, *leaf.shape[1:]), leaf.dtype), example)
    leaves, printed, stop = jax.tree.leaves(examples), time.perf_counter(), 0
    megabytes = sum(leaf.nbytes for leaf in leaves) / 2**20
    print(f"reading {size:,} examples into memory ({megabytes:,.0f} MB)", file=sys.stderr)
    for block in prefetch(blocks, workers):
        start, stop = stop, min(stop + Blocks.block, size)
        for leaf, part in zip(leaves, jax.tree.leaves(block), strict=True):
            leaf[start:stop] = part
        if time.perf_counter() - printed > 5:
            printed = time.perf_counter()
            print(f"  {stop:,} of {size:,}", file=sys.stderr)
    return examples
