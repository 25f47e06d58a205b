"""Conditions of one's own to sample under: `--given label=3`, a folder of pictures, an .npz, a text file."""

from collections.abc import Mapping, Sequence
from functools import singledispatch
from pathlib import Path

import numpy as np

from jaxgan import reading
from jaxgan.data import image
from jaxgan.data.folder import SUFFIXES
from jaxgan.data.kind import Image, Kind, Label, Leaf, Tokens
from jaxgan.errors import Refused, probe

Conditions = dict[str, np.ndarray]


def read_given(asked: Sequence[str], leaves: Mapping[str, Leaf]) -> Conditions:
    """The conditions that are asked for, by name [n, ...], of the leaves that the generator reads.

    Each is NAME=VALUE of a label, NAME=PATH, or a PATH that can only be of one leaf: an .npz names its own.

    >>> from jaxgan.data.kind import label
    >>> read_given(["label=3"], {"label": label(10)})
    {'label': array([3], dtype=int32)}
    """
    conditions: Conditions = {}
    for text in asked:
        name, equals, value = text.partition("=")
        if not leaves:
            raise Refused(f"--given {text}: this generator is told nothing, so there is nothing to give")
        if not equals or name not in leaves:
            if equals and not probe(Path.exists, Path(text)):
                raise Refused(f"--given {text}: the generator is not told {name}, but {', '.join(leaves)}")
            conditions |= _from_path(Path(text), leaves)
        elif probe(Path.exists, Path(value)):
            conditions |= _from_path(Path(value), {name: leaves[name]})
        else:
            conditions[name] = np.asarray([one(leaves[name].kind, value, text)], leaves[name].dtype)
    return {name: _fitting(name, x, leaves[name]) for name, x in conditions.items()}


@singledispatch
def one(kind: Kind, value: str, text: str) -> object:
    """A condition of this kind that is written out in a word, as `3` is a label."""
    raise Refused(f"--given {text}: there is no file {value}")


@one.register
def _(kind: Label, value: str, text: str) -> int:
    if not value.isdigit() or int(value) >= kind.classes:
        raise Refused(f"--given {text}: labels are from 0 to {kind.classes - 1}")
    return int(value)


@singledispatch
def read(kind: Kind, leaf: Leaf, path: Path) -> np.ndarray | None:
    """The conditions [n, ...] of this kind that a path holds, None where it is no place for such."""
    return None


@read.register
def _(kind: Image, leaf: Leaf, path: Path) -> np.ndarray | None:
    there = path.iterdir() if path.is_dir() else [path]
    files = sorted(file for file in there if file.suffix.lower() in SUFFIXES)
    if not files or leaf.shape[0] != leaf.shape[1]:
        return None
    pictures = []
    for file in files:
        try:
            pictures.append(image.square(file, leaf.shape))
        except image.Broken as error:
            raise Refused(f"{file} cannot be read: {error}") from None
    return np.stack(pictures).astype(np.float32) / 127.5 - 1


@read.register
def _(kind: Tokens, leaf: Leaf, path: Path) -> np.ndarray | None:
    if path.suffix.lower() != ".txt":
        return None
    number = {word: n for n, word in enumerate(kind.vocabulary)}
    rows = []
    try:
        lines = reading.content(path).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read: {_why(error)}") from None
    for line, text in enumerate(lines, 1):
        words = text.split(kind.join) if kind.join else list(text)
        if unknown := [word for word in words if word not in number]:
            raise Refused(f"{path}, line {line}: {unknown[0]!r} is not in the vocabulary")
        if len(words) != leaf.shape[0]:
            raise Refused(f"{path}, line {line}: {len(words)} words, where there are to be {leaf.shape[0]}")
        rows.append([number[word] for word in words])
    return np.asarray(rows)


def _from_path(path: Path, leaves: Mapping[str, Leaf]) -> Conditions:
    if not probe(Path.exists, path):
        raise Refused(f"--given {path}: there is no such file; of a label it is label=3")
    if path.suffix.lower() == ".npz":
        try:
            with reading.open_file(path) as opened, np.load(opened) as file:
                there = {name: file[name] for name in file.files if name in leaves}
        except Exception as error:  # of many kinds, by how it is packed and by where it is damaged
            raise Refused(f"{path} cannot be read: {_why(error)}") from None
        if not there:
            raise Refused(f"{path} has none of {', '.join(leaves)}, which the generator is told")
        return there
    found = {name: x for name, leaf in leaves.items() if (x := read(leaf.kind, leaf, path)) is not None}
    if len(found) != 1:
        several = f"say which of {', '.join(found)} it is, as in {next(iter(found), '')}={path}"
        raise Refused(f"--given {path}: {several if found else 'it is no condition; give an .npz of arrays'}")
    return found


def _why(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split()) or type(error).__name__


def _fitting(name: str, x: np.ndarray, leaf: Leaf) -> np.ndarray:
    if x.shape[1:] != leaf.shape or not len(x):
        raise Refused(f"{name} is {list(x.shape)}, where the generator is told {['n', *leaf.shape]}")
    if np.issubdtype(leaf.dtype, np.integer) != np.issubdtype(x.dtype, np.integer) and x.dtype != np.uint8:
        raise Refused(f"{name} is {x.dtype}, where the generator is told {np.dtype(leaf.dtype)}")
    if x.dtype == np.uint8 and isinstance(leaf.kind, Image):
        x = x.astype(np.float32) / 127.5 - 1
    return x.astype(leaf.dtype)
