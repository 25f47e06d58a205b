"""An augmentation by noise."""

import jax

from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Augment, Key, check_range


def noise(deviation: float | Array = 0.1) -> Augment:
    """x + |s| n, n ~ N(0, I), with one s ~ N(0, deviation^2) for an image (Karras et al., 2020).

    >>> import jax.numpy as jnp
    >>> bool((noise()(jax.random.key(0), jnp.ones((2, 2, 1))) != 1).all())
    True
    """
    check_range("the deviation of noise", deviation)

    def augment(key: Key, x: Array) -> Array:
        by = abs(deviation * jax.random.normal(fold(key, "by")))
        return x + (by * jax.random.normal(fold(key, "noise"), x.shape)).astype(x.dtype)

    return augment
