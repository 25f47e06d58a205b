"""A source of the images in a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from jaxgan.data import image, kind
from jaxgan.data.files.beside import beside
from jaxgan.data.files.greys import grey_note
from jaxgan.data.files.listing import SUFFIXES, File, fingerprint, list_files, printable, up_to
from jaxgan.data.source import Source, check_split
from jaxgan.errors import Refused, Unreadable, probe
from jaxgan.parts.types import PyTree


def folder(
    path: str | Path, size: int = 0, split: Literal["train", "test"] = "train", group: str = ""
) -> Source:
    """Returns a source of the images under a folder, read when needed; subfolders are the classes.

    The square in the middle of each image is scaled to `size` px, by default the shorter side of the first
    image, which also decides between grey and colour. Subfolders "train" and "test" (or "validation",
    "valid", "val") are the splits; "train" alone is split like any folder. Otherwise one image in ten is
    held out, by a hash of its name, so that neither the seed nor new images change the split. With
    `group="_"` it is that of the name up to "_", so that images of one thing are in one split.

    What `captions.txt`, `attributes.csv` or NAME.txt say beside the images are the leaves "text" and
    "attributes"; see `files.beside`. An image with several texts is an example to train on with each.

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
    train, test, files = list_files(root, up_to(group)) if group else list_files(root)
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
        raise Unreadable(f"{printable(files[0].path)} cannot be read: {error}") from error
    shape = (size or side, size or side, channels)
    number = {name: k for k, name in enumerate(classes)}
    written = beside(files)
    shown, values = written.examples([file.held_out == (split == "test") for file in files], split == "train")
    pictures, chosen = chosen, [chosen[i] for i in shown]
    if classes:
        values["label"] = np.array([number[file.parts[0]] for file in chosen], np.int32)
    return Source(
        {**kind.with_label(kind.image(*shape), len(classes)), **written.leaves},
        len(chosen),
        (),
        image.from_bytes,
        _Reader(tuple(file.path for file in chosen), values, shape),
        note="; ".join(filter(None, [grey_note(files, channels), _class_note(classes, chosen, split)])),
        fingerprint=fingerprint(pictures, classes) + written.fingerprint,
    )


@dataclass(frozen=True)
class _Reader:
    files: Sequence[str]
    values: Mapping[str, np.ndarray]  # what is known of each image beside its pixels
    shape: tuple[int, int, int]

    def __call__(self, number: np.ndarray) -> PyTree:
        images = {"x": np.stack([self._image(int(i)) for i in number])}
        return images | {name: value[number] for name, value in self.values.items()}

    def _image(self, i: int) -> np.ndarray:
        try:
            return image.read_square(self.files[i], self.shape)
        except image.Broken as error:
            file = printable(self.files[i])
            raise Unreadable(f"{file} (example {i}) cannot be read: {error}") from error


def _classes(root: Path, files: Sequence[File]) -> list[str]:
    """Returns the names of the subfolders of both splits; none if the images have no subfolders."""
    loose = [file for file in files if len(file.parts) == 1]
    if len(loose) == len(files):
        return []
    if loose:
        raise Refused(
            f"{root} has images both in subfolders, which are classes, and outside of them, such as "
            f"{printable(loose[0].path)}: move these into subfolders"
        )
    return sorted({file.parts[0] for file in files})


def _class_note(classes: Sequence[str], chosen: Sequence[File], split: str) -> str:
    """Names the classes without training images, of which a generator would be asked for samples."""
    missing = sorted(set(classes) - {file.parts[0] for file in chosen}) if split == "train" else []
    return f"no image to train on of {', '.join(map(printable, missing))}" if missing else ""
