"""SNGAN (Miyato et al., 2018; Miyato & Koyama, 2018): residual networks, spectral norm in the discriminator.

For sides up to 32 px these are the paper's networks for CIFAR-10, of constant width; above, those for STL-10
and ImageNet, which double the channels whenever the side is halved. Kernels start Xavier-uniform, times
sqrt 2 inside residual branches, as in the authors' code. Under spectral norm Flax then divides them by sigma,
so their norm, and with it the relative size of an update, differs from the paper's.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers import (
    ConditionalNorm,
    Heads,
    Logit,
    Norm,
    SelfAttention,
    UpConv,
    at_least_float32,
    call_layer,
    check_attention,
    check_labels,
    discriminator_blocks,
    doublings,
    generator_widths,
    normalise,
    split_2x2,
    square_side,
    valid_sides,
    with_heads,
)
from jaxgan.parts.output import Output

Array = jax.Array
SIZES = valid_sides(128)
_xavier = nn.initializers.xavier_uniform()
_branch = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")  # Xavier, gain sqrt 2


class Generator(nn.Module):
    """z [B, n], label [B] if `classes` -> images [B, s, s, channels] in (-1, 1), s = b 2^k with b in 4..7.

    Dense to b x b, k residual blocks that each double the side, BatchNorm, ReLU, a 3x3 convolution, tanh.
    BatchNorm is conditional if there are classes. `width`: the channels at the full side; the papers have 256
    at 32 px, and 64 above, doubled whenever the side is halved, up to 1024. `attention`: the side at which
    there is self-attention (Zhang et al., 2019), 0 for none. `remat`: blocks are recomputed in the backward
    pass instead of stored, which needs less memory and more time for the same results. `norm` "spectral" has
    spectral norm in all convolutions and dense layers, as SAGAN.

    >>> g = Generator(shape=(28, 28, 1), width=4, classes=10)
    >>> z, label = jnp.ones((2, 16)), jnp.array([3, 9])
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), z, label)[0].shape
    (2, 28, 28, 1)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    width: int = 256
    classes: int = 0
    attention: int = 0
    remat: bool = False
    axis: str | None = None
    norm: Norm = "none"

    def __post_init__(self) -> None:
        _check(self.shape)
        base, widths = generator_widths(self.shape[0], self.width)
        check_attention(self.attention, [base << i for i in range(1, len(widths))])
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, label: Array | None = None, *, train: bool = False) -> Array:
        check_labels(self.classes, label)
        base, (first, *widths) = generator_widths(self.shape[0], self.width)
        block = _maybe_remat(_Up, self.remat)
        attention = _maybe_remat(SelfAttention, self.remat, (2,))  # `train`; 0 is self

        dense = nn.Dense(base * base * first, kernel_init=_xavier)
        x = call_layer(dense, z, self.norm, train).reshape(z.shape[0], base, base, first)
        for i, width in enumerate(widths):
            x = block(width, self.classes, self.axis, self.norm, train, name=f"block{i}")(x, label)
            if x.shape[1] == self.attention:
                x = attention(self.norm, name="attention")(x, train)
        x = nn.relu(_norm(x, label, self.classes, self.axis, train))
        last = nn.Conv(self.shape[-1], (3, 3), kernel_init=_xavier)
        return nn.tanh(call_layer(last, x, self.norm, train))


