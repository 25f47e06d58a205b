"""Truncation: less diverse samples that look better."""

import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri

from jaxgan.parts.types import Array, check_range


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


def shrunk(w: Array, centre: Array, share: float | Array) -> Array:
    """centre + share (w - centre): truncation in w, about the mean of w (Karras et al., 2019).

    >>> shrunk(jnp.array([3.0]), jnp.array([1.0]), 0.5).tolist()
    [2.0]
    """
    return centre + share * (w - centre)
