"""Pictures in a folder."""

import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from jaxgan import reading
from jaxgan.data import image, kind
from jaxgan.data.source import Source, check_split
from jaxgan.errors import Refused, Unreadable, probe
from jaxgan.parts.types import PyTree

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff"})
HELD_OUT = ("test", "validation", "valid", "val")  # beside "train", in any case: the first there is
LOOKED_AT = 1000  # pictures whose colours are looked at before a run
HASHED = 10_000, 2**29  # pictures, and bytes, that the fingerprint reads


def folder(path: str | Path, size: int = 0, split: Literal["train", "test"] = "train") -> Source:
    """The pictures under a folder, read as they are needed; its subfolders, where there are any, are classes.

    Of each the square in the middle is scaled to `size` px, by default the shorter side of the first, which
    also says whether they are grey. Where there are subfolders "train" and "test" (or "validation", "valid",
    "val") these are the splits, and "train" alone is all there is. Elsewhere one picture in ten is held out,
    by a hash of its name: which ones, neither a seed nor a new picture changes.

    >>> import tempfile
    >>> from PIL import Image
    >>> for name in ("cat", "dog"):
    ...     place = Path(tempfile.gettempdir()) / "jaxgan_doctest" / name
    ...     place.mkdir(parents=True, exist_ok=True)
    ...     for i in range(5):
    ...         Image.new("L", (40, 30), 50 * i).save(place / f"{i}.png")
    >>> pets = folder(place.parent, size=16)
    >>> pets.shape, pets.classes, pets.size + folder(place.parent, split="test").size
    ((16, 16, 1), 2, 10)
    """
    check_split(split)
    root = Path(path)
    if not probe(Path.is_dir, root):
        raise Refused(f"there is no folder {root}")
    if size < 0:
        raise Refused(f"images of {size} px cannot be: size is the side in pixels")
    train, test, pictures = _found(root)
    chosen = [picture for picture in pictures if picture.held_out == (split == "test")]
    if not chosen:
        place, which = (train, "all of them are") if split == "train" else (test, "none of them is")
        raise Refused(
            f"{root} has {len(pictures)} pictures, and {which} held out: use more"
            if pictures and train == test
            else f"there are no pictures in {place}: files that end in {', '.join(sorted(SUFFIXES))}"
        )
    classes = _classes(root, pictures)
    try:
        side, _, channels = image.natural_shape(pictures[0].file)
    except image.Broken as error:
        raise Unreadable(f"{_printable(pictures[0].file)} cannot be read: {error}") from error
    shape = (size or side, size or side, channels)
    number = {name: k for k, name in enumerate(classes)}
    label = np.array([number[picture.parts[0]] for picture in chosen], np.int32) if classes else None
    files = tuple(picture.file for picture in chosen)
    return Source(
        kind.with_label(kind.image(*shape), len(classes)),
        len(files),
        (),
        image.shown,
        _Reader(files, label, shape),
        note="; ".join(filter(None, [_mixed(pictures, channels), _lacking(classes, chosen, split)])),
        fingerprint=_fingerprint(chosen, classes),
    )


@dataclass(frozen=True)
class _Reader:
    files: Sequence[str]
    label: np.ndarray | None
    shape: tuple[int, int, int]

    def __call__(self, number: np.ndarray) -> PyTree:
        read = {"x": np.stack([self._one(int(i)) for i in number])}
        return read if self.label is None else {**read, "label": self.label[number]}

    def _one(self, i: int) -> np.ndarray:
        try:
            return image.square(self.files[i], self.shape)
        except image.Broken as error:
            file = _printable(self.files[i])
            raise Unreadable(f"{file} (example {i}) cannot be read: {error}") from error


class _Picture(NamedTuple):
    """A file; pictures are in order by where they lie."""

    parts: tuple[str, ...]  # its way, from the root or the folder of its split
    file: str
    bytes: int
    held_out: bool


