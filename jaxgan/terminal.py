"""stdout and stderr that may close: that nobody reads along any more is no reason to stop."""

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, TextIO, cast

READER_CLOSED = {errno.EPIPE, errno.EBADF, errno.EIO}
"""How a write fails where the reader of a pipe has gone, a stream was closed, or the terminal has hung up."""


HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters that move the cursor, colour what follows, or have it read from right to left."""


def escape(text: str, keep: str = "") -> str:
    r"""Text out of a file as it can be shown: what a terminal would obey is written as in code.

    >>> print(visible("red: \x1b[31m, a line:\n and\t"), visible("a\nb", keep="\n"))
    red: \x1b[31m, a line:\n and\t a
    b
    """
    return HIDDEN.sub(
        lambda found: found[0] if found[0] in keep else found[0].encode("unicode_escape").decode(), text
    )


@cache
def warn(line: str) -> None:
    """A warning on stderr: once, however often it is asked for.

    >>> warn("the disk is nearly full")
    """
    print(f"warning: {escape(line)}", file=sys.stderr)


class TolerantStream:
    """A stream that drops what can no longer be written, and remembers why in `lost`.

    >>> from pathlib import Path
    >>> with Path("/dev/full").open("w") as full:
    ...     stream = Lasting(full)
    ...     print("a line", file=stream, flush=True)
    >>> stream.lost.strerror
    'No space left on device'
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Writes the text if that can be."""
        if not self._stream.closed:
            try:
                return self._stream.write(text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Writes what has been kept back if that can be."""
        if not self._stream.closed:
            try:
                self._stream.flush()
            except OSError as error:
                self._give_up(error)

    def isatty(self) -> bool:
        """Whether a person can read along."""
        return not self._stream.closed and self._stream.isatty()

    def _give_up(self, error: OSError) -> None:
        """From now on it goes nowhere, and so does what was kept back, which Python would try again."""
        self.lost = self.lost or error
        with contextlib.suppress(OSError, ValueError, AttributeError):
            _to_nowhere(self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def tolerant_streams() -> Iterator[TolerantStream]:
    """For as long as this lasts nothing fails because stdout or stderr has closed, if only by `2>&-`.

    Yields stdout.

    >>> with lasting() as out:
    ...     print("a line")
    a line
    """
    for number in (0, 1, 2):  # or the next file that is opened, a run's own, would be taken for it
        try:
            os.fstat(number)
        except OSError:
            _to_nowhere(number)
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        out, err = (
            each if isinstance(each, TolerantStream) else TolerantStream(each or nowhere) for each in before
        )
        sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
        try:
            yield out
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            if sys.stdout is out:  # or another has been put there for good
                sys.stdout = before[0]
            if sys.stderr is err:
                sys.stderr = before[1]


@contextlib.contextmanager
def command() -> Iterator[None]:
    """As `lasting`; but where words are lost, since a disk is full say, it ends with a line and status 1."""
    with tolerant_streams() as out:
        end: SystemExit | None = None
        try:
            yield
        except SystemExit as asked:
            end = asked
        out.flush()
        if out.lost and out.lost.errno not in READER_CLOSED and not (end and end.code):
            print(f"error: stdout cannot be written: {out.lost.strerror}", file=sys.stderr)
            sys.exit(1)
        if end is not None:
            raise end


def _to_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere == number:
        os.set_inheritable(number, True)
    else:
        os.dup2(nowhere, number)
        os.close(nowhere)
