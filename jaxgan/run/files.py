"""Files and folders that are there whole, or not at all."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from jaxgan.errors import Refused


def write(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


@contextlib.contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Yields a folder to write into, which becomes `out` in the end, or else leaves nothing."""
    if out.exists():
        raise Refused(f"{out} exists already; choose another --out")
    aside = out.absolute().with_name(f".{out.name}.tmp")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        yield aside
        aside.rename(out)
    except OSError as error:
        raise Refused(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
