"""Losses of real logits compared with fake ones. In the formulas r is a real logit, f a fake one."""

from jax.nn import softplus

from jaxgan.parts.objectives.objective import Objective
from jaxgan.parts.types import Array, Lowering


def relativistic() -> Objective:
    """D: softplus(f - r), G: softplus(r - f), over pairs of real and fake (Jolicoeur-Martineau, 2019).

    >>> import jax.numpy as jnp
    >>> loss = relativistic()
    >>> bool((loss.d_loss(jnp.ones(2), jnp.zeros(2)) == loss.g_loss(jnp.zeros(2), jnp.ones(2))).all())
    True
    """
    return Objective(lambda r, f: softplus(f - r), lambda r, f: softplus(r - f))


def relativistic_average(lowering: Lowering = Lowering()) -> Objective:  # noqa: B008 - immutable
    """D: softplus(E f - r) + softplus(f - E r), each logit against the mean of the others; G: roles swapped.

    Jolicoeur-Martineau, 2019. The means are over the whole batch, all devices included, so micro-batches are
    refused.

    >>> import jax.numpy as jnp
    >>> relativistic_average().d_loss(jnp.ones(3), jnp.zeros(3)).shape
    (3,)
    """

    def loss(high: Array, low: Array) -> Array:
        return softplus(lowering.mean(low) - high) + softplus(low - lowering.mean(high))

    return Objective(loss, lambda r, f: loss(f, r), over=relativistic_average)
