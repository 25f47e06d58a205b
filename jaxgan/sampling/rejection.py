"""Discriminator rejection sampling, with as many proposals for every sample."""

import jax
import jax.numpy as jnp

from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key, PyTree, per_row
from jaxgan.sampling.sides import Logit, Prior


def log_acceptance(logits: Array, highest: float | Array, gamma: float | Array = 0.0) -> Array:
    """log sigmoid(F), F = l - M - log(1 - exp(l - M - eps)) - gamma, with M the highest logit.

    Azadi et al., 2019. gamma = 0 is rejection sampling itself, which accepts with exp(l - M); a gamma below 0
    accepts more. Logits above M are accepted as those at it.

    >>> [round(float(x), 3) for x in jnp.exp(log_acceptance(jnp.array([0.0, -1.0, 2.0]), 0.0))]
    [1.0, 0.368, 1.0]
    """
    away = jnp.minimum(logits - highest, 0.0)
    return jax.nn.log_sigmoid(away - jnp.log1p(-jnp.exp(away - 1e-6)) - gamma)


def first_accepted(
    logit: Logit,
    prior: Prior,
    keys: Key,
    highest: float | Array,
    *,
    gamma: float | Array = 0.0,
    proposals: int = 64,
) -> tuple[PyTree, Array]:
    """Returns the first accepted latent of `proposals` for each key, and whether there was one [N].

    Where none was accepted it is the last proposal, which follows G's distribution. `highest` is best the
    maximum over many draws beforehand, which does not change while sampling.

    >>> keys = jax.random.split(jax.random.key(0), 4)
    >>> z, accepted = first_accepted(lambda z: 0 * z, jax.vmap(jax.random.normal), keys, 0.0, proposals=2)
    >>> z.shape, bool(accepted.all())
    ((4,), True)
    """

    def propose(carry: tuple[PyTree, Array], number: Array) -> tuple[tuple[PyTree, Array], None]:
        z, accepted = carry
        new = prior(fold(keys, "proposal", number))
        coin = jax.vmap(jax.random.uniform)(fold(keys, "coin", number))
        accepts = jnp.log(coin) < log_acceptance(logit(new), highest, gamma)
        z = jax.tree.map(lambda old, new: jnp.where(per_row(accepted, old), old, new), z, new)
        return (z, accepted | accepts), None

    start = jax.tree.map(jnp.zeros_like, prior(keys)), jnp.zeros(keys.shape, bool)
    return jax.lax.scan(propose, start, jnp.arange(proposals))[0]
