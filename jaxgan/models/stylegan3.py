"""StyleGAN3 (Karras et al., 2021): a G whose image moves as its input does; D is StyleGAN2's.

Written from the paper. Without `radial` it is the configuration T, equivariant under translation, with it R,
also under rotation. Left out: the blur of D's inputs at the start of training. The weights and styles of a
convolution are not normalised before it demodulates them, which matters in float16 only.
"""

from math import ceil, log2, pi, sqrt
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused
from jaxgan.models.layers import (
    Mapping,
    ModulatedConv,
    at_least_float32,
    averaged_style,
    check_labels,
    filtered_leaky_relu,
    kaiser_filter,
    radial_filter,
    resampler,
    square_side,
)

Array = jax.Array
SIZES = tuple(2**k for k in range(3, 11))
MARGIN = 10  # pixels around the image at every rate, so that its border tells nothing of the place
TAPS = 6  # of a filter, per factor of the rate
CRITICAL = 2  # layers at the end, which keep all frequencies that an image can have


class Signal(NamedTuple):
    """What the output of a layer may contain: pixels per image, and frequencies in cycles per image.

    Frequencies fall off from `cutoff` - `half_width` to `cutoff` + `half_width`.
    """

    rate: int
    cutoff: float
    half_width: float
    channels: int

    @property
    def size(self) -> int:
        """The side in pixels, with a margin on all sides."""
        return self.rate + 2 * MARGIN

    @property
    def critical(self) -> bool:
        """Whether the cutoff is the highest frequency of this rate."""
        return 2 * self.cutoff == self.rate


