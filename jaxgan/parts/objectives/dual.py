"""The two critics of D2GAN, whose outputs are positive: softplus of their logits."""

import jax.numpy as jnp
from jax.nn import softplus

from jaxgan.parts.objectives.objective import Objective, separable
from jaxgan.parts.types import Array


def real_rewarded(weight: float = 1.0) -> Objective:
    """D1 = softplus(logit), D: -a log D1(x) + D1(G), G: -D1(G), with a = `weight` (Nguyen et al., 2017).

    The best D1 is a p/q for the densities p of the data and q of G, where the value that G minimises is
    a (log a - 1) + a KL(p | q).

    >>> float(real_rewarded(2.0).d_loss(jnp.array([0.5413249]), jnp.array([0.5413249]))[0])  # D1 = 1
    1.0
    """
    return separable(lambda r: -weight * log_softplus(r), softplus, lambda r, f: -softplus(f))


def fake_rewarded(weight: float = 1.0) -> Objective:
    """D2 = softplus(logit), D: D2(x) - b log D2(G), G: b log D2(G), with b = `weight` (Nguyen et al., 2017).

    The best D2 is b q/p, where the value that G minimises is b (log b - 1) + b KL(q | p). Its logits are high
    on fakes.

    >>> float(fake_rewarded().g_loss(jnp.zeros(1), jnp.array([-200.0]))[0])
    -200.0
    """
    return separable(softplus, lambda f: -weight * log_softplus(f), lambda r, f: weight * log_softplus(f))


def log_softplus(x: Array) -> Array:
    """log log (1 + e^x), which is x - e^x / 2 for very negative x, where softplus(x) itself is 0.

    >>> float(log_softplus(jnp.array(-1000.0)))
    -1000.0
    """
    small = x < -12
    return jnp.where(
        small, x - jnp.exp(jnp.where(small, x, 0)) / 2, jnp.log(softplus(jnp.where(small, 0, x)))
    )
