"""Atomic writes of files and folders."""

import contextlib
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from jaxgan.errors import Refused, probe


def write(path: Path, content: str | bytes) -> None:
    """Writes a file completely or not at all, whatever fails: the disk, the process or the power."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)  # left by a killed process, or a link to another file
    try:
        with temporary.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())  # or the name may be on disk before the content
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Flushes a folder's entries to disk, if its file system supports that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def still_there(path: Path) -> Callable[[], bool]:
    """Returns a function that returns whether a path is still the same folder: not moved, nor recreated.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> exists = still_there(home)
    >>> exists(), home.rmdir(), exists()
    (True, None, False)
    """
    before = os.stat(path) if path.is_dir() else None

    def exists() -> bool:
        try:
            now = os.stat(path)
        except OSError:
            return False
        return before is None or os.path.samestat(before, now)

    return exists


def json_number(x: float) -> float | str | None:
    """Returns a number as JSON can hold it: null for NaN, text for an infinity.

    >>> json_number(0.5), json_number(float("nan")), json_number(float("-inf"))
    (0.5, None, '-inf')
    """
    return x if math.isfinite(x) else None if math.isnan(x) else str(x)


def write_files(home: Path, content: Mapping[str, bytes]) -> list[Path]:
    """Writes files, by name, into a folder, which is created if missing; returns their paths."""
    paths, path = [home / name for name in content], home
    try:
        home.mkdir(parents=True, exist_ok=True)
        for path, data in zip(paths, content.values(), strict=True):
            write(path, data)
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror or error}") from None
    return paths


@contextlib.contextmanager
def atomic_folder(out: Path) -> Iterator[Path]:
    """Yields a temporary folder that is renamed to `out` on exit, or removed after an exception."""
    if probe(Path.exists, out):
        raise Refused(f"{out} exists already; choose another --out")
    temporary = out.absolute().with_name(f".{out.name}.tmp")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        temporary.rename(out)
    except OSError as error:
        name = error.filename
        elsewhere = isinstance(name, str) and temporary not in (Path(name), *Path(name).parents)
        why = f"{name}: {error.strerror}" if elsewhere else error.strerror or error
        raise Refused(f"cannot write {out}: {why}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
