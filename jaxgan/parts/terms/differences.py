"""Penalties on the gradient of D by finite differences, which need no second derivative."""

import jax
import jax.numpy as jnp

from jaxgan.parts.output import per_example
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at


def finite_r1(gamma: Schedule = 1.0, size: float = 0.01) -> Term:
    """gamma/2 ((D(x + size n) - D(x)) / size)^2 on real inputs, n ~ N(0, I); D the mean logit of an input.

    Its mean over n is that of `r1` as `size` goes to 0, since E (n . grad)^2 = |grad|^2. It costs two calls
    of D and no second derivative, which some layers lack (Hyun et al., 2025; Lin et al., 2025).

    >>> both = [finite_r1(0.1), finite_r2(0.1)]
    """
    return stateless("r1", lambda v: at(gamma, v.step) / 2 * jnp.square(_slope(v, v.real, size)))


def finite_r2(gamma: Schedule = 1.0, size: float = 0.01) -> Term:
    """`finite_r1` on fake inputs: `r2` by finite differences.

    >>> finite_r2().name
    'r2'
    """
    return stateless("r2", lambda v: at(gamma, v.step) / 2 * jnp.square(_slope(v, v.fake, size)))


def _slope(v: View, x: Array, size: float) -> Array:
    """Returns the slope [B] of D along normal noise; both calls of D have the same dropout."""
    noise = jax.vmap(lambda key: jax.random.normal(key, x.shape[1:], x.dtype))(v.keys)
    return (per_example(v.d(x + size * noise)) - per_example(v.d(x))) / size