class Generator(nn.Module):
    """z [B, n], label [B] if `classes` -> images [B, s, s, channels], for s a power of 2, 8 or more.

    Waves of frequencies up to 2, turned and shifted by a function of w, and a linear mix of their channels;
    `layers` modulated convolutions, each on inputs of unit power and with a filtered leaky ReLU; a modulated
    1x1 convolution to the image. From layer to layer the cutoff rises geometrically, from 2 to s/2 in the
    last two, and the rate follows. `width`: the channels at the full cutoff, in inverse proportion to lower
    ones, up to `most`; the paper has 32 at 1024 px and at most 512. With `radial` convolutions are 1x1, for
    which the paper has twice the channels, and filters have no direction, except in the last two layers.

    The power of each layer's inputs is averaged with `decay` in training and kept in the statistics, and w
    with `w_decay`: without training it is that average plus `psi` times its distance to it. `axis`: the
    mapped axis that the batch is split over. `turn`, in radians, and `shift` (down, right), in sides of the
    image, move the waves by hand and with them the image.

    >>> g = Generator(shape=(16, 16, 1), width=2, most=4, size=8, layers=4, classes=10)
    >>> z, label = jnp.ones((2, 16)), jnp.array([3, 9])
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), z, label)[0].shape
    (2, 16, 16, 1)
    """

    shape: tuple[int, ...] = (32, 32, 3)
    width: int = 512
    most: int = 512
    size: int = 512
    layers: int = 14
    depth: int = 2  # of the mapping network
    radial: bool = False
    classes: int = 0
    decay: float = 0.999
    w_decay: float = 0.998
    psi: float = 1.0
    axis: str | None = None

    def __post_init__(self) -> None:
        signals(self.shape, self.layers, self.width, self.most)
        super().__post_init__()

    @nn.compact
    def __call__(
        self,
        z: Array,
        label: Array | None = None,
        *,
        train: bool = False,
        turn: float | Array = 0.0,
        shift: tuple[float | Array, float | Array] = (0.0, 0.0),
    ) -> Array:
        check_labels(self.classes, label)
        plan = signals(self.shape, self.layers, self.width, self.most)
        w = Mapping(self.size, self.depth, self.classes, name="mapping")(z, label)
        w = averaged_style(self, w, train, decay=self.w_decay, psi=self.psi, axis=self.axis)
        x = Waves(plan[0], name="waves")(w, turn, shift)
        for i, (before, after) in enumerate(zip([plan[0], *plan[:-2]], plan[:-1], strict=True)):
            x = UnitPower(self.decay, self.axis, name=f"power{i}")(x, train)
            x = _Layer(before, after, self.radial, name=f"layer{i}")(x, w)
        x = UnitPower(self.decay, self.axis, name=f"power{self.layers}")(x, train)
        x = ModulatedConv(self.shape[-1], 1, demodulate=False, name="image")(x, w)
        x = x + self.param("bias", nn.initializers.zeros, (self.shape[-1],)).astype(x.dtype)
        return 0.25 * x[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


class Waves(nn.Module):
    """w [B, n] -> [B, size, size, channels]: sines whose place is turned and shifted by a function of w.

    Their frequencies are spread evenly over the disc up to the cutoff, the same in every network (the paper
    draws them), and a matrix mixes the channels. At the start w has no effect.

    >>> Waves(Signal(8, 2.0, 2.0, 4)).init_with_output(jax.random.key(0), jnp.ones((2, 5)))[0].shape
    (2, 28, 28, 4)
    """

    signal: Signal

    @nn.compact
    def __call__(
        self,
        w: Array,
        turn: float | Array = 0.0,
        shift: tuple[float | Array, float | Array] = (0.0, 0.0),
    ) -> Array:
        size, channels = self.signal.size, self.signal.channels
        line = (jnp.arange(size) + 0.5 - size / 2) / self.signal.rate
        down, right = line[:, None] - shift[0], line[None] - shift[1]
        cos, sin = jnp.cos(turn), jnp.sin(turn)
        place = jnp.stack([down * cos + right * sin, right * cos - down * sin], axis=-1)  # turned back

        start = nn.initializers.constant(jnp.array([1.0, 0.0, 0.0, 0.0]))
        move = nn.Dense(4, kernel_init=nn.initializers.zeros, bias_init=start, name="move")(w)
        cos, sin = jnp.moveaxis(move[:, :2] / jnp.linalg.norm(move[:, :2], axis=1, keepdims=True), 1, 0)
        turned = jnp.stack([jnp.stack([cos, -sin], axis=-1), jnp.stack([sin, cos], axis=-1)], axis=-1)
        place = jnp.einsum("ijp,bpq->bijq", place, turned) + move[:, None, None, 2:]

        frequency, phase = _spiral(channels, self.signal.cutoff)
        x = jnp.sin(2 * pi * (place @ frequency.T + phase)).astype(w.dtype)
        kernel = self.param("mix", nn.initializers.normal(1.0), (channels, channels))
        return x @ (kernel / sqrt(channels)).astype(x.dtype)


class UnitPower(nn.Module):
    """x / sqrt(mean x^2), the mean over everything and, with `decay`, over training.

    The mean is a statistic that has no gradient, and the same for all channels.

    >>> y, stats = UnitPower(0.0).init_with_output(jax.random.key(0), 3 * jnp.ones((2, 4)), True)
    >>> float(y[0, 0]), float(stats["power"]["mean"])
    (1.0, 9.0)
    """

    decay: float = 0.999
    axis: str | None = None

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        mean = self.variable("power", "mean", jnp.ones, ())
        if train:
            now = jnp.square(at_least_float32(jax.lax.stop_gradient(x))).mean()
            now = now if self.axis is None else jax.lax.pmean(now, self.axis)
            mean.value = now + self.decay * (mean.value - now)
        return x * jax.lax.rsqrt(mean.value).astype(x.dtype)


class _Layer(nn.Module):
    """Modulated convolution, bias, leaky ReLU at twice the higher rate, filters by design."""

    before: Signal
    after: Signal
    radial: bool

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        before, after = self.before, self.after
        x = ModulatedConv(after.channels, 1 if self.radial else 3, name="conv")(x, w)
        x = x + self.param("bias", nn.initializers.zeros, (after.channels,)).astype(x.dtype)
        rate = 2 * max(before.rate, after.rate)
        up, down = rate // before.rate, rate // after.rate
        size = down * (after.size - 1) + TAPS * down  # all that the second filter reads
        design = radial_filter if self.radial and not after.critical else kaiser_filter
        first = kaiser_filter(TAPS * up, before.cutoff, before.half_width, rate)
        second = design(TAPS * down, after.cutoff, after.half_width, rate)
        return filtered_leaky_relu(
            x,
            resampler(first, before.size, size, up=up),
            resampler(second, size, after.size, down=down),
        )


def signals(shape: tuple[int, ...], layers: int, width: int, most: int) -> list[Signal]:
    """Returns the signal of each layer's output, and of the image at the end.

    Cutoffs go from 2 to s/2, and the frequencies that are to be suppressed from 2^2.1 to 2^0.3 s/2, both
    geometrically until the last layers. A rate is the power of 2 that holds twice the latter, at most s.

    >>> [signal.rate for signal in signals((32, 32, 3), 8, 4, 8)]
    [16, 16, 16, 32, 32, 32, 32, 32, 32]
    >>> [round(signal.cutoff, 2) for signal in signals((32, 32, 3), 8, 4, 8)]
    [2.0, 2.83, 4.0, 5.66, 8.0, 11.31, 16.0, 16.0, 16.0]
    """
    side = square_side(shape, "StyleGAN3")
    if side not in SIZES:
        near = [n for n in SIZES if n < side][-1:] + [n for n in SIZES if n > side][:1]
        raise Refused(f"StyleGAN3 cannot make images of {side} px: take {' or '.join(map(str, near))}")
    if layers <= CRITICAL:
        raise Refused(f"StyleGAN3 needs {CRITICAL + 1} layers or more, not {layers}")
    highest, plan = side / 2, []
    for i in range(layers + 1):
        share = min(i / (layers - CRITICAL), 1.0)
        cutoff = 2 * (highest / 2) ** share if share < 1 else highest
        stop = 2**2.1 * (2**0.3 * highest / 2**2.1) ** share
        rate = 2 ** ceil(log2(min(2 * stop, side)))
        half_width = max(stop, rate / 2) - cutoff
        plan.append(Signal(rate, cutoff, half_width, min(round(width * highest / cutoff), most)))
    return plan


def _spiral(count: int, radius: float) -> tuple[Array, Array]:
    """Returns frequencies [count, 2] spread evenly over a disc, and phases [count] in cycles."""
    i = np.arange(count)
    angle, distance = pi * (3 - sqrt(5)) * i, radius * np.sqrt((i + 0.5) / count)
    frequency = distance[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    return jnp.asarray(frequency, jnp.float32), jnp.asarray(sqrt(2) * i % 1, jnp.float32)
