"""The generator of ESRGAN (Wang et al., 2018): residual-in-residual dense blocks, without a norm."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers import UpConv, check_factor, check_small, on_bicubic

Array = jax.Array
SCALE = 0.2  # of each residual
CONVS = 5  # in a dense block
DENSE_BLOCKS = 3  # in a residual-in-residual block


def small_init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
    """A tenth of He et al.'s initial weights, by which the residuals start small (Wang et al., 2018).

    >>> round(float(small_init(jax.random.key(0), (3, 3, 64, 64)).std() / (2 / 576) ** 0.5), 2)
    0.1
    """
    return 0.1 * nn.initializers.he_normal()(key, shape, dtype)


class DenseBlock(nn.Module):
    """x [B, H, W, C] -> x + 0.2 h [B, H, W, C]: five 3x3 convolutions, each of x and all outputs before it.

    The first four have `growth` channels and LeakyReLU of slope 0.2, the last is h (Huang et al., 2017).

    >>> block = DenseBlock(growth=2)
    >>> jax.eval_shape(block.init_with_output, jax.random.key(0), jnp.ones((2, 8, 8, 4)))[0].shape
    (2, 8, 8, 4)
    """

    growth: int = 32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        known = x
        for _ in range(CONVS - 1):
            h = nn.leaky_relu(nn.Conv(self.growth, (3, 3), kernel_init=small_init)(known), 0.2)
            known = jnp.concatenate([known, h], axis=-1)
        return x + SCALE * nn.Conv(x.shape[-1], (3, 3), kernel_init=small_init)(known)


class Generator(nn.Module):
    """Small images [B, H/factor, W/factor, any] -> images [B, H, W, channels], for a factor 1, 2, 4, ...

    A 3x3 convolution to `width` channels; `blocks` residual-in-residual dense blocks, each x + 0.2 (f(x) - x)
    with f three `DenseBlock`s; a 3x3 convolution, added to what the blocks began from; for each doubling
    repeated pixels and a 3x3 one; two more to the image; LeakyReLU of slope 0.2 between the last. The paper
    has 23 blocks of 64 channels, growth 32 and factor 4.

    The last layer is linear, so that black and white can be reached; outside of training images are clipped
    to [-1, 1]. With `residual` it is added to the enlarged source, and its kernel starts at 0.

    >>> g = Generator((32, 32, 3), factor=4, width=4, blocks=1, growth=2)
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), jnp.ones((2, 8, 8, 3)))[0].shape
    (2, 32, 32, 3)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    factor: int = 4
    width: int = 64
    blocks: int = 23
    growth: int = 32
    residual: bool = False

    def __post_init__(self) -> None:
        check_factor(self.shape, self.factor)
        super().__post_init__()

    @nn.compact
    def __call__(self, source: Array, *, train: bool = False) -> Array:
        check_small(source, self.shape, self.factor)
        first = x = nn.Conv(self.width, (3, 3))(source)
        for _ in range(self.blocks):
            h = x
            for _ in range(DENSE_BLOCKS):
                h = DenseBlock(self.growth)(h)
            x = x + SCALE * (h - x)
        x = first + nn.Conv(self.width, (3, 3))(x)
        for _ in range(self.factor.bit_length() - 1):
            x = nn.leaky_relu(UpConv(self.width)(x), 0.2)
        x = nn.leaky_relu(nn.Conv(self.width, (3, 3))(x), 0.2)
        if self.residual:
            last = nn.Conv(self.shape[2], (3, 3), kernel_init=nn.initializers.zeros)
            x = on_bicubic(last(x), source)
        else:
            x = nn.Conv(self.shape[2], (3, 3))(x)
        return x if train else x.clip(-1, 1)
