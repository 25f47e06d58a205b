"""TransGAN (Jiang et al., 2021): sides doubled by pixel shuffling, and a D of several scales.

For sides b 2^k, as many stages as G has depths. Attention is within the cells of a grid where images are
larger than a cell.
"""

from math import gcd

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers import (
    GridAttention,
    Heads,
    Logit,
    at_least_float32,
    patchify,
    pixel_shuffle,
    split_2x2,
    square_side,
    with_heads,
)
from jaxgan.parts.output import Output

Array = jax.Array

_xavier = nn.initializers.xavier_uniform()
_positions = nn.initializers.normal(0.02)


class Generator(nn.Module):
    """z [B, n] -> images [B, s, s, channels], for s = b 2^k with k + 1 = len(depths).

    Dense to b x b pixels of `width` channels; stages of blocks on learned positions, each block of attention
    and two dense layers of normalised pixels; between stages the side doubles and the channels are a quarter.
    A 1x1 convolution without an activation at the end. The paper's largest network for CIFAR-10 has width
    1024, depths 5, 4 and 2, and 4 attention heads. Attention is within cells of `cell` px, a divisor of s.

    >>> g = Generator(shape=(8, 8, 1), width=16, depths=(1, 1), attention_heads=2)
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), jnp.ones((2, 5)))[0].shape
    (2, 8, 8, 1)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    width: int = 1024
    depths: tuple[int, ...] = (5, 4, 2)
    attention_heads: int = 4
    cell: int = 16

    def __post_init__(self) -> None:
        last = 4 ** (len(self.depths) - 1)
        _check(self.shape, len(self.depths))
        if self.width % (last * self.attention_heads):
            raise Refused(
                f"{self.width} channels, a {last}th of them at the end, are not divisible into "
                f"{self.attention_heads} attention heads: take another width"
            )
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array) -> Array:
        base = self.shape[0] >> (len(self.depths) - 1)
        x = nn.Dense(base * base * self.width, kernel_init=_xavier)(z).reshape(-1, base, base, self.width)
        for i, depth in enumerate(self.depths):
            x = pixel_shuffle(x) if i else x
            x = x + self.param(f"positions{i}", _positions, x.shape[1:]).astype(x.dtype)
            for j in range(depth):
                x = _Block(self.attention_heads, self.cell, name=f"block{i}_{j}")(x)
        return nn.Dense(self.shape[-1], kernel_init=_xavier, name="image")(x)


class Discriminator(nn.Module):
    """Images [B, s, s, channels], label if `classes` -> logits [B], for s divisible by `patch` 2^(stages-1).

    The first stage sees patches of `patch` px; between stages neighbouring 2x2 tokens are averaged, and
    joined by as many channels of the patches of twice the side, so that the last stage has `width`. Each
    stage has learned positions and blocks as in G. A class token then attends to all; the logit, with
    projection, is of what it has read. `heads` and `features` as in the other discriminators.

    >>> d = Discriminator(patch=2, width=8, depths=(1, 1), attention_heads=2)
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), jnp.ones((2, 8, 8, 3)))[0].shape
    (2,)
    """

    patch: int = 2
    width: int = 384
    depths: tuple[int, ...] = (3, 3, 3)
    attention_heads: int = 4
    cell: int = 16
    classes: int = 0
    heads: Heads = ()
    features: bool = False

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None) -> Array | Output:
        stages = len(self.depths)
        side = square_side(x.shape[1:], "TransGAN", packed=True)
        if side % (self.patch << (stages - 1)) or self.width % (self.attention_heads << (stages - 1)):
            raise Refused(
                f"{stages} stages need images divisible by {self.patch << (stages - 1)} px and a width by "
                f"{self.attention_heads << (stages - 1)}, not {side} px and {self.width}"
            )
        image, hidden = x, []
        for i, depth in enumerate(self.depths):
            grid = side // (self.patch << i)
            new = nn.Dense(self.width >> min(stages - i, stages - 1), kernel_init=_xavier, name=f"patches{i}")
            tokens = new(patchify(image, self.patch << i)).reshape(-1, grid, grid, new.features)
            x = jnp.concatenate([split_2x2(x).mean(axis=(2, 4)), tokens], axis=-1) if i else tokens
            x = x + self.param(f"positions{i}", _positions, x.shape[1:]).astype(x.dtype)
            for j in range(depth):
                x = _Block(self.attention_heads, self.cell, name=f"block{i}_{j}")(x)
                hidden.append(x)
        x = nn.LayerNorm(name="norm")(x.reshape(x.shape[0], -1, self.width))
        token = self.param("class_token", _positions, (self.width,)).astype(x.dtype)
        token = jnp.broadcast_to(token, (x.shape[0], 1, self.width))
        read = nn.MultiHeadDotProductAttention(self.attention_heads, kernel_init=_xavier, name="read")
        h = at_least_float32((token + read(token, jnp.concatenate([token, x], axis=1)))[:, 0])
        logit = Logit(self.classes, kernel_init=_xavier)(h, label)
        return with_heads(logit, h, self.heads, hidden if self.features else None, "none", False, _xavier)


class _Block(nn.Module):
    """x + attention(norm x), then x + dense(gelu(dense(norm x))) with four times the channels."""

    heads: int
    cell: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        cell = gcd(self.cell, x.shape[1])
        x = x + GridAttention(self.heads, cell, name="attention")(nn.LayerNorm(name="attention_norm")(x))
        h = nn.Dense(4 * x.shape[-1], kernel_init=_xavier, name="expand")(nn.LayerNorm(name="mlp_norm")(x))
        return x + nn.Dense(x.shape[-1], kernel_init=_xavier, name="project")(nn.gelu(h))


def _check(shape: tuple[int, ...], stages: int) -> None:
    side = square_side(shape, "TransGAN")
    if side % (1 << (stages - 1)):
        raise Refused(f"images of {side} px cannot be halved {stages - 1} times: take fewer depths")
