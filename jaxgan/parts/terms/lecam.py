"""LeCam regularisation, for little data."""

import jax
import jax.numpy as jnp

from jaxgan.parts.output import per_example
from jaxgan.parts.terms.term import Term
from jaxgan.parts.types import Array, Schedule, View, at

Means = tuple[Array, Array]  # of the logits on real and fake


def lecam(weight: Schedule = 0.3, decay: float = 0.99, start: int = 1000, *, one_sided: bool = False) -> Term:
    """weight ((r - m_fake)^2 + (f - m_real)^2), r and f the logits, m their running means.

    This is the equation of Tseng et al., 2021. With `one_sided`, as in the authors' code, r is pulled down
    only while it is above m_fake, and f up only while it is below m_real. The means are of earlier steps;
    until `start` they are the last step's and the loss is 0, after that they keep `decay` of themselves.

    >>> lecam(0.01, one_sided=True).name
    'lecam'
    """

    def apply(v: View, means: Means) -> tuple[Array, Means]:
        mean_real, mean_fake = means
        clip = jax.nn.relu if one_sided else (lambda x: x)
        losses = jax.tree.map(
            lambda r, f: jnp.square(clip(r - mean_fake)) + jnp.square(clip(mean_real - f)),
            v.real_out,
            v.fake_out,
        )
        active = v.step > start
        loss = jnp.where(active, at(weight, v.step), 0.0) * per_example(losses)
        kept = jnp.where(active, decay, 0.0)

        def move(mean: Array, logits: Array) -> Array:
            now = jax.lax.stop_gradient(v.mean(per_example(logits))).astype(mean.dtype)
            return kept * mean + (1 - kept) * now

        return loss, (move(mean_real, v.real_out), move(mean_fake, v.fake_out))

    return Term("lecam", lambda: (jnp.float32(0), jnp.float32(0)), apply)
