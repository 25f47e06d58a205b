"""Which pictures lie in a folder, and which of them are held out."""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jaxgan.errors import Unreadable

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff"})
HELD_OUT = ("test", "validation", "valid", "val")  # a folder beside "train": the first there is


class Picture(NamedTuple):
    """A file; pictures are in order by where they lie."""

    parts: tuple[str, ...]  # its way, from the root or the folder of its split
    file: str
    bytes: int
    held_out: bool


def found(root: Path) -> list[Picture]:
    """Every picture below a folder, in order, those to train on first where the splits lie apart.

    Links are followed; what begins with a dot is the file browser's, not the user's.
    """
    test = held_out_folder(root)
    try:
        if test:
            return [*sorted(_below(root / "train", False)), *sorted(_below(test, True))]
        return sorted(_below(root))
    except OSError as error:
        nowhere = os.path.islink(error.filename) and not os.path.exists(error.filename)
        why = "it is a link to nothing; remove it" if nowhere else error.strerror
        raise Unreadable(f"{printable(error.filename)} cannot be read: {why}") from error


def held_out_folder(root: Path) -> Path | None:
    """The folder beside "train" whose pictures are held out."""
    beside = (root / name for name in HELD_OUT if (root / "train").is_dir())
    return next((place for place in beside if place.is_dir()), None)


def printable(file: str) -> str:
    """A name as it can be printed, whatever bytes it is made of.

    >>> print(printable(os.fsdecode(b"caf\\xe9.png")))
    caf\\udce9.png
    """
    return file.encode(errors="backslashreplace").decode()


def _below(
    place: Path | str, held_out: bool | None = None, parts: tuple[str, ...] = (), above: tuple[str, ...] = ()
) -> Iterator[Picture]:
    here = os.path.realpath(place)
    if here in above:  # a link led back to where we came from
        return
    with os.scandir(place) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            way = (*parts, entry.name)
            if entry.is_dir():
                yield from _below(entry.path, held_out, way, (*above, here))
            elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:
                kept = _held_out(way) if held_out is None else held_out
                yield Picture(way, entry.path, entry.stat().st_size, kept)


def _held_out(parts: tuple[str, ...]) -> bool:
    """One in ten, by its name: neither a seed nor a new picture changes which."""
    return zlib.crc32(os.fsencode("/".join(parts))) % 10 == 0
