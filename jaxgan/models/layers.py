"""Layers that several architectures share: norms, attention, dropout per example, doubling, logits."""

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
    """The side of square images of 1 to 4 channels, or of more where several are packed; else refused.

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
    """Every b 2^k up to `most`, with b in 4..7 and k >= 1: what k doublings of a small image come to.

    >>> valid_sides(20)
    [8, 10, 12, 14, 16, 20]
    """
    return sorted(b << k for b in (4, 5, 6, 7) for k in range(1, 7) if b << k <= most)


def doublings(side: int, name: str, sizes: list[int]) -> int:
    """The k of a side b 2^k; one that is none of the sizes is refused.

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


def apply_layer(layer: nn.Module, x: Array, norm: Norm, train: bool) -> Array:
    """layer(x), its weights divided by their largest singular value if `norm` is "spectral".

    One power iteration per call, remembered in the collection "spectral" when training (Miyato et al., 2018).
    It runs in float32; the weights it gives are of x's type, or they would raise a bfloat16 layer to float32.
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
    """BatchNorm over everything but channels if `norm` is "batch" (Ioffe & Szegedy, 2015); over the pixels
    of each image and channel apart if it is "instance" (Ulyanov et al., 2016); else x.

    `axis` names the mapped axis that the batch is split over, if any: moments are then of the whole batch.
    """
    if norm == "instance":
        if prod(x.shape[1:-1]) < 2:
            raise Refused(
                f"instance norm of single numbers is 0, and this layer makes {x.shape[1:]} of an example: "
                "take another norm, or larger images or fewer layers"
            )
        return nn.InstanceNorm(epsilon=1e-5, scale_init=scale_init)(x)
    if norm != "batch":
        return x
    batch_norm = nn.BatchNorm(momentum=momentum, scale_init=scale_init, axis_name=axis)
    return batch_norm(x, use_running_average=not train)


class ConditionalNorm(nn.Module):
    """BatchNorm whose scale and shift are looked up by class (Dumoulin et al., 2017; De Vries et al., 2017).

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
        plain = nn.BatchNorm(momentum=self.momentum, use_scale=False, use_bias=False, axis_name=self.axis)
        x = plain(x, use_running_average=not train)

        def looked_up(name: str, init: Initializer) -> Array:
            table = nn.Embed(self.classes, x.shape[-1], embedding_init=init, name=name)
            return table(label).reshape(x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1])

        return x * looked_up("scale", nn.initializers.ones) + looked_up("shift", nn.initializers.zeros)


class SelfAttention(nn.Module):
    """x + gamma attention(x), gamma from 0 (Zhang et al., 2019): [B, H, W, C] -> [B, H, W, C].

    Queries and keys have C/8 channels, values C/2; keys and values are max-pooled 2x2, so that H W queries
    look at H W / 4 places. With `norm` "spectral" all four 1x1 convolutions are normalised.

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
            return apply_layer(dense, x, self.norm, train)

        def pooled(x: Array) -> Array:
            return split_2x2(x).max(axis=(2, 4)).reshape(b, -1, x.shape[-1])

        query = conv(x, max(c // 8, 1), "query").reshape(b, h * w, -1)
        key, value = pooled(conv(x, max(c // 8, 1), "key")), pooled(conv(x, max(c // 2, 1), "value"))
        likeness = jnp.einsum("bqc,bkc->bqk", query, key)
        weights = nn.softmax(at_least_float32(likeness)).astype(x.dtype)
        seen = jnp.einsum("bqk,bkc->bqc", weights, value).reshape(b, h, w, -1)
        return x + self.param("gamma", nn.initializers.zeros, ()) * conv(seen, c, "out")


class Dropout(nn.Module):
    """Each number is kept with probability 1 - rate, and then divided by it (Srivastava et al., 2014).

    x [B, ...], key [B]: an example's mask depends on its own key and on this layer's place in the network,
    so neither the batch around it nor the number of devices changes it.

    >>> x, keys = jnp.ones((4, 3)), jax.random.split(jax.random.key(0), 4)
    >>> y = Dropout(0.5).apply({}, x, keys, train=True)
    >>> sorted(set(y.ravel().tolist())), bool((Dropout(0.5).apply({}, x) == x).all())
    ([0.0, 2.0], True)
    """

    rate: float

    @nn.compact
    def __call__(self, x: Array, key: Array | None = None, train: bool = False) -> Array:
        if isinstance(self.rate, float | int) and not 0 <= self.rate < 1:  # a lane's own is traced
            raise Refused(f"dropout is of a share from 0 to less than 1, not {self.rate}")
        if not train or self.rate == 0.0:
            return x
        if key is None:
            raise Refused(f"dropout of {self.rate} needs key=, one key per example, when train=True")
        place = zlib.crc32("/".join(self.path).encode())

        def mask(key: Array) -> Array:
            return jax.random.bernoulli(jax.random.fold_in(key, place), 1 - self.rate, x.shape[1:])

        return jnp.where(jax.vmap(mask)(key), x / (1 - self.rate), 0.0)


class Conv(nn.Module):
    """Halves height and width: [B, H, W, C] -> [B, H/2, W/2, features], kernel 4, stride 2, "SAME".

    The same numbers as `flax.linen.Conv(features, (4, 4), (2, 2))` with the same parameters.

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

    The same numbers as `flax.linen.ConvTranspose(features, (4, 4), (2, 2))` with the same parameters.

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
    """A 3x3 convolution of the image doubled by repeating pixels: [B, H, W, C] -> [B, 2H, 2W, features].

    The same numbers as repeating and `flax.linen.Conv(features, (3, 3))` with the same parameters, by 4/9 of
    the products: along each side the taps a, b, c meet two pixels, not three, and are the transposed
    convolution of the taps a, a+b, b+c, c.

    >>> UpConv(3).init_with_output(jax.random.key(0), jnp.ones((2, 4, 5, 8)))[0].shape
    (2, 8, 10, 3)
    """

    features: int
    kernel_init: Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", self.kernel_init, (3, 3, x.shape[-1], self.features))
        for side in (0, 1):
            last = [(0, 1) if i == side else (0, 0) for i in range(4)]
            kernel = jnp.pad(kernel, last) + jnp.pad(kernel, [pair[::-1] for pair in last])
        return transposed_conv(x, kernel) + self.param("bias", nn.initializers.zeros, (self.features,))


