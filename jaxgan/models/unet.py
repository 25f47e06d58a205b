"""The U-Net of pix2pix (Isola et al., 2017): a picture into another, with detail passed across."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers import Conv, ConvTranspose, Dropout, Norm, normalise, apply_layer

Array = jax.Array
MOST = 8  # times the width, of the deepest layers
NOISY = 3  # of the decoder's layers, from the narrowest on, have dropout

_kernel_init = nn.initializers.normal(0.02)


class Generator(nn.Module):
    """A source picture [B, H, W, any], or z [B, n] and a source -> pictures [B, H, W, channels] in (-1, 1).

    `depth` 4x4 convolutions of stride 2 that double the channels from `width` up to 8 times, LeakyReLU 0.2;
    then as many transposed ones back, ReLU, each but the first beside what the encoder made at that side
    (Ronneberger et al., 2015); tanh. Norm on all layers but the first, the narrowest, whose pixels may be
    one, and the last. Odd sides are rounded up on the way down and cut on the way up. Kernels start as
    N(0, 0.02). The paper's at 256 px has depth 8.

    The noise is dropout in the first three layers of the decoder, wherever keys are given: when training,
    and else by choice; the paper draws it for samples too. A latent z, if given, is made a picture of the
    narrowest side by a dense layer, and stands beside what the encoder made there.

    >>> g, source = Generator((28, 28, 1), width=4), jnp.ones((2, 28, 28, 3))
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), source)[0].shape
    (2, 28, 28, 1)
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), jnp.ones((2, 16)), source)[0].shape
    (2, 28, 28, 1)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    width: int = 64
    depth: int = 3
    norm: Norm = "instance"
    dropout: float = 0.5
    axis: str | None = None

    def __post_init__(self) -> None:
        if len(self.shape) != 3:
            raise Refused(f"a U-Net makes pictures (height, width, channels), not {tuple(self.shape)}")
        deepest = (min(self.shape[:2]) - 1).bit_length()
        if not 1 <= self.depth <= deepest:
            raise Refused(
                f"pictures {tuple(self.shape[:2])} can be halved 1 to {deepest} times, not {self.depth}: "
                "depth is how often"
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, z: Array, source: Array | None = None, *, key: Array | None = None, train: bool = False
    ) -> Array:
        x = z if source is None else source
        if x.ndim != 4 or x.shape[1:3] != self.shape[:2]:
            raise Refused(
                f"this U-Net is given pictures {tuple(self.shape[:2])} to translate, not {x.shape[1:]}"
            )
        bias = self.norm in ("spectral", "none")  # else the norm has its own
        widths = [min(self.width << i, MOST * self.width) for i in range(self.depth)]

        made = []
        for i, width in enumerate(widths):
            plain = i in (0, self.depth - 1)
            x = apply_layer(Conv(width, bias or plain, _kernel_init), x, self.norm, train)
            if not plain:
                x = normalise(x, self.norm, self.axis, train)
            x = nn.leaky_relu(x, 0.2)
            made.append(x)
        if source is not None:
            dense = nn.Dense(x[0].size, kernel_init=_kernel_init, name="latent")
            latent = apply_layer(dense, z, self.norm, train)
            x = jnp.concatenate([x, nn.relu(latent).reshape(x.shape).astype(x.dtype)], axis=-1)
        for i, (skip, width) in enumerate(zip(made[-2::-1], widths[-2::-1], strict=True)):
            x = apply_layer(ConvTranspose(width, bias, _kernel_init), x, self.norm, train)
            x = normalise(x[:, : skip.shape[1], : skip.shape[2]], self.norm, self.axis, train)
            if i < NOISY:
                x = Dropout(self.dropout)(x, key, train or key is not None)
            x = jnp.concatenate([nn.relu(x), skip], axis=-1)
        x = apply_layer(ConvTranspose(self.shape[2], kernel_init=_kernel_init), x, self.norm, train)
        return nn.tanh(x[:, : self.shape[0], : self.shape[1]])
