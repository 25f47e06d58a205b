"""A bound on how fast examples change with latents."""

import jax.numpy as jnp

from jaxgan.parts.generated import flatten_latent
from jaxgan.parts.terms.moves import distance, generator_of, noise_like, plus
from jaxgan.parts.terms.slopes import norm
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at


def jacobian_clamping(
    low: float = 1.0, high: float = 20.0, size: float = 1.0, weight: Schedule = 1.0
) -> Term:
    """weight ((max(Q, high) - high)^2 + (min(Q, low) - low)^2), Q = |G(z + d) - G(z)| / |d|.

    Jacobian clamping (Odena et al., 2018). d has a uniform direction and the length `size`. Q grows with the
    number of pixels, and so should the bounds.

    >>> jacobian_clamping(low=0.5, high=2.0).name
    'jacobian'
    """

    def loss(v: View) -> Array:
        noise = noise_like(v, v.z)
        near = plus(v.z, size / norm(flatten_latent(noise)), noise)
        q = distance(generator_of(v, "jacobian")(near), v.fake_plain) / size
        outside = jnp.square(jnp.maximum(q, high) - high) + jnp.square(jnp.minimum(q, low) - low)
        return at(weight, v.step) * outside

    return stateless("jacobian", loss)
