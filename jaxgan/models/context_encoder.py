"""The network of context encoders (Pathak et al., 2016): from a picture with a hole to its filling."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers import Conv, ConvTranspose, Norm, call_layer, initial_kernel, normalise

Array = jax.Array
MAX_FACTOR = 8  # of the channels, relative to `width`


class ChannelwiseDense(nn.Module):
    """A dense layer over the pixels of each channel, with weights of its own: [B, H, W, C] -> [B, H, W, C].

    It has (HW)^2 C weights, where a dense layer of all channels has C times as many.

    >>> layer, x = ChannelwiseDense(), jnp.ones((2, 4, 4, 3))
    >>> jax.eval_shape(layer.init, jax.random.key(0), x)["params"]["kernel"].shape
    (3, 16, 16)
    """

    @nn.compact
    def __call__(self, x: Array) -> Array:
        batch, height, width, channels = x.shape
        pixels = height * width
        init = nn.initializers.lecun_normal(in_axis=1, out_axis=2, batch_axis=0)
        kernel = self.param("kernel", init, (channels, pixels, pixels))
        bias = self.param("bias", nn.initializers.zeros, (pixels, channels))
        y = jnp.einsum("bpc,cpq->bqc", x.reshape(batch, pixels, channels), kernel.astype(x.dtype))
        return (y + bias.astype(x.dtype)).reshape(x.shape)


class Generator(nn.Module):
    """Pictures with a hole [B, H, W, any] -> what fills it [B, hole, hole, channels] in (-1, 1).

    An encoder of `depth` 4x4 convolutions of stride 2 that double the channels from `width` up to 8 times,
    LeakyReLU 0.2; a `ChannelwiseDense` layer, by which each pixel sees the whole picture, and a 1x1
    convolution; a decoder of transposed 4x4 convolutions that halve the channels, ReLU; tanh. Norm on all but
    the first, the 1x1 and the last. No skip connections: everything passes the bottleneck. Kernels start as
    `initial_kernel` has them.

    >>> g = Generator((32, 32, 3), hole=16, width=4, depth=3)
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), jnp.ones((2, 32, 32, 3)))[0].shape
    (2, 16, 16, 3)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    hole: int = 16
    width: int = 64
    depth: int = 3
    norm: Norm = "batch"
    axis: str | None = None

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or self.shape[0] != self.shape[1]:
            raise Refused(f"a context encoder needs square images, not {tuple(self.shape)}")
        side = self.shape[0] >> self.depth
        times = self.hole // max(side, 1)
        if self.shape[0] % (1 << self.depth) or side * times != self.hole or times < 2 or times & (times - 1):
            raise Refused(
                f"a hole of {self.hole} px must be 2, 4, 8, ... times as large as the image of "
                f"{self.shape[0]} px halved {self.depth} times: take another depth or hole"
            )
        super().__post_init__()

    @nn.compact
    def __call__(self, source: Array, *, train: bool = False) -> Array:
        if source.shape[1:3] != self.shape[:2]:
            raise Refused(f"this network needs images {tuple(self.shape[:2])}, not {source.shape[1:3]}")
        bias = self.norm not in ("batch", "instance")  # which have a bias
        kernel_init = initial_kernel(self.norm)

        x = source
        for i in range(self.depth):
            width = min(self.width << i, MAX_FACTOR * self.width)
            x = call_layer(Conv(width, bias or i == 0, kernel_init), x, self.norm, train)
            x = nn.leaky_relu(normalise(x, self.norm if i else "none", self.axis, train), 0.2)
        x = ChannelwiseDense()(x)
        x = nn.relu(call_layer(nn.Conv(x.shape[-1], (1, 1)), x, self.norm, train))
        while 2 * x.shape[1] < self.hole:
            x = call_layer(ConvTranspose(max(x.shape[-1] // 2, 1), bias, kernel_init), x, self.norm, train)
            x = nn.relu(normalise(x, self.norm, self.axis, train))
        return nn.tanh(call_layer(ConvTranspose(self.shape[2], kernel_init=kernel_init), x, self.norm, train))
