"""Feature extractors: functions of examples whose outputs are compared instead of the examples themselves."""

import hashlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.errors import Refused
from jaxgan.parts.types import Array, PyTree

BLOCK = 256
"""Examples per call of the compiled function, over all devices together."""
RESERVED = frozenset({"raw", "local", "inception", "vgg16", "lite0"})


class Outputs(NamedTuple):
    """An extractor's outputs for n examples."""

    features: np.ndarray  # [n, d]
    logits: np.ndarray | None  # [n, k] if the extractor is also a classifier with k classes


class Extractor(NamedTuple):
    """A feature extractor: `apply` maps examples [n, ...], images in [-1, 1], to `Outputs`, row by row.

    `digest` is a hash of everything that defines the extractor, "" if unknown: its outputs are then not
    cached. For a trained extractor it hashes the recipe, and `weights` hashes the weights trained on this
    machine, which differ between machines by rounding.
    `resizer` names how images were resized to the network's input size, "none" if they were not. `note` is a
    remark for the reader of the numbers.
    """

    name: str
    digest: str
    resizer: str
    apply: Callable[[np.ndarray], Outputs]
    note: str = ""
    weights: str = ""


def raw() -> Extractor:
    """Returns the extractor whose features are the flattened examples, for points in a meaningful space.

    >>> raw().apply(np.zeros((5, 2, 3))).features.shape
    (5, 6)
    """
    return Extractor(
        "raw", "raw", "none", lambda x: Outputs(np.asarray(x, np.float32).reshape(len(x), -1), None)
    )


def from_function(function: Callable[[Array], Array], name: str, digest: str = "") -> Extractor:
    """Returns an extractor of any function of a batch, images [n, ...] -> features [n, d], compiled once.

    Raises `Refused` if the name belongs to a built-in extractor.

    >>> brightness = from_function(lambda x: x.mean(axis=(1, 2)), "brightness")
    >>> brightness.apply(np.ones((300, 8, 8, 3), np.float32)).features.shape
    (300, 3)
    """
    if name in RESERVED:
        raise Refused(f"{name!r} is the name of a built-in extractor and of its numbers: choose another name")
    compiled = in_blocks(lambda _, x: function(x), ())

    def apply(x: np.ndarray) -> Outputs:
        features = compiled(x)
        if np.ndim(features) != 2:
            raise Refused(f"{name} returns {np.shape(features)}: return features [n, d], a row per example")
        return Outputs(features, None)

    return Extractor(name, digest, "none", apply)


def in_blocks(function: Callable[[PyTree, Array], PyTree], weights: PyTree) -> Callable[[np.ndarray], PyTree]:
    """Compiles a function of (weights, batch) for any number of examples, sharded over all local devices.

    Every block has BLOCK rows, the last one padded, so that there is one program and an example's row does
    not depend on how many others there are.

    >>> double = in_blocks(lambda w, x: w * x, 2.0)
    >>> double(np.arange(3.0)).tolist()
    [0.0, 2.0, 4.0]
    """
    devices = jax.local_devices()
    devices = devices[: next(n for n in range(len(devices), 0, -1) if BLOCK % n == 0)]
    mesh = jax.make_mesh((len(devices),), ("data",), axis_types=(AxisType.Auto,), devices=devices)
    compiled = jax.jit(function)
    replicated = jax.device_put(weights, NamedSharding(mesh, P()))

    def apply(x: np.ndarray) -> PyTree:
        if len(x) == 0:
            raise Refused("there are no examples to extract features from")
        outputs = []
        for start in range(0, len(x), BLOCK):
            block = np.asarray(x[start : start + BLOCK])
            padded = np.concatenate([block, np.repeat(block[-1:], BLOCK - len(block), axis=0)])
            rows = compiled(replicated, jax.device_put(padded, NamedSharding(mesh, P("data"))))
            outputs.append(jax.tree.map(lambda leaf: np.asarray(leaf)[: len(block)], rows))  # noqa: B023
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *outputs)

    return apply


def concatenate_outputs(blocks: Iterable[Outputs]) -> Outputs:
    """Returns the outputs for blocks of examples as those for all of them."""
    features, logits = zip(*blocks, strict=True)
    return Outputs(np.concatenate(features), None if logits[0] is None else np.concatenate(logits))


def digest(tree: PyTree) -> str:
    """Returns a hash of every leaf of a tree and of its path.

    >>> digest({"a": np.zeros(2)}) == digest({"b": np.zeros(2)})
    False
    """
    sha256 = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        leaf = np.ascontiguousarray(leaf)
        sha256.update(f"{jax.tree_util.keystr(path)} {leaf.dtype} {leaf.shape}\n".encode())
        sha256.update(leaf.tobytes())
    return sha256.hexdigest()
