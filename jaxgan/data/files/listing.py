"""The images below a folder, their splits and their fingerprint."""

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxgan import reading
from jaxgan.errors import Refused, Unreadable

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff"})
HELD_OUT = ("test", "validation", "valid", "val")  # names of the held-out folder, the first that exists
HASHED = 10_000, 2**29  # images, and bytes, that the fingerprint reads at most

Thing = Callable[[Sequence[str]], str]  # what an image shows, by the parts of its path


class File(NamedTuple):
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
        other = printable(next(iter(others.values())))
        raise Refused(
            f"{root} has {train} and {other}, but the held-out folder must be called {', '.join(HELD_OUT)}: "
            f"rename or move {other}, or {train} if it is a class"
        )
    return root / train, root / (held_out or [train])[0]


def whole(parts: Sequence[str]) -> str:
    """Returns the path of an image.

    >>> whole(("cat", "1.left.png"))
    'cat/1.left.png'
    """
    return "/".join(parts)


def stem(parts: Sequence[str]) -> str:
    """Returns the path of an image without its suffix, by which it is matched with others.

    >>> stem(("cat", "1.left.png"))
    'cat/1.left'
    """
    return "/".join([*parts[:-1], os.path.splitext(parts[-1])[0]])


def list_files(root: Path, thing: Thing = whole) -> tuple[Path, Path, list[File]]:
    """Returns the folders of both splits and all images, sorted; separate training images come first.

    Of one folder a tenth is held out, by a hash of the `thing` that an image shows, so that images of one
    thing are in one split.
    """
    try:
        train, test = _split_folders(root)
        if train == test:
            files = sorted(_walk(train))
            return train, test, [file._replace(held_out=_is_held_out(thing(file.parts))) for file in files]
        files = [*sorted(_walk(train)), *sorted(file._replace(held_out=True) for file in _walk(test))]
    except OSError as error:
        broken_link = os.path.islink(error.filename) and not os.path.exists(error.filename)
        reason = "it is a link to nothing; remove it" if broken_link else error.strerror
        raise Unreadable(f"{printable(error.filename)} cannot be read: {reason}") from error
    if thing not in (whole, stem):
        _check_apart(files, thing)
    return train, test, files


def up_to(separator: str) -> Thing:
    """Returns what an image shows if its name is that up to a separator: the path without the rest.

    >>> up_to("_")(("pets", "cat_01_left.png")), up_to("")(("pets", "cat_01.png"))
    ('pets/cat', 'pets/cat_01')
    """
    if not separator:
        return stem
    return lambda parts: "/".join([*parts[:-1], os.path.splitext(parts[-1])[0].split(separator)[0]])


def _is_held_out(thing: str) -> bool:
    return zlib.crc32(os.fsencode(thing)) % 10 == 0


def _check_apart(files: Sequence[File], thing: Thing) -> None:
    """Raises Refused if one thing is both in the folder of training and in that of held-out images."""
    trained = {thing(file.parts): file.path for file in files if not file.held_out}
    for file in files:
        if file.held_out and (other := trained.get(thing(file.parts))):
            raise Refused(
                f"{printable(file.path)} is held out, but shows the same as {printable(other)}: move it there"
            )


def _walk(folder: Path | str, parts: tuple[str, ...] = (), above: tuple[str, ...] = ()) -> Iterator[File]:
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
                yield from _walk(entry.path, path, (*above, target))
            elif _is_image(entry.name):
                yield File(path, entry.path, entry.stat().st_size, False)


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def fingerprint(files: Sequence[File], classes: Sequence[str] = ()) -> str:
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
            raise Unreadable(f"{printable(file.path)} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _hash_file(digest: "hashlib._Hash", path: Path) -> None:
    """Reads in blocks, since a file with an image's suffix may have any size."""
    with reading.open_file(path) as file:
        while block := file.read(2**20):
            digest.update(block)


def printable(file: str) -> str:
    """Escapes the bytes of a file name that are not text."""
    return file.encode(errors="backslashreplace").decode()
