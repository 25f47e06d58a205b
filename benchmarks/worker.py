"""A contestant's own process: holds one work in one library and answers through a pipe."""

import contextlib
import os
import resource
import tempfile
import time
from multiprocessing.connection import Connection

from benchmarks.contest import Contestant, Failed, Row, Side


def serve(pipe: Connection, row: Row, side: Side) -> None:
    """Sends what is known of the contestant, then answers until told to end; a failure is an answer too.

    With each answer go the seconds of the processor at the question and at the answer: between an answer and
    the next question there should be none.
    """
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache  # a compilation is to be timed, not found
        try:
            libraries = _import(side)
            made = _made(row, side)
            pipe.send(({**made.facts, "import_rss": libraries}, 0.0, time.process_time()))
            while (asked := pipe.recv())[0] != "end":
                asked_at = time.process_time()
                pipe.send((_answer(made, *asked), asked_at, time.process_time()))
        except EOFError:  # nobody is there any more
            pass
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            pipe.send(Failed(f"{type(error).__name__}: {lines[0][:200]}"))


def _answer(made: Contestant, what: str, updates: int = 0) -> object:
    match what:
        case "play":
            clock = time.perf_counter()
            made.play(updates)
            return time.perf_counter() - clock
        case "gemm":
            return made.gemm()
        case "peaks":
            return dict(made.peaks())
        case _:
            return {"peak_rss": peak_rss(), "device_peak": made.device_peak()}


def _import(side: Side) -> int:
    """Loads the library and wakes it up: the bytes held before there is any work."""
    if side == "ours":
        import jax

        from benchmarks import ours  # noqa: F401

        jax.devices()
    else:
        from benchmarks import twins  # noqa: F401
    return peak_rss()


def _made(row: Row, side: Side) -> Contestant:
    if side == "ours":
        from benchmarks import ours

        return ours.contestant(row.work, row.precision)
    from benchmarks import twins

    return twins.contestant(row.work, side, row.precision)


def peak_rss() -> int:
    """The most bytes of memory this process has held.

    >>> peak_rss() > 10**6
    True
    """
    with contextlib.suppress(OSError), open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    # elsewhere; where there is a /proc, this begins with the peak of the process that started this one
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def device() -> tuple[str, str, str]:
    """The platform, the kind of device, JAX's version. For a process of its own, since JAX keeps devices."""
    import jax

    found = jax.devices()[0]
    return found.platform, found.device_kind, f"jax {jax.__version__}"
