"""The precision that sums are taken in."""

import jax
import jax.numpy as jnp

Array = jax.Array


def at_least_float32(x: Array) -> Array:
    """Promotes x to float32 if its dtype is shorter, for sums and losses.

    >>> at_least_float32(jnp.ones(3, jnp.bfloat16)).dtype
    dtype('float32')
    """
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
