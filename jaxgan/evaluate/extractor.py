"""What examples are seen through before they are compared."""

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
"""Examples seen at once, by all devices together."""
TAKEN = frozenset({"raw", "local", "inception"})


class Seen(NamedTuple):
    """Examples as an extractor sees them."""

    features: np.ndarray  # [n, d]
    logits: np.ndarray | None  # [n, k], where it also says which of k classes each is of


class Extractor(NamedTuple):
    """`apply`: examples [n, ...], images in [-1, 1], -> Seen. Every example is seen alone.

    `digest` is a hash of all that it is made of, "" where nobody knows: what was seen by it is then not kept.
    Where it is trained that is its recipe, and `weights` a hash of what came of it on this machine: they
    differ between machines by rounding.
    `resizer` names the way in which images were brought to its size, "none" where they were not. `note` is
    what should be known of it.
    """

    name: str
    digest: str
    resizer: str
    apply: Callable[[np.ndarray], Seen]
    note: str = ""
    weights: str = ""


def raw() -> Extractor:
    """The numbers of each example as they are: for points in a space that has a meaning.

    >>> raw().apply(np.zeros((5, 2, 3))).features.shape
    (5, 6)
    """
    return Extractor(
        "raw", "raw", "none", lambda x: Seen(np.asarray(x, np.float32).reshape(len(x), -1), None)
    )


def by(function: Callable[[Array], Array], name: str, digest: str = "") -> Extractor:
    """Any function of a batch, images [n, ...] -> features [n, d], compiled once.

    >>> brightness = by(lambda x: x.mean(axis=(1, 2)), "brightness")
    >>> brightness.apply(np.ones((300, 8, 8, 3), np.float32)).features.shape
    (300, 3)
    """
    if name in TAKEN:
        raise Refused(f"{name!r} is what another extractor is called, and its numbers: choose another name")
    see = in_blocks(lambda _, x: function(x), ())

    def apply(x: np.ndarray) -> Seen:
        features = see(x)
        if np.ndim(features) != 2:
            raise Refused(f"{name} gives {np.shape(features)}: features are [n, d], a row to an example")
        return Seen(features, None)

    return Extractor(name, digest, "none", apply)


def in_blocks(function: Callable[[PyTree, Array], PyTree], weights: PyTree) -> Callable[[np.ndarray], PyTree]:
    """The compiled function of (weights, batch), over any number of examples, shared by all local devices.

    Every block has BLOCK rows, the last one filled up, so that there is one program and an example's row is
    the same however many others there are.

    >>> double = in_blocks(lambda w, x: w * x, 2.0)
    >>> double(np.arange(3.0)).tolist()
    [0.0, 2.0, 4.0]
    """
    devices = jax.local_devices()
    devices = devices[: next(n for n in range(len(devices), 0, -1) if BLOCK % n == 0)]
    mesh = jax.make_mesh((len(devices),), ("data",), axis_types=(AxisType.Auto,), devices=devices)
    compiled = jax.jit(function)
    held = jax.device_put(weights, NamedSharding(mesh, P()))

    def over(x: np.ndarray) -> PyTree:
        if len(x) == 0:
            raise Refused("there are no examples to look at")
        found = []
        for start in range(0, len(x), BLOCK):
            block = np.asarray(x[start : start + BLOCK])
            filled = np.concatenate([block, np.repeat(block[-1:], BLOCK - len(block), axis=0)])
            rows = compiled(held, jax.device_put(filled, NamedSharding(mesh, P("data"))))
            found.append(jax.tree.map(lambda leaf: np.asarray(leaf)[: len(block)], rows))  # noqa: B023
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *found)

    return over


def together(blocks: Iterable[Seen]) -> Seen:
    """Blocks as one."""
    features, logits = zip(*blocks, strict=True)
    return Seen(np.concatenate(features), None if logits[0] is None else np.concatenate(logits))


def digest(tree: PyTree) -> str:
    """A hash of every number of a tree, and of where it stands.

    >>> digest({"a": np.zeros(2)}) == digest({"b": np.zeros(2)})
    False
    """
    found = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        leaf = np.ascontiguousarray(leaf)
        found.update(f"{jax.tree_util.keystr(path)} {leaf.dtype} {leaf.shape}\n".encode())
        found.update(leaf.tobytes())
    return found.hexdigest()