def _places(root: Path) -> tuple[Path, Path]:
    """Where those to train on lie, and those held out; twice the same where they are not apart."""
    with os.scandir(root) as entries:
        names = sorted(
            entry.name
            for entry in entries
            if not entry.name.startswith(".") and (entry.is_dir() or _is_picture(entry.name))
        )
    beside = {name.lower(): name for name in names}
    train = beside.pop("train", None)
    if train is None:
        return root, root
    for split in ("train", *HELD_OUT):
        if len(alike := [name for name in names if name.lower() == split]) > 1:
            raise Refused(f"{root} has {' and '.join(alike)}: put what they hold into one of them")
    known = [beside[name] for name in HELD_OUT if name in beside]
    if beside and not known:
        other = _printable(next(iter(beside.values())))
        raise Refused(
            f"{root} has {train} and {other}, but what is held out is called {', '.join(HELD_OUT)}: rename "
            f"or move {other}, or {train} if it is a class"
        )
    return root / train, root / (known or [train])[0]


def _found(root: Path) -> tuple[Path, Path, list[_Picture]]:
    """Both places and every picture, in order, those to train on first where the splits lie apart."""
    try:
        train, test = _places(root)
        if train == test:
            return train, test, sorted(_below(train))
        return train, test, [*sorted(_below(train, False)), *sorted(_below(test, True))]
    except OSError as error:
        nowhere = os.path.islink(error.filename) and not os.path.exists(error.filename)
        why = "it is a link to nothing; remove it" if nowhere else error.strerror
        raise Unreadable(f"{_printable(error.filename)} cannot be read: {why}") from error


def _below(
    place: Path | str, held_out: bool | None = None, parts: tuple[str, ...] = (), above: tuple[str, ...] = ()
) -> Iterator[_Picture]:
    """Every picture below a folder. Links are followed; what begins with a dot is the file browser's."""
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
            elif _is_picture(entry.name):
                kept = _held_out(way) if held_out is None else held_out
                yield _Picture(way, entry.path, entry.stat().st_size, kept)


def _is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _held_out(parts: tuple[str, ...]) -> bool:
    return zlib.crc32(os.fsencode("/".join(parts))) % 10 == 0


def _classes(root: Path, pictures: Sequence[_Picture]) -> list[str]:
    """The subfolders, of both splits; none where the pictures lie in the folder itself."""
    loose = [picture for picture in pictures if len(picture.parts) == 1]
    if len(loose) == len(pictures):
        return []
    if loose:
        raise Refused(
            f"{root} has pictures both in subfolders, which are classes, and beside them, such as "
            f"{_printable(loose[0].file)}: move them"
        )
    return sorted({picture.parts[0] for picture in pictures})


def _lacking(classes: Sequence[str], chosen: Sequence[_Picture], split: str) -> str:
    """That a generator will be asked for what it has never seen."""
    none = sorted(set(classes) - {picture.parts[0] for picture in chosen}) if split == "train" else []
    return f"no picture to train on of {', '.join(map(_printable, none))}" if none else ""


def _mixed(pictures: Sequence[_Picture], channels: int) -> str:
    """What must be said where some are grey and some are not."""
    looked_at = pictures[:: -(-len(pictures) // LOOKED_AT)]
    other = []
    for picture in looked_at:
        with suppress(image.Broken):  # it is named when it is read
            if image.natural_shape(picture.file)[2] != channels:
                other.append(picture)
    if other and channels == 1:
        raise Refused(
            f"{_printable(pictures[0].file)}, the first, is grey and so all would be, but "
            f"{_printable(other[0].file)} is in colour: convert one of the two"
        )
    return f"{len(other)} of {len(looked_at)} pictures looked at are grey" if other else ""


def _fingerprint(pictures: Sequence[_Picture], classes: Sequence[str]) -> str:
    """Of all names and sizes, and of what is in the files: in every k-th one, where they are many.

    All of them would have to be read before each command. A set that is made anew differs in every file, and
    a picture that is edited mostly differs in size.
    """
    digest = hashlib.sha256(os.fsencode("\n".join(classes)))
    for picture in pictures:
        digest.update(os.fsencode("/".join(picture.parts)) + b" %d\n" % picture.bytes)
    most, most_bytes = HASHED
    step = max(-(-len(pictures) // most), -(-sum(picture.bytes for picture in pictures) // most_bytes), 1)
    for picture in pictures[::step]:
        try:
            _add(digest, Path(picture.file))
        except OSError as error:
            raise Unreadable(f"{_printable(picture.file)} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", path: Path) -> None:
    """In blocks: a file that is called a picture may be of any size."""
    with reading.open_file(path) as file:
        while block := file.read(2**20):
            digest.update(block)


def _printable(file: str) -> str:
    """A name as it can be printed, whatever bytes it is made of."""
    return file.encode(errors="backslashreplace").decode()
