"""What D is told of real and fake: the truth, or something softer."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games import check
from jaxgan.parts.objectives import Objective
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key


def d_loss(objective: Objective, smoothing: float, noise: float) -> Callable[[Array, Array, Key], Array]:
    """(real logits, fake logits, a key per input) -> D's loss, with label smoothing and label noise."""
    told_fake, smoothed = objective.d_told_fake, check.is_on(smoothing)
    if smoothed and told_fake is None:
        raise Refused(
            "label smoothing needs an objective with d_told_fake, D's loss on what is labelled fake alone; a "
            "relativistic one compares real with fake and Wasserstein's knows no labels, so they have none. "
            "Use label_noise, or another objective."
        )

    def loss(real: Array, fake: Array, keys: Key) -> Array:
        if check.is_on(noise):
            flip = jax.vmap(lambda key: jax.random.bernoulli(key, noise))(fold(keys, "label"))
            flip = flip.reshape(flip.shape + (1,) * (real.ndim - 1))
            real, fake = jnp.where(flip, fake, real), jnp.where(flip, real, fake)
        told = objective.d_loss(real, fake)
        if smoothed and told_fake is not None:
            told = (1 - smoothing) * told + smoothing * (told_fake(real) + told_fake(fake))
        return told

    return loss
