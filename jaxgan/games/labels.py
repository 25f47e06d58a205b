"""D's loss with label smoothing and label noise."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games import check
from jaxgan.parts.objectives import Objective
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key, per_row


def d_loss(objective: Objective, smoothing: float, noise: float) -> Callable[[Array, Array, Key], Array]:
    """Returns the loss (real logits, fake logits, a key per input) -> [B], with label smoothing and noise."""
    fake_loss, is_smoothed = objective.d_told_fake, check.is_on(smoothing)
    if is_smoothed and fake_loss is None:
        raise Refused(
            "label smoothing needs an objective with d_told_fake, D's loss on a logit labelled fake; the "
            "relativistic loss compares real with fake and Wasserstein's has no labels, so they have none. "
            "Use label_noise, or another objective."
        )

    def smoothed(real: Array, fake: Array, keys: Key) -> Array:
        if check.is_on(noise):
            flip = jax.vmap(lambda key: jax.random.bernoulli(key, noise))(fold(keys, "label"))
            flip = per_row(flip, real)
            real, fake = jnp.where(flip, fake, real), jnp.where(flip, real, fake)
        loss = objective.d_loss(real, fake)
        if is_smoothed and fake_loss is not None:
            loss = (1 - smoothing) * loss + smoothing * (fake_loss(real) + fake_loss(fake))
        return loss

    return smoothed
