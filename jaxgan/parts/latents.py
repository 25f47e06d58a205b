"""Latent priors: what the generator is fed. Each latent is drawn from its own example's key."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Key


class Latent(NamedTuple):
    """A prior over latents of `size` numbers; `draw` maps one key to one latent [size].

    >>> jax.vmap(normal(2).draw)(jax.random.split(jax.random.key(0), 3)).shape
    (3, 2)
    """

    size: int
    draw: Callable[[Key], Array]


def normal(size: int) -> Latent:
    """z ~ N(0, I).

    >>> normal(3).draw(jax.random.key(0)).shape
    (3,)
    """
    return Latent(size, lambda key: jax.random.normal(key, (size,)))


def uniform(size: int, low: float = -1.0, high: float = 1.0) -> Latent:
    """z ~ U(low, high)^size.

    >>> bool(uniform(3, 0.0, 1.0).draw(jax.random.key(0)).min() >= 0)
    True
    """
    return Latent(size, lambda key: jax.random.uniform(key, (size,), minval=low, maxval=high))


def sphere(size: int) -> Latent:
    """z uniform on the sphere of radius sqrt(size), where a normal's mass lies (White, 2016).

    >>> round(float(jnp.linalg.norm(sphere(4).draw(jax.random.key(0)))), 3)
    2.0
    """

    def draw(key: Key) -> Array:
        z = jax.random.normal(key, (size,))
        return z * jnp.sqrt(size) / jnp.linalg.norm(z)

    return Latent(size, draw)


def truncated(size: int, bound: float = 2.0) -> Latent:
    """z ~ N(0, I) with every entry redrawn until |z| < bound (Brock et al., 2019).

    >>> bool(jnp.abs(truncated(100, 0.5).draw(jax.random.key(0))).max() < 0.5)
    True
    """
    if isinstance(bound, float | int) and not bound > 0:
        raise Refused(f"latents are cut off at a bound above 0, not {bound}")
    return Latent(size, lambda key: jax.random.truncated_normal(key, -bound, bound, (size,)))
