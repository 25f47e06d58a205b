"""Reading of files that others may have put there: only regular ones have an end, and do not wait."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def open_file(path: str | Path) -> BufferedReader:
    """Opens a regular file to read its bytes; of a pipe, a socket, a device or a folder an OSError says so.

    A pipe would wait for whoever writes into it, and a device need not end.

    >>> opened("/dev/zero")
    Traceback (most recent call last):
    OSError: [Errno 22] it is a device, not a file: '/dev/zero'
    """
    _check(os.stat(path), path)
    found = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check(os.fstat(found), path)  # it may be another by now
        return os.fdopen(found, "rb")
    except BaseException:
        os.close(found)
        raise


def content(path: str | Path) -> bytes:
    """The bytes of a regular file; see `opened`.

    >>> content(__file__).count(b"import stat")
    2
    """
    with open_file(path) as file:
        return file.read()


def is_file_in(home: Path, path: Path) -> bool:
    """Whether a path is of a regular file below a folder, wherever links lead.

    >>> lies_in(Path(__file__).parent, Path(__file__)), lies_in(Path(__file__).parent, Path("/dev/zero"))
    (True, False)
    """
    try:
        found = path.resolve(strict=True)
        return found.is_relative_to(home.resolve()) and stat.S_ISREG(found.stat().st_mode)
    except (OSError, RuntimeError):  # nothing there, or links that lead round
        return False


def _check(found: os.stat_result, path: str | Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
