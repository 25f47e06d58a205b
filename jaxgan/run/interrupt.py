"""SIGTERM, SIGHUP and Ctrl-C as requests that the training loop answers between steps."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


class Interrupted(Exception):
    """The run has saved and stopped after a signal. `code` is the exit status: 143, 129 or 130 for SIGTERM,
    SIGHUP or Ctrl-C."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.code = 128 + signum


@contextlib.contextmanager
def signals() -> Iterator[Callable[[], int]]:
    """Yields a function that returns the signal received, 0 for none. A second one ends the process at once.

    A terminal that is closed sends SIGHUP more than once, and a login session that ends sends SIGTERM too:
    these do not count as a second one. SIGHUP stays ignored if it was, as by nohup. A thread other than the
    main one receives no signals.
    """
    received, final = 0, False  # `final`: another SIGTERM or SIGINT ends the process
    if threading.current_thread() is not threading.main_thread():
        yield lambda: received
        return

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal received, final
        if final and signum != signal.SIGHUP:
            os._exit(128 + signum)
        received, final = received or signum, final or signum != signal.SIGHUP

    hangup = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    before = {s: signal.signal(s, note) for s in (signal.SIGTERM, signal.SIGINT, *hangup)}
    try:
        yield lambda: received
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
