"""What each step is fed: arrays that are there already, or examples read from files ahead of it."""

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

from jaxgan.data.ahead import ahead
from jaxgan.data.checked import labels_as_read
from jaxgan.data.source import Made, Source, numbers, places
from jaxgan.data.stream import Blocks, Steps, Together
from jaxgan.folder.settings import Settings
from jaxgan.parts.types import Key, PyTree
from jaxgan.scale.devices import distribute, local_indices


class Stream:
    """The arrays of one step after another, and how long steps have had to wait for them."""

    def __init__(self, arrays: Generator[PyTree, None, None], files: bool) -> None:
        self._arrays = arrays
        self._watch = ThreadPoolExecutor(1) if files else None
        self._waited, self._since = 0.0, time.perf_counter()

    def next(self, under_way: PyTree) -> PyTree:
        """The arrays of the next step. `under_way` is what the last one will have made of its own.

        That was sent off a moment ago, so the next step only waits from when it is done.
        """
        if self._watch is None:
            return next(self._arrays)
        asked, done = time.perf_counter(), self._watch.submit(_time_done, under_way)
        arrays = next(self._arrays)
        if done.done():
            self._waited += max(0.0, time.perf_counter() - max(asked, done.result()))
        return arrays

    def waiting(self) -> dict[str, float]:
        """The share of the time since the last call that steps have waited for files, if these are."""
        share = self._waited / (time.perf_counter() - self._since)
        self._waited, self._since = 0.0, time.perf_counter()
        return {} if self._watch is None else {"data_wait": share}

    def close(self) -> None:
        """Ends what is under way, processes that read included."""
        self._arrays.close()
        if self._watch is not None:
            self._watch.shutdown(wait=False)


def _time_done(under_way: PyTree) -> float:
    jax.block_until_ready(under_way)
    return time.perf_counter()


class Streams:
    """The streams of several lanes that are played one after another, as one."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams

    def next(self, under_way: Sequence[PyTree] | None) -> tuple[PyTree, ...]:
        """What each lane's next step is fed."""
        each = [None] * len(self._streams) if under_way is None else under_way
        return tuple(stream.next(way) for stream, way in zip(self._streams, each, strict=True))

    def waiting(self) -> dict[str, float]:
        """As of one stream: they have waited one after another."""
        shares = [share for stream in self._streams for share in stream.waiting().values()]
        return {"data_wait": sum(shares)} if shares else {}

    def close(self) -> None:
        """Ends them all."""
        for stream in self._streams:
            stream.close()


class Feed(NamedTuple):
    """The arrays that `batch` takes from, on the device; the same whichever way they are asked for.

    `at`: (key, step) -> those of one step. `ahead`: (key, step) -> those of it and of the steps after it,
    where they are files read while others are played. An `Unreadable` comes with the step it would feed.
    """

    at: Callable[[Key, int], PyTree]
    ahead: Callable[[Key, int], Stream]


def feeder(
    source: Source, layout: tuple[int, ...], settings: Settings
) -> Callable[[Sharding, Sharding], Feed]:
    """(whole, step) -> the feed of steps laid out [batches, micro-batches, batch], for one key or for an
    array of them, a lane each. Files are read once for all feeds if `settings.memory` can hold them all.

    `whole` is where what serves all steps lies, `step` where what one step reads does: leaves
    [rows, batch, ...], and [lanes, rows, batch, ...] for an array of keys. Each process reads its own share.

    >>> from jaxgan.data import load
    >>> here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    >>> fed = feeder(load("digits"), (1, 1, 64), Settings())(here, here)
    >>> sorted(fed.at(jax.random.key(0), 3))
    ['label', 'x']
    """
    if source.read is None:

        def there(whole: Sharding, step: Sharding) -> Feed:
            own = distribute(source.arrays, whole)
            return Feed(lambda key, at: own, lambda key, start: Stream((own for _ in count()), files=False))

        return there
    base, size = _base(source)
    classes = labels_as_read(source)
    one = base(np.zeros(1, np.uint32))
    if size * sum(leaf.nbytes for leaf in jax.tree.leaves(one)) <= settings.memory * 2**20:
        held = _all(Blocks(base, size, classes), one, settings.workers)
        return lambda whole, step: _from_memory(source, layout, distribute(held, whole), step)
    return lambda whole, step: _from_files(source, layout, settings, step, classes)


