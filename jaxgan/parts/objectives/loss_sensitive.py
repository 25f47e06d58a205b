"""The loss-sensitive GAN (Qi, 2020)."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import relu

from jaxgan.parts.objectives.objective import Objective
from jaxgan.parts.terms.term import stateless
from jaxgan.parts.types import View, check_range, per_row


def loss_sensitive(slope: float = 2e-4, weight: float = 0.0) -> Objective:
    """D: -weight r + relu(slope |x - x'|_1 - r + f), G: -f: r leads f by a margin that grows with how far the
    fake example x' is from the real x.

    Qi, 2020; not to be confused with `least_squares`, which is called LSGAN. The paper's loss function is
    L = -logit. |x - x'|_1 sums over all numbers of an example before its augmentation, and has no gradient.
    With a `weight` of real examples, D must keep its logits at or below 0, as an autoencoder does. The second
    part is the term "margin".

    >>> import jaxgan as jg
    >>> game = jg.gan(
    ...     jg.from_linen(jg.models.mlp.Generator((2,))),
    ...     jg.from_linen(jg.models.mlp.Discriminator()),
    ...     latent=jg.latents.normal(4),
    ...     objective=loss_sensitive(),
    ... )
    """
    check_range("the slope of loss_sensitive", slope)
    check_range("the weight of loss_sensitive", weight)

    def margin(view: View) -> Any:
        apart = jnp.abs(view.real_plain - view.fake_plain).reshape(view.keys.shape[0], -1).sum(axis=1)
        asked = jax.lax.stop_gradient(slope * apart)
        return jax.tree.map(lambda r, f: relu(per_row(asked, r) - r + f), view.real_out, view.fake_out)

    return Objective(lambda r, f: -weight * r, lambda r, f: -f, d_terms=(stateless("margin", margin),))