class Discriminator(nn.Module):
    """Images [B, s, s, channels], label if `classes` -> logits [B], for the sizes of the generator.

    Residual blocks, the first of which halve the side; ReLU, sum over pixels, a logit with projection. For
    sides up to 32 px two blocks halve and two do not, all with `width` channels (128 in the paper). Above,
    the side is halved while it is even and above 4 px, with `width` (64) channels doubled each time up to 16
    times; then one more block. `norm` "none" omits spectral norm. `attention` and `remat` as in `Generator`.
    With `heads`, (name, size) each, or `features` it returns an Output with them: dense layers on the
    features of the logit, and the outputs of all blocks as "features".

    >>> d = Discriminator(width=4, classes=10)
    >>> x, label = jnp.ones((2, 32, 32, 3)), jnp.array([3, 9])
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), x, label)[0].shape
    (2,)
    """

    width: int = 128
    classes: int = 0
    norm: Norm = "spectral"
    attention: int = 0
    remat: bool = False
    heads: Heads = ()
    features: bool = False

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, *, train: bool = False) -> Array | Output:
        _check(x.shape[1:], packed=True)
        if self.norm in ("batch", "instance"):
            raise Refused(
                f"the norm of this discriminator must be spectral, none or a WeightNorm, not {self.norm}"
            )
        blocks = discriminator_blocks(x.shape[1], self.width)
        check_attention(self.attention, [side for side, _ in blocks])
        block = _maybe_remat(_Down, self.remat)
        attention = _maybe_remat(SelfAttention, self.remat, (2,))  # `train`; 0 is self

        attended, hidden = False, []
        for i, (side, width) in enumerate(blocks):
            x = block(width, side < x.shape[1], i == 0, self.norm, train, name=f"block{i}")(x)
            if side == self.attention and not attended:
                x, attended = attention(self.norm, name="attention")(x, train), True
            hidden.append(x)
        h = at_least_float32(nn.relu(x)).sum(axis=(1, 2))
        logit = Logit(self.classes, self.norm, _xavier, _xavier)(h, label, train)
        return with_heads(logit, h, self.heads, hidden if self.features else None, self.norm, train, _xavier)


class _Up(nn.Module):
    """[B, s, s, C] -> [B, 2s, 2s, width]: norm, ReLU, double, 3x3, norm, ReLU, 3x3; shortcut: double, 1x1."""

    width: int
    classes: int
    axis: str | None
    norm: Norm
    train: bool

    @nn.compact
    def __call__(self, x: Array, label: Array | None) -> Array:
        h = nn.relu(_norm(x, label, self.classes, self.axis, self.train))
        h = call_layer(UpConv(self.width, kernel_init=_branch), h, self.norm, self.train)
        h = nn.relu(_norm(h, label, self.classes, self.axis, self.train))
        h = call_layer(nn.Conv(self.width, (3, 3), kernel_init=_branch), h, self.norm, self.train)
        # the 1x1 convolution commutes with repeating pixels and is cheaper before
        conv = nn.Conv(self.width, (1, 1), kernel_init=_xavier, name="short")
        short = call_layer(conv, x, self.norm, self.train)
        return h + jnp.repeat(jnp.repeat(short, 2, axis=1), 2, axis=2)


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
        def conv(x: Array, width: int, size: int, init: Callable, name: str) -> Array:
            layer = nn.Conv(width, (size, size), kernel_init=init, name=name)
            return call_layer(layer, x, self.norm, self.train)

        def halve(x: Array) -> Array:
            return split_2x2(x).mean(axis=(2, 4)) if self.halve else x

        h = x if self.first else nn.relu(x)
        h = conv(h, self.width if self.first else x.shape[-1], 3, _branch, "conv0")
        h = halve(conv(nn.relu(h), self.width, 3, _branch, "conv1"))
        if not self.halve and x.shape[-1] == self.width:
            return h + x
        # the 1x1 convolution commutes with averaging pixels and is cheaper after
        return h + conv(halve(x), self.width, 1, _xavier, "short")


def _norm(x: Array, label: Array | None, classes: int, axis: str | None, train: bool) -> Array:
    if label is None:
        return normalise(x, "batch", axis, train)
    return ConditionalNorm(classes, axis)(x, label, train)


def _maybe_remat(module: type[nn.Module], remat: bool, static: tuple[int, ...] = ()) -> Callable[..., Any]:
    """Returns the class, or one whose modules are recomputed in the backward pass."""
    return nn.remat(module, static_argnums=static) if remat else module


def _check(shape: tuple[int, ...], packed: bool = False) -> None:
    doublings(square_side(shape, "SNGAN", packed), "SNGAN", SIZES)
