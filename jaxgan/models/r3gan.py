"""R3GAN (Huang et al., 2024): two mirrored ResNeXts without normalisation; only the loss is regularised.

Written without reading the authors' code. Residual branches start at zero and are scaled down by depth
(Fixup, Zhang et al., 2019); images are resampled by bilinear interpolation.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.convolution import grouped_conv
from jaxgan.models.layers import Logit, at_least_float32, check_labels, doublings, square_side, valid_sides

Array = jax.Array
SIZES = valid_sides(256)
SLOPE = 0.2  # of LeakyReLU

_plain = nn.initializers.variance_scaling(1.0, "fan_in", "normal")


class Generator(nn.Module):
    """z [B, n], label [B] if `classes` -> images [B, s, s, channels], for s = b 2^k with b in 4..7.

    A learned b x b x C image, its channels scaled by a linear function of z; k + 1 stages of residual blocks,
    the side doubled between them; a 1x1 convolution to the image, without an activation. A label is a learned
    vector of z's length, appended to z. `widths`: the channels of each stage, smallest image first. The paper
    has 768 in all four for CIFAR-10, `blocks` 2, `expansion` 2 and `group` 16, hence 96 groups.

    >>> g = Generator(shape=(28, 28, 1), widths=(8, 8, 8), classes=10)
    >>> z, label = jnp.ones((2, 16)), jnp.array([3, 9])
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), z, label)[0].shape
    (2, 28, 28, 1)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    widths: tuple[int, ...] = (768, 768, 768, 768)
    blocks: int = 2  # per stage
    expansion: int = 2  # of the channels inside a block
    group: int = 16  # channels per group of the 3x3 convolution
    classes: int = 0

    def __post_init__(self) -> None:
        _check(self.shape, self.widths, self.expansion, self.group)
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None) -> Array:
        check_labels(self.classes, label)
        if label is not None:
            table = nn.Embed(self.classes, z.shape[-1], embedding_init=nn.initializers.normal(1.0))
            z = jnp.concatenate([z, table(label).astype(z.dtype)], axis=-1)
        base, depth = self.shape[0] >> (len(self.widths) - 1), self.blocks * len(self.widths)

        basis = self.param("basis", nn.initializers.normal(1.0), (base, base, self.widths[0]))
        x = basis * nn.Dense(self.widths[0], use_bias=False, kernel_init=_plain)(z)[:, None, None]
        for i, width in enumerate(self.widths):
            if i:
                x = _resize(_set_width(x, width), 2 * x.shape[1])
            for _ in range(self.blocks):
                x = Block(self.expansion, self.group, depth)(x)
        return nn.Conv(self.shape[2], (1, 1), kernel_init=_plain, name="image")(x)


class Discriminator(nn.Module):
    """Images [B, s, s, channels], label if `classes` -> logits [B]: the mirrored generator.

    A 1x1 convolution, the stages from the largest image to the smallest with the side halved between them, a
    depthwise b x b convolution to one pixel, a logit with projection. `widths` as in the generator.

    >>> d = Discriminator(widths=(8, 8, 8, 8), classes=10)
    >>> x, label = jnp.ones((2, 32, 32, 3)), jnp.array([3, 9])
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), x, label)[0].shape
    (2,)
    """

    widths: tuple[int, ...] = (768, 768, 768, 768)
    blocks: int = 2
    expansion: int = 2
    group: int = 16
    classes: int = 0

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None) -> Array:
        _check(x.shape[1:], self.widths, self.expansion, self.group, packed=True)
        depth = self.blocks * len(self.widths)

        x = nn.Conv(self.widths[-1], (1, 1), kernel_init=_plain, name="image")(x)
        for i, width in enumerate(reversed(self.widths)):
            if i:
                x = _set_width(_resize(x, x.shape[1] // 2), width)
            for _ in range(self.blocks):
                x = Block(self.expansion, self.group, depth)(x)
        # the depthwise convolution is a weighted sum over pixels
        weight = self.param("head", nn.initializers.normal(1 / x.shape[1]), x.shape[1:])
        return Logit(self.classes, kernel_init=_plain)(at_least_float32(x * weight).sum(axis=(1, 2)), label)


class Block(nn.Module):
    """x + 1x1(act(grouped 3x3(act(1x1 x)))) [B, H, W, C], with `expansion` times C channels inside.

    LeakyReLU. The last kernel starts at 0, the other two He-normal times L^(-1/4), where L is the number of
    blocks in the network: Fixup's L^(-1/(2m - 2)) for m = 3 convolutions.

    >>> x = jax.random.normal(jax.random.key(0), (2, 4, 4, 16))
    >>> bool((Block(expansion=2, group=16, depth=8).init_with_output(jax.random.key(1), x)[0] == x).all())
    True
    """

    expansion: int
    group: int
    depth: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        inner = self.expansion * x.shape[-1]
        gain = 2 / (1 + SLOPE**2)
        init = nn.initializers.variance_scaling(gain * self.depth**-0.5, "fan_in", "normal")  # a variance
        h = nn.leaky_relu(nn.Conv(inner, (1, 1), kernel_init=init, name="expand")(x), SLOPE)
        h = nn.leaky_relu(GroupedConv(inner, self.group, init, name="spread")(h), SLOPE)
        last = nn.Conv(x.shape[-1], (1, 1), use_bias=False, kernel_init=nn.initializers.zeros, name="project")
        return x + last(h)


class GroupedConv(nn.Module):
    """3x3 convolution, "SAME", in groups of `group` channels: `flax.linen.Conv` with `feature_group_count`.

    >>> conv = GroupedConv(8, 4, nn.initializers.lecun_normal())
    >>> conv.init_with_output(jax.random.key(0), jnp.ones((2, 5, 5, 8)))[0].shape
    (2, 5, 5, 8)
    """

    features: int
    group: int
    kernel_init: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = grouped_conv(x, self.param("kernel", self.kernel_init, (3, 3, self.group, self.features)))
        return y + self.param("bias", nn.initializers.zeros, (self.features,))


def stages(side: int) -> int:
    """Returns the number of stages for images of this side: k + 1 for b 2^k.

    >>> stages(32), stages(28), stages(64)
    (4, 3, 5)
    """
    return doublings(side, "R3GAN", SIZES) + 1


def _resize(x: Array, side: int) -> Array:
    """Doubles or halves the side by bilinear interpolation, half-pixel centres, with antialiasing.

    Away from the edges both are the filter [1, 3, 3, 1], over 4 up and over 8 down: adjoint up to a factor.
    """
    return jax.image.resize(x, (x.shape[0], side, side, x.shape[-1]), "linear")


def _set_width(x: Array, width: int) -> Array:
    """A 1x1 convolution if the number of channels changes. It commutes with `_resize`."""
    return x if x.shape[-1] == width else nn.Conv(width, (1, 1), use_bias=False, kernel_init=_plain)(x)


def _check(
    shape: tuple[int, ...], widths: tuple[int, ...], expansion: int, group: int, packed: bool = False
) -> None:
    side = square_side(shape, "R3GAN", packed)
    if len(widths) != stages(side):
        raise Refused(f"images of {side} px need {stages(side)} stages, so as many widths; not {len(widths)}")
    indivisible = [width for width in widths if expansion * width % group]
    if indivisible:
        raise Refused(
            f"{expansion} * {indivisible[0]} channels are not divisible into groups of {group}: take other "
            "widths or another group"
        )
