"""Reads the conditions of `--given`: `label=3`, a folder of pictures, an .npz, a text file."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import singledispatch
from pathlib import Path

import numpy as np

from jaxgan import reading
from jaxgan.data import image
from jaxgan.data.folder import SUFFIXES
from jaxgan.data.kind import Attributes, Image, Kind, Label, Leaf, Mask, Tokens
from jaxgan.data.words import SPECIAL, split_words
from jaxgan.errors import Refused, probe

Conditions = dict[str, np.ndarray]


def read_given(args: Sequence[str], leaves: Mapping[str, Leaf]) -> Conditions:
    """Returns the conditions [n, ...] in the arguments, by name, for the `leaves` that the generator takes.

    An argument is NAME=VALUE for a label, NAME=PATH, or a PATH that fits only one leaf; an .npz has names.

    >>> from jaxgan.data.kind import label
    >>> read_given(["label=3"], {"label": label(10)})
    {'label': array([3], dtype=int32)}
    """
    conditions: Conditions = {}
    for text in args:
        name, equals, value = text.partition("=")
        if not leaves:
            raise Refused(f"--given {text}: this generator takes no conditions")
        if not equals or name not in leaves:
            if equals and not probe(Path.exists, Path(text)):
                raise Refused(f"--given {text}: the generator takes no {name}, only {', '.join(leaves)}")
            conditions |= _from_path(Path(text), leaves)
        elif value and probe(Path.exists, Path(value)):
            conditions |= _from_path(Path(value), {name: leaves[name]})
        else:
            parsed = parse(leaves[name].kind, value, text)
            conditions[name] = _padded(np.asarray([parsed], leaves[name].dtype), leaves[name])
    return {name: _checked(name, x, leaves[name]) for name, x in conditions.items()}


@singledispatch
def parse(kind: Kind, value: str, text: str) -> object:
    """Returns the condition of this kind that `value` stands for: `3` is a label, `a red cat` a text."""
    raise Refused(f"--given {text}: there is no file {value}")


@parse.register
def _(kind: Label, value: str, text: str) -> int:
    if not value.isdigit() or int(value) >= kind.classes:
        raise Refused(f"--given {text}: labels are from 0 to {kind.classes - 1}")
    return int(value)


@parse.register
def _(kind: Tokens, value: str, text: str) -> list[int]:
    return _numbers(kind, value, f"--given {text}")


@parse.register
def _(kind: Attributes, value: str, text: str) -> list[float]:
    return _attributes(kind, value.split(","), f"--given {text}")


@singledispatch
def read(kind: Kind, leaf: Leaf, path: Path) -> np.ndarray | None:
    """Returns the conditions [n, ...] of this kind in a file or folder, None if it cannot hold any."""
    return None


@read.register
def _(kind: Image, leaf: Leaf, path: Path) -> np.ndarray | None:
    paths = path.iterdir() if path.is_dir() else [path]
    files = sorted(file for file in paths if file.suffix.lower() in SUFFIXES)
    if not files or leaf.shape[0] != leaf.shape[1]:
        return None
    pictures = []
    for file in files:
        try:
            pictures.append(image.read_square(file, leaf.shape))
        except image.Broken as error:
            raise Refused(f"{file} cannot be read: {error}") from None
    return np.stack(pictures).astype(np.float32) / 127.5 - 1


@read.register
def _(kind: Mask, leaf: Leaf, path: Path) -> np.ndarray | None:
    pictures = read(Image(), leaf, path)
    return None if pictures is None else np.float32(pictures > 0)


@read.register
def _(kind: Tokens, leaf: Leaf, path: Path) -> np.ndarray | None:
    if path.suffix.lower() != ".txt":
        return None
    rows = []
    for line, text in enumerate(_lines(path), 1):
        numbers = _numbers(kind, text, f"{path}, line {line}")
        padded = _padded(np.asarray([numbers], np.int64), leaf)
        if padded.shape[1] != leaf.shape[0]:
            raise Refused(
                f"{path}, line {line}: {len(numbers)} words, but the generator takes {leaf.shape[0]}"
            )
        rows.append(padded[0])
    return np.asarray(rows)


@read.register
def _(kind: Attributes, leaf: Leaf, path: Path) -> np.ndarray | None:
    if path.suffix.lower() not in (".txt", ".csv"):
        return None
    lines = [(f"{path}, line {n}", line.split(",")) for n, line in enumerate(_lines(path), 1)]
    return np.asarray([_attributes(kind, cells, where) for where, cells in lines], np.float32)


def _numbers(kind: Tokens, text: str, where: str) -> list[int]:
    """Returns the numbers of the words of a text; refuses words that the vocabulary has not."""
    number = {word: n for n, word in enumerate(kind.vocabulary)}
    if kind.vocabulary[: len(SPECIAL)] == SPECIAL:
        words = split_words(text)
    else:
        words = text.split(kind.join) if kind.join else list(text)
    unknown = [word for word in dict.fromkeys(words) if word not in number]
    if unknown:
        near = "".join(f" (did you mean {word}?)" for word in get_close_matches(unknown[0], number, n=1))
        names = ", ".join(map(repr, unknown))
        verb = "is" if len(unknown) == 1 else "are"
        raise Refused(f"{where}: {names} {verb} not in the vocabulary{near if len(unknown) == 1 else ''}")
    return [number[word] for word in words]


def _attributes(kind: Attributes, cells: Sequence[str], where: str) -> list[float]:
    """Returns 1 for each attribute that is named, or for each cell that is 1, and 0 for the others."""
    cells = [cell.strip() for cell in cells if cell.strip()]
    if all(cell in ("0", "1", "-1") for cell in cells) and cells:
        if len(cells) != len(kind.names):
            raise Refused(f"{where}: {len(cells)} attributes, but the generator takes {len(kind.names)}")
        return [float(cell == "1") for cell in cells]
    for cell in cells:
        if cell not in kind.names:
            near = "".join(f" (did you mean {name}?)" for name in get_close_matches(cell, kind.names, n=1))
            raise Refused(f"{where}: there is no attribute {cell}{near}, only {', '.join(kind.names)}")
    return [float(name in cells) for name in kind.names]


def _padded(numbers: np.ndarray, leaf: Leaf) -> np.ndarray:
    """Fills up short sequences with the word "", if it is the first of the vocabulary."""
    if not isinstance(leaf.kind, Tokens) or leaf.kind.vocabulary[0] != "":
        return numbers
    return np.pad(numbers, [(0, 0), (0, max(0, leaf.shape[0] - numbers.shape[1]))])


def _lines(path: Path) -> list[str]:
    try:
        return reading.content(path).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read: {_why(error)}") from None


def _from_path(path: Path, leaves: Mapping[str, Leaf]) -> Conditions:
    if not probe(Path.exists, path):
        raise Refused(f"--given {path}: there is no such file; for a label write label=3")
    if path.suffix.lower() == ".npz":
        try:
            with reading.open_file(path) as opened, np.load(opened) as file:
                arrays = {name: file[name] for name in file.files if name in leaves}
        except Exception as error:  # of many types, depending on how it is packed and where it is damaged
            raise Refused(f"{path} cannot be read: {_why(error)}") from None
        if not arrays:
            raise Refused(f"{path} has none of the conditions of the generator: {', '.join(leaves)}")
        return arrays
    arrays = {name: x for name, leaf in leaves.items() if (x := read(leaf.kind, leaf, path)) is not None}
    if not arrays:
        raise Refused(f"--given {path}: no condition can be read from it; give an .npz of arrays")
    if len(arrays) > 1:
        example = f"{next(iter(arrays))}={path}"
        raise Refused(f"--given {path}: say which of {', '.join(arrays)} it is, as in {example}")
    return arrays


def _why(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__


def _checked(name: str, x: np.ndarray, leaf: Leaf) -> np.ndarray:
    if x.shape[1:] != leaf.shape or not len(x):
        raise Refused(f"{name} has the shape {list(x.shape)}, but the generator takes {['n', *leaf.shape]}")
    if np.issubdtype(leaf.dtype, np.integer) != np.issubdtype(x.dtype, np.integer) and x.dtype != np.uint8:
        raise Refused(f"{name} is {x.dtype}, but the generator takes {np.dtype(leaf.dtype)}")
    if x.dtype == np.uint8 and isinstance(leaf.kind, Image):
        x = x.astype(np.float32) / 127.5 - 1
    if isinstance(leaf.kind, Mask):
        x = x > 0
    return x.astype(leaf.dtype)
