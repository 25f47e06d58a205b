"""The networks of SRGAN (Ledig et al., 2017): a residual one that enlarges images, and its discriminator."""

import flax.linen as nn
import jax

from jaxgan.models.layers import (
    Norm,
    at_least_float32,
    call_layer,
    check_factor,
    check_small,
    icnr,
    normalise,
    on_bicubic,
    pixel_shuffle,
)
from jaxgan.parts.output import Output

Array = jax.Array
MAX_FACTOR = 8  # of the channels of D, relative to `width`


class Generator(nn.Module):
    """Small images [B, H/factor, W/factor, any] -> images [B, H, W, channels], for a factor 1, 2, 4, ...

    A 9x9 convolution to `width` channels and PReLU; `blocks` residual blocks of 3x3 convolutions,
    x + BN(conv(PReLU(BN(conv(x))))); a 3x3 one with BatchNorm, added to what the blocks began from; for each
    doubling a 3x3 one to 4 `width` channels, a pixel shuffle (Shi et al., 2016) and PReLU; a 9x9 one to the
    image. The paper has 16 blocks of 64 channels and factor 4. Kernels before a shuffle start as `icnr`.

    The last layer is linear, so that black and white can be reached; outside of training images are clipped
    to [-1, 1]. With `residual` it is added to the enlarged source, and its kernel starts at 0.

    >>> g = Generator((32, 32, 3), factor=4, width=4, blocks=1)
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), jax.numpy.ones((2, 8, 8, 3)))[0].shape
    (2, 32, 32, 3)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    factor: int = 4
    width: int = 64
    blocks: int = 16
    axis: str | None = None
    residual: bool = False

    def __post_init__(self) -> None:
        check_factor(self.shape, self.factor)
        super().__post_init__()

    @nn.compact
    def __call__(self, source: Array, *, train: bool = False) -> Array:
        check_small(source, self.shape, self.factor)

        def conv(x: Array, size: int = 3, bias: bool = False) -> Array:
            return nn.Conv(self.width, (size, size), use_bias=bias)(x)

        def norm(x: Array) -> Array:
            return normalise(x, "batch", self.axis, train)

        def prelu(x: Array) -> Array:
            return nn.PReLU(negative_slope_init=0.25)(x)

        first = x = prelu(conv(source, 9, bias=True))
        for _ in range(self.blocks):
            x = x + norm(conv(prelu(norm(conv(x)))))
        x = first + norm(conv(x))
        for _ in range(self.factor.bit_length() - 1):
            up = nn.Conv(4 * self.width, (3, 3), kernel_init=icnr)
            x = prelu(pixel_shuffle(up(x)))
        if self.residual:
            last = nn.Conv(self.shape[2], (9, 9), kernel_init=nn.initializers.zeros)
            x = on_bicubic(last(x), source)
        else:
            x = nn.Conv(self.shape[2], (9, 9))(x)
        return x if train else x.clip(-1, 1)


class Discriminator(nn.Module):
    """Images [B, H, W, channels] -> logits [B].

    `stages` of a 3x3 convolution of stride 1 and one of stride 2 that double the channels from `width` up to
    8 times, norm on all but the first, LeakyReLU of slope 0.2; a dense layer of `hidden` units, LeakyReLU,
    and one to a logit. The paper has 4 stages from 64 channels, 1024 units and BatchNorm, for images of
    96 px. Odd sides are rounded up.

    With `features` it returns an Output with the activations of all convolutions under that name.

    >>> d = Discriminator(width=4, stages=2, hidden=8)
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), jax.numpy.ones((2, 32, 32, 3)))[0].shape
    (2,)
    """

    width: int = 64
    stages: int = 4
    hidden: int = 1024
    norm: Norm = "batch"
    axis: str | None = None
    features: bool = False

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array | Output:
        hidden = []
        for i in range(self.stages):
            width = min(self.width << i, MAX_FACTOR * self.width)
            for stride in (1, 2):
                is_first = (i, stride) == (0, 1)
                bias = is_first or self.norm not in ("batch", "instance")  # which have a bias
                conv = nn.Conv(width, (3, 3), (stride, stride), use_bias=bias)
                x = call_layer(conv, x, self.norm, train)
                if not is_first:
                    x = normalise(x, self.norm, self.axis, train)
                x = nn.leaky_relu(x, 0.2)
                hidden.append(x)
        x = at_least_float32(x.reshape(x.shape[0], -1))
        x = nn.leaky_relu(call_layer(nn.Dense(self.hidden), x, self.norm, train), 0.2)
        logit = call_layer(nn.Dense(1), x, self.norm, train)[:, 0]
        return Output(logit, {"features": tuple(hidden)}) if self.features else logit
