"""Losses of a margin that should be large, such as real minus fake logit: for the relativistic objectives."""

import jax.numpy as jnp
from jax import nn

from jaxgan.parts.types import Array


def logistic(margin: Array) -> Array:
    """softplus(-m) = -log sigmoid(m).

    >>> float(logistic(jnp.float32(0)))
    0.6931471824645996
    """
    return nn.softplus(-margin)


def least_squares(margin: Array) -> Array:
    """(m - 1)^2, by which a margin can be too large as well.

    >>> float(least_squares(jnp.float32(3)))
    4.0
    """
    return jnp.square(margin - 1)


def hinge(margin: Array) -> Array:
    """relu(1 - m).

    >>> float(hinge(jnp.float32(-1)))
    2.0
    """
    return nn.relu(1 - margin)
