"""The convolutional part of AlexNet, for inference only (Krizhevsky, 2014)."""

import flax.linen as nn
import jax

from jaxgan.errors import Refused
from jaxgan.models.layers.imagenet import standardised

Array = jax.Array

JUDGED = ("relu1", "relu2", "relu3", "relu4", "relu5")
"""The activations that LPIPS compares."""


class AlexNet(nn.Module):
    """Pictures [n, H, W, 3 or 1] in [-1, 1] -> activations [n, h, w, C] by name, "relu1" to "relu5".

    The one of PyTorch, with 64 channels in the first layer. Products have full float32 precision.

    >>> x = jax.numpy.zeros((2, 32, 32, 3))
    >>> h = jax.eval_shape(AlexNet().init_with_output, jax.random.key(0), x)[0]
    >>> h["relu1"].shape, h["relu5"].shape
    ((2, 7, 7, 64), (2, 1, 1, 256))
    """

    widths: tuple[int, ...] = (64, 192, 384, 256, 256)

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = standardised(x)
        if min(x.shape[1:3]) < 31:
            raise Refused(
                f"AlexNet needs pictures of 31 px or more, not {x.shape[1]}x{x.shape[2]}: enlarge them"
            )
        activations = {}
        for layer, width in enumerate(self.widths, start=1):
            size, stride, padding = {1: (11, 4, 2), 2: (5, 1, 2)}.get(layer, (3, 1, 1))
            if layer in (2, 3):
                x = nn.max_pool(x, (3, 3), (2, 2))
            conv = nn.Conv(
                width, (size, size), stride, padding, precision=jax.lax.Precision.HIGHEST, name=f"conv{layer}"
            )
            x = activations[f"relu{layer}"] = nn.relu(conv(x))
        return activations
