"""The workers of this machine, one per device or core, and their progress on the terminal."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import TextIO

from jaxgan.errors import Refused
from jaxgan.run.devices import cores
from jaxgan.sweep.claims import Watch
from jaxgan.sweep.folder import Progress, progress, read
from jaxgan.sweep.work import Worker, work

LOOK = 2.0
"""Seconds between updates of the progress line."""


@cache
def accelerators() -> int:
    """Returns the number of accelerators, found by another process: this one would occupy them."""
    if os.environ.get("JAX_PLATFORMS", "") == "cpu":
        return 0
    code = "import jax; print(0 if jax.default_backend() == 'cpu' else jax.local_device_count())"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return int(answer.stdout.split()[-1]) if answer.returncode == 0 else 0


def workers(home: Path, count: int, retries: int, devices: int) -> list[Worker]:
    """Returns `count` workers, each with its own accelerator or, on a machine without any, its own cores."""
    if devices:
        visible = [x for x in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if x]
        names = visible or [str(number) for number in range(devices)]
        one_each = [{"CUDA_VISIBLE_DEVICES": names[number % len(names)]} for number in range(count)]
        return [Worker(home, retries, environment) for environment in one_each]
    every = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    shares = [every[number::count] or every[number % len(every) :][:1] for number in range(count) if every]
    return [Worker(home, retries, {"JAX_NUM_CPU_DEVICES": "1"}, share) for share in shares or [[]] * count]


def work_here(
    home: Path, count: int = 0, retries: int = 1, leave: bool = False, forgiving: bool = True
) -> bool:
    """Works on a sweep with `count` workers until nothing is left, and returns whether every pack is done.

    With `leave` it ends, and returns the same, once workers of others are at work on every pack that is left.
    Packs that failed in an earlier session are tried again, unless it is not `forgiving`.
    """
    devices = accelerators()
    here = workers(home, count or devices or cores(), retries, devices)
    every = until_all_end(
        home, [partial(work, worker._replace(leave=leave, forgiving=forgiving)) for worker in here]
    )
    return all(pack.state == "done" or (leave and pack.state == "running") for pack in every)


def until_all_end(home: Path, jobs: Sequence[Callable[[threading.Event], None]]) -> list[Progress]:
    """Calls each job in a thread, shows the progress of the sweep until all have ended, and returns it.

    Ctrl-C and SIGTERM set the event, for which the jobs end in order: each run saves its state, and the same
    command goes on.
    """
    stop, trouble = threading.Event(), []

    def run(job: Callable[[threading.Event], None]) -> None:
        try:
            job(stop)
        except BaseException as error:
            trouble.append(error)
            stop.set()

    def ask(signum: int, frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + signum)
        stop.set()
        asked.append(signum)

    asked: list[int] = []
    hangup = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]  # as by nohup
    before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM, *hangup)}
    threads = [threading.Thread(target=run, args=(job,), daemon=True) for job in jobs]
    try:
        for thread in threads:
            thread.start()
        _follow(home, threads, sys.stderr)
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    if trouble and isinstance(trouble[0], OSError):
        raise Refused(f"cannot work on {home}: {trouble[0].strerror or trouble[0]}") from None
    if trouble:
        raise trouble[0]
    every = progress(home, read(home))
    if asked:
        print(f"interrupted: {summary(every)}; the same command goes on", file=sys.stderr)
        sys.exit(128 + asked[0])
    return every


def _follow(home: Path, threads: Sequence[threading.Thread], stream: TextIO) -> None:
    """Writes the progress of the sweep until all threads have ended."""
    live, watch = stream.isatty(), Watch()
    printed = text = ""
    while any(thread.is_alive() for thread in threads):
        for thread in threads:
            thread.join(LOOK / len(threads))
        every = progress(home, read(home), watch)
        text = summary(every)
        if live:
            line = text[: shutil.get_terminal_size().columns - 1]
            print(f"\r\033[K{line}", end="", file=stream, flush=True)
        elif _states(every) != printed:
            printed = _states(every)
            print(text, file=stream, flush=True)
    if live:
        print(f"\r\033[K{text}", file=stream, flush=True)


def _states(every: Sequence[Progress]) -> str:
    return str([pack.state for pack in every])


def listed(every: Sequence[Progress]) -> str:
    """Returns a line for each pack, and the summary."""
    width = max((len(pack.planned.name) for pack in every), default=0)
    lines = []
    for pack in every:
        why = pack.outcomes[-1].line if pack.state == "failed" else ""
        steps = f"step {pack.step:,} of {pack.steps:,}"
        lines.append(
            f"{pack.planned.name:{width}}  {pack.state:8} {pack.cells:4d} cells  {steps}  {why}".rstrip()
        )
    return "\n".join([*lines, summary(every)])


def summary(every: Sequence[Progress]) -> str:
    """Returns the progress of a sweep as one line."""
    cells: Counter[str] = Counter()
    for pack in every:
        cells[pack.state] += pack.cells
    parts = [f"{cells['done']} of {cells.total()} cells done"]
    parts += [f"{cells[state]} {state}" for state in ("running", "waiting", "failed") if cells[state]]
    if left := _left(every):
        parts.append(f"about {duration(left)} left")
    bad = [pack for pack in every if pack.state == "failed"]
    if bad:
        parts.append(f"{bad[0].planned.name}: {bad[0].outcomes[-1].line}")
    return ", ".join(parts)


def _left(every: Sequence[Progress]) -> float:
    """Returns the seconds that are left, from those that finished cells took; 0 if none has finished."""
    done = [
        (pack.cells, outcome.seconds) for pack in every if pack.state == "done" for outcome in pack.outcomes
    ]
    running = sum(pack.state == "running" for pack in every)
    if not done or not running:
        return 0.0
    each = sum(seconds for _, seconds in done) / sum(cells for cells, _ in done)
    open_cells = sum(
        pack.cells * (1 - min(pack.step / max(pack.steps, 1), 1.0))
        for pack in every
        if pack.state in ("running", "waiting")
    )
    return each * open_cells / running


def duration(seconds: float) -> str:
    """Returns a duration as text.

    >>> duration(42), duration(4000)
    ('42 s', '67 min')
    """
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
