"""The convolutional part of VGG16, for inference only (Simonyan & Zisserman, 2015)."""

import flax.linen as nn
import jax

from jaxgan.errors import Refused
from jaxgan.models.layers.imagenet import standardised

Array = jax.Array

DEPTHS = (2, 2, 3, 3, 3)
"""Convolutions of each stage; between two stages the side is halved."""
JUDGED = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
"""The activations that LPIPS compares."""


class VGG16(nn.Module):
    """Pictures [n, H, W, 3 or 1] in [-1, 1] -> activations [n, h, w, C] by name.

    "conv4_2" is the second convolution of the fourth stage, "relu4_2" its rectified output. Sides are halved
    four times by maxima of 2x2, so pictures need 16 px. Products have full float32 precision.

    >>> x = jax.numpy.zeros((2, 32, 32, 3))
    >>> h = jax.eval_shape(VGG16().init_with_output, jax.random.key(0), x)[0]
    >>> h["relu1_2"].shape, h["conv5_3"].shape
    ((2, 32, 32, 64), (2, 2, 2, 512))
    """

    widths: tuple[int, ...] = (64, 128, 256, 512, 512)

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = standardised(x)
        if min(x.shape[1:3]) < 16:
            raise Refused(
                f"VGG16 needs pictures of 16 px or more, not {x.shape[1]}x{x.shape[2]}: enlarge them"
            )
        activations = {}
        for stage, (width, depth) in enumerate(zip(self.widths, DEPTHS, strict=True), start=1):
            if stage > 1:
                x = nn.max_pool(x, (2, 2), (2, 2))
            for layer in range(1, depth + 1):
                name = f"conv{stage}_{layer}"
                x = nn.Conv(width, (3, 3), precision=jax.lax.Precision.HIGHEST, name=name)(x)
                activations[name] = x
                x = activations[f"relu{stage}_{layer}"] = nn.relu(x)
        return activations
