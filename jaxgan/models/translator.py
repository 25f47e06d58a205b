"""The residual image-to-image network of CycleGAN (Johnson et al., 2016; Zhu et al., 2017)."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers import Norm, UpConv, call_layer, initial_kernel, normalise, reflected_conv

Array = jax.Array
HALVINGS = 2


class Generator(nn.Module):
    """Source images [B, H, W, any] -> images [B, H, W, channels] in (-1, 1), for sides divisible by 4.

    A 7x7 convolution to `width` channels, two 3x3 ones of stride 2 that double them, `blocks` residual blocks
    of two 3x3 ones, two upsamplings, and a 7x7 one to the image; norm and ReLU between them, tanh at the end.
    Those of stride 1 use reflection padding. The papers have 6 blocks at 128 px and 9 at 256, and upsample by
    fractionally strided convolutions; here pixels are repeated before a 3x3 one (Odena et al., 2016). Kernels
    start as `initial_kernel` has them.

    A vector [B, n], such as the attributes that are asked for (Choi et al., 2018) or a latent, is
    concatenated to the source as constant planes. Instance norm would remove them, and so is refused.

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
                f"this translator makes images (height, width, channels) with sides divisible by "
                f"{1 << HALVINGS} and of {least} px or more, not {tuple(self.shape)}"
            )
        super().__post_init__()

    @nn.compact
    def __call__(self, source: Array, vector: Array | None = None, *, train: bool = False) -> Array:
        if source.shape[1:3] != self.shape[:2]:
            raise Refused(f"this translator needs images {tuple(self.shape[:2])}, not {source.shape[1:]}")
        if vector is not None and self.norm == "instance":
            raise Refused('instance norm removes a vector\'s planes, which are constant: take norm="batch"')
        kernel_init = initial_kernel(self.norm)

        def conv(x: Array, width: int, size: int) -> Array:
            return reflected_conv(x, width, size, self.norm, train, kernel_init)

        def norm(x: Array) -> Array:
            return normalise(x, self.norm, self.axis, train)

        x = source if vector is None else with_planes(source, vector)
        x = nn.relu(norm(conv(x, self.width, 7)))
        for i in range(1, HALVINGS + 1):
            down = nn.Conv(self.width << i, (3, 3), (2, 2), kernel_init=kernel_init)
            x = nn.relu(norm(call_layer(down, x, self.norm, train)))
        for _ in range(self.blocks):
            h = nn.relu(norm(conv(x, x.shape[-1], 3)))
            x = x + norm(conv(h, x.shape[-1], 3))
        for i in reversed(range(HALVINGS)):
            up = UpConv(self.width << i, kernel_init=kernel_init)
            x = nn.relu(norm(call_layer(up, x, self.norm, train)))
        return nn.tanh(conv(x, self.shape[2], 7))


def with_planes(x: Array, vector: Array) -> Array:
    """Concatenates a vector to the channels at every pixel: [B, H, W, C] and [B, n] -> [B, H, W, C + n].

    >>> with_planes(jnp.ones((2, 8, 8, 3)), jnp.ones((2, 5))).shape
    (2, 8, 8, 8)
    """
    planes = jnp.broadcast_to(vector[:, None, None], (*x.shape[:3], vector.shape[-1]))
    return jnp.concatenate([x, planes.astype(x.dtype)], axis=-1)
