"""A contestant's process: has one work in one library, and answers through a pipe."""

import contextlib
import os
import resource
import tempfile
import time
from multiprocessing.connection import Connection

from benchmarks.contest import Contestant, Failed, Row, Side


def serve(pipe: Connection, row: Row, side: Side) -> None:
    """Sends the contestant's facts, then answers questions until "end"; a failure is sent as an answer.

    Each answer comes with the process's CPU seconds at the question and at the answer: between an answer and
    the next question it should use none.
    """
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache  # empty, so that compilation is timed
        try:
            import_rss = _import(side)
            contestant = _build(row, side)
            pipe.send(({**contestant.facts, "import_rss": import_rss}, 0.0, time.process_time()))
            while (question := pipe.recv())[0] != "end":
                asked_at = time.process_time()
                pipe.send((_answer(contestant, *question), asked_at, time.process_time()))
        except EOFError:  # the other end is gone
            pass
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            pipe.send(Failed(f"{type(error).__name__}: {lines[0][:200]}"))


def _answer(contestant: Contestant, what: str, updates: int = 0) -> object:
    match what:
        case "play":
            clock = time.perf_counter()
            contestant.play(updates)
            return time.perf_counter() - clock
        case "gemm":
            return contestant.gemm()
        case "peaks":
            return dict(contestant.peaks())
        case _:
            return {"peak_rss": peak_rss(), "device_peak": contestant.device_peak()}


def _import(side: Side) -> int:
    """Loads and initialises the library; returns the process's bytes of memory after that."""
    if side == "ours":
        import jax

        from benchmarks import ours  # noqa: F401

        jax.devices()
    else:
        from benchmarks import twins  # noqa: F401
    return peak_rss()


def _build(row: Row, side: Side) -> Contestant:
    if side == "ours":
        from benchmarks import ours

        return ours.contestant(row.work, row.precision)
    from benchmarks import twins

    return twins.contestant(row.work, side, row.precision)


def peak_rss() -> int:
    """Returns the peak memory of this process in bytes.

    >>> peak_rss() > 10**6
    True
    """
    with contextlib.suppress(OSError), open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    # without /proc; with it, this value would include the peak of the process that started this one
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def device() -> tuple[str, str, str]:
    """Returns platform, device kind and JAX's version; for a new process, since JAX keeps the device."""
    import jax

    first = jax.devices()[0]
    return first.platform, first.device_kind, f"jax {jax.__version__}"
