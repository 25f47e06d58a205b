"""Pairs of pictures in two or more folders, matched by name, or side by side in one file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from jaxgan.data import image
from jaxgan.data.files.beside import beside
from jaxgan.data.files.greys import MOST_OPENED, grey_note
from jaxgan.data.files.listing import File, fingerprint, list_files, printable, stem, up_to
from jaxgan.data.kind import Image, Leaf, Mask
from jaxgan.data.source import Source, check_split
from jaxgan.errors import Refused, Unreadable, probe
from jaxgan.parts.types import PyTree

Split = Literal["train", "test"]
SUBFOLDERS = {"x": ("x", "B"), "source": ("source", "A"), "mask": ("mask",)}


def two_folders(
    source: str | Path, x: str | Path, size: int = 0, split: Split = "train", group: str = ""
) -> Source:
    """Returns a source of the pairs of pictures that have one name, without suffix, in two folders.

    "x" is the answer to "source". Pictures are read when needed and cropped and scaled as in `folder`; those
    of one pair have the same size, or sizes of a ratio that is the same for all, which `size`, that of "x",
    keeps. The splits are those of `folder`, and its `group` and words and attributes beside the pictures "x".

    >>> import tempfile
    >>> from PIL import Image
    >>> root = Path(tempfile.mkdtemp())
    >>> for side, name in ((8, "small"), (16, "large")):
    ...     (root / name).mkdir()
    ...     for i in range(20):
    ...         Image.new("L", (side, side), i).save(root / name / f"{i}.png")
    >>> pairs = two_folders(root / "small", root / "large")
    >>> {name: leaf.shape for name, leaf in pairs.leaves.items()}, pairs.asks
    ({'x': (16, 16, 1), 'source': (8, 8, 1)}, ('source',))
    """
    return _matched({"x": Path(x), "source": Path(source)}, size, split, group)


def subfolders(root: str | Path, size: int = 0, split: Split = "train", group: str = "") -> Source:
    """Returns the pairs of `two_folders` in the subfolders "source" and "x", or "A" and "B", of a folder.

    Instead of "source" or beside it there may be "mask", white in the hole.
    """
    root = Path(root)
    if not probe(Path.is_dir, root):
        raise Refused(f"there is no folder {root}")
    folders: dict[str, Path] = {}
    for leaf, names in SUBFOLDERS.items():
        if there := [root / name for name in names if probe(Path.is_dir, root / name)]:
            folders[leaf] = there[0]
    if "x" not in folders or len(folders) < 2:
        raise Refused(f"{root} needs the subfolders source and x, or A and B, with the pictures of each pair")
    return _matched(folders, size, split, group)


def side_by_side(root: str | Path, size: int = 0, split: Split = "train", group: str = "") -> Source:
    """Returns a source of pairs that are one file each: "source" on the left, its answer "x" on the right.

    So are the data sets of pix2pix (Isola et al., 2017). The rest is as in `two_folders`.
    """
    check_split(split)
    files = _list(Path(root), group)
    for file in files[:: -(-len(files) // MOST_OPENED)]:
        width, _ = _natural_size(file)
        if width % 2:
            raise Refused(f"{printable(file.path)} is {width} px wide: two pictures side by side are even")
    width, height = _natural_size(files[0])
    channels = _channels(files[0])
    side = size or min(width // 2, height)
    leaves = {name: Leaf((side, side, channels), Image()) for name in ("x", "source")}
    chosen = {name: _chosen(Path(root), files, split) for name in leaves}
    parts = {"source": (0, 2), "x": (1, 2)}
    again = partial(side_by_side, root, size, "test", group)
    return _source(leaves, {"x": files}, chosen, parts, split, again)


def _matched(folders: Mapping[str, Path], size: int, split: Split, group: str) -> Source:
    check_split(split)
    if size < 0:
        raise Refused(f"the size of images cannot be {size}: give the side in pixels")
    files = {name: _list(root, group) for name, root in folders.items()}
    for name in files:
        _check_partners(files["x"], files[name], folders[name])
        _check_partners(files[name], files["x"], folders["x"])
    for name in files:  # in the order of x
        own = {(stem(file.parts), file.held_out): file for file in files[name]}
        files[name] = [own[stem(file.parts), file.held_out] for file in files["x"]]
    ratios = {name: _ratio(files["x"], of) for name, of in files.items()}
    side = size or min(_natural_size(files["x"][0]))
    leaves: dict[str, Leaf] = {}
    for name, of in files.items():
        small, rest = divmod(side * ratios[name][0], ratios[name][1])
        if rest or not small:
            times = ratios[name][1] / ratios[name][0]
            raise Refused(f"the size {side} is not {times:g} times a whole number, as x is of {name}")
        channels = 1 if name == "mask" else _channels(of[0])
        leaves[name] = Leaf((small, small, channels), Mask() if name == "mask" else Image())
    if "mask" in leaves and leaves["mask"].shape[0] != side:
        masks = leaves["mask"].shape[0]
        raise Refused(
            f"there are masks of {masks} px for pictures of {side} px: both must have the same size"
        )
    chosen = {name: _chosen(folders[name], of, split) for name, of in files.items()}
    again = partial(_matched, folders, size, "test", group)
    return _source(leaves, files, chosen, {}, split, again)


def _source(
    leaves: Mapping[str, Leaf],
    files: Mapping[str, Sequence[File]],
    chosen: Mapping[str, Sequence[File]],
    parts: Mapping[str, tuple[int, int]],
    split: Split,
    again: Callable[[], Source],
) -> Source:
    written = beside(files["x"])
    of_split = [file.held_out == (split == "test") for file in files["x"]]
    shown, values = written.examples(of_split, split == "train")
    reader = _Reader(
        {name: tuple(of[i].path for i in shown) for name, of in chosen.items()},
        {name: leaf.shape for name, leaf in leaves.items()},
        parts,
        values,
    )
    notes = (grey_note(of, leaves[name].shape[2]) for name, of in files.items() if name != "mask")
    return Source(
        {**leaves, **written.leaves},
        len(shown),
        (),
        image.from_bytes,
        reader,
        note="; ".join(dict.fromkeys(filter(None, notes))),
        fingerprint=" ".join(fingerprint(chosen[name]) for name in files) + written.fingerprint,
        held_out=again if split == "train" else None,
        asks=tuple(name for name in leaves if name != "x"),
    )


@dataclass(frozen=True)
class _Reader:
    files: Mapping[str, Sequence[str]]
    shapes: Mapping[str, tuple[int, ...]]
    parts: Mapping[str, tuple[int, int]]  # of the pictures side by side in a file
    values: Mapping[str, np.ndarray]  # what is known of each pair beside its pixels

    def __call__(self, number: np.ndarray) -> PyTree:
        pictures = {name: np.stack([self._image(name, int(i)) for i in number]) for name in self.files}
        if "mask" in pictures:
            pictures["mask"] = pictures["mask"] >= 128
        return pictures | {name: value[number] for name, value in self.values.items()}

    def _image(self, name: str, i: int) -> np.ndarray:
        file = self.files[name][i]
        try:
            return image.read_square(file, self.shapes[name], self.parts.get(name, (0, 1)))
        except image.Broken as error:
            raise Unreadable(f"{printable(file)} (example {i}) cannot be read: {error}") from error


def _list(root: Path, group: str) -> list[File]:
    if not probe(Path.is_dir, root):
        raise Refused(f"there is no folder {root}")
    _, _, files = list_files(root, up_to(group))
    if not files:
        raise Refused(f"there are no images in {root}")
    names: dict[tuple[str, bool], str] = {}
    for file in files:
        key = stem(file.parts), file.held_out
        if key in names:
            raise Refused(
                f"{printable(file.path)} and {printable(names[key])} have one name: keep one of them"
            )
        names[key] = file.path
    return files


def _chosen(root: Path, files: Sequence[File], split: Split) -> list[File]:
    chosen = [file for file in files if file.held_out == (split == "test")]
    if not chosen:
        share = "all of them are" if split == "train" else "none of them is"
        raise Refused(f"{root} has {len(files)} images, and {share} held out: add images")
    return chosen


def _check_partners(files: Sequence[File], others: Sequence[File], root: Path) -> None:
    """Raises Refused for a picture that has no other of its name, in the same split, below `root`."""
    names = {(stem(file.parts), file.held_out) for file in others}
    alone = [file for file in files if (stem(file.parts), file.held_out) not in names]
    if alone:
        first, more = printable(alone[0].path), f" (nor have {len(alone) - 1} more)" if len(alone) > 1 else ""
        raise Refused(f"{first} has no picture of its name in {root}{more}: add it, or remove this one")


def _ratio(xs: Sequence[File], others: Sequence[File]) -> tuple[int, int]:
    """Returns the ratio of the size of the others to that of x, which is refused if it is not constant."""
    first, (of_first, _) = _natural_size(others[0]), _natural_size(xs[0])
    ratio = first[0], of_first
    step = -(-len(xs) // MOST_OPENED)
    for x, other in zip(xs[::step], others[::step], strict=True):
        sizes = _natural_size(x), _natural_size(other)
        if any(b * ratio[1] != a * ratio[0] for a, b in zip(*sizes, strict=True)):
            of_x, of_other = (f"{width} x {height}" for width, height in sizes)
            times = f"{ratio[1] / ratio[0]:g} times " if ratio[0] != ratio[1] else ""
            raise Refused(
                f"{printable(x.path)} is {of_x} px and {printable(other.path)} {of_other} px, but it must "
                f"have {times}the size of its pair"
            )
    return ratio


def _natural_size(file: File) -> tuple[int, int]:
    try:
        return image.natural_size(file.path)
    except image.Broken as error:
        raise Unreadable(f"{printable(file.path)} cannot be read: {error}") from error


def _channels(file: File) -> int:
    try:
        return image.natural_shape(file.path)[2]
    except image.Broken as error:
        raise Unreadable(f"{printable(file.path)} cannot be read: {error}") from error
