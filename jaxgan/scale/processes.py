"""Runs of several processes: how they connect, exchange values and errors, get signals and end."""

import contextlib
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn, TextIO, TypeVar, cast

import jax
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan import terminal
from jaxgan.errors import Refused
from jaxgan.parts.types import PyTree

T = TypeVar("T")

HEARTBEAT = 30
"""Seconds without a heartbeat after which a process counts as dead; those that wait for it then end."""
SHUTDOWN = 5
"""Seconds that a process which ends early waits for the others to end."""


@contextlib.contextmanager
def join_processes(coordinator: str, processes: int, process: int, within: int) -> Iterator[None]:
    """Connects the processes of a run for this context; does nothing for one process without a coordinator.

    `coordinator` is host:port of process 0, the same for all; "auto" is for clusters that JAX knows: Slurm,
    Kubernetes, MPI, TPU pods. Enter it before any other use of JAX. If a process has not connected `within`
    seconds, the others end with status 2; if one ends with an error, none waits for ever.

    >>> with join_processes("", 1, 0, within=300):
    ...     is_main()
    True
    """
    if not coordinator and processes == 1:
        yield
        return
    _connect(coordinator, processes, process, within)
    try:
        yield
    except SystemExit as end:
        _shut_down(end.code if isinstance(end.code, int) else int(end.code is not None))
    except BaseException as error:
        if lost_peer(error):
            _print_error("another process of this run has ended; start all of them again with --resume")
            os._exit(1)  # an orderly shutdown needs the other process
        traceback.print_exc()
        _shut_down(1)


def _connect(coordinator: str, processes: int, process: int, within: int) -> None:
    auto = coordinator == "auto"
    if not auto and not (coordinator.rpartition(":")[2].isdigit() and 0 <= process < processes):
        raise Refused(
            f"--coordinator {coordinator} --processes {processes} --process {process}: give HOST:PORT of "
            "process 0, the number of processes, and the number of this one, from 0; or --coordinator auto"
        )
    _reserve_stdout()
    address = "" if auto else f" to {coordinator}"

    def give_up() -> None:
        _print_error(f"not all processes have connected{address} within {within} s")
        os._exit(2)

    # JAX's own timeout aborts the process with a stack trace, and late
    limit = _start_timer(within, give_up)
    try:
        jax.distributed.initialize(
            None if auto else coordinator,
            None if auto else processes,
            None if auto else process,
            initialization_timeout=within + 60,
            heartbeat_timeout_seconds=HEARTBEAT,
        )
        jax.devices()  # waits for all processes too
    except (RuntimeError, ValueError) as error:
        raise Refused(f"--coordinator {coordinator}: {str(error).splitlines()[0][:200]}") from None
    finally:
        limit.cancel()


def _shut_down(status: int) -> NoReturn:
    """Ends this process: in order with the others if they end too, else alone, which they notice."""
    sys.stdout.flush()
    sys.stderr.flush()
    limit = _start_timer(SHUTDOWN, lambda: os._exit(status))
    jax.distributed.shutdown()
    limit.cancel()
    sys.exit(status)


def _start_timer(seconds: float, action: Callable[[], Any]) -> threading.Timer:
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
    return timer


