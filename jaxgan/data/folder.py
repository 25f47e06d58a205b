"""A source of the images in a folder."""

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
HELD_OUT = ("test", "validation", "valid", "val")  # names of the held-out folder, the first that exists
MOST_OPENED = 1000  # images whose colours are compared before a run
HASHED = 10_000, 2**29  # images, and bytes, that the fingerprint reads at most


def folder(path: str | Path, size: int = 0, split: Literal["train", "test"] = "train") -> Source:
    """Returns a source of the images under a folder, read when needed; subfolders are the classes.

    The square in the middle of each image is scaled to `size` px, by default the shorter side of the first
    image, which also decides between grey and colour. Subfolders "train" and "test" (or "validation",
    "valid", "val") are the splits; "train" alone is split like any folder. Otherwise one image in ten is held
    out, by a hash of its name, so that neither the seed nor new images change the split.

    >>> import tempfile
    >>> from PIL import Image
    >>> for name in ("cat", "dog"):
    ...     subfolder = Path(tempfile.gettempdir()) / "jaxgan_doctest" / name
    ...     subfolder.mkdir(parents=True, exist_ok=True)
    ...     for i in range(5):
    ...         Image.new("L", (40, 30), 50 * i).save(subfolder / f"{i}.png")
    >>> pets = folder(subfolder.parent, size=16)
    >>> pets.shape, pets.classes, pets.size + folder(subfolder.parent, split="test").size
    ((16, 16, 1), 2, 10)
    """
    check_split(split)
    root = Path(path)
    if not probe(Path.is_dir, root):
        raise Refused(f"there is no folder {root}")
    if size < 0:
        raise Refused(f"the size of images cannot be {size}: give the side in pixels")
    train, test, files = _list_files(root)
    chosen = [file for file in files if file.held_out == (split == "test")]
    if not chosen:
        directory, share = (train, "all of them are") if split == "train" else (test, "none of them is")
        raise Refused(
            f"{root} has {len(files)} images, and {share} held out: add images"
            if files and train == test
            else f"there are no images in {directory}: their names must end in {', '.join(sorted(SUFFIXES))}"
        )
    classes = _classes(root, files)
    try:
        side, _, channels = image.natural_shape(files[0].path)
    except image.Broken as error:
        raise Unreadable(f"{_printable(files[0].path)} cannot be read: {error}") from error
    shape = (size or side, size or side, channels)
    number = {name: k for k, name in enumerate(classes)}
    label = np.array([number[file.parts[0]] for file in chosen], np.int32) if classes else None
    return Source(
        kind.with_label(kind.image(*shape), len(classes)),
        len(chosen),
        (),
        image.from_bytes,
        _Reader(tuple(file.path for file in chosen), label, shape),
        note="; ".join(filter(None, [_grey_note(files, channels), _class_note(classes, chosen, split)])),
        fingerprint=_fingerprint(chosen, classes),
    )


@dataclass(frozen=True)
class _Reader:
    files: Sequence[str]
    label: np.ndarray | None
    shape: tuple[int, int, int]

    def __call__(self, number: np.ndarray) -> PyTree:
        images = {"x": np.stack([self._image(int(i)) for i in number])}
        return images if self.label is None else {**images, "label": self.label[number]}

    def _image(self, i: int) -> np.ndarray:
        try:
            return image.read_square(self.files[i], self.shape)
        except image.Broken as error:
            file = _printable(self.files[i])
            raise Unreadable(f"{file} (example {i}) cannot be read: {error}") from error


class _File(NamedTuple):
    """An image file. Files are sorted by `parts`."""

    parts: tuple[str, ...]  # path relative to the root, or to the folder of its split
    path: str
    bytes: int
    held_out: bool


def _split_folders(root: Path) -> tuple[Path, Path]:
    """Returns the folders of training and of held-out images; one folder twice if they are not separate."""
    with os.scandir(root) as entries:
        names = sorted(
            entry.name
            for entry in entries
            if not entry.name.startswith(".") and (entry.is_dir() or _is_image(entry.name))
        )
    others = {name.lower(): name for name in names}
    train = others.pop("train", None)
    if train is None:
        return root, root
    for split in ("train", *HELD_OUT):
        if len(same := [name for name in names if name.lower() == split]) > 1:
            raise Refused(f"{root} has {' and '.join(same)}: merge them into one folder")
    held_out = [others[name] for name in HELD_OUT if name in others]
    if others and not held_out:
        other = _printable(next(iter(others.values())))
        raise Refused(
            f"{root} has {train} and {other}, but the held-out folder must be called {', '.join(HELD_OUT)}: "
            f"rename or move {other}, or {train} if it is a class"
        )
    return root / train, root / (held_out or [train])[0]


