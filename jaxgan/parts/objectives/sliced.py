"""The sliced Wasserstein distance of D's features (Deshpande et al., 2018)."""

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.objectives.classical import non_saturating
from jaxgan.parts.objectives.objective import Objective
from jaxgan.parts.rng import fold
from jaxgan.parts.terms import stateless
from jaxgan.parts.terms.between import features
from jaxgan.parts.types import Array, View


def sliced_wasserstein(directions: int = 256, *, head: str = "features") -> Objective:
    """G: E_u mean_i (sort(u . h(real))_i - sort(u . h(fake))_i)^2, D as in `non_saturating`

    with h D's features and random unit directions u, new in each step and the same on all devices, over which
    the features are sorted. If fakes are shifted by v against real ones it is |v|^2 / n in n dimensions.

    >>> sliced_wasserstein().g_terms[0].name
    'sliced_wasserstein'
    """
    if directions < 1:
        raise Refused(f"sliced_wasserstein needs 1 or more directions, not {directions}")

    def distance(view: View) -> Array:
        real, fake = (features(h, head, "sliced_wasserstein") for h in (view.real_heads, view.fake_heads))
        key = fold(view.lowering.first_key(view.keys), "directions")
        u = jax.random.normal(key, (real.shape[1], directions), real.dtype)
        u = u / jnp.linalg.norm(u, axis=0)
        real, fake = (jnp.sort(view.lowering.gather(x) @ u, axis=0) for x in (real, fake))
        return jnp.full(view.keys.shape, jnp.square(real - fake).mean())

    return non_saturating()._replace(
        g_loss=lambda r, f: jnp.zeros_like(f),
        g_terms=(stateless("sliced_wasserstein", distance, whole=True),),
    )
