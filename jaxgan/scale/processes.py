"""Several processes as one run: how they meet, who speaks for them, how they agree and how they end."""

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
"""Seconds of silence after which a process counts as dead; those that wait for it then end."""
GOODBYE = 5
"""Seconds that a process which ends early waits for the others to end too."""


@contextlib.contextmanager
def join_processes(coordinator: str, processes: int, process: int, within: int) -> Iterator[None]:
    """Several processes as one run for as long as this lasts; without a coordinator, this one alone.

    `coordinator` is host:port of the process 0, the same for all; "auto" is for clusters that JAX knows:
    Slurm, Kubernetes, MPI, TPU pods. To be entered before anything else of JAX. Where one process has not
    come `within` seconds, the others end with status 2; where one ends by an error, none waits for ever.

    >>> with together("", 1, 0, within=300):
    ...     is_main()
    True
    """
    if not coordinator and processes == 1:
        yield
        return
    _join(coordinator, processes, process, within)
    try:
        yield
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else int(end.code is not None))
    except BaseException as error:
        if lost_peer(error):
            _say("another process of this run has ended; start all of them again with --resume")
            os._exit(1)  # there is nobody to end in order with
        traceback.print_exc()
        _leave(1)


def _join(coordinator: str, processes: int, process: int, within: int) -> None:
    auto = coordinator == "auto"
    if not auto and not (coordinator.rpartition(":")[2].isdigit() and 0 <= process < processes):
        raise Refused(
            f"--coordinator {coordinator} --processes {processes} --process {process}: give HOST:PORT of "
            "process 0, how many there are, and which this one is, counted from 0; or --coordinator auto"
        )
    _keep_stdout()
    met = "all processes have not met" if auto else f"{processes} processes have not met at {coordinator}"

    def give_up() -> None:
        _say(f"{met} within {within} s")
        os._exit(2)

    # JAX's own limit aborts the process with a stack trace, and later than it says
    limit = _after(within, give_up)
    try:
        jax.distributed.initialize(
            None if auto else coordinator,
            None if auto else processes,
            None if auto else process,
            initialization_timeout=within + 60,
            heartbeat_timeout_seconds=HEARTBEAT,
        )
        jax.devices()  # waits for all too
    except (RuntimeError, ValueError) as error:
        raise Refused(f"--coordinator {coordinator}: {str(error).splitlines()[0][:200]}") from None
    finally:
        limit.cancel()


def _leave(status: int) -> NoReturn:
    """Ends this process: in order if the others end too, or else alone, which they notice."""
    sys.stdout.flush()
    sys.stderr.flush()
    limit = _after(GOODBYE, lambda: os._exit(status))
    jax.distributed.shutdown()
    limit.cancel()
    sys.exit(status)


def _after(seconds: float, do: Callable[[], Any]) -> threading.Timer:
    timer = threading.Timer(seconds, do)
    timer.daemon = True
    timer.start()
    return timer


def _keep_stdout() -> None:
    """Leaves stdout to Python: what libraries write there by themselves, as Gloo does, goes to stderr."""
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = cast(TextIO, terminal.TolerantStream(os.fdopen(own, "w", buffering=1)))


def _say(line: str) -> None:
    print(f"error: {line}", file=sys.stderr, flush=True)


def lost_peer(error: BaseException | None) -> bool:
    """Whether this is what one process gets to know of the end of another that it talks to.

    >>> lost_peer(ValueError("UNKNOWN: Gloo AllGather failed: ... Connection reset by peer")), lost_peer(None)
    (True, False)
    """
    return any(f"{library} " in str(error) for library in ("Gloo", "NCCL"))  # they come with many types


def is_main() -> bool:
    """Whether this process speaks for all: writes what they share, and says what happens.

    >>> is_main()
    True
    """
    return jax.process_index() == 0