def _list_files(root: Path) -> tuple[Path, Path, list[_File]]:
    """Returns the folders of both splits and all images, sorted; separate training images come first."""
    try:
        train, test = _split_folders(root)
        if train == test:
            return train, test, sorted(_walk(train))
        return train, test, [*sorted(_walk(train, False)), *sorted(_walk(test, True))]
    except OSError as error:
        broken_link = os.path.islink(error.filename) and not os.path.exists(error.filename)
        reason = "it is a link to nothing; remove it" if broken_link else error.strerror
        raise Unreadable(f"{_printable(error.filename)} cannot be read: {reason}") from error


def _walk(
    folder: Path | str, held_out: bool | None = None, parts: tuple[str, ...] = (), above: tuple[str, ...] = ()
) -> Iterator[_File]:
    """Yields all images below a folder. Follows links; skips names that begin with a dot."""
    target = os.path.realpath(folder)
    if target in above:  # a link to a folder above
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = (*parts, entry.name)
            if entry.is_dir():
                yield from _walk(entry.path, held_out, path, (*above, target))
            elif _is_image(entry.name):
                tenth = zlib.crc32(os.fsencode("/".join(path))) % 10 == 0
                size = entry.stat().st_size
                yield _File(path, entry.path, size, tenth if held_out is None else held_out)


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _classes(root: Path, files: Sequence[_File]) -> list[str]:
    """Returns the names of the subfolders of both splits; none if the images have no subfolders."""
    loose = [file for file in files if len(file.parts) == 1]
    if len(loose) == len(files):
        return []
    if loose:
        raise Refused(
            f"{root} has images both in subfolders, which are classes, and outside of them, such as "
            f"{_printable(loose[0].path)}: move these into subfolders"
        )
    return sorted({file.parts[0] for file in files})


def _class_note(classes: Sequence[str], chosen: Sequence[_File], split: str) -> str:
    """Names the classes without training images, of which a generator would be asked for samples."""
    missing = sorted(set(classes) - {file.parts[0] for file in chosen}) if split == "train" else []
    return f"no image to train on of {', '.join(map(_printable, missing))}" if missing else ""


def _grey_note(files: Sequence[_File], channels: int) -> str:
    """Counts the grey images of a colour set; raises Refused for colour images in a grey set."""
    sampled = files[:: -(-len(files) // MOST_OPENED)]
    others = []
    for file in sampled:
        with suppress(image.Broken):  # reported when it is read
            if image.natural_shape(file.path)[2] != channels:
                others.append(file)
    if others and channels == 1:
        raise Refused(
            f"the first image {_printable(files[0].path)} is grey, so all must be, but "
            f"{_printable(others[0].path)} is in colour: convert one of them"
        )
    return f"{len(others)} of {len(sampled)} images that were checked are grey" if others else ""


def _fingerprint(files: Sequence[_File], classes: Sequence[str]) -> str:
    """Hashes all names and sizes, and the contents of every k-th file, where k = 1 for a small set.

    Reading every file of a large set would delay each command. A data set that is generated again differs
    in every file, and an edited image mostly differs in size.
    """
    digest = hashlib.sha256(os.fsencode("\n".join(classes)))
    for file in files:
        digest.update(os.fsencode("/".join(file.parts)) + b" %d\n" % file.bytes)
    most, most_bytes = HASHED
    step = max(-(-len(files) // most), -(-sum(file.bytes for file in files) // most_bytes), 1)
    for file in files[::step]:
        try:
            _hash_file(digest, Path(file.path))
        except OSError as error:
            raise Unreadable(f"{_printable(file.path)} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _hash_file(digest: "hashlib._Hash", path: Path) -> None:
    """Reads in blocks, since a file with an image's suffix may have any size."""
    with reading.open_file(path) as file:
        while block := file.read(2**20):
            digest.update(block)


def _printable(file: str) -> str:
    """Escapes the bytes of a file name that are not text."""
    return file.encode(errors="backslashreplace").decode()
