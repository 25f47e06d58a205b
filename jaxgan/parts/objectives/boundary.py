"""Boundary-seeking GANs (Hjelm et al., 2018)."""

import jax
import jax.numpy as jnp
from jax.nn import softplus

from jaxgan.parts.objectives.objective import Objective, separable
from jaxgan.parts.types import Array


def boundary_seeking() -> Objective:
    """D: softplus(-r) + softplus(f), G: f^2 / 2 = (log D - log(1 - D))^2 / 2, f a fake logit.

    G moves its samples to where D cannot tell (Hjelm et al., 2018).

    >>> boundary_seeking().g_loss(jnp.zeros(2), jnp.array([-2.0, 0.0])).tolist()
    [2.0, 0.0]
    """
    return separable(lambda r: softplus(-r), softplus, lambda r, f: jnp.square(f) / 2)


def boundary_weights(logits: Array) -> Array:
    """Importance weights D / (1 - D) = exp(logit) of m samples each, [..., m], made to sum to 1.

    For discrete examples, through which no gradient flows: G minimises -sum_i w_i log g(x_i | z) over m
    samples x_i of the same z, w without gradient (Hjelm et al., 2018).

    >>> boundary_weights(jnp.log(jnp.array([1.0, 3.0]))).round(2).tolist()
    [0.25, 0.75]
    """
    return jax.lax.stop_gradient(jax.nn.softmax(logits, axis=-1))
