"""BigGAN-deep (Brock et al., 2019): four times as many layers as BigGAN, in bottlenecks, and fewer weights.

Where the number of channels changes there is no learned shortcut in G, which drops channels, and half a one
in D, which adds some.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers import (
    MAX_FACTOR,
    MAX_FLAT_SIDE,
    Heads,
    Logit,
    Norm,
    SelfAttention,
    UpConv,
    VectorNorm,
    at_least_float32,
    call_layer,
    check_generator,
    check_labels,
    discriminator_stages,
    embed,
    generator_widths,
    normalise,
    repeat_2x2,
    split_2x2,
    with_heads,
)
from jaxgan.parts.output import Output

Array = jax.Array
BOTTLENECK = 4  # by which the channels inside a block are fewer

_orthogonal = nn.initializers.orthogonal()


class Generator(nn.Module):
    """z [B, n], label [B] if `classes` -> images [B, s, s, channels] in (-1, 1), s = b 2^k with b in 4..7.

    c = [z, embedding of the label] is made b x b by a dense layer, and scales and shifts every BatchNorm.
    Each of k stages has a block that keeps side and channels, and one that doubles the side. `width`:
    the channels at the full side, 128 in the paper, doubled as in `biggan.Generator`. Attention ends a stage.

    >>> g = Generator(shape=(28, 28, 1), width=4, classes=10)
    >>> z, label = jnp.ones((2, 16)), jnp.array([3, 9])
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), z, label)[0].shape
    (2, 28, 28, 1)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    width: int = 128
    classes: int = 0
    attention: int = 0
    embedding: int = 128
    norm: Norm = "spectral"
    axis: str | None = None

    def __post_init__(self) -> None:
        check_generator(self.shape, self.width, self.attention, "BigGAN-deep")
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None, *, train: bool = False) -> Array:
        check_labels(self.classes, label)
        base, (first, *widths) = generator_widths(self.shape[0], self.width)
        c = jnp.concatenate([z, *embed(self.classes, self.embedding, label, z.dtype)], axis=-1)

        dense = nn.Dense(base * base * first, kernel_init=_orthogonal)
        x = call_layer(dense, c, self.norm, train).reshape(z.shape[0], base, base, first)
        for i, width in enumerate(widths):
            x = _Up(x.shape[-1], False, self.norm, self.axis, train, name=f"stage{i}_same")(x, c)
            x = _Up(width, True, self.norm, self.axis, train, name=f"stage{i}_up")(x, c)
            if x.shape[1] == self.attention:
                x = SelfAttention(self.norm, _orthogonal, name="attention")(x, train)
        x = nn.relu(normalise(x, "batch", self.axis, train))
        last = nn.Conv(self.shape[-1], (3, 3), kernel_init=_orthogonal)
        return nn.tanh(call_layer(last, x, self.norm, train))


class Discriminator(nn.Module):
    """Images [B, s, s, channels], label if `classes` -> logits [B], for the sizes of the generator.

    A 3x3 convolution, then per stage of `biggan.Discriminator` a block that changes side and channels, and
    one that keeps them; ReLU, sum over pixels, a logit with projection. Above 32 px stages have 2, 4, 8, 16,
    16 times `width`, which is 128 in the paper; up to 32 px all have `width`. Other options are as there.

    >>> d = Discriminator(width=4, classes=10)
    >>> x, label = jnp.ones((2, 32, 32, 3)), jnp.array([3, 9])
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), x, label)[0].shape
    (2,)
    """

    width: int = 128
    classes: int = 0
    attention: int = 0
    norm: Norm = "spectral"
    heads: Heads = ()
    features: bool = False

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, *, train: bool = False) -> Array | Output:
        stages = deep_stages(x.shape[1:], self.width, self.attention)
        conv = nn.Conv(self.width, (3, 3), kernel_init=_orthogonal, name="image")
        attended, hidden, x = False, [], call_layer(conv, x, self.norm, train)
        for i, (side, width) in enumerate(stages):
            x = _Down(width, side < x.shape[1], self.norm, train, name=f"stage{i}_down")(x)
            x = _Down(width, False, self.norm, train, name=f"stage{i}_same")(x)
            if side == self.attention and not attended:
                x, attended = SelfAttention(self.norm, _orthogonal, name="attention")(x, train), True
            hidden.append(x)
        h = at_least_float32(nn.relu(x)).sum(axis=(1, 2))
        logit = Logit(self.classes, self.norm, _orthogonal, _orthogonal)(h, label, train)
        features = hidden if self.features else None
        return with_heads(logit, h, self.heads, features, self.norm, train, _orthogonal)


