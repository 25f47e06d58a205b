"""The residual translator of CycleGAN (Johnson et al., 2016; Zhu et al., 2017): a picture into another."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers import Norm, UpConv, normalise, apply_layer

Array = jax.Array
HALVINGS = 2

_kernel_init = nn.initializers.normal(0.02)


class Generator(nn.Module):
    """A source picture [B, H, W, any] -> pictures [B, H, W, channels] in (-1, 1), for sides that 4 divides.

    A 7x7 convolution to `width` channels, two 3x3 ones of stride 2 that double them, `blocks` residual blocks
    of two 3x3 ones, twice back up, and a 7x7 one to the image; norm and ReLU between, tanh. Those of stride 1
    see the picture continued by reflection, without a frame. The papers have 6 blocks at 128 px and 9 at
    256, and fractionally strided convolutions on the way up, where here pixels are repeated before a 3x3
    one (Odena et al., 2016). Kernels start as N(0, 0.02).

    >>> g = Generator((28, 28, 1), width=4, blocks=2)
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), jnp.ones((2, 28, 28, 3)))[0].shape
    (2, 28, 28, 1)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    width: int = 64
    blocks: int = 6
    norm: Norm = "instance"
    axis: str | None = None

    def __post_init__(self) -> None:
        least = 2 << HALVINGS
        if len(self.shape) != 3 or any(side < least or side % (1 << HALVINGS) for side in self.shape[:2]):
            raise Refused(
                f"this translator makes pictures (height, width, channels) whose sides {1 << HALVINGS} "
                f"divides, from {least} px on, not {tuple(self.shape)}"
            )
        super().__post_init__()

    @nn.compact
    def __call__(self, source: Array, *, train: bool = False) -> Array:
        if source.shape[1:3] != self.shape[:2]:
            raise Refused(
                f"this translator is given pictures {tuple(self.shape[:2])}, not {source.shape[1:]}"
            )

        def conv(x: Array, width: int, size: int) -> Array:
            layer = nn.Conv(width, (size, size), padding="VALID", kernel_init=_kernel_init)
            return apply_layer(layer, _reflected(x, size // 2), self.norm, train)

        def normed(x: Array) -> Array:
            return normalise(x, self.norm, self.axis, train)

        x = nn.relu(normed(conv(source, self.width, 7)))
        for i in range(1, HALVINGS + 1):
            down = nn.Conv(self.width << i, (3, 3), (2, 2), kernel_init=_kernel_init)
            x = nn.relu(normed(apply_layer(down, x, self.norm, train)))
        for _ in range(self.blocks):
            h = nn.relu(normed(conv(x, x.shape[-1], 3)))
            x = x + normed(conv(h, x.shape[-1], 3))
        for i in reversed(range(HALVINGS)):
            up = UpConv(self.width << i, kernel_init=_kernel_init)
            x = nn.relu(normed(apply_layer(up, x, self.norm, train)))
        return nn.tanh(conv(x, self.shape[2], 7))


def _reflected(x: Array, by: int) -> Array:
    return jnp.pad(x, ((0, 0), (by, by), (by, by), (0, 0)), mode="reflect")
