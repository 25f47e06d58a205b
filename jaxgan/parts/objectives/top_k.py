"""Training of G on the fakes that D judges best (Sinha et al., 2020)."""

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.objectives.objective import Objective
from jaxgan.parts.output import per_example
from jaxgan.parts.terms import stateless
from jaxgan.parts.types import Array, Lowering, Schedule, View, at, check_range


def top_k(objective: Objective, share: Schedule) -> Objective:
    """The objective with G's loss over the `share` of fakes that have the largest logits

    of all devices. k = share N of N inputs, rounded and at least 1: the loss of each of the k best has weight
    N / k, that of the others 0. The share may be a schedule of G's steps; the paper has max(0.99^epoch, 0.5).
    A share of 1 is the objective itself. Of equal logits the first in the batch is the better.

    >>> from jaxgan.parts.objectives.classical import hinge
    >>> top_k(hinge(), lambda step: jnp.maximum(0.99 ** (step // 500), 0.5)).g_terms[0].name
    'top_k'
    """
    if not isinstance(objective, Objective):
        raise Refused("top_k takes an objective, as in top_k(jg.objectives.hinge(), 0.5)")
    if objective.g_terms:
        names = ", ".join(term.name for term in objective.g_terms)
        raise Refused(f"top_k chooses among losses of logits, and this objective's are terms: {names}")
    check_range("the share of top_k", share, most=1)

    over = objective.over

    def loss(view: View) -> Array:
        chosen = objective if over is None else over(view.lowering)
        losses = per_example(jax.tree.map(chosen.g_loss, view.real_out, view.fake_out))
        return _weights(view.lowering, per_example(view.fake_out), at(share, view.step)) * losses

    return objective._replace(
        g_loss=lambda r, f: jnp.zeros_like(f),
        over=None if over is None else lambda lowering: top_k(over(lowering), share),
        g_terms=(stateless("top_k", loss, whole=True),),
    )


def _weights(lowering: Lowering, logits: Array, share: Array | float) -> Array:
    """N / k [B] for the k largest of the logits of all devices, 0 for the others."""
    every = lowering.gather(logits)
    count = every.shape[0]
    rank = jnp.argsort(jnp.argsort(-every))[lowering.own_rows(logits.shape[0])]
    k = jnp.clip(jnp.round(share * count), 1, count)
    return jnp.where(rank < k, count / k, 0).astype(logits.dtype)
