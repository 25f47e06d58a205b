"""Words and attributes that are written beside pictures, in a file of their folder or in one for each."""

import csv
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgan import reading
from jaxgan.data.files.listing import File, printable, stem
from jaxgan.data.kind import Attributes, Leaf, Tokens
from jaxgan.data.words import tokenise, vocabulary_of
from jaxgan.errors import Refused, Unreadable, probe

CAPTIONS = ("captions.txt", "captions.csv")
CELEBA = "list_attr_celeba.txt"
ATTRIBUTES = ("attributes.csv", "list_attr_celeba.csv", CELEBA)
HEADERS = ("file", "file_name", "filename", "image", "name", "picture")  # of the first column


class Beside(NamedTuple):
    """What is written beside pictures: leaves, and their values for each of the pictures.

    The values of "text" are [pictures, texts, words]: a picture with fewer texts than others has empty ones.
    """

    leaves: Mapping[str, Leaf]
    values: Mapping[str, np.ndarray]

    @property
    def fingerprint(self) -> str:
        """Identifies it; "" if there is nothing."""
        digest = hashlib.sha256()
        for name, value in self.values.items():
            digest.update(f"{name} {self.leaves[name].kind}".encode())
            digest.update(np.ascontiguousarray(value).data)
        return f" {digest.hexdigest()}" if self.values else ""

    def examples(self, chosen: Sequence[bool], every: bool) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Returns which of the chosen pictures each example shows, and the values of the examples.

        All pictures with their first text come first, then, with `every`, those that have a second, and on.
        """
        values = {name: value[np.asarray(chosen, bool)] for name, value in self.values.items()}
        if "text" not in values:
            return np.arange(sum(chosen)), values
        text = values.pop("text")
        there = text.any(axis=2)
        there[:, 0], there[:, 1:] = True, there[:, 1:] & every
        nth, picture = np.nonzero(there.T)
        return picture, {**{n: value[picture] for n, value in values.items()}, "text": text[picture, nth]}


def beside(files: Sequence[File]) -> Beside:
    """Reads the words and the attributes beside the pictures of both splits.

    Words, the leaf "text", are in `captions.txt` or `captions.csv`, whose lines are FILE<TAB>WORDS or
    FILE,WORDS, or in NAME.txt beside NAME.png, a line for each text. A picture may have several. Their
    vocabulary is that of the training pictures.
    `attributes.csv` has a header with their names and lines FILE,1,0,... (or -1 for 0), as has CelebA's list,
    with spaces and a first line that counts the pictures. The files are in the folder of the pictures, or of
    each split, and a picture that is missing in them is named.
    """
    leaves: dict[str, Leaf] = {}
    values: dict[str, np.ndarray] = {}
    words = _words(files)
    if words is not None:
        learnt = [texts for texts, file in zip(words, files, strict=True) if not file.held_out]
        most = max(map(len, words))
        padded = [text for texts in words for text in texts + [""] * (most - len(texts))]
        numbers, vocabulary = tokenise(padded, vocabulary_of(list(itertools.chain(*learnt))))
        values["text"] = numbers.reshape(len(words), most, -1)
        leaves["text"] = Leaf(numbers.shape[1:], Tokens(vocabulary), np.int32)
    if attributes := _attributes(files):
        names, values["attributes"] = attributes
        leaves["attributes"] = Leaf((len(names),), Attributes(names))
    return Beside(leaves, values)


def _words(files: Sequence[File]) -> list[list[str]] | None:
    """Returns the texts of each picture, at least one; None if nothing is written."""
    for name in CAPTIONS:
        captions = _lines_by_file(files, name)
        if captions is not None:
            return [[" ".join(words) for words in lines] for _, lines in captions]
    texts = [Path(file.path).with_suffix(".txt") for file in files]
    there = [probe(Path.exists, text) for text in texts]
    if not any(there):
        return None
    if not all(there):
        picture = printable(files[there.index(False)].path)
        raise Refused(f"{picture} has no words beside it, and others have: add a .txt of the same name")
    return [[line for line in _content(text).splitlines() if line.strip()] or [""] for text in texts]


def _attributes(files: Sequence[File]) -> tuple[tuple[str, ...], np.ndarray] | None:
    for name in ATTRIBUTES:
        if found := _lines_by_file(files, name, header=True):
            headers = {tuple(header) for header, _ in found}
            if len(headers) > 1:
                raise Refused(f"the files {name} of both splits have other headers: give them the same")
            rows = [values for _, (values,) in found]
            return headers.pop(), np.array([[float(value) > 0 for value in row] for row in rows], np.float32)
    return None


def _lines_by_file(
    files: Sequence[File], name: str, header: bool = False
) -> list[tuple[list[str], list[list[str]]]] | None:
    """Returns the header and each picture's lines in the file `name`; None if there is no such file."""
    roots = [Path(file.path).parents[len(file.parts) - 1] for file in files]
    tables: dict[Path, tuple[list[str], dict[str, list[list[str]]]]] = {}
    for root in dict.fromkeys(roots):
        if probe(Path.is_file, root / name):
            tables[root] = _table(root / name, header)
    if not tables:
        return None
    found = []
    for root, file in zip(roots, files, strict=True):
        head, lines = tables.get(root, ([], {}))
        if stem(file.parts) not in lines:
            raise Refused(f"{printable(file.path)} has no line in {root / name}: add one")
        found.append((head, lines[stem(file.parts)]))
    return found


def _table(path: Path, header: bool) -> tuple[list[str], dict[str, list[list[str]]]]:
    """Returns the header, and the values of each picture's lines by its path without suffix.

    With a header a picture has one line.
    """
    lines = list(_rows(path))
    head = lines.pop(0)[1][1:] if lines and (header or lines[0][1][0].lower() in HEADERS) else []
    table: dict[str, list[list[str]]] = {}
    for number, (picture, *values) in lines:
        key = stem(picture.split("/"))
        if header and key in table:
            raise Refused(f"{path}, line {number}: {picture} has a line before: keep one of them")
        if header and len(values) != len(head):
            raise Refused(f"{path}, line {number}: {len(values)} values, but the header names {len(head)}")
        if header and (wrong := [value for value in values if value not in ("0", "1", "-1")]):
            raise Refused(f"{path}, line {number}: {wrong[0]!r} is neither 1 nor 0 or -1")
        table.setdefault(key, []).append(values)
    return head, table


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yields the number and the cells of each line that is not empty."""
    content = _content(path).splitlines()
    table: Iterable[list[str]]
    if path.name == CELEBA:  # the number of pictures, the names of attributes, a line for each picture
        count, names, *lines = content if len(content) > 1 else ["", ""]
        if not count.strip().isdigit():
            raise Refused(f"{path}, line 1: CelebA's list begins with the number of pictures, not {count!r}")
        table = [[], ["file", *names.split()], *(line.split() for line in lines)]
    elif path.suffix == ".csv":
        table = csv.reader(content)
    else:
        table = [_at_first_separator(line) for line in content]
    for number, cells in enumerate(table, 1):
        row = [cell.strip() for cell in cells]
        if any(row):
            if len(row) < 2:
                raise Refused(f"{path}, line {number}: a picture's file is followed by a tab or a comma")
            yield number, row


def _at_first_separator(line: str) -> list[str]:
    return line.split("\t" if "\t" in line else ",", 1)


def _content(path: Path) -> str:
    try:
        return reading.content(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise Unreadable(f"{printable(str(path))} cannot be read: {reason}") from error
