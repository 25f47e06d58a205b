"""Which worker has which pack: claims that are made once, kept alive by a heartbeat, and ended by an outcome.

Each claim is a new file, PACK/1, PACK/2, ..., created exclusively: of several workers one gets it, also on a
shared file system. A claim counts as alive while its file changes, by the watcher's own clock, so it does not
matter whether the clocks of two machines agree, or whether one jumps.
"""

import contextlib
import functools
import os
import socket
import time
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from jaxgan import reading
from jaxgan.folder.files import write

BEAT = 5.0
"""Seconds between heartbeats."""
SILENCE = 30.0
"""Seconds without one after which a claim may be followed by another's."""

How = Literal["done", "failed", "interrupted"]


class Outcome(msgspec.Struct, kw_only=True):
    """The end of the work under a claim."""

    how: How
    step: int = 0  # that was reached
    steps: int = 0  # that were asked for
    seconds: float = 0.0
    line: str = ""  # the last of its output, of what failed


class Owner(msgspec.Struct, kw_only=True):
    """The process that has made a claim."""

    host: str  # where the number of a process means this process
    process: int
    started: str  # distinguishes the process from a later one of the same number, "" if it is not known


class Claim(NamedTuple):
    """One claim of a pack, the newest: its number, whose it is, and how it ended, None while it has not."""

    path: Path
    number: int
    owner: Owner | None
    outcome: Outcome | None


def newest(home: Path) -> Claim | None:
    """Returns the newest claim in a pack's folder of claims, None if it was never claimed."""
    numbers = [int(path.name) for path in home.glob("[0-9]*") if path.name.isdecimal()]
    if not numbers:
        return None
    path = home / str(max(numbers))
    return Claim(path, max(numbers), _read(path, Owner), _read(_end(path), Outcome))


def outcomes(home: Path) -> list[Outcome]:
    """Returns how the claims of a pack ended, the oldest first."""
    paths = sorted(home.glob("*.end"), key=lambda path: int(path.stem))
    return [outcome for path in paths if (outcome := _read(path, Outcome)) is not None]


def claim(home: Path, after: Claim | None) -> Claim | None:
    """Claims a pack; returns None if another worker was quicker."""
    number = after.number + 1 if after else 1
    home.mkdir(parents=True, exist_ok=True)
    owner = _this_process()
    try:
        with open(home / str(number), "xb") as file:
            file.write(msgspec.json.encode(owner))
    except FileExistsError:
        return None
    return Claim(home / str(number), number, owner, None)


def beat(mine: Claim) -> bool:
    """Shows that a claim is alive; returns False if another worker has made a later one."""
    with contextlib.suppress(OSError):
        os.utime(mine.path)
    return not (mine.path.parent / str(mine.number + 1)).exists()


def end(mine: Claim, outcome: Outcome) -> None:
    """Notes how the work ended."""
    write(_end(mine.path), msgspec.json.encode(outcome))


class Watch:
    """Tells claims that are alive from those whose worker has died, by watching them for a while."""

    def __init__(self, silence: float = SILENCE) -> None:
        self._silence = silence
        self._seen: dict[Path, tuple[Any, float]] = {}  # when a claim was last seen to change
        self._beaten: set[Path] = set()  # the claims that have changed under these eyes

    def alive(self, claim: Claim) -> bool:
        """Returns whether the worker of a claim without an outcome is at work, or may still be."""
        if (owner := _local(claim)) is not None:
            return owner.started == _started(owner.process)
        try:
            stamp = os.stat(claim.path).st_mtime_ns
        except OSError:
            return False
        before, since = self._seen.get(claim.path, (None, 0.0))
        now = time.monotonic()
        if stamp != before:
            if before is not None:
                self._beaten.add(claim.path)
            self._seen[claim.path] = stamp, now
            return True
        return now - since < self._silence

    def certain(self, claim: Claim) -> bool:
        """Returns whether the worker is known to be at work: a claim that is seen first may be an old one."""
        return self.alive(claim) and (_local(claim) is not None or claim.path in self._beaten)


def _local(claim: Claim) -> Owner | None:
    """Returns the owner of a claim whose process can be looked for, None if it is on another machine."""
    owner = claim.owner
    return owner if owner is not None and owner.started and owner.host == _host() else None


def _end(path: Path) -> Path:
    return path.with_name(f"{path.name}.end")


def _this_process() -> Owner:
    return Owner(host=_host(), process=os.getpid(), started=_started(os.getpid()))


@functools.cache
def _host() -> str:
    """This machine since it was started, and the container: others may have the same name."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _started(process: int) -> str:
    """Returns when a process of this machine started, by its own clock; "" if there is no such process."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _read(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(reading.content(path), type=kind)
    except (OSError, ValueError, msgspec.ValidationError):
        return None
