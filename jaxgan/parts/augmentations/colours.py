"""Augmentations that change colours."""

import jax

from jaxgan.parts.types import Array, Augment, Key, check_range


def brightness(most: float | Array = 0.5) -> Augment:
    """x + u, u ~ U(-most, most).

    >>> import jax.numpy as jnp
    >>> x = brightness()(jax.random.key(0), jnp.ones((2, 2, 3)))
    >>> 0.5 <= float(x.min()) == float(x.max()) <= 1.5
    True
    """
    check_range("the strength of brightness", most)
    return lambda key, x: x + _uniform(key, x, 0, most)


def saturation(most: float | Array = 1.0) -> Augment:
    """Scales each pixel's distance to its grey value by u ~ U(1 - most, 1 + most); grey images stay the same.

    >>> import jax.numpy as jnp
    >>> grey = saturation()(jax.random.key(0), jnp.ones((2, 2, 1)))
    >>> bool((grey == 1).all())
    True
    """
    check_range("the strength of saturation", most)

    def augment(key: Key, x: Array) -> Array:
        grey = x.mean(axis=-1, keepdims=True)
        return grey + (x - grey) * _uniform(key, x, 1, most)

    return augment


def contrast(most: float | Array = 0.5) -> Augment:
    """Scales each number's distance to the image's mean by u ~ U(1 - most, 1 + most).

    >>> import jax.numpy as jnp
    >>> x = contrast()(jax.random.key(0), jnp.array([[[-1.0], [1.0]]]))
    >>> float(x.mean())
    0.0
    """
    check_range("the strength of contrast", most)

    def augment(key: Key, x: Array) -> Array:
        mean = x.mean()
        return mean + (x - mean) * _uniform(key, x, 1, most)

    return augment


def _uniform(key: Key, x: Array, middle: float, most: float | Array) -> Array:
    """Draws one number for an image from U(middle - most, middle + most)."""
    return (middle + most * jax.random.uniform(key, (), x.dtype, -1, 1)).astype(x.dtype)
