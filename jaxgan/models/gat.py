"""GAT (Hyun et al., 2025): transformers in both networks, and a D that sees images from several depths of G.

Written for pixels as well as for the paper's latents of an autoencoder. Left out: the average of w per class,
which guides samples, and the features of a pretrained network that D predicts (`features=True` gives the
tokens to predict them from). D sees G's images of all levels, with noise by `jg.augmentations.level_noise`.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused
from jaxgan.models.layers import (
    Heads,
    Logit,
    RotaryAttention,
    SwiGLU,
    at_least_float32,
    check_labels,
    check_patches,
    patchify,
    rotary_angles,
    sine_positions,
    square_side,
    unit_moment,
    unpatchify,
    with_heads,
)
from jaxgan.parts.generated import Generated
from jaxgan.parts.output import Output

Array = jax.Array
SLOW = 0.01  # rate of the mapping networks, relative to that of other layers
SMALL = 0.1  # gain of the modulation's kernels, and start of D's scales of branches

_xavier = nn.initializers.xavier_uniform()
_small = nn.initializers.variance_scaling(SMALL**2, "fan_avg", "uniform")


class Generator(nn.Module):
    """z [B, n], label [B] if `classes` -> images [B, s, s, channels], for s divisible by `patch`.

    Two slow dense layers map z, and a vector of the label as long, both of second moment 1, to w. The tokens
    of the patches start as their positions; each of `depth` blocks adds attention and a gated layer, whose
    normalised inputs are scaled and whose outputs are gated by functions of w. `levels` images are made at
    equal distances in depth, the first from the first 1/levels of the blocks; each adds to the one before.
    Returns the last as examples, and shows D all of them, as channels [B, s, s, levels channels], first to
    last; D is to be shown as many copies of real images, by `repeated`.
    Without an activation at the end. The paper's B/2 has width 768, depth 12, 12 attention heads, patch 2.

    >>> g = Generator(shape=(8, 8, 1), patch=4, width=8, depth=2, attention_heads=1, levels=2, classes=10)
    >>> z, label = jnp.ones((2, 16)), jnp.array([3, 9])
    >>> made = jax.eval_shape(g.init_with_output, jax.random.key(0), z, label)[0]
    >>> made.x.shape, made.shown.shape
    ((2, 8, 8, 1), (2, 8, 8, 2))
    """

    shape: tuple[int, ...] = (32, 32, 3)
    patch: int = 2
    width: int = 384
    depth: int = 12
    attention_heads: int = 6
    levels: int = 4
    classes: int = 0

    def __post_init__(self) -> None:
        check_patches(square_side(self.shape, "GAT"), self.patch, self.width, self.attention_heads)
        if self.levels < 1 or self.depth % self.levels:
            raise Refused(
                f"{self.depth} blocks are not divisible into {self.levels} levels: take another depth"
            )
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None) -> Generated:
        check_labels(self.classes, label)
        grid, channels = self.shape[0] // self.patch, self.shape[-1]
        angles = rotary_angles(grid, self.width // self.attention_heads)

        w = unit_moment(z)
        if label is not None:
            table = nn.Embed(self.classes, z.shape[-1], embedding_init=nn.initializers.normal(0.02))
            w = jnp.concatenate([unit_moment(table(label)).astype(z.dtype), w], axis=-1)
        w = nn.silu(_Slow(self.width, name="mapping1")(nn.silu(_Slow(self.width, name="mapping0")(w))))

        positions = jnp.asarray(sine_positions(grid, self.width), z.dtype)
        x = jnp.broadcast_to(positions, (z.shape[0], *positions.shape))
        image, images = jnp.zeros((z.shape[0], *self.shape), z.dtype), list[Array]()
        for i in range(self.depth):
            x = _ModulatedBlock(self.attention_heads, name=f"block{i}")(x, w, angles)
            if (i + 1) % (self.depth // self.levels) == 0:
                level = _Modulated(self.patch**2 * channels, name=f"image{len(images)}")
                image = image + unpatchify(level(x, w), self.shape, self.patch)
                images.append(image)
        return Generated(image, shown=jnp.concatenate(images, axis=-1))


def repeated(levels: int) -> Callable[[Array, Any], Array]:
    """Shows D as many copies of a real image as G makes levels: `reals=` of `jg.gan`.

    >>> repeated(2)(jnp.ones((4, 8, 8, 3)), 0).shape
    (4, 8, 8, 6)
    """
    return lambda x, update: jnp.concatenate([x] * levels, axis=-1)


class Discriminator(nn.Module):
    """Images [B, s, s, channels], label if `classes` -> logits [B], for s divisible by `patch`.

    A dense layer of each patch and its position, and a class token; blocks of attention and a gated layer,
    whose branches are scaled by learned vectors that start at 0.1 (Touvron et al., 2021). The class token is
    mapped to `projection` features, and the logit is their product with a vector of the label, or a dense
    layer without classes. With `heads`, (name, size) each, or `features` it returns an Output with them:
    dense layers on these features, and the tokens after every block as "features".

    >>> d = Discriminator(patch=4, width=8, depth=1, attention_heads=1, projection=4, classes=10)
    >>> x, label = jnp.ones((2, 8, 8, 3)), jnp.array([3, 9])
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), x, label)[0].shape
    (2,)
    """

    patch: int = 2
    width: int = 384
    depth: int = 12
    attention_heads: int = 6
    projection: int = 2048
    classes: int = 0
    heads: Heads = ()
    features: bool = False

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None) -> Array | Output:
        check_patches(square_side(x.shape[1:], "GAT", True), self.patch, self.width, self.attention_heads)
        grid = x.shape[1] // self.patch
        angles = rotary_angles(grid, self.width // self.attention_heads)

        x = nn.Dense(self.width, kernel_init=_xavier, name="patches")(patchify(x, self.patch))
        x = x + jnp.asarray(sine_positions(grid, self.width), x.dtype)
        token = self.param("class_token", nn.initializers.normal(0.02), (self.width,))
        x = jnp.concatenate([jnp.broadcast_to(token.astype(x.dtype), (x.shape[0], 1, self.width)), x], axis=1)
        hidden = []
        for i in range(self.depth):
            x = _Block(self.attention_heads, name=f"block{i}")(x, angles)
            hidden.append(x)
        h = nn.RMSNorm(epsilon=1e-6, name="norm")(x[:, 0])
        h = at_least_float32(nn.Dense(self.projection, kernel_init=_xavier, name="projection")(h))
        logit = self._logit(h, label)
        return with_heads(logit, h, self.heads, hidden if self.features else None, "none", False, _xavier)

    def _logit(self, h: Array, label: Array | None) -> Array:
        if label is None or not self.classes:
            return Logit(self.classes, kernel_init=_xavier)(h, label)  # which refuses one without the other
        table = nn.Embed(self.classes, self.projection, embedding_init=nn.initializers.normal(0.02))
        vector = nn.silu(_Slow(self.projection, name="mapping0")(table(label)))
        vector = _Slow(self.projection, name="mapping1")(vector)
        return (h * vector.reshape(h.shape[0], -1, self.projection).sum(axis=1)).sum(axis=-1)


class _ModulatedBlock(nn.Module):
    """x + gate attention(scale x_hat), then the same with a gated layer; scales and gates from w."""

    heads: int

    @nn.compact
    def __call__(self, x: Array, w: Array, angles: np.ndarray) -> Array:
        both = nn.Dense(4 * x.shape[-1], kernel_init=_small, name="modulation")(w)[:, None]
        scale, gate, mlp_scale, mlp_gate = jnp.split(both, 4, axis=-1)
        x = x + gate * RotaryAttention(self.heads, name="attention")(_scaled(x, scale), angles)
        return x + mlp_gate * SwiGLU(_hidden(x), name="mlp")(_scaled(x, mlp_scale))


class _Modulated(nn.Module):
    """A dense layer of normalised tokens, scaled by a function of w."""

    features: int

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        scale = nn.Dense(x.shape[-1], kernel_init=_small, name="modulation")(w)[:, None]
        return nn.Dense(self.features, kernel_init=_xavier, name="out")(_scaled(x, scale))


class _Block(nn.Module):
    """x + a attention(norm x), then the same with a gated layer; a is a learned vector."""

    heads: int

    @nn.compact
    def __call__(self, x: Array, angles: np.ndarray) -> Array:
        def scaled(branch: Array, name: str) -> Array:
            scale = self.param(name, nn.initializers.constant(SMALL), (x.shape[-1],))
            return scale.astype(x.dtype) * branch

        normed = nn.RMSNorm(epsilon=1e-6, name="attention_norm")(x)
        x = x + scaled(RotaryAttention(self.heads, name="attention")(normed, angles), "attention_scale")
        return x + scaled(
            SwiGLU(_hidden(x), name="mlp")(nn.RMSNorm(epsilon=1e-6, name="mlp_norm")(x)), "mlp_scale"
        )


class _Slow(nn.Module):
    """A dense layer whose parameters are stored 1 / SLOW times as large, so that Adam changes them slowly."""

    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        init = nn.initializers.variance_scaling(SLOW**-2, "fan_avg", "uniform")
        kernel = self.param("kernel", init, (x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return SLOW * (x @ kernel.astype(x.dtype) + bias.astype(x.dtype))


def _scaled(x: Array, scale: Array) -> Array:
    return nn.RMSNorm(epsilon=1e-6, use_scale=False)(x) * (1 + scale)


def _hidden(x: Array) -> int:
    return 2 * 4 * x.shape[-1] // 3
