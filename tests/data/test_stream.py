import importlib.util
import os
import signal
import time
from dataclasses import dataclass
from itertools import islice
from multiprocessing import active_children

import jax
import numpy as np
import pytest

from jaxgan.data.ahead import check_readable, prefetch
from jaxgan.data.checked import unchanged_labels
from jaxgan.data.kind import points, with_label
from jaxgan.data.source import Source, batch
from jaxgan.data.stream import Blocks, Steps
from jaxgan.errors import Refused, Unreadable

KEY = jax.random.key(3)


@dataclass(frozen=True)
class Counted:
    """Reads the number itself and the process id; fails at number `bad`, is killed at number `killed`."""

    bad: int = -1
    killed: int = -1

    def __call__(self, number):
        if self.bad in number:
            raise Unreadable(f"example {self.bad} is bad")
        if self.killed in number:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"x": number.astype(np.float32)[:, None], "process": np.full(len(number), os.getpid())}


def counted(size=10, **failure):
    return Source({"x": points(1)}, size, (), lambda arrays, *_: {"x": arrays["x"]}, Counted(**failure))


@pytest.mark.parametrize("start", [0, 7])
@pytest.mark.parametrize("size", [7, 10])
def test_steps_have_the_examples_of_batch(size, start):
    """In the order that the device computes, whatever the first step."""
    source = counted(size)
    in_memory = source._replace(
        arrays=np.arange(size, dtype=np.float32)[:, None],
        take=lambda arrays, key, number: {"x": arrays[number]},
        read=None,
    )
    steps = Steps.of(source, 4, KEY, start, start + 9)
    got = [item["x"] for item in prefetch(steps)]
    expected = [batch(in_memory, (4,), in_memory.arrays, KEY, start + i)["x"] for i in range(9)]
    np.testing.assert_array_equal(got, expected)


def test_processes_give_the_same_items_as_threads():
    steps = Steps.of(counted(), 4, KEY, 5, 15)
    threaded, parallel = list(prefetch(steps)), list(prefetch(steps, workers=2))
    np.testing.assert_array_equal([item["x"] for item in threaded], [item["x"] for item in parallel])
    assert {int(item["process"][0]) for item in threaded} == {os.getpid()}
    assert len({int(item["process"][0]) for item in parallel} - {os.getpid()}) == 2


def test_blocks_are_all_examples_in_order():
    blocks = list(prefetch(Blocks(Counted(), 1000)))
    np.testing.assert_array_equal(np.concatenate([b["x"] for b in blocks])[:, 0], np.arange(1000))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_example_is_raised_at_its_step(workers):
    steps = Steps.of(counted(bad=3), 2, KEY, 0, 5)  # one epoch, so it is in one of the five
    bad_step = next(i for i in range(5) if 3 in Steps.of(counted(), 2, KEY, 0, 5)[i]["x"])
    items = prefetch(steps, workers)
    assert len(list(islice(items, bad_step))) == bad_step
    with pytest.raises(Unreadable, match="example 3 is bad"):
        next(items)


@dataclass(frozen=True)
class Labelled:
    """Examples of three classes, except for the last one, with a label of a fourth."""

    def __call__(self, number):
        return {"x": np.zeros((len(number), 2), np.float32), "label": np.where(number == 11, 3, number % 3)}


@pytest.mark.parametrize("workers", [0, 1])
def test_a_label_out_of_range_is_raised_when_it_is_read(workers):
    """Whether files are read before every step, or once into memory."""
    leaves = with_label(points(2), 3)
    source = Source(leaves, 12, (), lambda read, key, number: read, Labelled())
    classes = unchanged_labels(source)
    for items in (Steps.of(source, 4, KEY, 0, 3, classes=classes), Blocks(Labelled(), 12, classes)):
        with pytest.raises(Unreadable, match="example 11 has the label 3, which is none of 0 to 2"):
            list(prefetch(items, workers))


@pytest.mark.timeout(60)
def test_a_killed_process_raises_and_does_not_hang():
    with pytest.raises(Unreadable, match="ended"):
        list(prefetch(Steps.of(counted(killed=3), 2, KEY, 0, 5), workers=1))


@dataclass(frozen=True)
class Large:
    """Items larger than a pipe's buffer, so that a process blocks while writing one until it is read."""

    def __len__(self):
        return 100

    def __getitem__(self, position):
        return os.getpid(), bytes(1_000_000)


@pytest.mark.timeout(60)
def test_a_process_killed_while_writing_raises_and_does_not_hang():
    items = prefetch(Large(), workers=1)
    process, _ = next(items)
    time.sleep(0.5)
    os.kill(process, signal.SIGKILL)
    with pytest.raises(Unreadable, match="ended by SIGKILL"):
        list(items)


@pytest.mark.timeout(60)
def test_processes_end_when_the_iterator_is_deleted():
    for started in (False, True):
        items, before = prefetch(Large(), workers=2), {process.pid for process in active_children()}
        assert len(before) == 2
        if started:
            assert {next(items)[0] for _ in range(2)} == before
        del items
        while active_children():
            time.sleep(0.1)


def test_files_need_grain(monkeypatch):
    check_readable(counted(), 2)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check_readable(counted()._replace(read=None), 0)
    with pytest.raises(Refused, match=r"install jaxgan\[data\]"):
        check_readable(counted(), 0)
