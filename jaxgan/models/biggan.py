"""BigGAN (Brock et al., 2019): SAGAN's networks, wider, with latents and classes in every block.

Kernels start orthogonal, so their spectral norm is 1 and dividing by it changes nothing at the start.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers import (
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
_orthogonal = nn.initializers.orthogonal()


class Generator(nn.Module):
    """z [B, n], label [B] if `classes` -> images [B, s, s, channels] in (-1, 1), s = b 2^k with b in 4..7.

    z is split into k + 1 chunks: the first is made b x b by a dense layer, each of the k residual blocks,
    which double the side, has one more. Its BatchNorms are scaled and shifted by its chunk and an embedding
    of the label, of size `embedding`, that all blocks share; without classes by the chunk alone. Spectral
    norm in all layers but the embedding. `width`: the channels at the full side. The paper has 96 above 32
    px, doubled whenever the side is halved, up to 16 times; at 32 px all sides have the same, usually 384.
    `attention`: the side at which there is self-attention, 64 in the paper, 0 for none.

    >>> g = Generator(shape=(28, 28, 1), width=4, classes=10)
    >>> z, label = jnp.ones((2, 15)), jnp.array([3, 9])
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), z, label)[0].shape
    (2, 28, 28, 1)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    width: int = 384
    classes: int = 0
    attention: int = 0
    embedding: int = 128
    norm: Norm = "spectral"
    axis: str | None = None

    def __post_init__(self) -> None:
        check_generator(self.shape, self.width, self.attention, "BigGAN")
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None, *, train: bool = False) -> Array:
        check_labels(self.classes, label)
        base, (first, *widths) = generator_widths(self.shape[0], self.width)
        if z.shape[-1] % (chunks := len(widths) + 1):
            raise Refused(
                f"BigGAN splits the latent into {chunks} equal parts at {self.shape[0]} px: its size must be "
                f"a multiple of {chunks}, not {z.shape[-1]}"
            )
        z, *parts = jnp.split(z, chunks, axis=-1)
        shared = embed(self.classes, self.embedding, label, z.dtype)

        dense = nn.Dense(base * base * first, kernel_init=_orthogonal)
        x = call_layer(dense, z, self.norm, train).reshape(z.shape[0], base, base, first)
        for i, (width, part) in enumerate(zip(widths, parts, strict=True)):
            c = jnp.concatenate([part, *shared], axis=-1)
            x = _Up(width, self.norm, self.axis, train, name=f"block{i}")(x, c)
            if x.shape[1] == self.attention:
                x = SelfAttention(self.norm, _orthogonal, name="attention")(x, train)
        x = nn.relu(normalise(x, "batch", self.axis, train))
        last = nn.Conv(self.shape[-1], (3, 3), kernel_init=_orthogonal)
        return nn.tanh(call_layer(last, x, self.norm, train))


class Discriminator(nn.Module):
    """Images [B, s, s, channels], label if `classes` -> logits [B], for the sizes of the generator.

    The residual blocks of `sngan.Discriminator`, with as many channels inside a block as it returns; ReLU,
    sum over pixels, a logit with projection. `width`: 96 in the paper above 32 px, usually 192 at 32.
    Spectral norm is in all layers, also on the embedding. With `heads`, (name, size) each, or `features` it
    returns an Output with them: dense layers on the features of the logit, and the outputs of all blocks as
    "features".

    >>> d = Discriminator(width=4, classes=10)
    >>> x, label = jnp.ones((2, 32, 32, 3)), jnp.array([3, 9])
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), x, label)[0].shape
    (2,)
    """

    width: int = 192
    classes: int = 0
    attention: int = 0
    norm: Norm = "spectral"
    heads: Heads = ()
    features: bool = False

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, *, train: bool = False) -> Array | Output:
        blocks = discriminator_stages(x.shape[1:], self.width, self.attention, "BigGAN")
        attended, hidden = False, []
        for i, (side, width) in enumerate(blocks):
            x = _Down(width, side < x.shape[1], i == 0, self.norm, train, name=f"block{i}")(x)
            if side == self.attention and not attended:
                x, attended = SelfAttention(self.norm, _orthogonal, name="attention")(x, train), True
            hidden.append(x)
        h = at_least_float32(nn.relu(x)).sum(axis=(1, 2))
        logit = Logit(self.classes, self.norm, _orthogonal, _orthogonal)(h, label, train)
        features = hidden if self.features else None
        return with_heads(logit, h, self.heads, features, self.norm, train, _orthogonal)


class _Up(nn.Module):
    """[B, s, s, C] -> [B, 2s, 2s, width]: norm, ReLU, double, 3x3, norm, ReLU, 3x3; shortcut: double, 1x1."""

    width: int
    norm: Norm
    axis: str | None
    train: bool

    @nn.compact
    def __call__(self, x: Array, c: Array) -> Array:
        def conv(layer: nn.Module, x: Array) -> Array:
            return call_layer(layer, x, self.norm, self.train)

        def modulated(x: Array) -> Array:
            return nn.relu(VectorNorm(self.norm, _orthogonal, self.axis)(x, c, self.train))

        h = conv(UpConv(self.width, _orthogonal, name="conv0"), modulated(x))
        h = conv(nn.Conv(self.width, (3, 3), kernel_init=_orthogonal, name="conv1"), modulated(h))
        # the 1x1 convolution commutes with repeating pixels and is cheaper before
        short = conv(nn.Conv(self.width, (1, 1), kernel_init=_orthogonal, name="short"), x)
        return h + repeat_2x2(short)


class _Down(nn.Module):
    """[B, s, s, C] -> [B, s, s, width], or half the side: ReLU, 3x3, ReLU, 3x3, halve; shortcut: 1x1, halve.

    The first block has no ReLU at its start. If neither side nor width changes the shortcut is x.
    """

    width: int
    halve: bool
    first: bool
    norm: Norm
    train: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def conv(x: Array, size: int, name: str) -> Array:
            layer = nn.Conv(self.width, (size, size), kernel_init=_orthogonal, name=name)
            return call_layer(layer, x, self.norm, self.train)

        def halve(x: Array) -> Array:
            return split_2x2(x).mean(axis=(2, 4)) if self.halve else x

        h = conv(x if self.first else nn.relu(x), 3, "conv0")
        h = halve(conv(nn.relu(h), 3, "conv1"))
        if not self.halve and x.shape[-1] == self.width:
            return h + x
        # the 1x1 convolution commutes with averaging pixels and is cheaper after
        return h + conv(halve(x), 1, "short")
