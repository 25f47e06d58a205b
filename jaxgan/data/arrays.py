"""Sources of examples that are arrays, in memory or in an .npz file."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxgan import reading
from jaxgan.data.kind import of_array, with_label
from jaxgan.data.order import stratified_order
from jaxgan.data.source import Source, check_split
from jaxgan.errors import Refused, probe
from jaxgan.parts.types import Array, Batch, Key, PyTree

Arrays = dict[str, np.ndarray]  # "x" and, if there are labels, "label"
MAX_PIXEL = 10  # above the absolute values of images in [-1, 1] and of images standardised to mean 0


def arrays(x: ArrayLike, label: ArrayLike | None = None) -> Source:
    """Returns a source of the examples x [N, ...], with labels 0..K-1 if given.

    uint8 arrays are images [N, H, W] or [N, H, W, C]: they are stored as bytes on the device, and `take`
    returns x / 127.5 - 1. Floats are stored as float32 and not scaled: scale images [N, H, W, C] to [-1, 1]
    first. The arrays are copied.

    >>> source = arrays(np.zeros((5, 28, 28), np.uint8), [0, 1, 2, 0, 1])
    >>> source.shape, source.size, source.classes
    ((28, 28, 1), 5, 3)
    """
    examples = _check_arrays(np.asarray(x), None if label is None else np.asarray(label))
    _check_scale(examples["x"])
    digest = hashlib.sha256()
    for leaf in examples.values():
        digest.update(f"{leaf.dtype} {leaf.shape} ".encode())
        digest.update(np.ascontiguousarray(leaf).data)
    return _source(examples, _count_classes(examples), digest.hexdigest())


def npz(path: str | Path, split: Literal["train", "test"] = "train") -> Source:
    """Returns a source of the arrays "x" and, if present, "label" (or "y") of an .npz file; see `arrays`.

    The held-out examples are "x_test" with "label_test" (or "y_test"); without "x_test", one example in ten,
    stratified by class and independent of any seed.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mine.npz"
    >>> np.savez(path, x=np.zeros((50, 2), np.float32))
    >>> npz(path).size, npz(path, "test").size
    (45, 5)
    """
    check_split(split)
    saved = _read(path)
    try:
        examples, order, train = _splits(saved)
        _check_scale(examples["x"])
        classes = _count_classes(examples)
    except Refused as error:
        raise Refused(f"{path}: {error}") from error
    number = order[:train] if split == "train" else order[train:]
    if not len(number):
        raise Refused(f"{path} has one example, which cannot be both trained on and held out: add more")
    with reading.open_file(path) as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return _source({name: leaf[number] for name, leaf in examples.items()}, classes, f"{content} {split}")


def _source(examples: Arrays, classes: int, fingerprint: str) -> Source:
    x = examples["x"]
    # copied by NumPy: on CPU JAX shares the caller's memory, or copies it only later
    copies = {name: np.array(leaf, np.int32 if name == "label" else None) for name, leaf in examples.items()}
    stored = {name: jnp.asarray(leaf) for name, leaf in copies.items()}
    return Source(with_label(of_array(x), classes), len(x), stored, _take, fingerprint=fingerprint)


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
    return _check_arrays(saved[x], saved.get(label, saved.get(y)), x)


def _check_arrays(x: np.ndarray, label: np.ndarray | None, name: str = "x") -> Arrays:
    examples = {"x": _check_examples(x, name)}
    return examples if label is None else {**examples, "label": _check_labels(label, len(x), name)}


def _take(arrays: PyTree, key: Key, number: Array) -> Batch:
    taken = {name: array[number] for name, array in arrays.items()}
    if taken["x"].dtype == jnp.uint8:
        taken["x"] = taken["x"].astype(jnp.float32) / 127.5 - 1
    return taken


def _check_examples(x: np.ndarray, name: str) -> np.ndarray:
    if x.size == 0:
        raise Refused(f"there are no examples: {name} has the shape {x.shape}")
    if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] > 4:
        raise Refused(
            f"{name} {x.shape} has its channels first: move the channels last, by x.transpose(0, 2, 3, 1)"
        )
    if x.dtype == np.uint8:
        if x.ndim not in (3, 4):
            raise Refused(
                f"{name} {x.shape} is uint8, which is for images [N, H, W] or [N, H, W, C]: give other data "
                "as floats"
            )
        return x if x.ndim == 4 else x[..., None]
    if not np.issubdtype(x.dtype, np.floating):
        raise Refused(f"{name} is {x.dtype}: give images as uint8 (0 to 255) or any data as float32")
    if x.ndim < 2:
        raise Refused(f"{name} needs an axis of examples and at least one more, not the shape {x.shape}")
    with np.errstate(over="ignore"):
        x = x.astype(np.float32)
    bad = ~np.isfinite(x.reshape(len(x), -1)).all(axis=1)
    if bad.any():
        raise Refused(
            f"{bad.sum()} of {len(x)} examples contain NaN or infinity (as float32), the first is "
            f"{name}[{int(np.argmax(bad))}]: remove or repair them"
        )
    low, high = float(x.min()), float(x.max())
    if x.ndim == 4 and max(-low, high) > MAX_PIXEL:
        raise Refused(
            f"{name} has images from {low:g} to {high:g}, far outside [-1, 1]: scale them; for values from 0 "
            "to 255 use x / 127.5 - 1, or give them as uint8"
        )
    return x


def _check_scale(x: np.ndarray) -> None:
    """Raises Refused for images in [0, 1]. Needs both splits: the few held-out images may all be bright."""
    low, high = float(x.min()), float(x.max())
    if x.dtype != np.uint8 and x.ndim == 4 and 0 <= low < high <= 1:
        raise Refused(f"x has images from {low:g} to {high:g}, not in [-1, 1]: scale them, by 2 * x - 1")


def _check_labels(label: np.ndarray, examples: int, name: str) -> np.ndarray:
    if label.shape != (examples,):
        raise Refused(
            f"the labels of {name} have the shape {label.shape}, not ({examples},): give one integer each"
        )
    if not np.issubdtype(label.dtype, np.integer):
        raise Refused(f"the labels of {name} are {label.dtype}: give integers 0, 1, 2, ...")
    return label.astype(np.int64)


def _count_classes(examples: Arrays) -> int:
    if "label" not in examples:
        return 0
    present = np.unique(examples["label"])
    if present[0] < 0:
        raise Refused(f"a label is {present[0]}: number the classes from 0")
    gaps = np.flatnonzero(present != np.arange(len(present)))
    if len(gaps):
        raise Refused(
            f"no example has the label {gaps[0]} but one has {present[-1]}: number the classes 0 to "
            f"{len(present) - 1} without gaps"
        )
    return len(present)
