"""Files and folders that are there whole, or not at all."""

import contextlib
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from jaxgan.errors import Refused, probe


def write(path: Path, content: str | bytes) -> None:
    """Writes a file whole or not at all, whatever fails: the disk, the process or the power."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)  # what a killed process left, or a link to somewhere else
    try:
        with temporary.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())  # or the new name may be on disk sooner than what it names
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Brings the names in a folder to the disk, where its file system can do that."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def still_there(path: Path) -> Callable[[], bool]:
    """A function that says whether a path is the folder that it is now: not moved, nor made anew.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> there = still_there(home)
    >>> there(), home.rmdir(), there()
    (True, None, False)
    """
    before = os.stat(path) if path.is_dir() else None

    def there() -> bool:
        try:
            now = os.stat(path)
        except OSError:
            return False
        return before is None or os.path.samestat(before, now)

    return there


def json_number(x: float) -> float | str | None:
    """A number as JSON can hold it: null for what cannot be said, a word for what is infinite.

    >>> plain(0.5), plain(float("nan")), plain(float("-inf"))
    (0.5, None, '-inf')
    """
    return x if math.isfinite(x) else None if math.isnan(x) else str(x)


def write_files(home: Path, content: Mapping[str, bytes]) -> list[Path]:
    """Writes files by their names into a folder, made where there is none: their paths."""
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
    """Yields a folder to write into, which becomes `out` in the end, or else leaves nothing."""
    if probe(Path.exists, out):
        raise Refused(f"{out} exists already; choose another --out")
    aside = out.absolute().with_name(f".{out.name}.tmp")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        yield aside
        aside.rename(out)
    except OSError as error:
        name = error.filename
        elsewhere = isinstance(name, str) and aside not in (Path(name), *Path(name).parents)
        why = f"{name}: {error.strerror}" if elsewhere else error.strerror or error
        raise Refused(f"cannot write {out}: {why}") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
