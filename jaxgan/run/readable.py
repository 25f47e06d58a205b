"""What in a folder of checkpoints Orbax cannot read, and waits for or fails on: found before it is asked."""

import json
import stat
import tempfile
from pathlib import Path

from jaxgan import reading
from jaxgan.errors import Refused


def no_file(home: Path) -> str:
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


def unscored(path: Path) -> list[str]:
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


def linked(path: Path) -> tempfile.TemporaryDirectory[str] | None:
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
