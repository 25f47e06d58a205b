"""A worker: claims one pack after another, runs each in a process of its own, and notes how it ended."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from jaxgan.errors import Refused
from jaxgan.folder.files import write
from jaxgan.folder.folder import find_folder
from jaxgan.folder.lock import in_use
from jaxgan.folder.manifest import read_manifest
from jaxgan.run.resume import COMPLETE
from jaxgan.sweep import claims
from jaxgan.sweep.claims import Claim, Outcome, Watch
from jaxgan.sweep.folder import Paths, Progress, Sweep, progress, reached, read, unchanged

KILLS = 3
"""Number of kills at the same step after which a pack counts as failed."""
PATIENCE = 60.0
"""Seconds that a run has to save its state when it is asked to stop."""
_OF_TRACEBACKS = "For simplicity, JAX has removed its internal frames"
_REFUSED, _FAILED = 2, 1  # the status of a script that was refused, and of one whose run failed


class Worker(NamedTuple):
    """A worker's sweep, and the environment and cores of the processes that it starts."""

    home: Path
    retries: int = 1
    environment: Mapping[str, str] = {}
    cores: Sequence[int] = ()  # those that its processes may use; all where there are none
    watch: Watch = Watch()
    leave: bool = False  # once there is nothing to do but to wait for what others work on
    forgiving: bool = True  # packs that failed before are tried again


def work(worker: Worker, stop: threading.Event) -> None:
    """Works on packs until none is left, or `stop` is set."""
    if worker.cores:
        os.sched_setaffinity(0, worker.cores)  # of this thread, and of the processes that it starts
    sweep, paths = read(worker.home), Paths(worker.home)
    unchanged(sweep, worker.home)
    every = progress(worker.home, sweep, worker.watch)
    before = {pack.planned.name: failures(pack) for pack in every if worker.forgiving}
    while not stop.is_set() and not paths.cancelled.exists():
        every = progress(worker.home, read(worker.home), worker.watch)
        ready = claimable(every, worker.retries, before)
        if ready is None:
            if not any(pack.state == "running" for pack in every):
                return
            if worker.leave and attended(every, worker.retries, before, worker.watch):
                return
            stop.wait(1.0)  # for what others do: their packs may become free, or open the way to more
            continue
        mine = claims.claim(paths.claims(ready.planned.name), ready.claim)
        if mine is not None:
            _run(worker, read(worker.home), ready, mine, stop)


def claimable(every: Sequence[Progress], retries: int, before: Mapping[str, int]) -> Progress | None:
    """Returns the pack to work on next, None if there is none now.

    The first pack of each program goes ahead, and the others follow once it has made an update, so that an
    error in a program is found once. `before` counts the failures of earlier sessions, which are forgiven.
    """
    ahead: dict[str, Progress] = {}
    for pack in every:
        first = ahead.setdefault(pack.planned.program, pack)
        if first is not pack and not first.updated:
            continue
        failed = failures(pack) - before.get(pack.planned.name, 0)
        if pack.state == "waiting" or (pack.state == "failed" and failed <= retries):
            return pack
    return None


def attended(every: Sequence[Progress], retries: int, before: Mapping[str, int], watch: Watch) -> bool:
    """Returns whether every pack that is left has a live worker, so that one more is of no use.

    A worker tries again what fails under it and goes on to what another has lost, so of a worker that leaves
    now nothing is lost unless all others die. It stays while a claim may be that of a dead worker, and while
    packs wait for the first of their program.
    """
    ahead: dict[str, Progress] = {}

    def ended(pack: Progress) -> bool:
        failed = failures(pack) - before.get(pack.planned.name, 0)
        return pack.state == "done" or (pack.state == "failed" and failed > retries)

    for pack in every:
        first = ahead.setdefault(pack.planned.program, pack)
        if ended(pack) or (first.state == "failed" and not first.updated and ended(first)):
            continue  # or nobody will begin it
        if pack.state != "running" or pack.claim is None or not watch.certain(pack.claim):
            return False
    return True


def failures(pack: Progress) -> int:
    """Returns how often a pack has failed in succession."""
    count = 0
    for outcome in reversed(pack.outcomes):
        if outcome.how != "failed":
            break
        count += 1
    return count


