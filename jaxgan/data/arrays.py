"""Examples that are already arrays, in memory or in an .npz file."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Literal

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxgan import reading
from jaxgan.data.kind import of_array, with_label
from jaxgan.data.order import spread
from jaxgan.data.source import Source, check_split
from jaxgan.errors import Refused, probe
from jaxgan.parts.types import Array, Batch, Key, PyTree

Held = dict[str, np.ndarray]  # "x" and, where there are labels, "label"
FAR = 10  # images in [-1, 1] lie well within this, and so do those of mean 0 and deviation 1


def arrays(x: ArrayLike, label: ArrayLike | None = None) -> Source:
    """A source of the examples x [N, ...], with labels 0..K-1 where given.

    uint8 is taken for images [N, H, W] or [N, H, W, C]: kept as bytes on the device, and x / 127.5 - 1 when
    taken. Floats are kept as they are, as float32: bring images [N, H, W, C] to [-1, 1] first. What is
    given is copied.

    >>> source = arrays(np.zeros((5, 28, 28), np.uint8), [0, 1, 2, 0, 1])
    >>> source.shape, source.size, source.classes
    ((28, 28, 1), 5, 3)
    """
    held = _pair(np.asarray(x), None if label is None else np.asarray(label))
    _not_from_0(held["x"])
    digest = hashlib.sha256()
    for leaf in held.values():
        digest.update(f"{leaf.dtype} {leaf.shape} ".encode())
        digest.update(np.ascontiguousarray(leaf).data)
    return _source(held, _classes(held), digest.hexdigest())


def npz(path: str | Path, split: Literal["train", "test"] = "train") -> Source:
    """A source of the arrays "x" and, where there is one, "label" (or "y") of an .npz file; see `arrays`.

    Held out are "x_test" and its "label_test" (or "y_test"), or else one example in ten, evenly over the
    classes: which ones, no seed changes.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mine.npz"
    >>> np.savez(path, x=np.zeros((50, 2), np.float32))
    >>> npz(path).size, npz(path, "test").size
    (45, 5)
    """
    check_split(split)
    saved = _read(path)
    try:
        held, order, kept = _parts(saved)
        _not_from_0(held["x"])
        classes = _classes(held)
    except Refused as error:
        raise Refused(f"{path}: {error}") from error
    chosen = order[:kept] if split == "train" else order[kept:]
    if not len(chosen):
        raise Refused(f"{path} has one example: it cannot be held out and trained on")
    with reading.open_file(path) as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return _source({name: leaf[chosen] for name, leaf in held.items()}, classes, f"{content} {split}")


def _source(held: Held, classes: int, fingerprint: str) -> Source:
    x = held["x"]
    # NumPy's copy: JAX's shares the caller's memory, where the device is the CPU, or copies it only later
    own = {name: np.array(leaf, np.int32 if name == "label" else None) for name, leaf in held.items()}
    kept = {name: jnp.asarray(leaf) for name, leaf in own.items()}
    return Source(with_label(of_array(x), classes), len(x), kept, _take, fingerprint=fingerprint)


def _read(path: str | Path) -> dict[str, np.ndarray]:
    if not probe(Path.exists, Path(path)):
        raise Refused(f"there is no file {path}")
    try:
        with reading.open_file(path) as opened:
            zipped = zipfile.is_zipfile(opened)
            opened.seek(0)
            saved = _unzipped(opened) if zipped else {}
    except Exception as error:  # of many kinds, by how it is packed and by where it is damaged
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Refused(f"{path} cannot be read: {' '.join(said.split())}") from error
    if not zipped:
        raise Refused(
            f"{path} is not an .npz file: write one with numpy.savez({str(path)!r}, x=..., label=...)"
        )
    if odd := [name for name, leaf in saved.items() if not isinstance(leaf, np.ndarray)]:
        raise Refused(f"{path} holds {odd[0]}, which is no array: write the file with numpy.savez")
    return saved


def _unzipped(opened: BinaryIO) -> dict[str, np.ndarray]:
    with np.load(opened, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _parts(saved: Mapping[str, np.ndarray]) -> tuple[Held, np.ndarray, int]:
    """All examples, an order of them, and how many of that are to train on."""
    held = _named(saved, "")
    size = len(held["x"])
    if not saved.keys() & {"x_test", "label_test", "y_test"}:
        return held, spread(held.get("label", np.zeros(size))), size - -(-size // 10)
    test = _named(saved, "_test")
    x, x_test = held["x"], test["x"]
    if x_test.shape[1:] != x.shape[1:] or x_test.dtype != x.dtype or test.keys() != held.keys():
        raise Refused('"x_test" is not like "x" in shape, type or having labels')
    whole = {name: np.concatenate([leaf, test[name]]) for name, leaf in held.items()}
    return whole, np.arange(size + len(x_test)), size


def _named(saved: Mapping[str, np.ndarray], suffix: str) -> Held:
    """The examples and their labels, if any, of one part of a file."""
    x, label, y = (f"{name}{suffix}" for name in ("x", "label", "y"))
    if x not in saved:
        raise Refused(
            f'there is no array "{x}", only {", ".join(saved) or "nothing"}: save the examples as "{x}"'
        )
    if label in saved and y in saved:
        raise Refused(f'there are both "{label}" and "{y}": keep one of them')
    return _pair(saved[x], saved.get(label, saved.get(y)), x)


def _pair(x: np.ndarray, label: np.ndarray | None, name: str = "x") -> Held:
    """Examples and labels that are known to go together."""
    held = {"x": _examples(x, name)}
    return held if label is None else {**held, "label": _labels(label, len(x), name)}


def _take(arrays: PyTree, key: Key, number: Array) -> Batch:
    taken = {name: array[number] for name, array in arrays.items()}
    if taken["x"].dtype == jnp.uint8:
        taken["x"] = taken["x"].astype(jnp.float32) / 127.5 - 1
    return taken


def _examples(x: np.ndarray, name: str) -> np.ndarray:
    if x.size == 0:
        raise Refused(f"there are no examples: {name} has the shape {x.shape}")
    if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] > 4:
        raise Refused(
            f"{name} {x.shape} has its channels first: move the channels last, by x.transpose(0, 2, 3, 1)"
        )
    if x.dtype == np.uint8:
        if x.ndim not in (3, 4):
            raise Refused(
                f"bytes are images [N, H, W] or [N, H, W, C], not {name} {x.shape}: give other data as floats"
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
            f"{bad.sum()} of {len(x)} examples hold NaN or infinity (as float32), the first is "
            f"{name}[{int(np.argmax(bad))}]: remove or mend them"
        )
    low, high = float(x.min()), float(x.max())
    if x.ndim == 4 and max(-low, high) > FAR:
        raise Refused(
            f"{name} holds images from {low:g} to {high:g}, far outside [-1, 1]: bring them there, what "
            "lies in 0 to 255 by x / 127.5 - 1 or as uint8"
        )
    return x


def _not_from_0(x: np.ndarray) -> None:
    """Refuses images in [0, 1]. Of all examples, since the few that are held out may all be bright."""
    low, high = float(x.min()), float(x.max())
    if x.dtype != np.uint8 and x.ndim == 4 and 0 <= low < high <= 1:
        raise Refused(
            f"x holds images from {low:g} to {high:g}, not in [-1, 1]: bring them there, by 2 * x - 1"
        )


def _labels(label: np.ndarray, examples: int, name: str) -> np.ndarray:
    if label.shape != (examples,):
        raise Refused(
            f"the labels of {name} have the shape {label.shape}, not ({examples},): one integer each"
        )
    if not np.issubdtype(label.dtype, np.integer):
        raise Refused(f"the labels of {name} are {label.dtype}: give integers 0, 1, 2, ...")
    return label.astype(np.int64)


def _classes(held: Held) -> int:
    """How many there are."""
    if "label" not in held:
        return 0
    present = np.unique(held["label"])
    if present[0] < 0:
        raise Refused(f"a label is {present[0]}: number the classes from 0")
    gaps = np.flatnonzero(present != np.arange(len(present)))
    if len(gaps):
        raise Refused(
            f"no example has the label {gaps[0]} but one has {present[-1]}: number the classes 0 to "
            f"{len(present) - 1} without gaps"
        )
    return len(present)
