"""Examples that are already arrays, in memory or in an .npz file."""

import hashlib
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxgan.data.order import spread
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, Key, PyTree


def arrays(x: ArrayLike, label: ArrayLike | None = None) -> Source:
    """A source of the examples x [N, ...], with labels 0..K-1 where given.

    uint8 is taken for images [N, H, W] or [N, H, W, C]: kept as bytes on the device, and x / 127.5 - 1 when
    taken. Floats are kept as they are, as float32: bring images to [-1, 1] first.

    >>> source = arrays(np.zeros((5, 28, 28), np.uint8), [0, 1, 2, 0, 1])
    >>> source.shape, source.size, source.classes
    ((28, 28, 1), 5, 3)
    """
    examples = _examples(np.asarray(x))
    held: dict[str, Array] = {"x": jnp.asarray(examples)}
    classes = 0
    if label is not None:
        labels = _labels(np.asarray(label), len(examples))
        held["label"] = jnp.asarray(labels, jnp.int32)
        classes = int(labels.max()) + 1
    return Source(examples.shape[1:], len(examples), classes, held, _take)


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
    held = _read(path)
    x, label = _pair(path, held, "")
    if "x_test" in held:
        x_test, label_test = _pair(path, held, "_test")
        if (
            x_test.shape[1:] != x.shape[1:]
            or x_test.dtype != x.dtype
            or (label is None) != (label_test is None)
        ):
            raise Refused(f'{path}: "x_test" is not like "x" in shape, type or having labels')
        order, kept = np.arange(len(x) + len(x_test)), len(x)
        x = np.concatenate([x, x_test])
        label = None if label is None or label_test is None else np.concatenate([label, label_test])
    try:
        whole = arrays(x, label)
    except Refused as error:
        raise Refused(f"{path}: {error}") from error
    if "x_test" not in held:
        order, kept = spread(np.zeros(len(x)) if label is None else label), len(x) - -(-len(x) // 10)
    chosen = order[:kept] if split == "train" else order[kept:]
    if not len(chosen):
        raise Refused(f"{path} has one example: it cannot be held out and trained on")
    return whole._replace(
        size=len(chosen),
        arrays=jax.tree.map(lambda leaf: leaf[chosen], whole.arrays),
        fingerprint=f"{hashlib.sha256(Path(path).read_bytes()).hexdigest()} {split}",
    )


def _read(path: str | Path) -> dict[str, np.ndarray]:
    if not Path(path).exists():
        raise Refused(f"there is no file {path}")
    if not zipfile.is_zipfile(path):
        raise Refused(
            f"{path} is not an .npz file: write one with numpy.savez({str(path)!r}, x=..., label=...)"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise Refused(f"{path} cannot be read: {' '.join(str(error).split())}") from error


def _pair(
    path: str | Path, held: Mapping[str, np.ndarray], suffix: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """The examples and their labels, if any."""
    x, label, y = (f"{name}{suffix}" for name in ("x", "label", "y"))
    if x not in held:
        raise Refused(
            f'{path} has no array "{x}", only {", ".join(held) or "nothing"}: save the examples as "{x}"'
        )
    if label in held and y in held:
        raise Refused(f'{path} has both "{label}" and "{y}": keep one of them')
    return held[x], held.get(label, held.get(y))


def _take(arrays: PyTree, key: Key, number: Array) -> Batch:
    taken = {name: array[number] for name, array in arrays.items()}
    if taken["x"].dtype == jnp.uint8:
        taken["x"] = taken["x"].astype(jnp.float32) / 127.5 - 1
    return taken


def _examples(x: np.ndarray) -> np.ndarray:
    if x.size == 0:
        raise Refused(f"there are no examples: x has the shape {x.shape}")
    if x.dtype == np.uint8:
        if x.ndim not in (3, 4):
            raise Refused(
                f"bytes are images [N, H, W] or [N, H, W, C], not {x.shape}: give other data as floats"
            )
        return x if x.ndim == 4 else x[..., None]
    if not np.issubdtype(x.dtype, np.floating):
        raise Refused(f"x is {x.dtype}: give images as uint8 (0 to 255) or any data as float32")
    if x.ndim < 2:
        raise Refused(f"x needs an axis of examples and at least one more, not the shape {x.shape}")
    with np.errstate(over="ignore"):
        x = x.astype(np.float32)
    bad = ~np.isfinite(x.reshape(len(x), -1)).all(axis=1)
    if bad.any():
        raise Refused(
            f"{bad.sum()} of {len(x)} examples hold NaN or infinity (as float32), the first is "
            f"x[{int(np.argmax(bad))}]: remove or mend them"
        )
    return x


def _labels(label: np.ndarray, examples: int) -> np.ndarray:
    if label.shape != (examples,):
        raise Refused(f"labels of shape {label.shape} for {examples} examples: give one integer each")
    if not np.issubdtype(label.dtype, np.integer):
        raise Refused(f"labels are {label.dtype}: give integers 0, 1, 2, ...")
    present = np.unique(label)
    if present[0] < 0:
        raise Refused(f"a label is {present[0]}: number the classes from 0")
    gaps = np.flatnonzero(present != np.arange(len(present)))
    if len(gaps):
        raise Refused(
            f"no example has the label {gaps[0]} but one has {present[-1]}: number the classes 0 to "
            f"{len(present) - 1} without gaps"
        )
    return label
