"""Reading of files from others: only regular files are read, as pipes block and devices may not end."""

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
    """Opens a regular file to read its bytes; raises OSError for a pipe, a socket, a device or a folder.

    >>> open_file("/dev/zero")
    Traceback (most recent call last):
    OSError: [Errno 22] it is a device, not a file: '/dev/zero'
    """
    _check(os.stat(path), path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check(os.fstat(descriptor), path)  # it may have been replaced meanwhile
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def content(path: str | Path) -> bytes:
    """Returns the bytes of a regular file; see `open_file`.

    >>> content(__file__).count(b"import stat")
    2
    """
    with open_file(path) as file:
        return file.read()


def is_file_in(home: Path, path: Path) -> bool:
    """Returns whether a path, with links resolved, is a regular file below a folder.

    >>> home = Path(__file__).parent
    >>> is_file_in(home, Path(__file__)), is_file_in(home, Path("/dev/zero"))
    (True, False)
    """
    try:
        target = path.resolve(strict=True)
        return target.is_relative_to(home.resolve()) and stat.S_ISREG(target.stat().st_mode)
    except (OSError, RuntimeError):  # it does not exist, or is a cycle of links
        return False


def _check(status: os.stat_result, path: str | Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
