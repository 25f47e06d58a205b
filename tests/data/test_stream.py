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

from jaxgan.data.ahead import ahead, can_read
from jaxgan.data.checked import labels_as_read
from jaxgan.data.kind import points, with_label
from jaxgan.data.source import Source, batch
from jaxgan.data.stream import Blocks, Steps
from jaxgan.errors import Refused, Unreadable

KEY = jax.random.key(3)


@dataclass(frozen=True)
class Counted:
    """Reads the number itself, and says which process did; an accident at one of them on request."""

    bad: int = -1
    killed: int = -1

    def __call__(self, number):
        if self.bad in number:
            raise Unreadable(f"example {self.bad} is bad")
        if self.killed in number:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"x": number.astype(np.float32)[:, None], "process": np.full(len(number), os.getpid())}


def counted(size=10, **accident):
    return Source({"x": points(1)}, size, (), lambda arrays, *_: {"x": arrays["x"]}, Counted(**accident))


@pytest.mark.parametrize("start", [0, 7])
@pytest.mark.parametrize("size", [7, 10])
def test_what_is_read_ahead_is_what_each_step_would_read(size, start):
    """The device's own order of the epochs, whatever the step it starts from."""
    source = counted(size)
    in_memory = source._replace(
        arrays=np.arange(size, dtype=np.float32)[:, None],
        take=lambda arrays, key, number: {"x": arrays[number]},
        read=None,
    )
    steps = Steps.of(source, 4, KEY, start, start + 9)
    found = [item["x"] for item in ahead(steps)]
    want = [batch(in_memory, (4,), in_memory.arrays, KEY, start + i)["x"] for i in range(9)]
    np.testing.assert_array_equal(found, want)


def test_processes_give_the_same_stream():
    steps = Steps.of(counted(), 4, KEY, 5, 15)
    alone, apart = list(ahead(steps)), list(ahead(steps, workers=2))
    np.testing.assert_array_equal([item["x"] for item in alone], [item["x"] for item in apart])
    assert {int(item["process"][0]) for item in alone} == {os.getpid()}
    assert len({int(item["process"][0]) for item in apart} - {os.getpid()}) == 2


def test_blocks_are_everything_in_order():
    blocks = list(ahead(Blocks(Counted(), 1000)))
    np.testing.assert_array_equal(np.concatenate([b["x"] for b in blocks])[:, 0], np.arange(1000))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_example_is_named_at_its_step(workers):
    steps = Steps.of(counted(bad=3), 2, KEY, 0, 5)  # one epoch: it is in one of the five
    at = next(i for i in range(5) if 3 in Steps.of(counted(), 2, KEY, 0, 5)[i]["x"])
    under_way = ahead(steps, workers)
    assert len(list(islice(under_way, at))) == at
    with pytest.raises(Unreadable, match="example 3 is bad"):
        next(under_way)


@dataclass(frozen=True)
class Labelled:
    """Examples of three classes, of which the last has a label of a fourth."""

    def __call__(self, number):
        return {"x": np.zeros((len(number), 2), np.float32), "label": np.where(number == 11, 3, number % 3)}


@pytest.mark.parametrize("workers", [0, 1])
def test_a_label_outside_is_named_as_it_is_read(workers):
    """Whether files are read ahead of every step, or once into memory."""
    leaves = with_label(points(2), 3)
    source = Source(leaves, 12, (), lambda read, key, number: read, Labelled())
    classes = labels_as_read(source)
    for items in (Steps.of(source, 4, KEY, 0, 3, classes=classes), Blocks(Labelled(), 12, classes)):
        with pytest.raises(Unreadable, match="example 11 has the label 3, which is none of 0 to 2"):
            list(ahead(items, workers))


@pytest.mark.timeout(60)
def test_a_killed_process_is_an_error_and_not_a_hang():
    with pytest.raises(Unreadable, match="ended"):
        list(ahead(Steps.of(counted(killed=3), 2, KEY, 0, 5), workers=1))


@dataclass(frozen=True)
class Large:
    """More than a pipe holds, so that who writes it is in the middle of it until it is read."""

    def __len__(self):
        return 100

    def __getitem__(self, position):
        return os.getpid(), bytes(1_000_000)


@pytest.mark.timeout(60)
def test_a_process_killed_in_the_middle_of_an_item_is_no_hang():
    under_way = ahead(Large(), workers=1)
    process, _ = next(under_way)
    time.sleep(0.5)
    os.kill(process, signal.SIGKILL)
    with pytest.raises(Unreadable, match="ended by SIGKILL"):
        list(under_way)


@pytest.mark.timeout(60)
def test_processes_end_when_nobody_reads_any_more():
    for begun in (False, True):
        under_way, before = ahead(Large(), workers=2), {process.pid for process in active_children()}
        assert len(before) == 2
        if begun:
            assert {next(under_way)[0] for _ in range(2)} == before
        del under_way
        while active_children():
            time.sleep(0.1)


def test_without_grain_files_are_refused_before_a_run_begins(monkeypatch):
    can_read(counted(), 2)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    can_read(counted()._replace(read=None), 0)
    with pytest.raises(Refused, match="extra `data`"):
        can_read(counted(), 0)
