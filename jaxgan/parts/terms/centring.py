"""A pull on the logits towards 0 that leaves their differences free."""

import jax
import jax.numpy as jnp

from jaxgan.parts.output import per_example
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Schedule, at


def centring(weight: Schedule = 0.01) -> Term:
    """weight (D(x) + D(G(z)))^2: the middle of each pair's logits goes to 0 (Lin et al., 2025).

    Relativistic and Wasserstein losses do not change if a constant is added to all logits, which may drift.

    >>> centring().name
    'centring'
    """

    def squares(real: jax.Array, fake: jax.Array) -> jax.Array:
        return jnp.square(real + fake)

    return stateless(
        "centring",
        lambda v: at(weight, v.step) * per_example(jax.tree.map(squares, v.real_out, v.fake_out)),
    )
