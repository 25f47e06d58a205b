"""Terms that keep the distances between fakes like those between their latents.

Both are of pairs of neighbours in the batch, made under the same condition. So a batch of N has N / 2 pairs.
"""

import jax.numpy as jnp

from jaxgan.parts.generated import flatten_latent
from jaxgan.parts.terms.moves import distance, generator_of, neighbours
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, PyTree, Schedule, View, at

_TINY = 1e-5


def mode_seeking(weight: Schedule = 1.0, *, of_means: bool = False) -> Term:
    """weight / (|G(z) - G(z')| / |z - z'| + 1e-5), |.| a mean of absolute values (MSGAN; Mao et al., 2019).

    The ratio is that of each pair, as in the paper's equation. With `of_means` both distances are first
    averaged over the batch, as in the authors' code: no pair that happens to be close then has a huge
    gradient, and micro-batches are refused.

    >>> mode_seeking().name
    'mode_seeking'
    """

    def loss(v: View) -> Array:
        z, fake = _partners("mode_seeking", v)
        of_fakes = jnp.abs(flatten_latent(v.fake_plain) - flatten_latent(fake)).mean(axis=1)
        of_latents = jnp.abs(flatten_latent(v.z) - flatten_latent(z)).mean(axis=1)
        if of_means:
            ratio = jnp.broadcast_to(v.mean(of_fakes) / v.mean(of_latents), of_fakes.shape)
        else:
            ratio = of_fakes / jnp.maximum(of_latents, _TINY)
        return at(weight, v.step) / (ratio + _TINY)

    return stateless("mode_seeking", loss, whole=of_means)


def log_distances(weight: Schedule = 0.1, scale: float = 1.0) -> Term:
    """weight (log |G(z) - G(z')| - log(scale |z - z'|))^2: BourGAN's distances (Xiao et al., 2018).

    >>> log_distances(scale=3.0).name  # a typical distance of examples, in that of latents
    'log_distances'
    """

    def loss(v: View) -> Array:
        z, fake = _partners("log_distances", v)
        of_fakes, of_latents = distance(v.fake_plain, fake), distance(v.z, z)
        ratio = jnp.maximum(of_fakes, _TINY) / jnp.maximum(scale * of_latents, _TINY)
        return at(weight, v.step) * jnp.square(jnp.log(ratio))

    return stateless("log_distances", loss)


def _partners(name: str, v: View) -> tuple[PyTree, Array]:
    """Returns each example's second latent, which is its neighbour's, and what G makes of it."""
    z = neighbours(name, v.z)
    if v.given:  # the neighbour's own fake has another condition
        return z, generator_of(v, name)(z)
    return z, neighbours(name, v.fake_plain)
