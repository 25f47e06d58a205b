"""The stages of progressive growing, which MSG-GAN has too: equalised 3x3 convolutions on doubling sides.

All functions but the first must be called inside a compact module, which gets the layers.
"""

from math import sqrt

import flax.linen as nn
import jax

from jaxgan.models.layers.across import MinibatchStd
from jaxgan.models.layers.equalised import EqualConv, EqualDense
from jaxgan.models.layers.heads import Heads, with_heads
from jaxgan.models.layers.mapping import unit_moment
from jaxgan.models.layers.numbers import at_least_float32
from jaxgan.models.layers.resampling import halve, repeat_2x2
from jaxgan.parts.output import Output

Array = jax.Array
GAIN = sqrt(2)  # of equalised weights before a leaky ReLU


def stage_widths(width: int, most: int, k: int) -> list[int]:
    """Returns the channels of every stage, smallest images first.

    >>> stage_widths(16, 48, 2)
    [48, 32, 16]
    """
    return [min(width << i, most) for i in range(k, -1, -1)]


def stage_images(z: Array, shape: tuple[int, ...], widths: list[int]) -> list[Array]:
    """z [B, n] -> images of the sides b, 2b, .., s, one by a 1x1 convolution of each stage of the generator.

    z of second moment 1, dense to b x b, a 3x3 convolution; stages that repeat pixels and have two of those;
    after each leaky ReLU pixels are scaled to second moment 1.
    """

    def active(x: Array) -> Array:
        return unit_moment(nn.leaky_relu(x, 0.2))

    first, *others = widths
    base = shape[0] >> len(others)
    x = EqualDense(base * base * first, name="dense")(unit_moment(z)) * GAIN / 4  # as the authors' code
    x = active(x.reshape(z.shape[0], base, base, first))
    x = active(_conv(first, "conv")(x))
    images = [EqualConv(shape[-1], 1, name="image0")(x)]
    for i, width in enumerate(others, 1):
        x = active(_conv(width, f"stage{i}_conv0")(repeat_2x2(x)))
        x = active(_conv(width, f"stage{i}_conv1")(x))
        images.append(EqualConv(shape[-1], 1, name=f"image{i}")(x))
    return images


def from_image(x: Array, width: int, i: int) -> Array:
    """Begins stage i of the discriminator: a 1x1 convolution of its image and what comes with it."""
    return nn.leaky_relu(EqualConv(width, 1, gain=GAIN, name=f"image{i}")(x), 0.2)


def halving_stage(h: Array, widths: list[int], i: int) -> Array:
    """Stage i of the discriminator: two 3x3 convolutions, to the channels of stage i - 1; halves the side."""
    h = nn.leaky_relu(_conv(widths[i], f"stage{i}_conv0")(h), 0.2)
    return halve(nn.leaky_relu(_conv(widths[i - 1], f"stage{i}_conv1")(h), 0.2))


def stages_end(h: Array, width: int, group: int, heads: Heads, train: bool) -> Array | Output:
    """Ends the discriminator: deviation within groups, a 3x3 convolution, a dense layer, the logit."""
    h = MinibatchStd(group)(h, train) if group > 1 else h
    h = nn.leaky_relu(_conv(width, "conv")(h), 0.2)
    h = nn.leaky_relu(GAIN * EqualDense(width, name="dense")(h.reshape(h.shape[0], -1)), 0.2)
    h = at_least_float32(h)
    return with_heads(EqualDense(1, name="logit")(h)[:, 0], h, heads, None, "none", train)


def _conv(width: int, name: str) -> EqualConv:
    return EqualConv(width, gain=GAIN, name=name)
