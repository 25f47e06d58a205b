"""What an adversarial loss is."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.parts.terms.term import Term
from jaxgan.parts.types import Array, Lowering

Loss = Callable[[Array, Array], Array]


class Objective(NamedTuple):
    """The losses of both players: two functions (real_logits [B], fake_logits [B]) -> [B].

    `d_told_fake` is D's loss [B] on any logit labelled "fake", which one-sided label smoothing needs. It is
    None if the loss compares real with fake and does not split, or has no labels.
    `over`: for losses between examples, (lowering) -> the same loss over the batches of all devices, which a
    game asks for. Such a loss is refused with micro-batches, which do not see each other's examples.
    `d_terms`, `g_terms`: the parts of the losses that read more than logits, such as features, labels or
    examples, or have a memory. They come before a recipe's own terms.
    """

    d_loss: Loss
    g_loss: Loss
    d_told_fake: Callable[[Array], Array] | None = None
    over: Callable[[Lowering], "Objective"] | None = None
    d_terms: tuple[Term, ...] = ()
    g_terms: tuple[Term, ...] = ()


def separable(d_real: Callable[[Array], Array], d_fake: Callable[[Array], Array], g: Loss) -> Objective:
    return Objective(lambda r, f: d_real(r) + d_fake(f), g, d_fake)


def of_terms(d_term: Term, g_term: Term) -> Objective:
    """An objective in which logits play no part: each player's loss is a term."""
    return Objective(
        lambda r, f: jnp.zeros_like(r), lambda r, f: jnp.zeros_like(f), d_terms=(d_term,), g_terms=(g_term,)
    )
