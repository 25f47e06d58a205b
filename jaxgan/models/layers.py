"""Layers shared by several architectures: norms, attention, dropout, resampling, logits and heads."""

import zlib
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.convolution import strided_conv, transposed_conv
from jaxgan.parts.output import Output

Array = jax.Array
Initializer = Callable[..., Any]
Norm = Literal["batch", "instance", "spectral", "none"]
NORMS: tuple[Norm, ...] = get_args(Norm)
Heads = tuple[tuple[str, int], ...]  # (name, size) of each


def square_side(shape: tuple[int, ...], name: str, packed: bool = False) -> int:
    """Returns the side of square images of 1 to 4 channels, or more if `packed`; Refused otherwise.

    >>> square_side((32, 32, 3), "DCGAN")
    32
    """
    if len(shape) != 3 or shape[0] != shape[1]:
        raise Refused(f"{name} makes square images (side, side, channels), not {tuple(shape)}")
    if not packed and not 1 <= shape[2] <= 4:
        raise Refused(
            f"{name} makes images of 1 to 4 channels, not {shape[2]}: shape is (side, side, channels)"
        )
    return shape[0]


def valid_sides(most: int) -> list[int]:
    """Returns all b 2^k up to `most`, with b in 4..7 and k >= 1: k doublings of a small image.

    >>> valid_sides(20)
    [8, 10, 12, 14, 16, 20]
    """
    return sorted(b << k for b in (4, 5, 6, 7) for k in range(1, 7) if b << k <= most)


def doublings(side: int, name: str, sizes: list[int]) -> int:
    """Returns the k of a side b 2^k. Raises Refused if it is not one of the sizes.

    >>> doublings(28, "DCGAN", valid_sides(256)), doublings(64, "DCGAN", valid_sides(256))
    (2, 4)
    """
    if side not in sizes:
        near = [size for size in sizes if size < side][-1:] + [size for size in sizes if size > side][:1]
        raise Refused(
            f"{name} cannot make images of {side} px, only 4, 5, 6 or 7 times 2, 4, 8, ... up to "
            f"{sizes[-1]}: take {' or '.join(map(str, near))}"
        )
    return side.bit_length() - 3


def call_layer(layer: nn.Module, x: Array, norm: Norm, train: bool) -> Array:
    """Returns layer(x), with the weights divided by their largest singular value if `norm` is "spectral".

    One power iteration per call, stored in the collection "spectral" when training (Miyato et al., 2018). It
    runs in float32; the divided weights have x's dtype, or they would promote a bfloat16 layer to float32.
    Flax divides the initial weights too, so `kernel_init` sets their direction, not their size.
    """
    if norm not in NORMS:
        raise Refused(f"there is no norm {norm!r}: take one of {', '.join(NORMS)}")
    if norm == "spectral":
        dtype = x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else None
        return nn.SpectralNorm(layer, collection_name="spectral", dtype=dtype)(x, update_stats=train)
    return layer(x)


def normalise(
    x: Array,
    norm: Norm,
    axis: str | None,
    train: bool,
    momentum: float = 0.9,
    scale_init: Initializer = nn.initializers.ones,
) -> Array:
    """Normalises x over all axes but the channels if `norm` is "batch" (Ioffe & Szegedy, 2015), over the
    pixels of each image and channel if it is "instance" (Ulyanov et al., 2016); else returns x.

    If the batch is split over a mapped axis, `axis` is its name, so that moments are of the full batch.
    """
    if norm == "instance":
        if prod(x.shape[1:-1]) < 2:
            raise Refused(
                f"instance norm of a single pixel is 0, and this layer's outputs are {x.shape[1:]}: take "
                "another norm, larger images or fewer layers"
            )
        return nn.InstanceNorm(epsilon=1e-5, scale_init=scale_init)(x)
    if norm != "batch":
        return x
    batch_norm = nn.BatchNorm(momentum=momentum, scale_init=scale_init, axis_name=axis)
    return batch_norm(x, use_running_average=not train)


class ConditionalNorm(nn.Module):
    """BatchNorm with a scale and shift for each class (Dumoulin et al., 2017; De Vries et al., 2017).

    x [B, ..., C], label [B]: x_hat scale[label] + shift[label], tables [classes, C] that start as 1 and 0.

    >>> x, label = jnp.ones((4, 8, 8, 3)), jnp.array([0, 1, 2, 0])
    >>> ConditionalNorm(classes=3).init_with_output(jax.random.key(0), x, label)[0].shape
    (4, 8, 8, 3)
    """

    classes: int
    axis: str | None = None
    momentum: float = 0.9

    @nn.compact
    def __call__(self, x: Array, label: Array, train: bool = False) -> Array:
        norm = nn.BatchNorm(momentum=self.momentum, use_scale=False, use_bias=False, axis_name=self.axis)
        x = norm(x, use_running_average=not train)

        def lookup(name: str, init: Initializer) -> Array:
            table = nn.Embed(self.classes, x.shape[-1], embedding_init=init, name=name)
            return table(label).reshape(x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1])

        return x * lookup("scale", nn.initializers.ones) + lookup("shift", nn.initializers.zeros)


