"""Output to stdout and stderr that may be closed: a lost reader does not end a run."""

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, TextIO, cast

READER_CLOSED = {errno.EPIPE, errno.EBADF, errno.EIO}
"""Errors of a write if the reader of a pipe has ended, or the stream or the terminal is closed."""

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters that move the cursor, colour the text after them, or change its direction."""


def escape(text: str, keep: str = "") -> str:
    r"""Returns text from a file with control characters, which a terminal would obey, as escape sequences.

    >>> print(escape("red: \x1b[31m, a line:\n and\t"), escape("a\nb", keep="\n"))
    red: \x1b[31m, a line:\n and\t a
    b
    """
    return CONTROL.sub(lambda m: m[0] if m[0] in keep else m[0].encode("unicode_escape").decode(), text)


@cache
def warn(line: str) -> None:
    """Prints a warning to stderr, once.

    >>> warn("the disk is nearly full")
    """
    print(f"warning: {escape(line)}", file=sys.stderr)


class TolerantStream:
    """A stream that drops text once writing fails; the first error is in `lost`.

    >>> from pathlib import Path
    >>> with Path("/dev/full").open("w") as full:
    ...     stream = TolerantStream(full)
    ...     print("a line", file=stream, flush=True)
    >>> stream.lost.strerror
    'No space left on device'
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Writes the text, if possible."""
        if not self._stream.closed:
            try:
                return self._stream.write(text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Flushes the buffer, if possible."""
        if not self._stream.closed:
            try:
                self._stream.flush()
            except OSError as error:
                self._give_up(error)

    def isatty(self) -> bool:
        """Returns whether this is an open terminal."""
        return not self._stream.closed and self._stream.isatty()

    def _give_up(self, error: OSError) -> None:
        """Redirects the stream to /dev/null, with what is buffered, which Python would try to write again."""
        self.lost = self.lost or error
        with contextlib.suppress(OSError, ValueError, AttributeError):
            _redirect_to_null(self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def tolerant_streams() -> Iterator[TolerantStream]:
    """Within this context no write fails because stdout or stderr is closed, as by `2>&-`; yields stdout.

    >>> with tolerant_streams() as out:
    ...     print("a line")
    a line
    """
    for descriptor in (0, 1, 2):  # else the next file that is opened would get this number
        try:
            os.fstat(descriptor)
        except OSError:
            _redirect_to_null(descriptor)
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as null:
        out, err = (x if isinstance(x, TolerantStream) else TolerantStream(x or null) for x in before)
        sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
        try:
            yield out
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            if sys.stdout is out:  # else it was replaced for good
                sys.stdout = before[0]
            if sys.stderr is err:
                sys.stderr = before[1]


@contextlib.contextmanager
def command() -> Iterator[None]:
    """As `tolerant_streams`, but ends with an error and status 1 if output was lost, as by a full disk."""
    with tolerant_streams() as out:
        end: SystemExit | None = None
        try:
            yield
        except SystemExit as error:
            end = error
        out.flush()
        if out.lost and out.lost.errno not in READER_CLOSED and not (end and end.code):
            print(f"error: stdout cannot be written: {out.lost.strerror}", file=sys.stderr)
            sys.exit(1)
        if end is not None:
            raise end


def _redirect_to_null(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null == descriptor:
        os.set_inheritable(descriptor, True)
    else:
        os.dup2(null, descriptor)
        os.close(null)