class _Up(nn.Module):
    """[B, s, s, C] -> [B, s, s, width] or twice the side; width <= C.

    Norm and ReLU before each of 1x1, 3x3, 3x3, 1x1, with C/4 channels inside; the side is doubled before the
    first 3x3. Shortcut: the first `width` channels.
    """

    width: int
    double: bool
    norm: Norm
    axis: str | None
    train: bool

    @nn.compact
    def __call__(self, x: Array, c: Array) -> Array:
        def conv(layer: nn.Module, x: Array) -> Array:
            x = nn.relu(VectorNorm(self.norm, _orthogonal, self.axis)(x, c, self.train))
            return call_layer(layer, x, self.norm, self.train)

        def plain(width: int, size: int, name: str) -> nn.Module:
            return nn.Conv(width, (size, size), kernel_init=_orthogonal, name=name)

        inner = max(x.shape[-1] // BOTTLENECK, 1)
        h = conv(plain(inner, 1, "reduce"), x)
        h = conv(
            UpConv(inner, _orthogonal, name="conv0") if self.double else plain(inner, 3, "conv0"),
            h,
        )
        h = conv(plain(inner, 3, "conv1"), h)
        short = x[..., : self.width]
        return conv(plain(self.width, 1, "expand"), h) + (repeat_2x2(short) if self.double else short)


class _Down(nn.Module):
    """[B, s, s, C] -> [B, s, s, width] or half the side; width >= C.

    ReLU before each of 1x1, 3x3, 3x3, and before halving and the last 1x1, with width/4 channels inside.
    Shortcut: x, and width - C channels that a 1x1 convolution makes of it, halved.
    """

    width: int
    halve: bool
    norm: Norm
    train: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def conv(x: Array, width: int, size: int, name: str) -> Array:
            layer = nn.Conv(width, (size, size), kernel_init=_orthogonal, name=name)
            return call_layer(layer, x, self.norm, self.train)

        def halve(x: Array) -> Array:
            return split_2x2(x).mean(axis=(2, 4)) if self.halve else x

        inner, short = max(self.width // BOTTLENECK, 1), halve(x)
        h = conv(nn.relu(x), inner, 1, "reduce")
        h = conv(nn.relu(h), inner, 3, "conv0")
        h = conv(nn.relu(h), inner, 3, "conv1")
        h = conv(halve(nn.relu(h)), self.width, 1, "expand")
        if more := self.width - x.shape[-1]:
            short = jnp.concatenate([short, conv(short, more, 1, "short")], axis=-1)
        return h + short


def deep_stages(shape: tuple[int, ...], width: int, attention: int) -> list[tuple[int, int]]:
    """Returns the (side, channels) after each stage, all of which halve.

    >>> deep_stages((128, 128, 3), 1, 64)
    [(64, 2), (32, 4), (16, 8), (8, 16), (4, 16)]
    """
    stages, last = [], shape[0]
    for side, channels in discriminator_stages(shape, width, attention, "BigGAN-deep"):
        if side < last:
            flat = shape[0] <= MAX_FLAT_SIDE
            stages.append((side, channels if flat else min(2 * channels, MAX_FACTOR * width)))
        last = side
    return stages
