"""MSG-GAN (Karnewar & Wang, 2020): G makes images of all sides at once, and D reads them all.

So D's gradient reaches every stage of G directly. Images of several sides are one array, the smaller ones
repeated to the last side, as further channels: augmentations, noise and penalties act on all of them. D takes
one pixel of each repeated one, so a gradient penalty is of the images jointly.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers import (
    Heads,
    doublings,
    from_image,
    halve,
    halving_stage,
    square_side,
    stacked,
    stage_images,
    stage_widths,
    stages_end,
    unstacked,
    valid_sides,
)
from jaxgan.parts.generated import Generated
from jaxgan.parts.output import Output

Array = jax.Array
SIZES = valid_sides(256)


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
        images = stage_images(z, self.shape, stage_widths(self.width, self.most, k))
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
        images, widths = unstacked(x, k + 1, self.channels), stage_widths(self.width, self.most, k)

        h = from_image(images[k], widths[k], k)
        for i in range(k, 0, -1):
            h = jnp.concatenate([halving_stage(h, widths, i), images[i - 1]], axis=-1)
            h = from_image(h, widths[i - 1], i - 1)
        return stages_end(h, widths[0], self.group, self.heads, train)


def _doublings(shape: tuple[int, ...], packed: bool = False) -> int:
    return doublings(square_side(shape, "MSG-GAN", packed), "MSG-GAN", SIZES)
