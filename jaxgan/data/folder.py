"""Pictures in a folder."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from jaxgan.data import image
from jaxgan.data.source import Source
from jaxgan.errors import Refused, Unreadable
from jaxgan.parts.types import PyTree

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff"})


def folder(path: str | Path, size: int = 0, split: Literal["train", "test"] = "train") -> Source:
    """The pictures under a folder, read as they are needed; its subfolders, where there are any, are classes.

    Of each the square in the middle is scaled to `size` px, by default the shorter side of the first. Where
    there are subfolders "train" and "test" these are the splits. Elsewhere one picture in ten is held out, by
    a hash of its name: which ones, neither a seed nor a new picture changes.

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
    apart = (root / "train").is_dir() and (root / "test").is_dir()
    base = root / split if apart else root
    found = sorted(p.relative_to(base) for p in base.rglob("*") if p.suffix.lower() in SUFFIXES)
    chosen = found if apart else [p for p in found if _held_out(p) == (split == "test")]
    if not chosen:
        raise Refused(
            f"{base} has {len(found)} pictures, and none of them is held out: use more"
            if found
            else f"there are no pictures in {base}: files that end in {', '.join(sorted(SUFFIXES))}"
        )
    classes = _classes(base, found)
    files = tuple(str(base / p) for p in chosen)
    try:
        side, _, channels = image.natural_shape(files[0])
    except image.Broken as error:
        raise Unreadable(f"{files[0]} cannot be read: {error}") from error
    shape = (size or side, size or side, channels)
    label = np.array([classes.index(p.parts[0]) for p in chosen], np.int32) if classes else None
    listed = "".join(f"{p} {(base / p).stat().st_size}\n" for p in chosen)
    return Source(
        shape,
        len(files),
        len(classes),
        (),
        image.shown,
        _Reader(files, label, shape),
        fingerprint=hashlib.sha256(listed.encode()).hexdigest(),
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
            raise Unreadable(f"{self.files[i]} (example {i}) cannot be read: {error}") from error


def _held_out(path: Path) -> bool:
    return zlib.crc32(path.as_posix().encode()) % 10 == 0


def _classes(base: Path, found: Sequence[Path]) -> list[str]:
    """The subfolders, of both splits; none where the pictures lie in the folder itself."""
    loose = [p for p in found if len(p.parts) == 1]
    if len(loose) == len(found):
        return []
    if loose:
        raise Refused(
            f"{base} has pictures both in subfolders, which are classes, and beside them, such as "
            f"{loose[0]}: move them"
        )
    return sorted({p.parts[0] for p in found})