class SelfAttention(nn.Module):
    """x + gamma attention(x), gamma from 0 (Zhang et al., 2019): [B, H, W, C] -> [B, H, W, C].

    Queries and keys have C/8 channels, values C/2; keys and values are max-pooled 2x2, so that H W queries
    attend to H W / 4 positions. With `norm` "spectral" all four 1x1 convolutions are normalised.

    >>> SelfAttention().init_with_output(jax.random.key(0), jnp.ones((2, 8, 8, 16)))[0].shape
    (2, 8, 8, 16)
    """

    norm: Norm = "none"
    kernel_init: Initializer = nn.initializers.xavier_uniform()

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        b, h, w, c = x.shape

        def conv(x: Array, features: int, name: str) -> Array:  # 1x1
            dense = nn.Dense(features, use_bias=False, kernel_init=self.kernel_init, name=name)
            return call_layer(dense, x, self.norm, train)

        def pooled(x: Array) -> Array:
            return split_2x2(x).max(axis=(2, 4)).reshape(b, -1, x.shape[-1])

        query = conv(x, max(c // 8, 1), "query").reshape(b, h * w, -1)
        key, value = pooled(conv(x, max(c // 8, 1), "key")), pooled(conv(x, max(c // 2, 1), "value"))
        similarity = jnp.einsum("bqc,bkc->bqk", query, key)
        weights = nn.softmax(at_least_float32(similarity)).astype(x.dtype)
        attended = jnp.einsum("bqk,bkc->bqc", weights, value).reshape(b, h, w, -1)
        return x + self.param("gamma", nn.initializers.zeros, ()) * conv(attended, c, "out")


class Dropout(nn.Module):
    """Keeps each number with probability 1 - rate and divides it by that (Srivastava et al., 2014).

    x [B, ...], key [B]: the mask of an example depends on its key and on this layer's path in the network
    only, not on the rest of the batch or the number of devices.

    >>> x, keys = jnp.ones((4, 3)), jax.random.split(jax.random.key(0), 4)
    >>> y = Dropout(0.5).apply({}, x, keys, train=True)
    >>> sorted(set(y.ravel().tolist())), bool((Dropout(0.5).apply({}, x) == x).all())
    ([0.0, 2.0], True)
    """

    rate: float

    @nn.compact
    def __call__(self, x: Array, key: Array | None = None, train: bool = False) -> Array:
        if isinstance(self.rate, float | int) and not 0 <= self.rate < 1:  # `--over` traces it
            raise Refused(f"the rate of dropout must be from 0 to less than 1, not {self.rate}")
        if not train or self.rate == 0.0:
            return x
        if key is None:
            raise Refused(f"dropout of {self.rate} needs key=, one key per example, when train=True")
        path_hash = zlib.crc32("/".join(self.path).encode())

        def mask(key: Array) -> Array:
            return jax.random.bernoulli(jax.random.fold_in(key, path_hash), 1 - self.rate, x.shape[1:])

        return jnp.where(jax.vmap(mask)(key), x / (1 - self.rate), 0.0)


class Conv(nn.Module):
    """Halves height and width: [B, H, W, C] -> [B, H/2, W/2, features], kernel 4, stride 2, "SAME".

    Equal to `flax.linen.Conv(features, (4, 4), (2, 2))` with the same parameters.

    >>> Conv(8).init_with_output(jax.random.key(0), jnp.ones((2, 8, 10, 3)))[0].shape
    (2, 4, 5, 8)
    """

    features: int
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = strided_conv(x, self.param("kernel", self.kernel_init, (4, 4, x.shape[-1], self.features)))
        return y + self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else y


class ConvTranspose(nn.Module):
    """Doubles height and width: [B, H, W, C] -> [B, 2H, 2W, features], kernel 4, stride 2, "SAME".

    Equal to `flax.linen.ConvTranspose(features, (4, 4), (2, 2))` with the same parameters.

    >>> ConvTranspose(3).init_with_output(jax.random.key(0), jnp.ones((2, 4, 5, 8)))[0].shape
    (2, 8, 10, 3)
    """

    features: int
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = transposed_conv(x, self.param("kernel", self.kernel_init, (4, 4, x.shape[-1], self.features)))
        return y + self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else y


class UpConv(nn.Module):
    """Repeats pixels to double the sides, then a 3x3 convolution: [B, H, W, C] -> [B, 2H, 2W, features].

    Equal to repeating and `flax.linen.Conv(features, (3, 3))` with the same parameters, with 4/9 of the
    products: along each axis the taps a, b, c apply to two different pixels, not three, and are the
    transposed convolution with the taps a, a+b, b+c, c.

    >>> UpConv(3).init_with_output(jax.random.key(0), jnp.ones((2, 4, 5, 8)))[0].shape
    (2, 8, 10, 3)
    """

    features: int
    kernel_init: Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", self.kernel_init, (3, 3, x.shape[-1], self.features))
        for axis in (0, 1):
            after = [(0, 1) if i == axis else (0, 0) for i in range(4)]
            kernel = jnp.pad(kernel, after) + jnp.pad(kernel, [pair[::-1] for pair in after])
        return transposed_conv(x, kernel) + self.param("bias", nn.initializers.zeros, (self.features,))


def split_2x2(x: Array) -> Array:
    """[B, H, W, C] -> [B, H/2, 2, W/2, 2, C]: splits an image into 2x2 blocks, to pool over.

    The last row or column of an odd side is dropped.

    >>> float(split_2x2(jnp.arange(4.0).reshape(1, 2, 2, 1)).mean(axis=(2, 4))[0, 0, 0, 0])
    1.5
    """
    b, h, w, c = x.shape
    return x[:, : h // 2 * 2, : w // 2 * 2].reshape(b, h // 2, 2, w // 2, 2, c)


def at_least_float32(x: Array) -> Array:
    """Promotes x to float32 if its dtype is shorter, for sums and losses.

    >>> at_least_float32(jnp.ones(3, jnp.bfloat16)).dtype
    dtype('float32')
    """
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def check_labels(classes: int, label: Array | None) -> None:
    """Raises Refused if a generator has classes and no labels, or labels and no classes."""
    if (label is None) != (classes == 0):
        raise Refused(
            f"this generator has classes={classes} and was given {'no ' if label is None else ''}labels: "
            "use the conditioning `labels` and set classes= of both networks"
        )


class Logit(nn.Module):
    """Features h [B, n] -> logits [B]: <w, h> + b, and + <embedding(label), h> if there are classes.

    The projection discriminator (Miyato & Koyama, 2018). Labels are [B], or [B, m] if an input packs m
    examples: their embeddings are summed. Sums are computed in float32 or more.

    >>> h, label = jnp.ones((2, 5)), jnp.array([[0, 2], [1, 1]])
    >>> Logit(classes=3).init_with_output(jax.random.key(0), h, label)[0].shape
    (2,)
    """

    classes: int = 0
    norm: Norm = "none"
    kernel_init: Initializer = nn.initializers.lecun_normal()
    embedding_init: Initializer = nn.linear.default_embed_init

    @nn.compact
    def __call__(self, h: Array, label: Array | None = None, train: bool = False) -> Array:
        if label is None and self.classes:
            raise Refused(
                f"this discriminator has classes={self.classes} and was given no labels: "
                "use the conditioning `projection` or `labels`, or classes=0"
            )
        if label is not None and not self.classes:
            raise Refused("this discriminator was given labels and has classes=0: set classes=")
        h = at_least_float32(h)
        logit = call_layer(nn.Dense(1, kernel_init=self.kernel_init), h, self.norm, train)[:, 0]
        if label is None:
            return logit
        if label.shape[0] != h.shape[0]:
            raise Refused(f"{h.shape[0]} inputs need as many labels, or rows of labels, not {label.shape}")
        table = nn.Embed(self.classes, h.shape[-1], embedding_init=self.embedding_init)
        embedding = call_layer(table, label.reshape(h.shape[0], -1), self.norm, train)
        return logit + (embedding.sum(axis=1) * h).sum(axis=-1)


def with_heads(
    logit: Array,
    h: Array,
    heads: Heads,
    hidden: Sequence[Array] | None,
    norm: Norm,
    train: bool,
    kernel_init: Initializer = nn.linear.default_kernel_init,
) -> Array | Output:
    """Returns the logit, or an Output with a dense layer on the features h [B, n] for each of the heads
    (auxiliary classes: Odena et al., 2017; codes: Chen et al., 2016) and `hidden` as the head "features".

    Must be called inside a compact module, which gets the dense layers.
    """
    if not heads and hidden is None:
        return logit
    sizes = dict(heads)
    if "features" in sizes or len(sizes) < len(heads):
        raise Refused(f'heads need different names, and not "features": {tuple(heads)}')
    h = at_least_float32(h)
    outputs: dict[str, Any] = {
        name: call_layer(nn.Dense(size, kernel_init=kernel_init, name=f"head_{name}"), h, norm, train)
        for name, size in sizes.items()
    }
    return Output(logit, outputs if hidden is None else {**outputs, "features": tuple(hidden)})
