"""Normal distributions: losses and draws of variational autoencoders, and truncation."""

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri

from jaxgan.parts.types import Array, Key, check_range


def kl_to_prior(mean: Array, log_variance: Array) -> Array:
    """KL(N(mean, exp log_variance) | N(0, I)) [B] of rows [B, n], in nats (Kingma & Welling, 2014).

    >>> kl_to_prior(jnp.array([[0.0, 2.0]]), jnp.zeros((1, 2))).tolist()
    [2.0]
    """
    return (jnp.square(mean) + jnp.exp(log_variance) - 1 - log_variance).sum(axis=1) / 2


def negative_log_likelihood(x: Array, mean: Array, deviation: float | Array) -> Array:
    """-log N(x; mean, deviation^2) [B] of examples [B, ...], in nats; one deviation, or one for each number.

    >>> round(float(negative_log_likelihood(jnp.zeros((1, 2)), jnp.zeros((1, 2)), 1.0)[0]), 4)  # log 2 pi
    1.8379
    """
    twice = jnp.square((x - mean) / deviation) + jnp.log(2 * jnp.pi * jnp.square(deviation))
    return twice.reshape(x.shape[0], -1).sum(axis=1) / 2


def draw(keys: Key, mean: Array, log_variance: Array) -> Array:
    """One draw [B, n] of each row's normal distribution, by the keys of the rows.

    >>> draw(jax.random.split(jax.random.key(0), 4), jnp.ones((4, 2)), jnp.full((4, 2), -1e3)).mean()
    Array(1., dtype=float32)
    """
    noise = jax.vmap(lambda key: jax.random.normal(key, mean.shape[1:]))(keys)
    return mean + jnp.exp(log_variance / 2) * noise


def truncated(z: Array, bound: float | Array) -> Array:
    """Maps z ~ N(0, I) to N(0, I) under |z| < bound, entry by entry, by equal quantiles.

    The law is that of `latents.truncated` (Brock et al., 2019), which draws again instead; here the same z
    can be followed through all bounds.

    >>> bool(jnp.abs(truncated(jnp.array([-5.0, 0.1, 5.0]), 0.5)).max() <= 0.5)
    True
    """
    check_range("the bound of truncation", bound, above=True)
    low, high = ndtr(-jnp.asarray(bound, z.dtype)), ndtr(jnp.asarray(bound, z.dtype))
    return jnp.clip(ndtri(low + ndtr(z) * (high - low)), -bound, bound)
