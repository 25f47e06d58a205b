"""Calibration of D's logits on examples that it was not trained on."""

import jax
import jax.numpy as jnp

from jaxgan.parts.types import Array
from jaxgan.sampling.sides import Logit


def calibrated(logit: Logit, real: Array, fake: Array, steps: int = 20) -> Logit:
    """Returns z -> a D(G(z)) + b, with a and b of a logistic regression on D's logits (Platt, 1999).

    `real`, `fake`: logits of held-out real examples and of samples. Both classes have the same weight, so the
    result estimates log p(x) / p_g(x). Newton's method, with a small ridge for logits that can be separated.

    >>> real, fake = jnp.array([2.0, 4.0, -1.0]), jnp.array([-2.0, -4.0, 1.0])
    >>> bool(abs(calibrated(lambda z: z, real, fake)(0.0)) < 1e-5)
    True
    """
    x = jnp.concatenate([real, fake])
    features = jnp.stack([x, jnp.ones_like(x)], axis=1)
    sign = jnp.concatenate([jnp.ones_like(real), -jnp.ones_like(fake)])
    weight = jnp.concatenate([jnp.ones_like(real) / len(real), jnp.ones_like(fake) / len(fake)])

    def loss(ab: Array) -> Array:
        return (weight * jax.nn.softplus(-sign * (features @ ab))).sum() + 1e-4 * (ab**2).sum()

    def step(ab: Array, _: None) -> tuple[Array, None]:
        return ab - jnp.linalg.solve(jax.hessian(loss)(ab), jax.grad(loss)(ab)), None

    slope, offset = jax.lax.scan(step, jnp.zeros(2, x.dtype), length=steps)[0]
    return lambda z: slope * logit(z) + offset
