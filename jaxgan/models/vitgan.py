"""ViTGAN (Lee et al., 2022): transformers whose D is Lipschitz, and whose G draws patches as functions.

D's attention is by distance, exp(-|q - k|^2), which the paper takes from Kim et al. (2021). The authors'
later code has the opposite sign, and adds residual branches to normalised tokens; this follows the paper.
"""

from math import pi

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.models.layers import (
    Heads,
    L2Attention,
    Logit,
    Mapping,
    ModulatedConv,
    Norm,
    at_least_float32,
    call_layer,
    check_labels,
    check_patches,
    initial_spectral,
    overlapping_patches,
    scaled_leaky_relu,
    square_side,
    with_heads,
)
from jaxgan.parts.output import Output

Array = jax.Array

_xavier = nn.initializers.xavier_uniform()
_positions = nn.initializers.normal(0.02)


class Generator(nn.Module):
    """z [B, n], label [B] if `classes` -> images [B, s, s, channels], for s divisible by `patch`.

    A mapping network gives w. Tokens start as learned positions; `depth` blocks of attention and two dense
    layers, whose normalised inputs are scaled and shifted by functions of w (self-modulation). The last
    tokens, normalised alike, are styles: a patch is a function of the place in it, sines of a learned linear
    map, then a hidden layer and a linear one whose weights are scaled by the token. No activation at the end.
    For 32 px the paper has width 384, depth 4, 6 attention heads, patch 4.

    >>> g = Generator(shape=(8, 8, 1), patch=4, width=8, depth=1, attention_heads=1, classes=10)
    >>> z, label = jnp.ones((2, 16)), jnp.array([3, 9])
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), z, label)[0].shape
    (2, 8, 8, 1)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    patch: int = 4
    width: int = 384
    depth: int = 4
    attention_heads: int = 6
    mapping: int = 8  # dense layers of the mapping network
    classes: int = 0

    def __post_init__(self) -> None:
        check_patches(square_side(self.shape, "ViTGAN"), self.patch, self.width, self.attention_heads)
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None) -> Array:
        check_labels(self.classes, label)
        grid = self.shape[0] // self.patch
        w = Mapping(self.width, self.mapping, self.classes, name="mapping")(z, label)

        x = self.param("positions", _positions, (grid**2, self.width)).astype(w.dtype)
        x = jnp.broadcast_to(x, (z.shape[0], *x.shape))
        for i in range(self.depth):
            x = _ModulatedBlock(self.attention_heads, name=f"block{i}")(x, w)
        styles = SelfModulatedLayerNorm(name="norm")(x, w).reshape(-1, self.width)
        patches = ImplicitPatch(self.patch, self.shape[-1], self.width, name="image")(styles)
        patches = patches.reshape(-1, grid, grid, self.patch, self.patch, self.shape[-1])
        return patches.swapaxes(2, 3).reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """Images [B, s, s, channels], label if `classes` -> logits [B], for s divisible by an even `patch`.

    A dense layer of patches of twice the side, which overlap by half; learned positions and a class token;
    blocks of attention by distance and of two dense layers with GELU, each on normalised tokens; the logit,
    with projection, of the normalised class token. `norm` is of all weights: in the paper, spectral norm that
    keeps their initial size. With `heads`, (name, size) each,
    or `features` it returns an Output with them: dense layers on the features of the logit, and the tokens
    after every block as "features".

    >>> d = Discriminator(patch=4, width=8, depth=1, attention_heads=1, classes=10)
    >>> x, label = jnp.ones((2, 8, 8, 3)), jnp.array([3, 9])
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), x, label)[0].shape
    (2,)
    """

    patch: int = 4
    width: int = 384
    depth: int = 4
    attention_heads: int = 6
    norm: Norm = initial_spectral()
    classes: int = 0
    heads: Heads = ()
    features: bool = False

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, *, train: bool = False) -> Array | Output:
        check_patches(square_side(x.shape[1:], "ViTGAN", True), self.patch, self.width, self.attention_heads)
        x = overlapping_patches(x, self.patch)
        x = call_layer(nn.Dense(self.width, kernel_init=_xavier, name="patches"), x, self.norm, train)
        token = self.param("class_token", _positions, (self.width,)).astype(x.dtype)
        x = jnp.concatenate([jnp.broadcast_to(token, (x.shape[0], 1, self.width)), x], axis=1)
        x = x + self.param("positions", _positions, x.shape[1:]).astype(x.dtype)
        hidden = []
        for i in range(self.depth):
            x = _Block(self.attention_heads, self.norm, train, name=f"block{i}")(x)
            hidden.append(x)
        h = at_least_float32(nn.LayerNorm(name="norm")(x[:, 0]))
        logit = Logit(self.classes, self.norm, _xavier)(h, label, train)
        return with_heads(logit, h, self.heads, hidden if self.features else None, self.norm, train, _xavier)


class SelfModulatedLayerNorm(nn.Module):
    """(1 + A w) x_hat + B w, x_hat normalised over its channels: x [B, n, C], w [B, m] -> [B, n, C].

    A and B have a bias (Chen et al., 2019; on tokens, Lee et al., 2022).

    >>> layer = SelfModulatedLayerNorm()
    >>> layer.init_with_output(jax.random.key(0), jnp.ones((2, 4, 8)), jnp.ones((2, 3)))[0].shape
    (2, 4, 8)
    """

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        scale = nn.Dense(x.shape[-1], kernel_init=_xavier, name="scale")(w)[:, None]
        shift = nn.Dense(x.shape[-1], kernel_init=_xavier, name="shift")(w)[:, None]
        return nn.LayerNorm(use_scale=False, use_bias=False)(x) * (1 + scale) + shift


class ImplicitPatch(nn.Module):
    """Styles [N, C] -> patches [N, side, side, channels], each a function of the place in it.

    sin(2 pi (A p + b)) of places p in [-1, 1]^2, a hidden layer of `width` units and a linear one, whose
    weights a style scales (Anokhin et al., 2021). All weights but the styles' are shared by all patches.

    >>> layer = ImplicitPatch(4, 3, width=8)
    >>> layer.init_with_output(jax.random.key(0), jnp.ones((5, 6)))[0].shape
    (5, 4, 4, 3)
    """

    side: int
    channels: int
    width: int

    @nn.compact
    def __call__(self, style: Array) -> Array:
        place = jnp.asarray(_places(self.side), style.dtype)
        init = nn.initializers.uniform(1.0)
        waves = nn.Dense(self.width, kernel_init=nn.initializers.normal(0.5), bias_init=init, name="waves")
        x = jnp.sin(2 * pi * waves(place)) * 2**0.5  # of unit variance, as a modulated layer expects
        x = jnp.broadcast_to(x, (style.shape[0], *x.shape))
        x = ModulatedConv(self.width, 1, name="hidden")(x, style)
        x = scaled_leaky_relu(x + self.param("bias", nn.initializers.zeros, (self.width,)).astype(x.dtype))
        x = ModulatedConv(self.channels, 1, demodulate=False, name="out")(x, style)
        return x + self.param("out_bias", nn.initializers.zeros, (self.channels,)).astype(x.dtype)


class _ModulatedBlock(nn.Module):
    """x + attention(norm(x, w)), then x + dense(gelu(dense(norm(x, w)))), with four times the channels."""

    heads: int

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        attention = nn.MultiHeadDotProductAttention(self.heads, kernel_init=_xavier, name="attention")
        x = x + attention(SelfModulatedLayerNorm(name="attention_norm")(x, w))
        return x + _mlp(SelfModulatedLayerNorm(name="mlp_norm")(x, w), "none", False)


class _Block(nn.Module):
    heads: int
    norm: Norm
    train: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        normed = nn.LayerNorm(name="attention_norm")(x)
        x = x + L2Attention(self.heads, self.norm, name="attention")(normed, self.train)
        return x + _mlp(nn.LayerNorm(name="mlp_norm")(x), self.norm, self.train)


def _mlp(x: Array, norm: Norm, train: bool) -> Array:
    """Must be called inside a compact module, which gets the dense layers."""
    expand = nn.Dense(4 * x.shape[-1], kernel_init=_xavier, name="expand")
    h = nn.gelu(call_layer(expand, x, norm, train))
    return call_layer(nn.Dense(x.shape[-1], kernel_init=_xavier, name="project"), h, norm, train)


def _places(side: int) -> np.ndarray:
    """Returns (row, column) of pixels: [side, side, 2] from -1 to 1."""
    line = np.linspace(-1, 1, side) if side > 1 else np.zeros(1)
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)
