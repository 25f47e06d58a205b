"""A lock on a run folder: one process at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from jaxgan import reading
from jaxgan.errors import Refused


@contextlib.contextmanager
def lock_folder(path: Path) -> Iterator[None]:
    """Locks the folder for this process; the lock ends with the process, however that ends.

    A folder created for the lock is removed again if it is still empty.
    """
    try:
        created = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise Refused(f"cannot write the run folder {path}: {error.strerror or error}") from None
    try:
        _acquire(lock, path)
        try:
            _write_pid(lock, path)
            yield
        finally:
            with contextlib.suppress(OSError):
                if created and [p.name for p in path.iterdir()] == [".lock"]:
                    (path / ".lock").unlink()
                    path.rmdir()
    finally:
        os.close(lock)


def in_use(path: Path) -> bool:
    """Returns whether a process has locked the folder; False if its file system has no locks."""
    try:
        with reading.open_file(path / ".lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _acquire(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode().strip() or "unknown"
        raise Refused(f"{path} is in use by process {holder}") from None
    except OSError as error:
        raise Refused(f"cannot lock the run folder {path}: {error.strerror or error}") from None


def _write_pid(lock: int, path: Path) -> None:
    try:
        os.truncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
    except OSError as error:
        raise Refused(f"cannot write the run folder {path}: {error.strerror or error}") from None
