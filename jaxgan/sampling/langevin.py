"""Langevin dynamics of latents in the energy that D and the prior define."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key, check_range
from jaxgan.sampling.sides import Logit


def normal_log_density(z: Array) -> Array:
    """log N(z; 0, I) [N] but for a constant.

    >>> normal_log_density(jnp.ones((1, 4))).tolist()
    [-2.0]
    """
    return -jnp.square(z).reshape(len(z), -1).sum(axis=1) / 2


def langevin(
    logit: Logit,
    z: Array,
    keys: Key,
    *,
    steps: int = 100,
    size: float = 0.01,
    log_prior: Callable[[Array], Array] = normal_log_density,
) -> Array:
    """Returns latents [N, ...] after steps z <- z - size/2 dE/dz + sqrt(size) n, E = -log p(z) - D(G(z)).

    Discriminator driven latent sampling (Che et al., 2020): where D's logit is log p(x)/p_g(x), the density
    exp(-E) makes G's samples follow p. Steps of finite size have a bias of their order.

    >>> keys = jax.random.split(jax.random.key(0), 3)
    >>> langevin(lambda z: z[:, 0], jnp.zeros((3, 2)), keys, steps=2).shape
    (3, 2)
    """
    check_range("the size of langevin's steps", size, above=True)

    def log_density(z: Array) -> Array:
        return (log_prior(z) + logit(z)).sum()

    def step(z: Array, number: Array) -> tuple[Array, None]:
        noise = jax.vmap(lambda key: jax.random.normal(key, z.shape[1:], z.dtype))(fold(keys, number))
        return z + size / 2 * jax.grad(log_density)(z) + size**0.5 * noise, None

    return jax.lax.scan(step, z, jnp.arange(steps))[0]
