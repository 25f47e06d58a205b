"""Metropolis-Hastings over G's samples, by the ratio of densities that D estimates."""

import jax
import jax.numpy as jnp

from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key, PyTree, per_row
from jaxgan.sampling.sides import Logit, Prior


def metropolis(
    logit: Logit, prior: Prior, keys: Key, *, proposals: int = 640, start: Array | None = None
) -> tuple[PyTree, Array]:
    """Returns the last latent of a chain for each key, and how many proposals were accepted [N].

    Independent proposals z' of the prior, accepted with probability min(1, exp(l' - l)) (MH-GAN, Turner et
    al., 2019). A chain starts at its first proposal or, with `start`, at real examples of these logits [N],
    where a chain that accepts nothing returns its first proposal: leave it out. Calibrate the logits first.

    >>> keys = jax.random.split(jax.random.key(0), 4)
    >>> z, moves = metropolis(lambda z: 0 * z, jax.vmap(jax.random.normal), keys, proposals=3)
    >>> z.shape, moves.tolist()
    ((4,), [3, 3, 3, 3])
    """

    def propose(carry: tuple[PyTree, Array, Array], number: Array) -> tuple[tuple, None]:
        z, here, moves = carry
        new = prior(fold(keys, "proposal", number))
        there = logit(new)
        coin = jax.vmap(jax.random.uniform)(fold(keys, "coin", number))
        accepts = jnp.log(coin) < there - here
        z = jax.tree.map(lambda new, old: jnp.where(per_row(accepts, old), new, old), new, z)
        return (z, jnp.where(accepts, there, here), moves + accepts), None

    first = prior(fold(keys, "first"))
    carry = first, logit(first) if start is None else start, jnp.zeros(keys.shape, jnp.int32)
    (z, _, moves), _ = jax.lax.scan(propose, carry, jnp.arange(proposals))
    return z, moves
