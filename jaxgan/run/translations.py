"""Pictures that are made from pictures: drawn beside what they are made from, and written one by one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgan.data import image
from jaxgan.data.folder import SUFFIXES
from jaxgan.data.kind import Image, Leaf
from jaxgan.data.source import Source, labelled
from jaxgan.errors import Refused, probe
from jaxgan.pictures import png
from jaxgan.pictures.images import quantise
from jaxgan.pictures.rows import rows
from jaxgan.run.sample import BLOCK


class Beside(NamedTuple):
    """Pictures that stand beside samples: what sample i is made from, and perhaps what it should be."""

    inputs: Mapping[str, np.ndarray]  # [n, H, W, C] by name
    truths: np.ndarray | None

    def drawn(self, samples: np.ndarray) -> np.ndarray:
        """Draws a row for each sample: inputs, sample, truth."""
        n = len(samples)
        groups = [_first(x, n) for x in self.inputs.values()]
        return rows([*groups, samples, *([] if self.truths is None else [_first(self.truths, n)])])

    @property
    def words(self) -> str:
        """What a row shows, from the left."""
        return ", ".join([*self.inputs, "sample", *([] if self.truths is None else ["true answer"])])

    @property
    def parts(self) -> int:
        """The number of pictures in a row."""
        return len(self.inputs) + 1 + (self.truths is not None)


def pictures_given(leaves: Mapping[str, Leaf], given: Sequence[str]) -> list[str]:
    """Returns which of the leaves given to a generator are pictures.

    >>> from jaxgan.data.kind import image, label
    >>> leaves = {"x": image(8, 8, 1), "label": label(3), "source": image(8, 8, 3)}
    >>> pictures_given(leaves, ("label", "source"))
    ['source']
    """
    return [name for name in given if isinstance(leaves[name].kind, Image)]


def beside(source: Source, given: Sequence[str]) -> Beside | None:
    """Returns what stands beside the samples of a generator of pictures that is given pictures, else None.

    The first held-out examples, from which samples are made by default; see `conditions_for`.
    """
    names = pictures_given(source.leaves, given) if isinstance(source.kind, Image) else []
    if not names:
        return None
    leaves = labelled(source.held_out() if source.held_out else source, BLOCK)
    known = set(given) & set(source.asks)
    return Beside({name: leaves[name] for name in names}, leaves["x"] if known else None)


def files(args: Sequence[str], leaves: Mapping[str, Leaf]) -> dict[str, list[Path]]:
    """Returns the picture files that the arguments of `--given` name, by leaf, in the order they are read.

    >>> files(["label=3"], {})
    {}
    """
    names = [name for name, leaf in leaves.items() if isinstance(leaf.kind, Image)]
    found: dict[str, list[Path]] = {}
    for text in args:
        name, equals, value = text.partition("=")
        path = Path(value) if equals and name in leaves else Path(text)
        name = name if equals and name in leaves else names[0] if len(names) == 1 else ""
        if name in names and probe(Path.exists, path):
            listed = sorted(path.iterdir()) if path.is_dir() else [path]
            if pictures := [file for file in listed if file.suffix.lower() in SUFFIXES]:
                found[name] = pictures
    return found


def remarks(
    found: Mapping[str, Sequence[Path]], leaves: Mapping[str, Leaf], given: Sequence[str]
) -> list[str]:
    """Says which pictures are changed before they are given, and which conditions are not the user's."""
    lines = []
    for name, paths in found.items():
        shape = leaves[name].shape
        other = [path for path in paths if _size(path) != shape[1::-1]]
        if other:
            lines.append(
                f"{len(other)} of {len(paths)} pictures are not of {shape[0]}x{shape[1]} px, as {other[0]}: "
                "the square in the middle is taken and scaled"
            )
    if given and (missing := [name for name in leaves if name not in given and name != "label"]):
        lines.append(f"{', '.join(missing)}: of held-out examples, since --given has none")
    return lines


def write_each(samples: np.ndarray, paths: Sequence[Path], folder: Path) -> None:
    """Writes each picture to a PNG in the folder, named as the file it is made from, or by its number.

    Further answers to the same files are `NAME-2.png` and so on; files that differ in the suffix alone keep
    it, as `NAME.jpg.png`.
    """
    if probe(Path.exists, folder) and any(probe(folder.samefile, path.parent) for path in paths):
        raise Refused(f"--out {folder} is the folder of the pictures given, which it would overwrite")
    if probe(Path.exists, folder) and not folder.is_dir():
        raise Refused(f"--out {folder} is a file: give another name for the folder of pictures")
    times = Counter(path.stem for path in paths)
    names = [path.stem if times[path.stem] == 1 else path.name for path in paths]
    for i, pixels in enumerate(quantise(samples)):
        if names:
            turn = f"-{i // len(names) + 1}" if i >= len(names) else ""
            name = f"{names[i % len(names)]}{turn}.png"
        else:
            name = f"{i:06d}.png"
        shown = pixels[..., 0] if pixels.shape[-1] < 3 else pixels[..., :3]
        png.save(np.ascontiguousarray(shown), folder / name)


def _first(x: np.ndarray, n: int) -> np.ndarray:
    return x[np.arange(n) % len(x)]


def _size(path: Path) -> tuple[int, int]:
    """Returns width and height of a picture; (0, 0) of one that cannot be read, refused elsewhere."""
    try:
        with image.open_image(path) as picture:
            return picture.size
    except image.Broken:
        return 0, 0