def split_2x2(x: Array) -> Array:
    """[B, H, W, C] -> [B, H/2, 2, W/2, 2, C]: an axis for each side of 2x2 split_2x2, to pool over.

    An odd row or column at the end is left out.

    >>> float(split_2x2(jnp.arange(4.0).reshape(1, 2, 2, 1)).mean(axis=(2, 4))[0, 0, 0, 0])
    1.5
    """
    b, h, w, c = x.shape
    return x[:, : h // 2 * 2, : w // 2 * 2].reshape(b, h // 2, 2, w // 2, 2, c)


def at_least_float32(x: Array) -> Array:
    """x, raised to float32 if it is shorter: for what is summed, or ends in a loss.

    >>> at_least_float32(jnp.ones(3, jnp.bfloat16)).dtype
    dtype('float32')
    """
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def check_labels(classes: int, label: Array | None) -> None:
    """Refuses a generator of classes that is given no labels, and one without that is given some."""
    if (label is None) != (classes == 0):
        raise Refused(
            f"this generator has classes={classes} and was given {'no ' if label is None else ''}labels: "
            "use the conditioning `labels` and tell both networks how many classes there are"
        )


class Logit(nn.Module):
    """Features [B, n] -> logits [B]: w.h + b, and + <embedding(label), h> if there are classes.

    The projection discriminator (Miyato & Koyama, 2018). Labels are [B], or [B, m] where an input packs m
    examples: their embeddings are summed. Sums are taken in float32 at least.

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
            raise Refused("this discriminator was given labels and has classes=0: tell it how many there are")
        h = at_least_float32(h)
        logit = apply_layer(nn.Dense(1, kernel_init=self.kernel_init), h, self.norm, train)[:, 0]
        if label is None:
            return logit
        if label.shape[0] != h.shape[0]:
            raise Refused(f"{h.shape[0]} inputs need as many labels, or rows of them, not {label.shape}")
        table = nn.Embed(self.classes, h.shape[-1], embedding_init=self.embedding_init)
        embedding = apply_layer(table, label.reshape(h.shape[0], -1), self.norm, train)
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
    """The logit alone; or an Output of it, with a dense layer on the features h [B, n] for each of the heads
    (auxiliary classes: Odena et al., 2017; codes: Chen et al., 2016) and `hidden` as the head "features".

    For use inside a compact module, to which the dense layers belong.
    """
    if not heads and hidden is None:
        return logit
    sizes = dict(heads)
    if "features" in sizes or len(sizes) < len(heads):
        raise Refused(f"heads have names of their own, none of them features, unlike {tuple(heads)}")
    h = at_least_float32(h)
    said: dict[str, Any] = {
        name: apply_layer(nn.Dense(size, kernel_init=kernel_init, name=f"head_{name}"), h, norm, train)
        for name, size in sizes.items()
    }
    return Output(logit, said if hidden is None else {**said, "features": tuple(hidden)})
