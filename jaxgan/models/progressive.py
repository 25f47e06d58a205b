"""Progressive growing (Karras et al., 2018): small images first, then layers for larger ones, faded in.

The program is that of the full side from the start, and the step decides how much of it is heard: what is
not faded in yet has weight 0. So a stage costs as much as the last, and a run is one run. Layers that are
faded in late have Adam's means at 0, but not its count: their first steps are up to (1 - b1) / sqrt(1 - b2)
times as long as usual.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers import (
    Heads,
    doublings,
    from_image,
    halve,
    halving_stage,
    repeat_2x2,
    square_side,
    stage_images,
    stage_widths,
    stages_end,
    valid_sides,
)
from jaxgan.parts.output import Output

Array = jax.Array
SIZES = valid_sides(256)


def level(step: Array, stages: int, phase: int) -> Array:
    """Returns how many doublings are heard: each is faded in over `phase` updates, with as many before it.

    >>> [float(level(jnp.int32(step), 2, 100)) for step in (0, 100, 150, 200, 300, 350, 1000)]
    [0.0, 0.0, 0.5, 1.0, 1.0, 1.5, 2.0]
    """
    starts = 2 * jnp.arange(stages) + 1
    return jnp.clip(step / phase - starts, 0, 1).sum()


def faded(images: list[Array], level: Array) -> Array:
    """Images of sides b, 2b, 4b, ... -> one of the last side: those above the level are not heard.

    At level i + a it is (1 - a) times the image of number i, doubled, plus a times the next, doubled to the
    last side.

    >>> images = [jnp.ones((1, 1, 1, 1)), jnp.zeros((1, 2, 2, 1))]
    >>> faded(images, 0.25)[0, 0, :, 0].tolist()
    [0.75, 0.75]
    """
    image = images[0]
    for i, larger in enumerate(images[1:]):
        weight = jnp.clip(level - i, 0, 1).astype(larger.dtype)
        image = (1 - weight) * repeat_2x2(image) + weight * larger
    return image


def reals(phase: int) -> Callable[[Array, Array], Array]:
    """Fades real images as the generator's are: `reals=` of `jg.gan`, with the networks' `phase`.

    >>> bool((reals(10)(jnp.ones((1, 8, 8, 1)), jnp.int32(15)) == 1).all())
    True
    """

    def shown(x: Array, update: Array) -> Array:
        k = _doublings(x.shape[1:])
        images = [x]
        for _ in range(k):
            images.insert(0, halve(images[0]))
        return faded(images, level(update, k, phase))

    return shown


class Generator(nn.Module):
    """z [B, n] -> images [B, s, s, channels], for s = b 2^k with b in 4..7, at the level of the step.

    z of second moment 1, dense to b x b, a 3x3 convolution; k stages that repeat pixels and have two of
    those; after each leaky ReLU pixels are scaled to second moment 1. Every stage has a 1x1 convolution to
    images. Weights are equalised. `width`: the channels at the full side, doubled whenever it is halved, up
    to `most`; the paper has 16 at 1024 px and at most 512. `phase`: updates per half stage.

    >>> g = Generator(shape=(28, 28, 1), width=4, most=8)
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), jnp.ones((2, 16)), step=jnp.int32(0))[0].shape
    (2, 28, 28, 1)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    width: int = 512
    most: int = 512
    phase: int = 10_000

    def __post_init__(self) -> None:
        _doublings(self.shape)
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, *, step: Array) -> Array:
        k = _doublings(self.shape)
        images = stage_images(z, self.shape, stage_widths(self.width, self.most, k))
        return faded(images, level(step, k, self.phase))


class Discriminator(nn.Module):
    """Images [B, s, s, channels] -> logits [B]: the mirrored generator, at the level of the step.

    Every stage can begin with a 1x1 convolution of the image, averaged to its side, and ends by averaging 2x2
    pixels; then the deviation within groups of `group` consecutive inputs as a channel, a 3x3 convolution, a
    dense layer, a logit. With `heads`, (name, size) each, it returns an Output with them.

    >>> d = Discriminator(width=4, most=8)
    >>> x = jnp.ones((4, 28, 28, 1))
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), x, step=jnp.int32(0))[0].shape
    (4,)
    """

    width: int = 512
    most: int = 512
    phase: int = 10_000
    group: int = 4
    heads: Heads = ()

    @nn.compact
    def __call__(self, x: Array, *, step: Array, train: bool = False) -> Array | Output:
        k = _doublings(x.shape[1:], packed=True)
        widths, now = stage_widths(self.width, self.most, k), level(step, k, self.phase)

        h = from_image(x, widths[k], k)
        for i in range(k, 0, -1):
            h = halving_stage(h, widths, i)
            x = halve(x)
            weight = jnp.clip(now - (i - 1), 0, 1).astype(x.dtype)
            h = (1 - weight) * from_image(x, widths[i - 1], i - 1) + weight * h
        return stages_end(h, widths[0], self.group, self.heads, train)


def _doublings(shape: tuple[int, ...], packed: bool = False) -> int:
    return doublings(square_side(shape, "progressive growing", packed), "progressive growing", SIZES)
