"""An augmentation that amplifies or damps bands of frequencies."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.parts.augmentations.places import folded, sides
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Augment, Key, check_range


def bands(probability: float | Array = 1.0, deviation: float | Array = 1.0) -> Augment:
    """Scales each of four octaves of frequencies by 2^n, n ~ N(0, deviation^2), each with this probability.

    The bands are [0, 1/8], [1/8, 1/4], [1/4, 1/2] and [1/2, 1] of the highest frequency. After each band the
    gains are divided so that images whose powers in the bands are as 10 : 1 : 1 : 1, about those of natural
    ones, keep their power (Karras et al., 2020). Images are continued by reflection.

    >>> bands()(jax.random.key(0), jnp.ones((8, 8, 3))).shape
    (8, 8, 3)
    """
    check_range("the probability of bands", probability, most=1)
    check_range("the deviation of bands", deviation)

    def augment(key: Key, x: Array) -> Array:
        applies = jax.random.bernoulli(fold(key, "whether"), probability, (4,))
        amounts = jnp.exp2(deviation * jax.random.normal(fold(key, "gain"), (4,)))
        by = jnp.where(jnp.eye(4, dtype=bool), amounts, 1.0)  # a row per band
        by = by / jnp.sqrt((POWER * by**2).sum(axis=1, keepdims=True))
        gains = jnp.where(applies[:, None], by, 1.0).prod(axis=0)
        return jnp.where((gains == 1).all(), x, equalise(x, gains).astype(x.dtype))

    return augment


def equalise(x: Array, gains: Array) -> Array:
    """Scales the four bands of an image [H, W, C], along both axes, by gains [4].

    >>> bool(jnp.allclose(equalise(jnp.ones((8, 8, 1)), jnp.array([2.0, 5.0, 5.0, 5.0])), 4.0))
    True
    """
    dtype = jnp.promote_types(x.dtype, jnp.float32)
    rows, columns = (
        jnp.tensordot(gains.astype(dtype), _filters(side).astype(dtype), 1, precision="highest")
        for side in sides(x)
    )
    return jnp.einsum("hH,wW,HWc->hwc", rows, columns, x.astype(dtype), precision="highest")


POWER = np.array([10, 1, 1, 1], np.float32) / 13

LOW = np.array([-1, 0, 9, 16, 9, 0, -1]) / 32
"""The half-band filter H(z) H(1/z) / 2 of the wavelet sym2, H (Daubechies, 1992)."""


@cache
def _filters(side: int) -> np.ndarray:
    """[4, side, side]: each band of a line that is continued by reflection; they sum to the identity."""
    high = -LOW
    high[3] += 1
    low, high, low_2, high_2, low_4, high_4 = (
        _spread(taps, step) for step in (1, 2, 4) for taps in (LOW, high)
    )
    lowest = np.convolve(low, low_2)
    filters = np.convolve(lowest, low_4), np.convolve(lowest, high_4), np.convolve(low, high_2), high
    matrices = np.zeros((4, side, side))
    for matrix, taps in zip(matrices, filters, strict=True):
        for place in range(side):
            for tap, weight in enumerate(taps):
                matrix[place, folded(place + tap - len(taps) // 2, side)] += weight
    return matrices


def _spread(taps: np.ndarray, step: int) -> np.ndarray:
    """The filter in z^step: zeros between its taps."""
    spread = np.zeros(step * (len(taps) - 1) + 1)
    spread[::step] = taps
    return spread
