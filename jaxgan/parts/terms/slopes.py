"""Gradients of D in its inputs, and their norms, which gradient penalties are made of."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.parts.output import per_example
from jaxgan.parts.types import Array, PyTree, View, per_row


def input_gradient(d: Callable[[Array], PyTree], x: Array) -> Array:
    return jax.grad(lambda x: per_example(d(x)).sum())(x)


def squared_norm(x: Array) -> Array:
    return jnp.square(x).sum(axis=tuple(range(1, x.ndim)))


def norm(x: Array) -> Array:
    """The norm [B], with gradient 0 where it is 0 (the square root alone would give NaN)."""
    squared = squared_norm(x)
    return jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1.0)), 0.0)


def random_points_between(view: View) -> Array:
    """A point [B, ...] on the segment between the real and the fake input of each row, by the row's key."""
    mix = per_row(jax.vmap(jax.random.uniform)(view.keys), view.real)
    return mix * view.real + (1 - mix) * view.fake
