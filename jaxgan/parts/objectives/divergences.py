"""f-divergences in the form that a GAN can be trained with, for `f_gan` (Nowozin et al., 2016).

D_f(P || Q) = E_q f(p/q) is the largest E_p T - E_q f*(T) of any function T, with f* the convex conjugate of
f. T = g(v), with v D's logit and g an increasing function that keeps T where f* is finite.

| | f(u) | g(v) | f*(g(v)) | best v | value there |
|---|---|---|---|---|---|
| kl | u log u | v | exp(v - 1) | 1 + log p/q | KL(P || Q) |
| reverse_kl | -log u | -exp(-v) | v - 1 | log p/q | KL(Q || P) |
| pearson | (u - 1)^2 | v | v^2/4 + v | 2 (p/q - 1) | E_q (p/q - 1)^2 |
| squared_hellinger | (sqrt u - 1)^2 | 1 - exp(-v) | exp(v) - 1 | log(p/q) / 2 | int (sqrt p - sqrt q)^2 |
| jensen_shannon | u log u - (u+1) log((u+1)/2) | log 2 - sp(-v) | sp(v) - log 2 | log p/q | 2 JSD(P, Q) |
| gan | u log u - (u+1) log(u+1) | -sp(-v) | sp(v) | log p/q | 2 JSD(P, Q) - log 4 |
| total_variation | abs(u - 1) / 2 | tanh(v) / 2 | tanh(v) / 2 | far from 0 | half int abs(p - q) |

sp is softplus. An exponential continues as its tangent where the exponent is above 40: in float32 loss and
gradient are finite at every logit, and so are their squares in Adam.
"""

from collections.abc import Callable
from math import log
from typing import NamedTuple

import jax.numpy as jnp
from jax.nn import softplus

from jaxgan.parts.types import Array

STEEPEST = 40.0


class Divergence(NamedTuple):
    """An f-divergence by two functions of logits: g(v), and f*(g(v)) as one formula.

    >>> import jax
    >>> threshold = jax.grad(kl.conjugate)(1.0) / jax.grad(kl.activation)(1.0)  # p/q of which v = 1 is best
    >>> float(threshold)
    1.0
    """

    activation: Callable[[Array], Array]
    conjugate: Callable[[Array], Array]


def _exp(x: Array) -> Array:
    least = jnp.minimum(x, STEEPEST)
    return jnp.exp(least) * (1 + (x - least))


kl = Divergence(lambda v: v, lambda v: _exp(v - 1))
reverse_kl = Divergence(lambda v: -_exp(-v), lambda v: v - 1)
pearson = Divergence(lambda v: v, lambda v: jnp.square(v) / 4 + v)
squared_hellinger = Divergence(lambda v: 1 - _exp(-v), lambda v: _exp(v) - 1)
jensen_shannon = Divergence(lambda v: log(2) - softplus(-v), lambda v: softplus(v) - log(2))
gan = Divergence(lambda v: -softplus(-v), softplus)
total_variation = Divergence(lambda v: jnp.tanh(v) / 2, lambda v: jnp.tanh(v) / 2)