def broadcast(do: Callable[[], T]) -> T:
    """What the first process found by doing this, told to all, who call it at the same place.

    The others do nothing. Where it was refused, all are; any other error of the first ends the others too.

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
            _say(f"process 0 has ended: {trouble}")
            raise SystemExit(1)
        return value
    try:
        value = do()
        said = pickle.dumps((value, "", False))
    except BaseException as error:
        trouble = str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
        _exchange(pickle.dumps((None, trouble, isinstance(error, Refused))))
        raise
    _exchange(said)
    return value


def error_anywhere(trouble: str) -> str:
    """The trouble that any of the processes has, told to all, who call this at the same place; "" for none.

    >>> error_anywhere("")
    ''
    """
    if jax.process_count() == 1:
        return trouble
    return next((said.decode() for said in _exchange(trouble.encode()) if said), "")


def _exchange(said: bytes) -> list[bytes]:
    """What each process says, told to all."""
    from jax.experimental.multihost_utils import process_allgather

    lengths = process_allgather(np.int32(len(said)))
    longest = -(-int(lengths.max()) // 1024) * 1024  # few lengths, because each is a program of its own
    if not longest:
        return [said] * len(lengths)
    padded = np.zeros(longest, np.uint8)
    padded[: len(said)] = np.frombuffer(said, np.uint8)
    return [bytes(row[:length]) for row, length in zip(process_allgather(padded), lengths, strict=True)]


def gather(tree: PyTree) -> PyTree:
    """Arrays of which this process holds the whole: what only others hold is fetched from them.

    >>> gathered({"x": jax.numpy.ones(2)})["x"].tolist()
    [1.0, 1.0]
    """
    leaves, structure = jax.tree.flatten(tree)
    away = [i for i, x in enumerate(leaves) if isinstance(x, jax.Array) and not _here(x)]
    if away:
        asked = [leaves[i] for i in away]
        everywhere = [NamedSharding(x.sharding.mesh, P()) for x in asked]
        fetched = jax.jit(_themselves, out_shardings=everywhere)(asked)
        for i, x in zip(away, fetched, strict=True):
            leaves[i] = x
    return jax.tree.unflatten(structure, leaves)


def _themselves(arrays: list[jax.Array]) -> list[jax.Array]:  # by name, to be compiled once
    return arrays


def _here(x: jax.Array) -> bool:
    return x.is_fully_addressable or x.is_fully_replicated


@contextlib.contextmanager
def signals(step: Callable[[], int]) -> Iterator[Callable[[], int]]:
    """Yields a function by which all processes learn of a signal that has come to one of them, 0 for none.

    Each asks once at every step, and all get an answer at the same one: a step that none of them had reached
    when JAX's preemption service, which takes SIGTERM over, heard of it. It is the signal that came to this
    process, or else SIGTERM. Until then this costs nothing (0.15 microseconds a step), and needs neither a
    message nor the device. A second Ctrl-C ends this process at once. SIGHUP is passed on as SIGTERM.

    `step` says which one it is: not a count of our own, because Orbax tells the service the steps it saves.
    """
    from jax.experimental.multihost_utils import reached_preemption_sync_point

    came = signal.SIGTERM

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal came
        if came == signum == signal.SIGINT:
            os._exit(128 + signum)
        if came == signal.SIGTERM:
            came = signal.Signals(signum)
            os.kill(os.getpid(), signal.SIGTERM)

    def asked() -> int:
        return came if reached_preemption_sync_point(step()) else 0

    hangup = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]  # as by nohup
    before = {s: signal.signal(s, note) for s in (signal.SIGINT, *hangup)}
    try:
        yield asked
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def block_until_ready(results: T) -> T:
    """These, once they are there if several processes compute them on CPUs.

    Programs under way at once that talk to other processes may there wait for each other's threads for ever.

    >>> block_until_ready(3)
    3
    """
    if jax.process_count() > 1 and jax.default_backend() == "cpu":
        return jax.block_until_ready(results)
    return results
