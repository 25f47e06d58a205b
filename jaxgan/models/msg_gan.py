"""MSG-GAN (Karnewar & Wang, 2020): G makes images of all sides at once, and D reads them all.

So D's gradient reaches every stage of G directly. Images of several sides are one array, the smaller ones
repeated to the last side, as further channels: augmentations, noise and penalties act on all of them. D takes
one pixel of each repeated one, so a gradient penalty is of the images jointly.
"""

from math import sqrt
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers import (
    EqualConv,
    EqualDense,
    Heads,
    MinibatchStd,
    at_least_float32,
    doublings,
    halve,
    repeat_2x2,
    square_side,
    stacked,
    unit_moment,
    unstacked,
    valid_sides,
    with_heads,
)
from jaxgan.parts.generated import Generated
from jaxgan.parts.output import Output

Array = jax.Array
SIZES = valid_sides(256)
GAIN = sqrt(2)


def pyramid(x: Array, update: Any = None) -> Array:
    """Real images [B, s, s, C], for s = b 2^k, with those of sides s/2 .. b stacked: `reals=` of `jg.gan`.

    >>> pyramid(jnp.ones((2, 16, 16, 3))).shape
    (2, 16, 16, 9)
    """
    images = [x]
    for _ in range(_doublings(x.shape[1:])):
        images.insert(0, halve(images[0]))
    return stacked(images)


class Generator(nn.Module):
    """z [B, n] -> images [B, s, s, channels] for s = b 2^k with b in 4..7; D is shown all k + 1 sides.

    The generator of progressive growing, without fading: every stage gives an image by a 1x1 convolution.
    `width`: the channels at the full side, doubled whenever it is halved, up to `most`.

    >>> g = Generator(shape=(28, 28, 1), width=4, most=8)
    >>> made = jax.eval_shape(g.init_with_output, jax.random.key(0), jnp.ones((2, 16)))[0]
    >>> made.x.shape, made.shown.shape
    ((2, 28, 28, 1), (2, 28, 28, 3))
    """

    shape: tuple[int, ...] = (32, 32, 3)
    width: int = 512
    most: int = 512

    def __post_init__(self) -> None:
        _doublings(self.shape)
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array) -> Generated:
        k = _doublings(self.shape)
        base, first, *widths = self.shape[0] >> k, *_widths(self.width, self.most, k)

        x = _active(EqualDense(base * base * first, name="dense")(unit_moment(z)) * GAIN)
        x = _active(_conv(first, "conv")(x.reshape(z.shape[0], base, base, first)))
        images = [EqualConv(self.shape[-1], 1, name="image0")(x)]
        for i, width in enumerate(widths, 1):
            x = _active(_conv(width, f"stage{i}_conv0")(repeat_2x2(x)))
            x = _active(_conv(width, f"stage{i}_conv1")(x))
            images.append(EqualConv(self.shape[-1], 1, name=f"image{i}")(x))
        return Generated(images[-1], shown=stacked(images))


class Discriminator(nn.Module):
    """Images of all sides, stacked [B, s, s, (k + 1) channels] -> logits [B].

    Every stage begins with a 1x1 convolution of the features and the image of its side, has two 3x3 ones, and
    averages 2x2 pixels; then the deviation within groups of `group` consecutive inputs as a channel, a 3x3
    convolution, a dense layer, a logit. With `heads`, (name, size) each, it returns an Output with them.

    >>> d, x = Discriminator(width=4, most=8, channels=1), jnp.ones((4, 28, 28, 3))
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), x)[0].shape
    (4,)
    """

    width: int = 512
    most: int = 512
    channels: int = 3
    group: int = 4
    heads: Heads = ()

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array | Output:
        k = _doublings(x.shape[1:], packed=True)
        images, widths = unstacked(x, k + 1, self.channels), _widths(self.width, self.most, k)

        def join(i: int, *inputs: Array) -> Array:
            x = jnp.concatenate(inputs, axis=-1)
            return nn.leaky_relu(EqualConv(widths[i], 1, gain=GAIN, name=f"image{i}")(x), 0.2)

        h = join(k, images[k])
        for i in range(k, 0, -1):
            h = nn.leaky_relu(_conv(widths[i], f"stage{i}_conv0")(h), 0.2)
            h = halve(nn.leaky_relu(_conv(widths[i - 1], f"stage{i}_conv1")(h), 0.2))
            h = join(i - 1, h, images[i - 1])
        h = MinibatchStd(self.group)(h, train) if self.group > 1 else h
        h = nn.leaky_relu(_conv(widths[0], "conv")(h), 0.2)
        h = nn.leaky_relu(GAIN * EqualDense(widths[0], name="dense")(h.reshape(h.shape[0], -1)), 0.2)
        h = at_least_float32(h)
        return with_heads(EqualDense(1, name="logit")(h)[:, 0], h, self.heads, None, "none", train)


def _active(x: Array) -> Array:
    return unit_moment(nn.leaky_relu(x, 0.2))


def _conv(width: int, name: str) -> EqualConv:
    return EqualConv(width, gain=GAIN, name=name)


def _widths(width: int, most: int, k: int) -> list[int]:
    """Returns the channels of every stage, smallest images first."""
    return [min(width << i, most) for i in range(k, -1, -1)]


def _doublings(shape: tuple[int, ...], packed: bool = False) -> int:
    return doublings(square_side(shape, "MSG-GAN", packed), "MSG-GAN", SIZES)
