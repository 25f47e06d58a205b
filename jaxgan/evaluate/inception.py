"""The InceptionV3 extractor with the published weights: the Frechet distance of its features is FID."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused
from jaxgan.evaluate import pickled, resizers
from jaxgan.evaluate.extractor import Extractor, Outputs, in_blocks
from jaxgan.evaluate.published import from_torch
from jaxgan.models.inception import SIDE, InceptionV3
from jaxgan.parts.types import Array, PyTree
from jaxgan.pictures.images import quantise

NAME = "pt_inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"


def inception(weights: Path, resizer: Callable[[Array], Array] = resizers.clean) -> Extractor:
    """Returns the extractor of 2048 features and 1008 logits for colour images in [-1, 1].

    Images are first rounded to 8 bits, since those of published FIDs were read from files, and resized to
    299 px by one of `jaxgan.evaluate.resizers`. Raises `Refused` for any other weights than those of
    published FIDs.

    >>> inception(Path("nowhere.pth"))
    Traceback (most recent call last):
    jaxgan.errors.Refused: there are no weights at nowhere.pth: give pt_inception-2015-12-05-6726825d.pth
    """
    if not weights.is_file():
        raise Refused(f"there are no weights at {weights}: give {NAME}")
    with weights.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != SHA256:
        raise Refused(
            f"{weights} is not {NAME}, the weights of FID that pytorch-fid and torch-fidelity download: "
            f"its sha256 is {digest}, not {SHA256}"
        )

    def forward(network: PyTree, images: Array) -> PyTree:
        return InceptionV3().apply(network, resizer(quantise(images)))

    compiled = in_blocks(forward, variables(pickled.arrays(weights)))

    def apply(images: np.ndarray) -> Outputs:
        if images.ndim != 4 or images.shape[-1] != 3:
            raise Refused(
                f"Inception takes colour images (height, width, 3), not {images.shape[1:]}: "
                "repeat the channel of grey ones three times, or use the local extractor"
            )
        return Outputs(*compiled(images))

    return Extractor("inception", digest, resizer.__name__, apply)


def variables(arrays: Mapping[str, np.ndarray]) -> PyTree:
    """Returns the variables of `InceptionV3` from the arrays of PyTorch's state dict.

    >>> variables({})
    Traceback (most recent call last):
    jaxgan.errors.Refused: these are not InceptionV3's weights: there is no Conv2d_1a_3x3.bn.running_mean
    """
    shapes = jax.eval_shape(InceptionV3().init, jax.random.key(0), jnp.zeros((1, SIDE, SIDE, 3)))
    return from_torch(arrays, shapes, "InceptionV3")
