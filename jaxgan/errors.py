"""The one error a user is meant to read."""

from collections.abc import Callable
from pathlib import Path


class Refused(ValueError):
    """What was asked cannot be done; the message is one line that says why, and what can be done instead."""


class Unreadable(Exception):
    """Examples that should be there cannot be read; the message says which, where they lie and why."""


def probe(look: Callable[[Path], bool], path: Path) -> bool:
    """What a look at a path finds; refused where the system does not let us look.

    >>> looked(Path.exists, Path("nowhere"))
    False
    """
    try:
        return look(path)
    except OSError as error:
        raise Refused(f"cannot look at {path}: {error.strerror}") from None
