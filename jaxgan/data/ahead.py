"""Items of a sequence, made ahead of who asks for them: the same ones, only sooner."""

import importlib.util
import os
import pickle
import queue
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from jaxgan.data.source import Source
from jaxgan.errors import Refused, Unreadable

THREADS = max(2, min(8, os.cpu_count() or 2))  # decoding lets go of Python's lock
AHEAD = 8  # items that are made before they are asked for


class Items(Protocol):
    """What can be made one by one, in any order."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> Any: ...


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


def ahead(items: Items, workers: int = 0) -> Iterator[Any]:
    """items[0], items[1], ... with the next ones always under way: in threads, or in `workers` processes.

    What a process raises is raised here, and so is, at once, that one was killed.

    >>> list(ahead("abc")), list(ahead("abc", workers=2))
    (['a', 'b', 'c'], ['a', 'b', 'c'])
    """
    if workers:
        return _by_processes(items, workers)
    import grain

    options = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=AHEAD)
    under_way = iter(grain.MapDataset.source(items).to_iter_dataset(options))
    under_way.start_prefetch()
    return _handed(under_way)


def _handed(under_way: Any) -> Iterator[Any]:
    try:
        yield from under_way
    finally:
        under_way.close()


def _by_processes(items: Items, count: int) -> Iterator[Any]:
    """Each item made by the next of `count` processes.

    A process alone writes to its pipe, which thereby tells of its death; and when nobody reads that any more,
    because the one who asked is gone, it ends by itself.
    """
    import cloudpickle

    context, whole = get_context("spawn"), cloudpickle.dumps(items)
    processes, pipes = [], []
    for first in range(min(count, len(items))):
        pipe, into = context.Pipe(duplex=False)
        mine = range(first, len(items), count)
        process = context.Process(target=_read, args=(whole, mine, -(-AHEAD // count), into), daemon=True)
        process.start()
        into.close()  # a copy kept open here would outlive the process, and hide its death
        processes.append(process)
        pipes.append(pipe)
    return _received(len(items), processes, pipes)


def _received(total: int, processes: Sequence[BaseProcess], pipes: Sequence[Connection]) -> Iterator[Any]:
    try:
        for position in range(total):
            number = position % len(pipes)
            try:
                item, error = pickle.loads(pipes[number].recv_bytes())
            except (EOFError, OSError):  # between items, or within one
                raise Unreadable(f"a process that reads data ended{_how(processes[number])}") from None
            if error is not None:
                raise error
            yield item
    finally:
        for process, pipe in zip(processes, pipes, strict=True):
            process.kill()  # nothing of it is shared, so that nothing breaks
            process.join()
            pipe.close()


def _how(process: BaseProcess) -> str:
    process.join()
    code = process.exitcode or 0
    return f" by {signal.Signals(-code).name}" if code < 0 else f" with exit code {code}"


def _read(items: bytes, positions: range, most: int, into: Connection) -> None:
    """Signals to a whole group or terminal are answered by the one who asks, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    made: queue.Queue[bytes | None] = queue.Queue(most)
    sender = threading.Thread(target=_send, args=(made, into), daemon=True)
    sender.start()
    try:
        each = pickle.loads(items)
        for position in positions:
            made.put(pickle.dumps((each[position], None), protocol=5))
    except (Refused, Unreadable) as error:
        made.put(pickle.dumps((None, error)))
    except Exception:  # which may not go through a pipe
        made.put(pickle.dumps((None, RuntimeError(f"a process that reads data:\n{traceback.format_exc()}"))))
    made.put(None)
    sender.join()


def _send(made: "queue.Queue[bytes | None]", into: Connection) -> None:
    try:
        while (item := made.get()) is not None:
            into.send_bytes(item)
    except OSError:
        os._exit(0)  # nobody reads
