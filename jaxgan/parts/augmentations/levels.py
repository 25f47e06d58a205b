"""Augmentations of examples that are several images of one content, as channels [H, W, levels C]."""

from math import sqrt

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Augment, Key


def per_level(augment: Augment, levels: int) -> Augment:
    """Augments each of the images [H, W, C] in the channels of an example [H, W, levels C] alike.

    >>> from jaxgan.parts.augmentations import brightness
    >>> x = per_level(brightness(), 2)(jax.random.key(0), jnp.ones((4, 4, 6)))
    >>> bool((x == x[0, 0, 0]).all())
    True
    """

    def augment_levels(key: Key, x: Array) -> Array:
        images = x.reshape(*x.shape[:-1], levels, -1)
        return jax.vmap(lambda image: augment(key, image), in_axes=-2, out_axes=-2)(images).reshape(x.shape)

    return augment_levels


def noise_amounts(levels: int, least: float = 0.125, floor: float = 0.01) -> tuple[float, ...]:
    """The share of noise at each level: 1 - least^(1 - i / (levels - 1)) + floor, the last with `floor`.

    >>> [round(t, 3) for t in noise_amounts(4)]
    [0.885, 0.76, 0.51, 0.01]
    """
    places = [i / (levels - 1) for i in range(levels - 1)] + [1.0]
    return tuple(1 - least ** (1 - place) + floor for place in places)


def level_noise(levels: int, least: float = 0.125, floor: float = 0.01) -> Augment:
    """(1 - t_i) x_i + t_i n_i for image i of an example [H, W, levels C], t falling by `noise_amounts`.

    Every n_i is normal, and they share noise: of equal images, each level is the next with noise added, so
    that together they tell no more of the image than the last (Hyun et al., 2025, whose levels are of G's
    growing depth; real images are all the same).

    >>> level_noise(4)(jax.random.key(0), jnp.ones((8, 8, 12))).shape
    (8, 8, 12)
    """
    if levels < 1 or not 0 < least <= 1 or not 0 <= floor < least:
        raise Refused(
            "level_noise needs levels of 1 or more and 0 <= floor < least <= 1, not "
            f"{levels}, {floor} and {least}"
        )
    amounts = noise_amounts(levels, least, floor)

    def augment(key: Key, x: Array) -> Array:
        if x.shape[-1] % levels:
            raise Refused(f"{x.shape[-1]} channels are not divisible into {levels} levels")
        images = jnp.split(x, levels, axis=-1)
        noise, before = jnp.zeros_like(images[0]), 0.0
        noisy = []
        for i in reversed(range(levels)):
            t, fresh = amounts[i], jax.random.normal(fold(key, i), images[0].shape, x.dtype)
            kept = (1 - t) / (1 - before)
            noise = kept * noise + sqrt(max(t**2 - (kept * before) ** 2, 0.0)) * fresh
            noisy.append((1 - t) * images[i] + noise)
            before = t
        return jnp.concatenate(noisy[::-1], axis=-1)

    return augment
