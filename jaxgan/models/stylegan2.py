"""StyleGAN2 (Karras et al., 2020): a mapping to styles, convolutions that they modulate, a residual D.

Written from the papers. Weights are equalised, so both players train with one rate, about 2e-3. Sides are
doubled and halved by the filter [1, 3, 3, 1]. Images are the sum of those that all stages add, without an
activation.
"""

from collections.abc import Mapping as Dictionary
from math import sqrt
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers import (
    EqualConv,
    EqualDense,
    Heads,
    Mapping,
    MinibatchStd,
    ModulatedConv,
    Noise,
    at_least_float32,
    averaged_style,
    check_labels,
    doublings,
    fir_down,
    fir_up,
    scaled_leaky_relu,
    square_side,
    valid_sides,
    with_heads,
)
from jaxgan.parts.generated import Generated, flatten_latent
from jaxgan.parts.output import Output
from jaxgan.parts.rng import fold

Array = jax.Array
SIZES = valid_sides(256)


class Generator(nn.Module):
    """z [B, n], label [B] if `classes` -> images [B, s, s, channels], for s = b 2^k with b in 4..7.

    A mapping of `depth` layers makes w [B, size] of z and an embedding of the label. Each of the 2k + 2
    layers takes w as its style. `width`: the channels at the full side, doubled whenever it is halved, up to
    `most`; the paper has 32 at 1024 px and at most 512.

    In training the share `mixing` of examples takes the w of a second z, which is normal, from a layer on
    that is drawn uniformly; each pixel of each layer gets noise; and an average of w, over the batch and with
    `decay` over time, is kept in the statistics. Without training noise is constant, and w is the average
    plus `psi` times its distance to it: truncated for psi below 1. `axis`: the mapped axis that the batch is
    split over.

    A latent may also be a dictionary with the entry "w", [B, size] or [B, 2k + 2, size], which takes the
    place of the mapping. With `shows_w` terms see the latent {"w": [B, 2k + 2, size]} instead of z, as path
    length regularisation has to.

    >>> g = Generator(shape=(28, 28, 1), width=4, size=8, depth=2, classes=10)
    >>> z, label = jnp.ones((2, 16)), jnp.array([3, 9])
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), z, label)[0].shape
    (2, 28, 28, 1)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    width: int = 512
    most: int = 512
    size: int = 512
    depth: int = 8
    classes: int = 0
    mixing: float = 0.9
    psi: float = 1.0
    decay: float = 0.998  # of the average of w
    shows_w: bool = False
    axis: str | None = None

    def __post_init__(self) -> None:
        _doublings(self.shape)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, z: Any, label: Array | None = None, *, key: Array | None = None, train: bool = False
    ) -> Array | Generated:
        check_labels(self.classes, label)
        if train and key is None:
            raise Refused("StyleGAN2 in training needs key=, one key per example, for noise and mixing")
        layers = 2 * _doublings(self.shape) + 2
        if isinstance(z, Dictionary) and "w" in z:
            w = _for_each_layer(z["w"], layers) if z["w"].ndim == 2 else z["w"]
        else:
            w = self._styles(flatten_latent(z), label, key, train, layers)
        x = Synthesis(self.shape, self.width, self.most, name="synthesis")(w, key)
        return Generated(x, {"w": w}) if self.shows_w else x

    def _styles(self, z: Array, label: Array | None, key: Array | None, train: bool, layers: int) -> Array:
        """Returns w [B, layers, size]."""
        mapping = Mapping(self.size, self.depth, self.classes, name="mapping")
        w = mapping(z, label)
        w = averaged_style(self, w, train, decay=self.decay, psi=self.psi, axis=self.axis)
        styles = _for_each_layer(w, layers)
        if not train or key is None or self.mixing == 0:
            return styles
        other, first = _mixing(fold(key, "mixing"), self.mixing, z.shape[1], layers)
        from_other = (jnp.arange(layers) >= first[:, None])[:, :, None]
        return jnp.where(from_other, mapping(other.astype(z.dtype), label)[:, None], styles)


class Synthesis(nn.Module):
    """w [B, 2k + 2, n] -> images [B, s, s, channels]: from a learned b x b image, k stages that double it.

    Every stage has two modulated 3x3 convolutions, the first only one, and adds to the image, doubled, a
    modulated 1x1 convolution of its result, which has the style of the next stage's first convolution.

    >>> w = jnp.ones((2, 4, 5))
    >>> Synthesis((8, 8, 1), width=4, most=8).init_with_output(jax.random.key(0), w)[0].shape
    (2, 8, 8, 1)
    """

    shape: tuple[int, ...]
    width: int
    most: int

    @nn.compact
    def __call__(self, w: Array, key: Array | None = None) -> Array:
        k = _doublings(self.shape)
        first, *widths = [min(self.width << i, self.most) for i in range(k, -1, -1)]
        base = self.shape[0] >> k
        constant = self.param("constant", nn.initializers.normal(1.0), (base, base, first))
        x = jnp.broadcast_to(constant.astype(w.dtype), (w.shape[0], *constant.shape))
        x = _Layer(first, name="first")(x, w[:, 0], key)
        image = _Image(self.shape[-1], name="image")(x, w[:, 1])
        for i, width in enumerate(widths):
            x = _Layer(width, "up", name=f"up{i}")(x, w[:, 2 * i + 1], key)
            x = _Layer(width, name=f"same{i}")(x, w[:, 2 * i + 2], key)
            image = fir_up(image) + _Image(self.shape[-1], name=f"image{i}")(x, w[:, 2 * i + 3])
        return image


class Discriminator(nn.Module):
    """Images [B, s, s, channels], label if `classes` -> logits [B], for the sizes of the generator.

    A 1x1 convolution; k residual blocks of two 3x3 convolutions, the second halving the side, whose sums are
    scaled by sqrt 1/2; the deviation within groups of `group` consecutive inputs as one more channel (Karras
    et al., 2018); a 3x3 convolution, a dense layer, a logit. With classes the logit is a product with a
    vector that a mapping of `depth` layers makes of the label, over the root of its size. `width` and `most`
    as in the generator. With `heads`, (name, size) each, or `features` it returns an Output with them: dense
    layers on the features of the logit, and the outputs of all blocks as "features".

    >>> d = Discriminator(width=4, most=8, classes=10)
    >>> x, label = jnp.ones((4, 32, 32, 3)), jnp.arange(4)
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), x, label)[0].shape
    (4,)
    """

    width: int = 512
    most: int = 512
    classes: int = 0
    depth: int = 8
    group: int = 4
    heads: Heads = ()
    features: bool = False

    @nn.compact
    def __call__(self, x: Array, label: Array | None = None, *, train: bool = False) -> Array | Output:
        k = _doublings(x.shape[1:], packed=True)
        widths = [min(self.width << i, self.most) for i in range(k + 1)]

        x = scaled_leaky_relu(EqualConv(widths[0], 1, name="image")(x))
        hidden = []
        for i, width in enumerate(widths[1:]):
            x = _Down(width, name=f"block{i}")(x)
            hidden.append(x)
        x = MinibatchStd(self.group)(x, train) if self.group > 1 else x
        x = scaled_leaky_relu(EqualConv(widths[-1], name="last")(x))
        h = scaled_leaky_relu(EqualDense(widths[-1], name="dense")(x.reshape(x.shape[0], -1)))
        h = at_least_float32(h)
        logit = StyleLogit(self.classes, self.depth, name="logit")(h, label)
        return with_heads(logit, h, self.heads, hidden if self.features else None, "none", train)


class StyleLogit(nn.Module):
    """h [B, n], label [B] if `classes` -> logits [B]: <W h + b, mapping(label)> / sqrt n, or W h + b.

    Labels may be [B, m] if an input packs m examples: their vectors are summed (Karras et al., 2020).

    >>> h, label = jnp.ones((2, 5)), jnp.array([0, 2])
    >>> StyleLogit(classes=3).init_with_output(jax.random.key(0), h, label)[0].shape
    (2,)
    """

    classes: int = 0
    depth: int = 8

    @nn.compact
    def __call__(self, h: Array, label: Array | None = None) -> Array:
        if (label is None) != (self.classes == 0):
            given = "no labels" if label is None else "labels"
            raise Refused(
                f"this discriminator has classes={self.classes} and was given {given}: use the conditioning "
                "`labels` and set classes= of both networks"
            )
        if label is None:
            return EqualDense(1, name="dense")(h)[:, 0]
        size, rows = h.shape[-1], label.reshape(h.shape[0], -1)
        vectors = Mapping(size, self.depth, self.classes, name="mapping")(None, rows.ravel())
        vectors = vectors.reshape(*rows.shape, size).sum(axis=1)
        return (EqualDense(size, name="dense")(h) * vectors).sum(axis=-1) / sqrt(size)


class _Layer(nn.Module):
    """Modulated 3x3 convolution, noise, bias, scaled leaky ReLU."""

    width: int
    resample: Literal["up", "none"] = "none"

    @nn.compact
    def __call__(self, x: Array, w: Array, key: Array | None) -> Array:
        x = Noise(name="noise")(ModulatedConv(self.width, 3, self.resample, name="conv")(x, w), key)
        return scaled_leaky_relu(x + self.param("bias", nn.initializers.zeros, (self.width,)).astype(x.dtype))


class _Image(nn.Module):
    """Modulated 1x1 convolution without demodulation, bias."""

    channels: int

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        x = ModulatedConv(self.channels, 1, demodulate=False, name="conv")(x, w)
        return x + self.param("bias", nn.initializers.zeros, (self.channels,)).astype(x.dtype)


class _Down(nn.Module):
    """[B, s, s, C] -> [B, s/2, s/2, width]: (3x3, 3x3 that halves + 1x1 of the halved input) / sqrt 2."""

    width: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        h = scaled_leaky_relu(EqualConv(x.shape[-1], name="conv0")(x))
        h = scaled_leaky_relu(EqualConv(self.width, 3, "down", name="conv1")(h))
        return (h + EqualConv(self.width, 1, bias=None, name="short")(fir_down(x))) * sqrt(0.5)


def _for_each_layer(w: Array, layers: int) -> Array:
    """[B, n] -> [B, layers, n]."""
    return jnp.broadcast_to(w[:, None], (w.shape[0], layers, w.shape[1]))


def _mixing(keys: Array, share: float, size: int, layers: int) -> tuple[Array, Array]:
    """Returns a second z [B, size], and the first layer [B] that takes its style, `layers` if none does."""

    def draw(key: Array) -> tuple[Array, Array]:
        first = jax.random.randint(fold(key, "layer"), (), 1, layers)
        mixes = jax.random.bernoulli(fold(key, "mixes"), share)
        return jax.random.normal(fold(key, "z"), (size,)), jnp.where(mixes, first, layers)

    return jax.vmap(draw)(keys)


def _doublings(shape: tuple[int, ...], packed: bool = False) -> int:
    return doublings(square_side(shape, "StyleGAN2", packed), "StyleGAN2", SIZES)
