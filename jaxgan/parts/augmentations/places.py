"""Augmentations that move an image or cover a part of it."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Augment, Key, check_range


def translation(most: float | Array = 1 / 8) -> Augment:
    """Shifts by whole pixels, in either direction by at most this fraction of each side; pads with 0.

    >>> int(translation()(jax.random.key(1), jnp.ones((8, 8, 1))).sum())  # shifted by a row and a column
    49
    """
    check_range("the fraction of translation", most, most=1)

    def augment(key: Key, x: Array) -> Array:
        for axis, side in enumerate(sides(x)):
            bound = pixels(most, side)
            origin = jnp.arange(side) - jax.random.randint(fold(key, axis), (), -bound, bound + 1)
            inside = along(axis, (origin >= 0) & (origin < side))
            x = jnp.where(inside, jnp.take(x, origin % side, axis), 0)
        return x

    return augment


def flip() -> Augment:
    """Mirrors left and right with probability 1/2.

    >>> flip()(jax.random.key(1), jnp.arange(3.0).reshape(1, 3, 1)).ravel().tolist()
    [2.0, 1.0, 0.0]
    """

    def augment(key: Key, x: Array) -> Array:
        sides(x)
        return jnp.where(jax.random.bernoulli(key), x[:, ::-1], x)

    return augment


def quarter_turn() -> Augment:
    """Turns a square image by 0, 90, 180 or 270 degrees.

    >>> quarter_turn()(jax.random.key(0), jnp.arange(4.0).reshape(2, 2, 1)).ravel().tolist()
    [1.0, 3.0, 0.0, 2.0]
    """

    def augment(key: Key, x: Array) -> Array:
        height, width = sides(x)
        if height != width:
            raise Refused(f"quarter turns take square images, not {height} x {width}: leave them out")
        turns = jax.random.randint(key, (), 0, 4)
        half = jnp.where(turns >= 2, x[::-1, ::-1], x)
        return jnp.where(turns % 2 == 1, jnp.rot90(half), half)

    return augment


def shift(most: float | Array = 1 / 8) -> Augment:
    """Shifts along each axis by u sides, u ~ U(-most, most), rounded to pixels; pads by reflection.

    With `flip` it is the augmentation of consistency regularisation (Zhang et al., 2020).

    >>> shift()(jax.random.key(2), jnp.arange(8.0).reshape(1, 8, 1)).ravel().tolist()
    [1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    """
    check_range("the fraction of shift", most, most=1)

    def augment(key: Key, x: Array) -> Array:
        for axis, side in enumerate(sides(x)):
            by = pixels(jax.random.uniform(fold(key, axis), minval=-1, maxval=1) * most, side)
            x = jnp.take(x, folded(jnp.arange(side) - by, side), axis)
        return x

    return augment


def cutout(share: float | Array = 1 / 2) -> Augment:
    """Sets a rectangle with this fraction of each side, centred anywhere, to 0 (DeVries & Taylor, 2017).

    >>> 4 <= 64 - int(cutout()(jax.random.key(1), jnp.ones((8, 8, 1))).sum()) <= 16
    True
    """
    check_range("the fraction of cutout", share, most=1)

    def augment(key: Key, x: Array) -> Array:
        cut = jnp.bool_(True)
        for axis, side in enumerate(sides(x)):
            length = pixels(share, side)
            # the centre of an even length is between two pixels, and has one more possible position
            first = jax.random.randint(fold(key, axis), (), 0, side + 1 - length % 2) - length // 2
            position = jnp.arange(side)
            cut = cut & along(axis, (position >= first) & (position < first + length))
        return jnp.where(cut, 0, x)

    return augment


def sides(x: Array) -> tuple[int, int]:
    if x.ndim != 3:
        raise Refused(f"this augmentation takes images [height, width, channels], not shape {x.shape}")
    return x.shape[0], x.shape[1]


def pixels(share: float | Array, side: int) -> Array:
    """Converts a fraction of a side to whole pixels, rounding halves up."""
    return jnp.floor(jnp.asarray(share) * side + 0.5).astype(jnp.int32)


def folded(place: Any, side: int) -> Any:
    """The place in [0, side - 1] that is seen at a place beyond the edges, as in mirrors there.

    >>> [folded(place, 4) for place in (-2, 0, 3, 4, 7)]
    [2, 0, 3, 2, 1]
    """
    last = side - 1
    return last - abs(place % max(2 * last, 1) - last)


def along(axis: int, x: Array) -> Array:
    """[n] -> [n, 1, 1] or [1, n, 1], to broadcast against images."""
    return x[:, None, None] if axis == 0 else x[None, :, None]
