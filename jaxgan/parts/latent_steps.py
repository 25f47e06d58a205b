"""Steps of a latent towards what D finds more real, before G generates from it (LOGAN, Wu et al., 2019)."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key, PyTree, Schedule, check_range


class LatentStep(NamedTuple):
    """A step of latents in both players' losses, for `gan(latent_step=...)`.

    `move`: (keys [N], z [N, ...], gradient [N, ...] of D's logits in z) -> z [N, ...]. `cost`: weight of
    the squared length of the step, which both players minimise: the metrics d/latent_step and g/latent_step.
    """

    move: Callable[[Key, PyTree, PyTree], PyTree]
    cost: Schedule = 0.0


def natural(
    rate: float = 0.9,
    damping: float = 0.1,
    *,
    share: float = 0.8,
    bound: float | None = 1.0,
    cost: Schedule = 0.1,
) -> LatentStep:
    """A natural gradient step: z + rate g / (damping + |g|^2), g = dD(G(z))/dz, clipped to [-bound, bound].

    The direction is (g g^T + damping I)^-1 g (Wu et al., 2019). Each latent is moved with probability
    `share`. For latents that are not in a box, such as normal ones, `bound` is None.

    >>> keys, z = jax.random.split(jax.random.key(0), 2), jnp.zeros((2, 2))
    >>> natural(rate=1.0, damping=1.0, share=1.0).move(keys, z, jnp.array([[3.0, 0.0], [0.0, 0.0]])).tolist()
    [[0.30000001192092896, 0.0], [0.0, 0.0]]
    """
    check_range("the rate of a latent step", rate)
    check_range("the damping of a latent step", damping, above=True)
    check_range("the share of a latent step", share, most=1)

    def move(keys: Key, z: PyTree, gradient: PyTree) -> PyTree:
        if not isinstance(z, jax.Array):
            raise Refused(
                "latent_step moves a latent of one array, such as latents.normal(64), not named parts"
            )

        def one(key: Key, z: Array, g: Array) -> Array:
            moves = jax.random.bernoulli(fold(key, "moves"), share)
            moved = z + rate * g / (damping + jnp.square(g).sum())
            clipped = moved if bound is None else jnp.clip(moved, -bound, bound)
            return jnp.where(moves, clipped, z)

        return jax.vmap(one)(keys, z, gradient)

    return LatentStep(move, cost)
