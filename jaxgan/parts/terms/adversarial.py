"""A Lipschitz penalty in the direction in which D changes most."""

import jax
import jax.numpy as jnp

from jaxgan.parts.output import per_example
from jaxgan.parts.rng import fold
from jaxgan.parts.terms.slopes import norm
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at, per_row


def alp(weight: Schedule = 10.0, low: float = 0.1, high: float = 10.0, probe: float = 10.0) -> Term:
    """weight max(|D(x + r) - D(x)| / |r| - 1, 0)^2: the adversarial Lipschitz penalty (Terjek, 2020).

    Mean of that on real and on fake inputs. The length of r is uniform in [low, high]; its direction is that
    of steepest change of D at `probe` times a random direction from x (one power iteration) and has no
    gradient. Unlike in the authors' code, x + r is not clipped to the range of images.

    >>> alp(100.0).name
    'alp'
    """

    def slope(v: View, x: Array, which: str) -> Array:
        def change(step: Array) -> Array:
            return jnp.abs(per_example(v.d(x + step)) - per_example(v.d(x)))

        keys = fold(v.keys, which)
        random = _unit(jax.vmap(lambda key: jax.random.normal(fold(key, "direction"), x.shape[1:]))(keys))
        steepest = _unit(jax.grad(lambda step: change(step).sum())(probe * random.astype(x.dtype)))
        size = jax.vmap(lambda key: jax.random.uniform(fold(key, "size"), (), minval=low, maxval=high))(keys)
        return change(jax.lax.stop_gradient(per_row(size, x) * steepest).astype(x.dtype)) / size

    def loss(v: View) -> Array:
        real, fake = (jax.nn.relu(slope(v, *of) - 1) for of in ((v.real, "real"), (v.fake, "fake")))
        return at(weight, v.step) * (jnp.square(real) + jnp.square(fake)) / 2

    return stateless("alp", loss)


def _unit(x: Array) -> Array:
    size = norm(x)
    return x / per_row(jnp.where(size > 0, size, 1.0), x)
