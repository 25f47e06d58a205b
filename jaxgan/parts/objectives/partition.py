"""Losses in which a logit competes with all others of the batch, through the sum of their exponentials.

r is a real logit, f a fake one, and LSE is log sum exp over the batch, all devices included, so micro-batches
are refused.
"""

import jax.numpy as jnp
from jax.nn import softplus

from jaxgan.parts.objectives.objective import Objective
from jaxgan.parts.types import Array, Lowering


def softmax_gan(lowering: Lowering = Lowering()) -> Objective:  # noqa: B008 - immutable
    """D: LSE - r, G: LSE - (r + f) / 2, LSE over all real and fake logits (Lin, 2017).

    A softmax over the batch is to be uniform on the real examples for D, on all examples for G.

    >>> softmax_gan().d_loss(jnp.zeros(4), jnp.zeros(4)).tolist()  # log 8
    [2.079441547393799, 2.079441547393799, 2.079441547393799, 2.079441547393799]
    """

    def partition(r: Array, f: Array) -> Array:
        return jnp.logaddexp(lowering.logsumexp(r), lowering.logsumexp(f))

    return Objective(
        lambda r, f: partition(r, f) - r, lambda r, f: partition(r, f) - (r + f) / 2, over=softmax_gan
    )


def dual_contrastive(
    *,
    saturating: bool = True,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Objective:
    """D: LSE(r, all f) - r + LSE(-f, all -r) + f, G: minus that, the value of the game itself.

    Each real example is told from all fake ones, and each fake from all real ones (Yu et al., 2021). With
    `saturating=False` G minimises D's loss with real and fake swapped, as in the relativistic objectives.

    >>> dual_contrastive().d_loss(jnp.zeros(1), jnp.zeros(1)).tolist()  # 2 log 2
    [1.3862943649291992]
    """

    def loss(high: Array, low: Array) -> Array:  # LSE(a, b) - a = softplus(b - a)
        return softplus(lowering.logsumexp(low) - high) + softplus(low + lowering.logsumexp(-high))

    def over(lowering: Lowering) -> Objective:
        return dual_contrastive(saturating=saturating, lowering=lowering)

    return Objective(loss, lambda r, f: -loss(r, f) if saturating else loss(f, r), over=over)
