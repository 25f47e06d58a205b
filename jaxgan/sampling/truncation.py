"""Truncation in w: less diverse samples that look better."""

from jaxgan.parts.types import Array


def shrunk(w: Array, centre: Array, share: float | Array) -> Array:
    """centre + share (w - centre): truncation in w, about the mean of w (Karras et al., 2019).

    >>> import jax.numpy as jnp
    >>> shrunk(jnp.array([3.0]), jnp.array([1.0]), 0.5).tolist()
    [2.0]
    """
    return centre + share * (w - centre)
