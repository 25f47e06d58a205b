"""Around Orbax: files it cannot read, paths it misreads, and the tracebacks it writes beside its errors."""

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

THEIRS = (f"{os.sep}orbax{os.sep}", "tensorstore", "TensorStore", "OCDBT", "zarr3", "Event loop is closed")
"""Where it comes from, or what it is about."""


def silence() -> None:
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


def irregular_file(home: Path) -> str:
    """What in a folder is neither a file nor a folder, with the reason; "" where nothing is.

    >>> no_file(Path(__file__).parent)
    ''
    """
    for path in sorted(home.rglob("*")):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            if not path.is_symlink():
                continue  # a checkpoint that gives way to a newer one
            return f"{path.relative_to(home)} is a link to nowhere"
        except OSError as error:
            return f"{path.relative_to(home)}: {error.strerror}"
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            return f"{path.relative_to(home)} is no file"
    return ""


def rename_damaged_scores(path: Path) -> list[str]:
    """Renames scores that cannot be read, with which Orbax lists no checkpoint at all; a line on each.

    >>> unscored(Path("nowhere"))
    []
    """
    said = []
    for file in path.glob("[0-9]*/metrics/metrics"):
        try:
            scores = json.loads(reading.content(file))
            if all(type(score) in (int, float) for score in scores.values()):
                continue
        except (OSError, ValueError, AttributeError, RecursionError):
            pass
        file.rename(file.with_name("damaged"))
        said.append(f"the scores of checkpoint {file.parents[1].name} are damaged; it counts as not scored")
    return said


def link_plain_path(path: Path) -> tempfile.TemporaryDirectory[str] | None:
    """A folder with a link to this one, where Orbax would misread its name; None where it would not.

    >>> linked(Path("runs/plain")) is None
    True

    It looks for what it has written by a pattern that the whole path is part of, TensorStore takes a
    backslash for a slash, and neither takes bytes that are no UTF-8.
    """
    if _plain(path):
        return None
    path.mkdir(parents=True, exist_ok=True)
    home = tempfile.TemporaryDirectory(prefix="jaxgan-")
    if not _plain(Path(home.name)):
        home.cleanup()
        raise Refused(f"no checkpoints can be kept in {path}: its name has one of * ? [ \\, or is no UTF-8")
    (Path(home.name) / path.name).symlink_to(path.absolute())
    return home


def _plain(path: Path) -> bool:
    try:
        return not set("*?[\\") & set(str(path).encode().decode())
    except UnicodeEncodeError:
        return False
