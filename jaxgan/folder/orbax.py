"""Around Orbax: files it cannot read, paths it misreads, errors it wraps, and tracebacks it logs."""

import json
import logging
import os
import stat
import sys
import tempfile
import warnings
from pathlib import Path

from jaxgan import reading
from jaxgan.errors import Refused

LIBRARIES = (f"{os.sep}orbax{os.sep}", "tensorstore", "TensorStore", "OCDBT", "zarr3", "Event loop is closed")
"""Parts of paths or messages by which a log record of Orbax or TensorStore is recognised."""

NO_MEMORY = "out of memory"


def reason(error: BaseException) -> str:
    """Returns the first line of the innermost cause of an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip() or type(error).__name__
    if isinstance(error, MemoryError) or "Out of memory" in text:
        return NO_MEMORY
    if "RESOURCE_EXHAUSTED" in text or "No space left" in text:
        return "the disk is full"
    return text.splitlines()[0][:120]


def silence() -> None:
    """Drops the warnings and tracebacks that Orbax and TensorStore log beside the error they raise.

    These are their own log, what asyncio logs of tasks that are no longer awaited once one has failed, and
    what TensorStore's threads raise when the event loop is closed already.
    """
    for name in ("absl", "asyncio", ""):
        logging.getLogger(name).addFilter(_is_wanted)
    warnings.filterwarnings("ignore", r"coroutine 'Store\.", RuntimeWarning)  # of a read that never started
    original = sys.unraisablehook
    if getattr(original, "quiet", False):
        return

    def unraisable(hook_args: "sys.UnraisableHookArgs") -> None:
        if not (isinstance(hook_args.exc_value, Exception) and _of_libraries(str(hook_args.exc_value))):
            original(hook_args)

    unraisable.quiet = True  # type: ignore[attr-defined]
    sys.unraisablehook = unraisable


def _is_wanted(record: logging.LogRecord) -> bool:
    if record.levelno < logging.WARNING:
        return True
    return not _of_libraries(record.getMessage() if record.name == "asyncio" else record.pathname)


def _of_libraries(text: str) -> bool:
    return any(word in text for word in LIBRARIES)


def irregular_file(home: Path) -> str:
    """Returns the first path below a folder that is neither a file nor a folder, and what it is; else "".

    >>> irregular_file(Path(__file__).parent)
    ''
    """
    for path in sorted(home.rglob("*")):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            if not path.is_symlink():
                continue  # the checkpoint is being replaced by a newer one
            return f"{path.relative_to(home)} is a link to nowhere"
        except OSError as error:
            return f"{path.relative_to(home)}: {error.strerror}"
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            return f"{path.relative_to(home)} is not a file"
    return ""


def rename_damaged_scores(path: Path) -> list[str]:
    """Renames scores that cannot be read, as Orbax would list no checkpoint at all; returns a line on each.

    >>> rename_damaged_scores(Path("nowhere"))
    []
    """
    lines = []
    for file in path.glob("[0-9]*/metrics/metrics"):
        try:
            scores = json.loads(reading.content(file))
            if all(type(score) in (int, float) for score in scores.values()):
                continue
        except (OSError, ValueError, AttributeError, RecursionError):
            pass
        file.rename(file.with_name("damaged"))
        lines.append(f"the scores of checkpoint {file.parents[1].name} are damaged; it counts as not scored")
    return lines


def link_plain_path(path: Path) -> tempfile.TemporaryDirectory[str] | None:
    """Returns a folder with a link to `path` if Orbax would misread its name, else None.

    >>> link_plain_path(Path("runs/plain")) is None
    True

    Orbax finds its own files by a glob pattern that includes the whole path, TensorStore takes a backslash
    for a slash, and neither accepts bytes that are not UTF-8.
    """
    if _is_plain(path):
        return None
    path.mkdir(parents=True, exist_ok=True)
    home = tempfile.TemporaryDirectory(prefix="jaxgan-")
    if not _is_plain(Path(home.name)):
        home.cleanup()
        raise Refused(
            f"{path} cannot hold checkpoints: its name has one of * ? [ \\, or is not UTF-8; rename it"
        )
    (Path(home.name) / path.name).symlink_to(path.absolute())
    return home


def _is_plain(path: Path) -> bool:
    try:
        return not set("*?[\\") & set(str(path).encode().decode())
    except UnicodeEncodeError:
        return False
