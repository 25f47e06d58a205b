"""Sources of examples in an .npz file."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from jaxgan import reading
from jaxgan.data.arrays.checks import check_scale
from jaxgan.data.arrays.named import asks, named
from jaxgan.data.arrays.stored import Arrays, check_arrays, leaves_of, stored
from jaxgan.data.order import stratified_order
from jaxgan.data.source import Source, check_split
from jaxgan.errors import Refused, probe


def npz(
    path: str | Path, split: Literal["train", "test"] = "train", names: Mapping[str, str] | None = None
) -> Source:
    """Returns a source of the arrays "x" and, if present, "label" (or "y") of an .npz file; see `arrays`.

    The held-out examples are "x_test" with "label_test" (or "y_test"); without "x_test", one example in ten,
    stratified by class and independent of any seed. `names` are other arrays, by the leaf that each becomes,
    such as {"x": "photo", "source": "sketch", "text": "caption"}: see `named`.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mine.npz"
    >>> np.savez(path, x=np.zeros((50, 2), np.float32))
    >>> npz(path).size, npz(path, "test").size
    (45, 5)
    """
    check_split(split)
    saved = _read(path)
    try:
        if names is None:
            examples, order, train = _splits(saved)
            check_scale(examples["x"])
            leaves = leaves_of(examples)
        else:
            leaves, examples, order, train = named(saved, names)
    except Refused as error:
        raise Refused(f"{path}: {error}") from error
    number = order[:train] if split == "train" else order[train:]
    if not len(number):
        raise Refused(f"{path} has one example, which cannot be both trained on and held out: add more")
    with reading.open_file(path) as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    text = f"{content} {split}" if names is None else f"{content} {split} {sorted(names.items())}"
    source = stored(leaves, {name: leaf[number] for name, leaf in examples.items()}, text)
    return source if names is None else source._replace(asks=asks(leaves))


def _read(path: str | Path) -> Arrays:
    if not probe(Path.exists, Path(path)):
        raise Refused(f"there is no file {path}")
    saved: Arrays = {}
    try:
        with reading.open_file(path) as file:
            zipped = zipfile.is_zipfile(file)
            file.seek(0)
            if zipped:
                with np.load(file, allow_pickle=False) as content:
                    saved = {name: content[name] for name in content.files}
    except Exception as error:  # its type depends on the compression and on where the file is damaged
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Refused(f"{path} cannot be read: {' '.join(reason.split())}") from error
    if not zipped:
        raise Refused(
            f"{path} is not an .npz file: write one with numpy.savez({str(path)!r}, x=..., label=...)"
        )
    for name, leaf in saved.items():
        if not isinstance(leaf, np.ndarray):
            raise Refused(f"{path} contains {name}, which is not an array: write the file with numpy.savez")
    return saved


def _splits(saved: Mapping[str, np.ndarray]) -> tuple[Arrays, np.ndarray, int]:
    """Returns all examples, an order of them, and how many of that order are for training."""
    train = _load_split(saved, "")
    size = len(train["x"])
    if not saved.keys() & {"x_test", "label_test", "y_test"}:
        return train, stratified_order(train.get("label", np.zeros(size))), size - -(-size // 10)
    test = _load_split(saved, "_test")
    x, x_test = train["x"], test["x"]
    if x_test.shape[1:] != x.shape[1:] or x_test.dtype != x.dtype or test.keys() != train.keys():
        raise Refused('"x_test" must have the shape and type of "x", and labels if and only if "x" has them')
    both = {name: np.concatenate([leaf, test[name]]) for name, leaf in train.items()}
    return both, np.arange(size + len(x_test)), size


def _load_split(saved: Mapping[str, np.ndarray], suffix: str) -> Arrays:
    """Returns the examples of one split of a file and their labels, if any."""
    x, label, y = (f"{name}{suffix}" for name in ("x", "label", "y"))
    if x not in saved:
        raise Refused(
            f'there is no array "{x}", only {", ".join(saved) or "nothing"}: save the examples as "{x}"'
        )
    if label in saved and y in saved:
        raise Refused(f'there are both "{label}" and "{y}": keep one of them')
    return check_arrays(saved[x], saved.get(label, saved.get(y)), x)
