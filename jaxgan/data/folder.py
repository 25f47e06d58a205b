"""Pictures in a folder."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from jaxgan.data import image
from jaxgan.data.pictures import SUFFIXES, Picture, found, held_out_folder, printable
from jaxgan.data.source import Source
from jaxgan.errors import Refused, Unreadable
from jaxgan.parts.types import PyTree

LOOKED_AT = 1000  # pictures whose colours are looked at before a run
HASHED = 10_000, 2**29  # pictures, and bytes, that the fingerprint reads


def folder(path: str | Path, size: int = 0, split: Literal["train", "test"] = "train") -> Source:
    """The pictures under a folder, read as they are needed; its subfolders, where there are any, are classes.

    Of each the square in the middle is scaled to `size` px, by default the shorter side of the first, which
    also says whether they are grey. Where there are subfolders "train" and "test" (or "validation", "valid",
    "val") these are the splits. Elsewhere one picture in ten is held out, by a hash of its name: which ones,
    neither a seed nor a new picture changes.

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
    root = Path(path)
    if not root.is_dir():
        raise Refused(f"there is no folder {root}")
    if size < 0:
        raise Refused(f"images of {size} px cannot be: size is the side in pixels")
    pictures = found(root)
    chosen = [picture for picture in pictures if picture.held_out == (split == "test")]
    if not chosen:
        raise Refused(_none(root, len(pictures), split))
    classes = _classes(root, pictures)
    side, _, channels = _natural_shape(pictures[0])
    shape = (size or side, size or side, channels)
    number = {name: k for k, name in enumerate(classes)}
    label = np.array([number[picture.parts[0]] for picture in chosen], np.int32) if classes else None
    files = tuple(picture.file for picture in chosen)
    return Source(
        shape,
        len(files),
        len(classes),
        (),
        image.shown,
        _Reader(files, label, shape),
        note=_mixed(pictures, channels),
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
            file = printable(self.files[i])
            raise Unreadable(f"{file} (example {i}) cannot be read: {error}") from error


def _none(root: Path, pictures: int, split: str) -> str:
    if pictures and not held_out_folder(root):
        which = "all" if split == "train" else "none"
        return f"{root} has {pictures} pictures, and {which} of them is held out: use more"
    place = root if not pictures else root / "train" if split == "train" else held_out_folder(root)
    return f"there are no pictures in {place}: files that end in {', '.join(sorted(SUFFIXES))}"


def _classes(root: Path, pictures: Sequence[Picture]) -> list[str]:
    """The subfolders, of both splits; none where the pictures lie in the folder itself."""
    loose = [picture for picture in pictures if len(picture.parts) == 1]
    if len(loose) == len(pictures):
        return []
    if loose:
        raise Refused(
            f"{root} has pictures both in subfolders, which are classes, and beside them, such as "
            f"{printable(loose[0].file)}: move them"
        )
    return sorted({picture.parts[0] for picture in pictures})


def _natural_shape(picture: Picture) -> tuple[int, int, int]:
    try:
        return image.natural_shape(picture.file)
    except image.Broken as error:
        raise Unreadable(f"{printable(picture.file)} cannot be read: {error}") from error


def _mixed(pictures: Sequence[Picture], channels: int) -> str:
    """What must be said where some are grey and some are not."""
    looked_at = pictures[:: -(-len(pictures) // LOOKED_AT)]
    other = [picture for picture in looked_at if _natural_shape(picture)[2] != channels]
    if other and channels == 1:
        raise Refused(
            f"{printable(pictures[0].file)}, the first, is grey and so all would be, but "
            f"{printable(other[0].file)} is in colour: convert one of the two"
        )
    return f"{len(other)} of {len(looked_at)} pictures looked at are grey" if other else ""


def _fingerprint(pictures: Sequence[Picture], classes: Sequence[str]) -> str:
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
            digest.update(Path(picture.file).read_bytes())
        except OSError as error:
            raise Unreadable(f"{printable(picture.file)} cannot be read: {error.strerror}") from error
    return digest.hexdigest()