def _run(worker: Worker, sweep: Sweep, pack: Progress, mine: Claim, stop: threading.Event) -> None:
    paths, name = Paths(worker.home), pack.planned.name
    run, log = paths.run(name), paths.log(name, mine.number)
    began = time.monotonic()
    if not _free(run, mine, lambda: stop.is_set() or paths.cancelled.exists()):
        return
    try:
        command = _command(paths, sweep, pack)
        log.parent.mkdir(exist_ok=True)
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **worker.environment},
                start_new_session=True,  # Ctrl-C comes to the worker, which passes it on
            )
    except OSError as error:
        claims.end(mine, Outcome(how="failed", line=f"could not be started: {error}"))
        return
    ours = True
    while process.poll() is None:
        ours = claims.beat(mine)
        if stop.is_set() or not ours or paths.cancelled.exists():
            _end(process, mine)
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(claims.BEAT, 0.5))
    if ours:
        seconds = time.monotonic() - began
        outcome = _outcome(run, pack, process.returncode, log)
        claims.end(mine, msgspec.structs.replace(outcome, seconds=round(seconds, 1), steps=pack.steps))


def _free(run: Path, mine: Claim, ended: Callable[[], bool]) -> bool:
    """Waits for a run that goes on though its worker was killed, and returns whether it has ended.

    It is in a session of its own, and would refuse a second process. The claim is alive meanwhile.
    """
    while in_use(run):
        if not claims.beat(mine):
            return False
        if ended():
            claims.end(mine, Outcome(how="interrupted", step=reached(run), line=f"{run} goes on by itself"))
            return False
        time.sleep(min(claims.BEAT, 0.5))
    return True


def _command(paths: Paths, sweep: Sweep, pack: Progress) -> list[str]:
    """Returns the command that trains a pack, from the start or from its newest checkpoint."""
    name = pack.planned.name
    run, options = paths.run(name), paths.options(name)
    options.parent.mkdir(exist_ok=True)
    values = {**sweep.options, **pack.planned.pack.options, "out": str(run.absolute())}
    write(options, msgspec.json.format(msgspec.json.encode(values)))
    command = [sys.executable, sweep.script, "--options", str(options.absolute())]
    if (run / "config.json").exists():
        return [*command, "--resume", str(run.absolute())]
    if run.exists() and not in_use(run):
        shutil.rmtree(run)  # it was killed before it had begun
    return command


def _end(process: "subprocess.Popen[bytes]", mine: Claim) -> None:
    """Tells a run to save its state and stop, and waits until it has; the claim is alive meanwhile.

    Slurm and systemd send SIGTERM to all processes of a job, and a run would not save after a second one.
    """
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN  # by nohup, and so in the run as well
    process.send_signal(signal.SIGTERM if ignored else signal.SIGHUP)
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        claims.beat(mine)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(claims.BEAT, 0.5))
    if process.poll() is None:
        process.kill()
        process.wait()


def _outcome(run: Path, pack: Progress, status: int, log: Path) -> Outcome:
    step, ended = reached(run), _ended(run)
    line = _last_line(log)
    if status == 0 or (status == _REFUSED and line.endswith(COMPLETE)):  # or completed after its worker died
        return Outcome(how="done", step=step)
    if status == _FAILED and ended.startswith("NotFinite"):  # a result: it would be the same again
        return Outcome(how="done", step=step, line=line)
    if status == _REFUSED and in_use(run):  # by one whose worker was killed while it started
        return Outcome(how="interrupted", step=step, line=line)
    if status in (_FAILED, _REFUSED):
        return Outcome(how="failed", step=step, line=line)
    kills = [outcome for outcome in pack.outcomes[-(KILLS - 1) :] if outcome.how == "interrupted"]
    asked = status in (128 + signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGHUP)
    if not asked and len(kills) == KILLS - 1 and all(outcome.step == step for outcome in kills):
        return Outcome(
            how="failed", step=step, line=f"was killed {KILLS} times at step {step}: is there memory enough?"
        )
    return Outcome(how="interrupted", step=step, line=line)


def _ended(run: Path) -> str:
    """Returns how the last session of a run ended, "" if it did not say."""
    try:
        sessions = read_manifest(find_folder(run)).sessions
    except Refused:
        return ""
    return (sessions[-1].ended or "") if sessions else ""


def _last_line(log: Path) -> str:
    """Returns the last line of a log that says something: JAX adds two about itself to an error."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    said = [x for line in lines if (x := line.strip().strip("-")) and not x.startswith(_OF_TRACEBACKS)]
    return said[-1][:300] if said else ""
