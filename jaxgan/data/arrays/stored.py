"""Sources of examples that are arrays in memory."""

import hashlib
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jaxgan.data import image
from jaxgan.data.arrays.checks import check_examples, check_labels, check_scale, count_classes
from jaxgan.data.kind import Leaf, of_array, with_label
from jaxgan.data.source import Source
from jaxgan.parts.types import Array, Batch, Key, PyTree

Arrays = dict[str, np.ndarray]  # "x" and, if there are labels, "label"


def arrays(x: ArrayLike, label: ArrayLike | None = None) -> Source:
    """Returns a source of the examples x [N, ...], with labels 0..K-1 if given.

    uint8 arrays are images [N, H, W] or [N, H, W, C]: they are stored as bytes on the device, and `take`
    returns x / 127.5 - 1. Floats are stored as float32 and not scaled: scale images [N, H, W, C] to [-1, 1]
    first. The arrays are copied.

    >>> source = arrays(np.zeros((5, 28, 28), np.uint8), [0, 1, 2, 0, 1])
    >>> source.shape, source.size, source.classes
    ((28, 28, 1), 5, 3)
    """
    examples = check_arrays(np.asarray(x), None if label is None else np.asarray(label))
    check_scale(examples["x"])
    digest = hashlib.sha256()
    for leaf in examples.values():
        digest.update(f"{leaf.dtype} {leaf.shape} ".encode())
        digest.update(np.ascontiguousarray(leaf).data)
    return stored(leaves_of(examples), examples, digest.hexdigest())


def leaves_of(examples: Arrays) -> dict[str, Leaf]:
    """Returns the leaves of examples "x", and of their labels."""
    classes = count_classes(examples["label"]) if "label" in examples else 0
    return with_label(of_array(examples["x"]), classes)


def stored(leaves: Mapping[str, Leaf], examples: Arrays, fingerprint: str) -> Source:
    """Returns a source of checked arrays; those of bytes are images."""
    # copied by NumPy: on CPU JAX shares the caller's memory, or copies it only later
    copies = {name: np.array(leaf, np.int32 if name == "label" else None) for name, leaf in examples.items()}
    arrays = {name: jnp.asarray(leaf) for name, leaf in copies.items()}
    return Source(leaves, len(examples["x"]), arrays, _take, fingerprint=fingerprint)


def check_arrays(x: np.ndarray, label: np.ndarray | None, name: str = "x") -> Arrays:
    examples = {"x": check_examples(x, name)}
    return examples if label is None else {**examples, "label": check_labels(label, len(x), name)}


def _take(arrays: PyTree, key: Key, number: Array) -> Batch:
    return image.from_bytes({name: array[number] for name, array in arrays.items()}, key, number)
