"""What libraries say of a damaged or vanishing checkpoint is left to one line of ours."""

import logging
import os
import sys
import warnings

THEIRS = (f"{os.sep}orbax{os.sep}", "tensorstore", "TensorStore", "OCDBT", "zarr3", "Event loop is closed")
"""Where it comes from, or what it is about."""


def quiet() -> None:
    """Drops the warnings and tracebacks that Orbax and TensorStore write beside the error they raise.

    Their log, what asyncio logs of tasks that nobody waits for any more once one of them has failed, and what
    threads of TensorStore raise that come to a loop which is closed by then.
    """
    for name in ("absl", "asyncio", ""):
        logging.getLogger(name).addFilter(_of_others)
    warnings.filterwarnings("ignore", r"coroutine 'Store\.", RuntimeWarning)  # a reader's that never began
    aside = sys.unraisablehook
    if getattr(aside, "quiet", False):
        return

    def unraisable(what: "sys.UnraisableHookArgs") -> None:
        if not (isinstance(what.exc_value, Exception) and _theirs(str(what.exc_value))):
            aside(what)

    unraisable.quiet = True  # type: ignore[attr-defined]
    sys.unraisablehook = unraisable


def _of_others(record: logging.LogRecord) -> bool:
    if record.levelno < logging.WARNING:
        return True
    return not _theirs(record.getMessage() if record.name == "asyncio" else record.pathname)


def _theirs(text: str) -> bool:
    return any(word in text for word in THEIRS)
