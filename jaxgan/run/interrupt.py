"""SIGTERM, SIGHUP and Ctrl-C as a request the loop can answer in order."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


class Interrupted(Exception):
    """The run was asked to stop, and did. `code` is the exit status: 143 for SIGTERM, 129 for
    SIGHUP, 130 for Ctrl-C."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.code = 128 + signum


@contextlib.contextmanager
def requests() -> Iterator[Callable[[], int]]:
    """Yields a function that says which signal has come, 0 for none. A second one ends it all at once.

    A terminal that is closed sends SIGHUP more than once, and a session that ends SIGTERM beside it: those
    ask for the same. Where SIGHUP is ignored, as by nohup, it stays so. None comes to a thread other than the
    first.
    """
    came, insisted = 0, False
    if threading.current_thread() is not threading.main_thread():
        yield lambda: came
        return

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal came, insisted
        if insisted and signum != signal.SIGHUP:
            os._exit(128 + signum)
        came, insisted = came or signum, insisted or signum != signal.SIGHUP

    hangup = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    before = {s: signal.signal(s, note) for s in (signal.SIGTERM, signal.SIGINT, *hangup)}
    try:
        yield lambda: came
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
