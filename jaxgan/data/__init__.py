"""Sources of examples: a batch is a pure function of (key, step)."""

from __future__ import annotations

from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import lazy_loader

from jaxgan.errors import Refused, probe

if TYPE_CHECKING:
    from jaxgan.data import arrays as arrays
    from jaxgan.data import kind as kind
    from jaxgan.data import mixtures as mixtures
    from jaxgan.data import pairs as pairs
    from jaxgan.data import source as source
    from jaxgan.data.few import few as few
    from jaxgan.data.few_labels import few_labels as few_labels
    from jaxgan.data.resize import resized as resized
    from jaxgan.data.source import Modes as Modes
    from jaxgan.data.source import Source as Source
    from jaxgan.data.source import batch as batch
    from jaxgan.data.source import examples as examples
    from jaxgan.data.source import labelled as labelled

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submodules=["arrays", "kind", "mixtures", "pairs", "source"],
    submod_attrs={
        "few": ["few"],
        "few_labels": ["few_labels"],
        "resize": ["resized"],
        "source": ["Modes", "Source", "batch", "examples", "labelled"],
    },
)

KNOWN = ("digits", "shapes", "described_shapes", "glyphs", "ring", "grid", "gaussian_1200d", "spiral")
PREFIXES = ("stacked:", "mirrored:", "swapped:", "pairs:", "sides:")
GROUP = ":group="  # after a folder: how the name of a thing that several pictures show ends


def parts_of(name: str) -> tuple[str, str, str]:
    """Returns what is before, in and after the path, or the name of a data set, in a name for `load`.

    >>> parts_of("mirrored:pairs:faces:group=_"), parts_of("a.npz:x=photo,text"), parts_of("stacked:digits")
    (('mirrored:pairs:', 'faces', ':group=_'), ('', 'a.npz', ':x=photo,text'), ('stacked:', 'digits', ''))
    """
    path = name
    while path.startswith(PREFIXES):
        path = path.partition(":")[2]
    before, after = name.removesuffix(path), ""
    if ".npz:" in path:
        after = ":" + path.rpartition(".npz:")[2]
    elif GROUP in path:
        after = GROUP + path.partition(GROUP)[2]
    return before, path.removesuffix(after), after


def load(name: str, size: int = 0, split: Literal["train", "test"] = "train") -> Source:
    """Returns a source by name; images are resized to `size` px unless it is 0.

    A name is one of KNOWN, "tfds:NAME", the path of an .npz file, possibly with the arrays to take, as in
    "a.npz:x=photo,source=sketch,text", or the path of a folder of images. "pairs:FOLDER" has the subfolders
    "source" and "x", or "A" and "B", of pictures that are matched by name; "sides:FOLDER" pictures side by
    side in one file. After a folder, ":group=_" puts pictures of one thing, their name up to "_", into one
    split. The prefix "stacked:" makes three grey images the channels of one; "mirrored:" adds the mirror
    image of every training image; "swapped:" takes pairs the other way round, "source" as the answer. Sources
    that generate new examples without end have one split only.

    >>> load("ring").shape, load("digits", size=16).shape, load("stacked:digits").shape
    ((2,), (16, 16, 1), (8, 8, 3))
    """
    from jaxgan.data.source import check_split

    check_split(split)
    source = _load(name, size, split)
    if split == "test" or source.size is None:
        return source
    return source._replace(held_out=partial(load, name, size, "test"))


def _load(name: str, size: int, split: Literal["train", "test"]) -> Source:
    from jaxgan.data.resize import resized

    if name.startswith("stacked:"):
        from jaxgan.data.stacked import stacked

        return stacked(load(name.removeprefix("stacked:"), size, split))
    if name.startswith("mirrored:"):
        from jaxgan.data.mirror import mirrored

        source = load(name.removeprefix("mirrored:"), size, split)
        return mirrored(source) if split == "train" else source
    if name.startswith("swapped:"):
        from jaxgan.data import pairs

        return pairs.swapped(load(name.removeprefix("swapped:"), size, split))
    if name.startswith("tfds:"):
        from jaxgan.data.tfds import tfds

        return tfds(name.removeprefix("tfds:"), size, split)
    for prefix, read in (("pairs:", "subfolders"), ("sides:", "side_by_side")):
        if name.startswith(prefix):
            from jaxgan.data import pairs

            _, path, group = parts_of(name)
            return getattr(pairs, read)(path, size, split, group.removeprefix(GROUP))
    # the path "" would be the working directory
    _, path, after = parts_of(name)
    if path and name not in KNOWN and probe(Path.is_dir, Path(path)):
        from jaxgan.data.folder import folder

        return folder(path, size, split, after.removeprefix(GROUP))
    source = _load_in_memory(name, split)
    return resized(source, size) if size else source


def _load_in_memory(name: str, split: Literal["train", "test"]) -> Source:
    """Returns a source that is kept in memory or generated."""
    from jaxgan.data import arrays, digits, glyphs, mixtures, shapes

    match name:
        case "digits":
            return digits.digits(split)
        case "shapes":
            return shapes.shapes(split)
        case "described_shapes":
            return shapes.described_shapes(split)
        case "glyphs":
            return glyphs.glyphs(split)
        case "ring" | "grid" | "gaussian_1200d" | "spiral":
            return getattr(mixtures, name)()
        case _ if name.endswith(".npz"):
            return arrays.npz(name, split)
        case _ if ".npz:" in name:
            _, path, names = parts_of(name)
            return arrays.npz(path, split, arrays.parse_names(names.removeprefix(":")))
    suggestion = "".join(f" (did you mean {near}?)" for near in get_close_matches(name, KNOWN, n=1))
    raise Refused(
        f"no data set is called {name!r}{suggestion}: there are {', '.join(KNOWN)}, tfds:NAME, and paths of "
        ".npz files and of folders of images; pairs:FOLDER and sides:FOLDER are pairs; each may have "
        "the prefix stacked: or mirrored:, and pairs swapped:"
    )
