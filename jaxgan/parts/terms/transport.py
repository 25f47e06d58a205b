"""The cost of moving latents to examples."""

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at


def transport_cost(weight: Schedule = 1.0) -> Term:
    """weight mean (G(z) - z)^2, for latents shaped like the examples (adversarial flows; Lin et al., 2025).

    Of the maps from the prior to the data, G then prefers the one that moves least. The mean is over the
    numbers of an example; the weight is usually a schedule that falls.

    >>> transport_cost(lambda step: 0.2 * 0.999**step).name
    'transport'
    """

    def loss(v: View) -> Array:
        shape = v.fake_plain.shape
        if not isinstance(v.z, jax.Array) or v.z.shape != shape:
            raise Refused(
                f"the term transport needs latents of the examples' shape {shape[1:]}: an array drawn by "
                "a Latent of that shape"
            )
        return at(weight, v.step) * jnp.square(v.fake_plain - v.z).reshape(shape[0], -1).mean(axis=1)

    return stateless("transport", loss)