def _from_memory(source: Source, layout: tuple[int, ...], held: PyTree, where: Sharding) -> Feed:
    def one(held: PyTree, key: Key, step: jax.Array) -> PyTree:
        number, read = numbers(source, key, places(prod(layout), step)), source.read
        while isinstance(read, Made):
            of = read.of(number.reshape(-1))
            number, read = of.reshape(*number.shape, *of.shape[1:]), read.read
        number = number.reshape(-1, layout[-1], *number.shape[1:])
        return jax.tree.map(lambda leaf: leaf[number], held)

    @partial(jax.jit, out_shardings=where)
    def chosen(held: PyTree, key: Key, step: jax.Array) -> PyTree:
        return (jax.vmap(one, (None, 0, None)) if key.ndim else one)(held, key, step)

    def at(key: Key, step: int) -> PyTree:
        return chosen(held, key, jnp.int32(step))

    def from_memory(key: Key, start: int) -> Stream:
        lasting = jnp.copy(key)  # the state it comes from is about to be donated
        return Stream((at(lasting, step) for step in count(start)), files=False)

    return Feed(at, from_memory)


def _from_files(
    source: Source,
    layout: tuple[int, ...],
    settings: Settings,
    where: Sharding,
    classes: Mapping[str, int],
) -> Feed:
    examples, rows = prod(layout), (prod(layout[:-1]), layout[-1])

    def steps(key: Key, start: int, stop: int) -> Steps | Together:
        *lanes, _, columns = local_indices(where, (*key.shape, *rows))
        share = (np.arange(rows[0])[:, None] * rows[1] + columns).ravel()
        if not lanes:
            return Steps.of(source, examples, key, start, stop, share, classes)
        return Together([Steps.of(source, examples, key[i], start, stop, share, classes) for i in lanes[0]])

    def placed(read: PyTree, lanes: tuple[int, ...]) -> PyTree:
        def place(leaf: np.ndarray) -> jax.Array:
            example = leaf.shape[len(lanes) + 1 :]
            local = leaf.reshape(*leaf.shape[: len(lanes)], rows[0], -1, *example)
            return jax.make_array_from_process_local_data(where, local, (*lanes, *rows, *example))

        return jax.tree.map(place, read)

    def at(key: Key, step: int) -> PyTree:
        return placed(steps(key, step, step + 1)[0], key.shape)

    def from_files(key: Key, start: int) -> Stream:
        lanes, under_way = key.shape, ahead(steps(key, start, settings.steps), settings.workers)
        return Stream((placed(arrays, lanes) for arrays in under_way), files=True)

    return Feed(at, from_files)


def _base(source: Source) -> tuple[Callable[[np.ndarray], PyTree], int]:
    """What reads the examples that those of the source are made of, and how many these are."""
    read, size = source.read, source.size
    while isinstance(read, Made):
        size, read = read.size, read.read
    assert read is not None
    assert size is not None
    return read, size


def _all(blocks: Blocks, one: PyTree, workers: int) -> PyTree:
    """Everything there is to read, leaves [size, ...] like `one`, saying how far it has come."""
    size = blocks.size
    held = jax.tree.map(lambda leaf: np.empty((size, *leaf.shape[1:]), leaf.dtype), one)
    leaves, said, stop = jax.tree.leaves(held), time.perf_counter(), 0
    megabytes = sum(leaf.nbytes for leaf in leaves) / 2**20
    print(f"reading {size:,} examples into memory ({megabytes:,.0f} MB)", file=sys.stderr)
    for block in ahead(blocks, workers):
        start, stop = stop, min(stop + Blocks.block, size)
        for leaf, part in zip(leaves, jax.tree.leaves(block), strict=True):
            leaf[start:stop] = part
        if time.perf_counter() - said > 5:
            said = time.perf_counter()
            print(f"  {stop:,} of {size:,}", file=sys.stderr)
    return held
