"""The U-Net of pix2pix (Isola et al., 2017): an image-to-image network with skip connections."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers import Conv, ConvTranspose, Dropout, Norm, call_layer, initial_kernel, normalise

Array = jax.Array
MAX_FACTOR = 8  # of the channels, relative to `width`
DROPOUT_LAYERS = 3  # the first layers of the decoder


class Generator(nn.Module):
    """Source images [B, H, W, any], or z [B, n] and source images -> images [B, H, W, channels] in (-1, 1).

    An encoder of `depth` 4x4 convolutions of stride 2 that double the channels from `width` up to 8 times,
    LeakyReLU 0.2; a decoder of as many transposed ones, ReLU, each but the first with a skip connection from
    the encoder (Ronneberger et al., 2015); tanh. Norm on all layers but the first, the innermost, which may
    have a single pixel, and the last. Odd sides are rounded up by the encoder and cropped by the decoder.
    Kernels start as `initial_kernel` has them. The paper has depth 8 at 256 px.

    The noise is dropout in the first three layers of the decoder whenever keys are given: required for
    training, optional otherwise; the paper uses it for samples too. A latent z, if given, is mapped by a
    dense layer to an image that is concatenated to the innermost layer.

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
            raise Refused(f"a U-Net makes images (height, width, channels), not {tuple(self.shape)}")
        deepest = (min(self.shape[:2]) - 1).bit_length()
        if not 1 <= self.depth <= deepest:
            raise Refused(
                f"images {tuple(self.shape[:2])} can be halved 1 to {deepest} times, not {self.depth}: "
                "take another depth"
            )
        super().__post_init__()

    @nn.compact
    def __call__(
        self, z: Array, source: Array | None = None, *, key: Array | None = None, train: bool = False
    ) -> Array:
        x = z if source is None else source
        if x.ndim != 4 or x.shape[1:3] != self.shape[:2]:
            raise Refused(f"this U-Net needs source images {tuple(self.shape[:2])}, not {x.shape[1:]}")
        bias = self.norm not in ("batch", "instance")  # which have a bias
        kernel_init = initial_kernel(self.norm)
        widths = [min(self.width << i, MAX_FACTOR * self.width) for i in range(self.depth)]

        encoded = []
        for i, width in enumerate(widths):
            without_norm = i in (0, self.depth - 1)
            x = call_layer(Conv(width, bias or without_norm, kernel_init), x, self.norm, train)
            if not without_norm:
                x = normalise(x, self.norm, self.axis, train)
            x = nn.leaky_relu(x, 0.2)
            encoded.append(x)
        if source is not None:
            dense = nn.Dense(x[0].size, kernel_init=kernel_init, name="latent")
            latent = call_layer(dense, z, self.norm, train)
            x = jnp.concatenate([x, nn.relu(latent).reshape(x.shape).astype(x.dtype)], axis=-1)
        for i, (skip, width) in enumerate(zip(encoded[-2::-1], widths[-2::-1], strict=True)):
            x = call_layer(ConvTranspose(width, bias, kernel_init), x, self.norm, train)
            x = normalise(x[:, : skip.shape[1], : skip.shape[2]], self.norm, self.axis, train)
            if i < DROPOUT_LAYERS:
                x = Dropout(self.dropout)(x, key, train or key is not None)
            x = jnp.concatenate([nn.relu(x), skip], axis=-1)
        x = call_layer(ConvTranspose(self.shape[2], kernel_init=kernel_init), x, self.norm, train)
        return nn.tanh(x[:, : self.shape[0], : self.shape[1]])