def _reserve_stdout() -> None:
    """Redirects to stderr what libraries such as Gloo write to stdout, which only Python still writes to."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = cast(TextIO, terminal.TolerantStream(os.fdopen(stdout, "w", buffering=1)))


def _print_error(line: str) -> None:
    print(f"error: {line}", file=sys.stderr, flush=True)


def lost_peer(error: BaseException | None) -> bool:
    """Returns whether an error was raised because another process ended during a collective operation.

    >>> lost_peer(ValueError("UNKNOWN: Gloo AllGather failed: ... Connection reset by peer")), lost_peer(None)
    (True, False)
    """
    return any(f"{library} " in str(error) for library in ("Gloo", "NCCL"))  # they have many types


def is_main() -> bool:
    """Returns whether this is process 0, which writes the run folder and prints for all.

    >>> is_main()
    True
    """
    return jax.process_index() == 0


def broadcast(do: Callable[[], T]) -> T:
    """Returns the result of `do()`, called on process 0 only, on all processes; all call this together.

    If `do` raises `Refused`, it is raised on all; any other error of process 0 ends the others.

    >>> broadcast(lambda: {"score": 0.5})
    {'score': 0.5}
    """
    if jax.process_count() == 1:
        return do()
    if not is_main():
        value, trouble, refused = pickle.loads(_exchange(b"")[0])
        if refused:
            raise Refused(trouble)
        if trouble:
            _print_error(f"process 0 has ended: {trouble}")
            raise SystemExit(1)
        return value
    try:
        value = do()
        message = pickle.dumps((value, "", False))
    except BaseException as error:
        trouble = str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
        _exchange(pickle.dumps((None, trouble, isinstance(error, Refused))))
        raise
    _exchange(message)
    return value


def error_anywhere(trouble: str) -> str:
    """Returns the error message of the first process that has one, else "", on all; all call this together.

    >>> error_anywhere("")
    ''
    """
    if jax.process_count() == 1:
        return trouble
    return next((message.decode() for message in _exchange(trouble.encode()) if message), "")


def _exchange(message: bytes) -> list[bytes]:
    """Returns the messages of all processes, on all of them."""
    from jax.experimental.multihost_utils import process_allgather

    lengths = process_allgather(np.int32(len(message)))
    longest = -(-int(lengths.max()) // 1024) * 1024  # few lengths, as each compiles a program
    if not longest:
        return [message] * len(lengths)
    padded = np.zeros(longest, np.uint8)
    padded[: len(message)] = np.frombuffer(message, np.uint8)
    return [bytes(row[:length]) for row, length in zip(process_allgather(padded), lengths, strict=True)]


def gather(tree: PyTree) -> PyTree:
    """Returns a tree of arrays that this process holds in full; shards of other processes are gathered.

    >>> gather({"x": jax.numpy.ones(2)})["x"].tolist()
    [1.0, 1.0]
    """
    leaves, structure = jax.tree.flatten(tree)
    sharded = [i for i, x in enumerate(leaves) if isinstance(x, jax.Array) and not _is_local(x)]
    if sharded:
        arrays = [leaves[i] for i in sharded]
        replicated = [NamedSharding(x.sharding.mesh, P()) for x in arrays]
        for i, x in zip(sharded, jax.jit(_identity, out_shardings=replicated)(arrays), strict=True):
            leaves[i] = x
    return jax.tree.unflatten(structure, leaves)


def _identity(arrays: list[jax.Array]) -> list[jax.Array]:  # a named function is compiled once
    return arrays


def _is_local(x: jax.Array) -> bool:
    return x.is_fully_addressable or x.is_fully_replicated


@contextlib.contextmanager
def signals(step: Callable[[], int]) -> Iterator[Callable[[], int]]:
    """Yields a function, to be called at every step, that returns a signal sent to any process, 0 for none.

    All processes get the signal at the same step: one that none of them had reached when JAX's preemption
    service, which handles SIGTERM, was notified. It is the signal sent to this process, or else SIGTERM.
    Until then a call costs 0.15 microseconds and uses neither the network nor the device. A second Ctrl-C
    ends this process at once. SIGHUP is passed on as SIGTERM.

    `step` returns the current step. A counter would not do: Orbax reports the steps it saves to the service.
    """
    from jax.experimental.multihost_utils import reached_preemption_sync_point

    received = signal.SIGTERM

    def handle(signum: int, frame: FrameType | None) -> None:
        nonlocal received
        if received == signum == signal.SIGINT:
            os._exit(128 + signum)
        if received == signal.SIGTERM:
            received = signal.Signals(signum)
            os.kill(os.getpid(), signal.SIGTERM)

    def sent_signal() -> int:
        return received if reached_preemption_sync_point(step()) else 0

    hangup = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]  # as by nohup
    before = {s: signal.signal(s, handle) for s in (signal.SIGINT, *hangup)}
    try:
        yield sent_signal
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def block_until_ready(results: T) -> T:
    """Returns `results`, after waiting for them if several processes compute on CPUs.

    There, concurrent programs that communicate between processes may deadlock on each other's threads.

    >>> block_until_ready(3)
    3
    """
    if jax.process_count() > 1 and jax.default_backend() == "cpu":
        return jax.block_until_ready(results)
    return results
