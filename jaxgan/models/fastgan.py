"""FastGAN (Liu et al., 2021): few images, few hours; small images excite channels of large ones, D rebuilds.

G gives an image and a smaller one, stacked as in `msg_gan`. D judges patches of both, and decodes what it has
of real ones back to images, which keeps it from overfitting; `reconstruction` is that loss. The paper's
distance of images is LPIPS, whose network needs weights; here it is the mean absolute difference.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers import (
    Conv,
    Initializer,
    Noise,
    at_least_float32,
    call_layer,
    doublings,
    halve,
    normalise,
    repeat_2x2,
    square_side,
    stacked,
    unstacked,
    valid_sides,
)
from jaxgan.parts.generated import Generated
from jaxgan.parts.output import Output
from jaxgan.parts.rng import fold

Array = jax.Array
SIZES = [side for side in valid_sides(256) if side >= 32]

_init: Initializer = nn.initializers.normal(0.02)


class Generator(nn.Module):
    """z [B, n] -> images [B, s, s, channels] in (-1, 1), for s = b 2^k >= 32, b in 4..7; D sees s/2 px too.

    Dense to b x b, then k times: repeat pixels, 3x3 convolution, BatchNorm, gated linear unit; every second
    time another convolution, and noise. Features of side t are multiplied by those of side t / 2^`reach`, by
    `Excitation`: 4 in the paper, for 64 to 256 px. `width`: the channels at the full side, doubled whenever
    it is halved, up to `most`. Spectral norm in all layers.

    >>> g = Generator(width=4, most=8)
    >>> made = jax.eval_shape(g.init_with_output, jax.random.key(0), jnp.ones((2, 16)))[0]
    >>> made.x.shape, made.shown.shape
    ((2, 32, 32, 3), (2, 32, 32, 6))
    """

    shape: tuple[int, ...] = (32, 32, 3)
    width: int = 64
    most: int = 512
    reach: int = 2
    axis: str | None = None

    def __post_init__(self) -> None:
        _doublings(self.shape)
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, *, key: Array | None = None, train: bool = False) -> Generated:
        k = _doublings(self.shape)
        base = self.shape[0] >> k
        first, *widths = [min(self.width << i, self.most) for i in range(k, -1, -1)]

        def image(x: Array, size: int, name: str) -> Array:
            conv = nn.Conv(self.shape[-1], (size, size), kernel_init=_init, name=name)
            return nn.tanh(call_layer(conv, x, "spectral", train))

        dense = nn.Dense(base * base * 2 * first, use_bias=False, kernel_init=_init)
        x = call_layer(dense, z, "spectral", train).reshape(z.shape[0], base, base, 2 * first)
        x = _gated(normalise(x, "batch", self.axis, train))
        features = [x]
        for i, width in enumerate(widths):
            x = _Up(width, i % 2 == 0, self.axis, train, name=f"up{i}")(x, key)
            if i + 1 >= self.reach:
                x = Excitation(name=f"excitation{i}")(x, features[i + 1 - self.reach], train)
            features.append(x)
        large = image(x, 3, "large")
        return Generated(large, shown=stacked([image(features[-2], 1, "small"), large]))


class Excitation(nn.Module):
    """large [B, H, W, C], small [B, h, w, c] -> large times functions of small in (0, 1), one per channel.

    small averaged to 4 x 4, a 4x4 convolution to one pixel, swish, a 1x1 convolution to C channels, sigmoid:
    skip-layer excitation (Liu et al., 2021).

    >>> large, small = jnp.ones((2, 16, 16, 6)), jnp.ones((2, 5, 5, 8))
    >>> Excitation().init_with_output(jax.random.key(0), large, small)[0].shape
    (2, 16, 16, 6)
    """

    @nn.compact
    def __call__(self, large: Array, small: Array, train: bool = False) -> Array:
        conv = nn.Conv(large.shape[-1], (4, 4), padding="VALID", use_bias=False, kernel_init=_init)
        h = nn.swish(call_layer(conv, averaged(small, 4), "spectral", train))
        conv = nn.Conv(large.shape[-1], (1, 1), use_bias=False, kernel_init=_init)
        return large * nn.sigmoid(call_layer(conv, h, "spectral", train))


class Discriminator(nn.Module):
    """Images and those of half the side, stacked [B, s, s, 2 channels] -> `Output` with logits [B, patches].

    A 3x3 convolution; blocks that halve the side, down to 8 to 14; a 4x4 convolution gives a logit per patch.
    The half image has a path of its own, whose patches are beside these. Decoders make images of the features
    of either path, the heads "whole" and "small", and of a quarter of the features before the last block,
    the head "part". `key` draws the quarter of each input, whose number is the head "quarter" [B].

    >>> d, x = Discriminator(width=4), jnp.ones((2, 32, 32, 6))
    >>> logit, heads = jax.eval_shape(d.init_with_output, jax.random.key(0), x)[0]
    >>> logit.shape, {name: heads[name].shape for name in ("whole", "part")}
    ((2, 50), {'whole': (2, 16, 16, 3), 'part': (2, 16, 16, 3)})
    """

    width: int = 64
    most: int = 512
    channels: int = 3
    axis: str | None = None

    @nn.compact
    def __call__(self, x: Array, *, key: Array | None = None, train: bool = False) -> Output:
        _doublings(x.shape[1:], packed=True)
        small, large = unstacked(x, 2, self.channels)

        def path(x: Array, name: str) -> tuple[Array, Array, Array]:
            """Returns the logits of patches, the last features, and those before the last block."""
            conv = nn.Conv(self.width, (3, 3), use_bias=False, kernel_init=_init, name=f"{name}_begin")
            h, before, width = nn.leaky_relu(call_layer(conv, x, "spectral", train), 0.2), x, self.width
            while h.shape[1] >= 16:
                before, width = h, min(2 * width, self.most)
                h = _Down(width, self.axis, train, name=f"{name}_down{h.shape[1]}")(h)
            conv = nn.Conv(
                1, (4, 4), padding="VALID", use_bias=False, kernel_init=_init, name=f"{name}_logit"
            )
            logits = at_least_float32(call_layer(conv, h, "spectral", train))
            return logits.reshape(x.shape[0], -1), h, before

        logits, last, before = path(large, "large")
        few, half, _ = path(small, "small")
        quarter = jnp.zeros(x.shape[0], int) if key is None else jax.vmap(_quarter)(fold(key, "quarter"))
        channels = large.shape[-1]
        heads = {
            "whole": _Decoder(channels, self.axis, train, name="whole")(last),
            "small": _Decoder(channels, self.axis, train, name="small")(half),
            "part": _Decoder(channels, self.axis, train, name="part")(crop(before, quarter)),
            "quarter": quarter,
        }
        return Output(jnp.concatenate([logits, few], axis=1), heads)


def reconstruction(view: Any, channels: int = 3) -> Array:
    """The distances [B] of real images from what D's decoders make of them, a loss of D (Liu et al., 2021).

    The whole image and its half to the halves, and the quarter that D drew to its own: means of absolute
    differences, added. As in `jg.terms.stateless("reconstruction", fastgan.reconstruction)`.
    """
    if not isinstance(view.real_heads, dict) or "quarter" not in view.real_heads:
        raise Refused("the term reconstruction needs the heads of fastgan.Discriminator")
    heads, (small, large) = view.real_heads, unstacked(view.real, 2, channels)

    def distance(made: Array, image: Array) -> Array:
        return jnp.abs(made - averaged(image, made.shape[1])).mean(axis=(1, 2, 3))

    whole, half = distance(heads["whole"], large), distance(heads["small"], small)
    return whole + half + distance(heads["part"], crop(large, heads["quarter"]))


def halves(x: Array, update: Any = None) -> Array:
    """Real images [B, s, s, C] with those of half the side stacked: `reals=` of `jg.gan`.

    >>> halves(jnp.ones((2, 32, 32, 3))).shape
    (2, 32, 32, 6)
    """
    return stacked([halve(x), x])


def crop(x: Array, quarter: Array) -> Array:
    """Returns one quarter of each image: [B, H, W, C], number 0..3 [B] -> [B, H/2, W/2, C].

    >>> crop(jnp.arange(4.0).reshape(1, 2, 2, 1), jnp.array([2])).ravel().tolist()
    [2.0]
    """
    h, w = x.shape[1] // 2, x.shape[2] // 2
    corners = jnp.stack([x[:, i : i + h, j : j + w] for i in (0, h) for j in (0, w)], axis=1)
    return jnp.take_along_axis(corners, quarter[:, None, None, None, None], axis=1)[:, 0]


def averaged(x: Array, side: int) -> Array:
    """[B, H, W, C] -> [B, side, side, C] by means over windows; of a smaller image pixels are repeated.

    Windows go from floor(i H / side) to ceil((i + 1) H / side), and overlap if side does not divide H.

    >>> averaged(jnp.arange(5.0).reshape(1, 5, 1, 1).repeat(5, axis=2), 2)[0, :, 0, 0].tolist()
    [1.0, 3.0]
    """
    for axis in (1, 2):
        n = x.shape[axis]
        windows = [(i * n // side, -(-(i + 1) * n // side)) for i in range(side)]
        x = jnp.stack(
            [jax.lax.slice_in_dim(x, a, b, axis=axis).mean(axis=axis) for a, b in windows], axis=axis
        )
    return x


class _Up(nn.Module):
    """Repeat pixels, 3x3 convolution, BatchNorm, gated linear unit; with `twice` twice, with noise."""

    width: int
    twice: bool
    axis: str | None
    train: bool

    @nn.compact
    def __call__(self, x: Array, key: Array | None) -> Array:
        def step(x: Array, name: str) -> Array:
            conv = nn.Conv(2 * self.width, (3, 3), use_bias=False, kernel_init=_init, name=name)
            x = call_layer(conv, x, "spectral", self.train)
            x = Noise(name=f"{name}_noise")(x, key) if self.twice else x
            return _gated(normalise(x, "batch", self.axis, self.train))

        x = step(repeat_2x2(x), "conv0")
        return step(x, "conv1") if self.twice else x


class _Down(nn.Module):
    """[B, s, s, C] -> [B, s/2, s/2, width]: the mean of two convolutions and of a 1x1 one of averages."""

    width: int
    axis: str | None
    train: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def step(layer: nn.Module, x: Array) -> Array:
            x = call_layer(layer, x, "spectral", self.train)
            return nn.leaky_relu(normalise(x, "batch", self.axis, self.train), 0.2)

        h = step(Conv(self.width, False, _init, name="conv0"), x)
        h = step(nn.Conv(self.width, (3, 3), use_bias=False, kernel_init=_init, name="conv1"), h)
        short = nn.Conv(self.width, (1, 1), use_bias=False, kernel_init=_init, name="short")
        return (h + step(short, halve(x))) / 2


class _Decoder(nn.Module):
    """[B, h, w, C] -> [B, 16, 16, channels] in (-1, 1): 8 x 8 averages, doubled, two 3x3 convolutions."""

    channels: int
    axis: str | None
    train: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = repeat_2x2(averaged(x, 8))
        conv = nn.Conv(x.shape[-1], (3, 3), use_bias=False, kernel_init=_init, name="conv")
        x = _gated(normalise(call_layer(conv, x, "spectral", self.train), "batch", self.axis, self.train))
        last = nn.Conv(self.channels, (3, 3), kernel_init=_init, name="image")
        return nn.tanh(call_layer(last, x, "spectral", self.train))


def _gated(x: Array) -> Array:
    """Half of the channels times the sigmoid of the other half (Dauphin et al., 2017)."""
    values, gates = jnp.split(x, 2, axis=-1)
    return values * nn.sigmoid(gates)


def _quarter(key: Array) -> Array:
    return jax.random.randint(key, (), 0, 4)


def _doublings(shape: tuple[int, ...], packed: bool = False) -> int:
    return doublings(square_side(shape, "FastGAN", packed), "FastGAN", SIZES)
