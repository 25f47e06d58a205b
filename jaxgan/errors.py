"""Errors whose message is meant for the user."""

from collections.abc import Callable
from pathlib import Path


class Refused(ValueError):
    """The request cannot be carried out; the message says in one line why, and what to do instead."""


class Unreadable(Exception):
    """Examples of the data cannot be read; the message says which, from where and why."""


def probe(test: Callable[[Path], bool], path: Path) -> bool:
    """Returns `test(path)`; raises `Refused` if the operating system does not allow it.

    >>> probe(Path.exists, Path("nowhere"))
    False
    """
    try:
        return test(path)
    except OSError as error:
        raise Refused(f"cannot access {path}: {error.strerror}") from None
