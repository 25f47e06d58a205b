"""The Fisher GAN (Mroueh & Sercu, 2017)."""

import jax
import jax.numpy as jnp

from jaxgan.parts.objectives.objective import Objective
from jaxgan.parts.output import per_example
from jaxgan.parts.terms.term import Term
from jaxgan.parts.types import Array, View, check_range


def fisher(rho: float = 1e-6) -> Objective:
    """D: f - r - multiplier (1 - W) + rho/2 (1 - W)^2, G: -f, with W = (E r^2 + E f^2) / 2.

    An integral probability metric over critics of second moment W = 1, by an augmented Lagrangian: after each
    step of D its multiplier, 0 at first, falls by rho (1 - W) (Mroueh & Sercu, 2017). At the optimum the
    metric E r - E f is twice the multiplier. The means are over the whole batch, all devices included, so
    micro-batches are refused. The constraint is the term "fisher".

    >>> objective = fisher()
    >>> objective.d_loss(jnp.array([3.0]), jnp.array([1.0])).tolist()
    [-2.0]
    """
    check_range("rho of fisher", rho, above=True)

    def constraint(view: View, multiplier: Array) -> tuple[Array, Array]:
        squares = jax.tree.map(lambda r, f: (jnp.square(r) + jnp.square(f)) / 2, view.real_out, view.fake_out)
        gap = 1 - view.mean(per_example(squares))
        loss = rho / 2 * jnp.square(gap) - multiplier * gap
        moved = multiplier - rho * jax.lax.stop_gradient(gap)
        return jnp.full(view.keys.shape, loss), moved.astype(multiplier.dtype)

    term = Term("fisher", lambda: jnp.float32(0), constraint, whole=True)
    return Objective(lambda r, f: f - r, lambda r, f: -f, d_terms=(term,))
