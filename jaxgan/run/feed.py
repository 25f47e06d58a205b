"""What each step is fed: arrays that are there already, or examples read from files ahead of it."""

import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.source import Source, numbers, places
from jaxgan.data.stream import Blocks, Steps, ahead
from jaxgan.parts.types import Key, PyTree
from jaxgan.run.settings import Settings


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


class Feed(NamedTuple):
    """The arrays that `batch` takes from, on the device; the same whichever way they are asked for.

    `at`: (key, step) -> those of one step. `ahead`: (key, step) -> those of it and of the steps after it,
    where they are files read while others are played. An `Unreadable` comes with the step it would feed.
    """

    at: Callable[[Key, int], PyTree]
    ahead: Callable[[Key, int], Stream]


def feed(source: Source, examples: int, settings: Settings) -> Feed:
    """The feed of steps of so many examples: files are read once if `settings.memory` can hold them all.

    >>> from jaxgan.data import load
    >>> fed = feed(load("digits"), 64, Settings())
    >>> sorted(fed.at(jax.random.key(0), 3))
    ['label', 'x']
    """
    if source.read is None:
        own = _placed(source.arrays)
        return Feed(lambda key, step: own, lambda key, step: Stream((own for _ in count()), files=False))

    if _bytes(source) <= settings.memory * 2**20:
        held = _placed(_all(source, settings.workers))

        @jax.jit
        def chosen(held: PyTree, key: Key, step: jax.Array) -> PyTree:
            number = numbers(source, key, places(examples, step))
            return jax.tree.map(lambda leaf: leaf[number], held)

        def at(key: Key, step: int) -> PyTree:
            return chosen(held, key, jnp.int32(step))

        def from_memory(key: Key, step: int) -> Stream:
            lasting = jnp.copy(key)  # the state it comes from is about to be donated
            return Stream((at(lasting, i) for i in count(step)), files=False)

        return Feed(at, from_memory)

    def read(key: Key, step: int) -> PyTree:
        return _placed(Steps.of(source, examples, key, step, step + 1)[0])

    def from_files(key: Key, step: int) -> Stream:
        under_way = ahead(Steps.of(source, examples, key, step, settings.steps), settings.workers)
        return Stream((_placed(arrays) for arrays in under_way), files=True)

    return Feed(read, from_files)


def _placed(arrays: PyTree) -> PyTree:
    """On a device by name, as a restored state is: a resumed run then plays the very same program."""
    return jax.device_put(arrays, jax.devices()[0])


def _bytes(source: Source) -> int:
    assert source.read is not None
    assert source.size is not None
    return source.size * sum(leaf.nbytes for leaf in jax.tree.leaves(source.read(np.zeros(1, np.uint32))))


def _all(source: Source, workers: int) -> PyTree:
    """Everything the source can read, leaves [size, ...], saying how far it has come."""
    assert source.read is not None
    assert source.size is not None
    print(f"reading {source.size:,} examples into memory ({_bytes(source) / 2**20:,.0f} MB)", file=sys.stderr)
    blocks, said = [], time.perf_counter()
    for block in ahead(Blocks(source.read, source.size), workers):
        blocks.append(block)
        if time.perf_counter() - said > 5:
            said = time.perf_counter()
            print(f"  {len(blocks) * Blocks.block:,} of {source.size:,}", file=sys.stderr)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *blocks)
