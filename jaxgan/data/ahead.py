"""Prefetching: the items of a sequence are made before they are asked for, in threads or in processes."""

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

THREADS = max(2, min(8, os.cpu_count() or 2))  # decoding releases the GIL
BUFFER = 8  # items that are prefetched


class Items(Protocol):
    """A sequence whose items can be made in any order."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> Any: ...


def check_readable(source: Source, workers: int) -> None:
    """Raises Refused for a negative number of processes, and if files are to be read without grain.

    >>> from jaxgan.data import load
    >>> check_readable(load("digits"), -1)
    Traceback (most recent call last):
    jaxgan.errors.Refused: there cannot be -1 processes to read data: use 0 for threads, or more
    """
    if workers < 0:
        raise Refused(f"there cannot be {workers} processes to read data: use 0 for threads, or more")
    if source.read is not None and importlib.util.find_spec("grain") is None:
        raise Refused("grain, which reads data from files, is not installed: install jaxgan[data]")


def prefetch(items: Items, workers: int = 0) -> Iterator[Any]:
    """Yields items[0], items[1], ... and makes the next ones meanwhile, in threads or in `workers` processes.

    An exception in a process is raised here; a process that was killed raises Unreadable at once.

    >>> list(prefetch("abc")), list(prefetch("abc", workers=2))
    (['a', 'b', 'c'], ['a', 'b', 'c'])
    """
    if workers:
        return _start_processes(items, workers)
    import grain

    options = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=BUFFER)
    iterator = iter(grain.MapDataset.source(items).to_iter_dataset(options))
    iterator.start_prefetch()
    return _until_closed(iterator)


def _until_closed(iterator: Any) -> Iterator[Any]:
    try:
        yield from iterator
    finally:
        iterator.close()


def _start_processes(items: Items, count: int) -> Iterator[Any]:
    """Starts `count` processes; process k makes the items k, k + count, ...

    Each process alone holds the writing end of its pipe, so the pipe closes when the process dies. A process
    ends by itself when the reading end is closed.
    """
    import cloudpickle

    context, pickled = get_context("spawn"), cloudpickle.dumps(items)
    processes, pipes = [], []
    for first in range(min(count, len(items))):
        receiver, sender = context.Pipe(duplex=False)
        positions = range(first, len(items), count)
        args = (pickled, positions, -(-BUFFER // count), sender)
        process = context.Process(target=_run_process, args=args, daemon=True)
        process.start()
        sender.close()  # an open copy here would hide the death of the process
        processes.append(process)
        pipes.append(receiver)
    return _receive(len(items), processes, pipes)


def _receive(total: int, processes: Sequence[BaseProcess], pipes: Sequence[Connection]) -> Iterator[Any]:
    try:
        for position in range(total):
            number = position % len(pipes)
            try:
                item, error = pickle.loads(pipes[number].recv_bytes())
            except (EOFError, OSError):  # between two items, or within an item
                raise Unreadable(f"a process that reads data ended {_cause(processes[number])}") from None
            if error is not None:
                raise error
            yield item
    finally:
        for process, pipe in zip(processes, pipes, strict=True):
            process.kill()  # safe, since it shares nothing with other processes
            process.join()
            pipe.close()


def _cause(process: BaseProcess) -> str:
    process.join()
    code = process.exitcode or 0
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


def _run_process(items: bytes, positions: range, buffer: int, pipe: Connection) -> None:
    """Makes items in a process. Ignores signals to the process group: the parent ends this process then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    messages: queue.Queue[bytes | None] = queue.Queue(buffer)
    sender = threading.Thread(target=_send, args=(messages, pipe), daemon=True)
    sender.start()
    try:
        sequence = pickle.loads(items)
        for position in positions:
            messages.put(pickle.dumps((sequence[position], None), protocol=5))
    except (Refused, Unreadable) as error:
        messages.put(pickle.dumps((None, error)))
    except Exception:  # it may not be picklable
        failure = RuntimeError(f"a process that reads data failed:\n{traceback.format_exc()}")
        messages.put(pickle.dumps((None, failure)))
    messages.put(None)
    sender.join()


def _send(messages: "queue.Queue[bytes | None]", pipe: Connection) -> None:
    try:
        while (message := messages.get()) is not None:
            pipe.send_bytes(message)
    except OSError:
        os._exit(0)  # the parent has closed the pipe
