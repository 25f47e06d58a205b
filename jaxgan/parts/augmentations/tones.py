"""Affine maps of colours: all of an image's maps are one matrix, applied to each of its pixels.

A map is (key, matrix [4, 4]) -> the matrix of what was done before and then the map, so `chain` and
`sometimes` compose maps as they compose augmentations. Colours are (red, green, blue, 1), in [-1, 1].
"""

from math import pi

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused
from jaxgan.parts.augmentations.augmentation import chain
from jaxgan.parts.augmentations.places import sides
from jaxgan.parts.augmentations.warps import Map, after
from jaxgan.parts.types import Array, Augment, Key, check_range

GREY = np.full((3, 3), 1 / 3, np.float32)
"""The projection onto the grey axis, v v^T with v = (1, 1, 1) / sqrt(3)."""


def brightness(deviation: float | Array = 0.2) -> Map:
    """Adds n ~ N(0, deviation^2) to all colours.

    >>> brightness(0.0)(jax.random.key(0), jnp.eye(4))[0].tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    check_range("the deviation of brightness", deviation)

    def brighten(key: Key, matrix: Array) -> Array:
        return after(matrix, jnp.eye(4).at[:3, 3].set(deviation * jax.random.normal(key)))

    return brighten


def contrast(deviation: float | Array = 0.5) -> Map:
    """Scales all colours by 2^n, n ~ N(0, deviation^2).

    >>> contrast(0.0)(jax.random.key(0), jnp.eye(4))[0].tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    check_range("the deviation of contrast", deviation)

    def scale(key: Key, matrix: Array) -> Array:
        by = jnp.exp2(deviation * jax.random.normal(key))
        return after(matrix, jnp.diag(jnp.stack([by, by, by, jnp.ones_like(by)])))

    return scale


def luma_flip() -> Map:
    """Mirrors brightness with probability 1/2: x - 2 <x, v> v, v the grey axis. Hue and saturation stay.

    >>> maps = jax.vmap(luma_flip(), (0, None))(jax.random.split(jax.random.key(0), 8), jnp.eye(4))
    >>> sorted({round(float(luma), 2) for luma in maps[:, 0].sum(axis=1)})  # of grey
    [-1.0, 1.0]
    """

    def flip(key: Key, matrix: Array) -> Array:
        mirror = jnp.eye(4).at[:3, :3].add(-2 * GREY)
        return jnp.where(jax.random.bernoulli(key), after(matrix, mirror), matrix)

    return flip


def hue(most: float | Array = pi) -> Map:
    """Rotates colours around the grey axis by an angle ~ U(-most, most).

    >>> round(float(hue()(jax.random.key(0), jnp.eye(4))[0].sum()), 5)  # grey stays
    1.0
    """
    check_range("the angle of hue", most)

    def rotate(key: Key, matrix: Array) -> Array:
        angle = jax.random.uniform(key, minval=-1, maxval=1) * most
        cross = jnp.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / 3**0.5
        turn = GREY + jnp.cos(angle) * (jnp.eye(3) - GREY) + jnp.sin(angle) * cross
        return after(matrix, jnp.eye(4).at[:3, :3].set(turn))

    return rotate


def saturation(deviation: float | Array = 1.0) -> Map:
    """Scales a colour's distance to grey by 2^n, n ~ N(0, deviation^2).

    >>> round(float(saturation()(jax.random.key(0), jnp.eye(4))[0].sum()), 5)  # grey stays
    1.0
    """
    check_range("the deviation of saturation", deviation)

    def scale(key: Key, matrix: Array) -> Array:
        by = jnp.exp2(deviation * jax.random.normal(key))
        return after(matrix, jnp.eye(4).at[:3, :3].set(GREY + by * (jnp.eye(3) - GREY)))

    return scale


def recolour(*maps: Map) -> Augment:
    """Changes an image's colours by the product of maps; one channel is read as grey, and stays one.

    An image of which no map takes hold is returned as it is.

    >>> negative = recolour(lambda key, matrix: jnp.diag(jnp.array([-1.0, -1.0, -1.0, 1.0])) @ matrix)
    >>> negative(jax.random.key(0), jnp.ones((1, 1, 3))).tolist()
    [[[-1.0, -1.0, -1.0]]]
    """
    compose = chain(*maps)

    def augment(key: Key, x: Array) -> Array:
        sides(x)
        matrix = compose(key, jnp.eye(4))
        if x.shape[-1] == 1:
            new = x * (matrix[:3, :3].sum() / 3) + matrix[:3, 3].mean()
        elif x.shape[-1] == 3:
            new = jnp.einsum("cC,hwC->hwc", matrix[:3, :3], x, precision="highest") + matrix[:3, 3]
        else:
            raise Refused(f"colours are of images with 1 channel or 3, not {x.shape[-1]}: leave them out")
        return jnp.where((matrix == jnp.eye(4)).all(), x, new.astype(x.dtype))

    return augment
