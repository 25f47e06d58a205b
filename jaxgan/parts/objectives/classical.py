"""Losses of one logit at a time, real or fake: the classical ones.

In the formulas r is a real logit, f a fake one, and log D = -softplus(-logit).
"""

import jax.numpy as jnp
from jax.nn import relu, softplus

from jaxgan.parts.objectives.objective import Objective, separable


def minimax() -> Objective:
    """D: softplus(-r) + softplus(f), G: -softplus(f), the value of the game itself. Saturates when D wins.

    Goodfellow et al., 2014.

    >>> float(minimax().g_loss(jnp.zeros(1), jnp.zeros(1))[0])  # log(1 - D) = log 1/2
    -0.6931471824645996
    """
    return separable(lambda r: softplus(-r), softplus, lambda r, f: -softplus(f))


def non_saturating() -> Objective:
    """D as in `minimax`, G: softplus(-f), the usual choice (Goodfellow et al., 2014).

    >>> float(non_saturating().g_loss(jnp.zeros(1), jnp.zeros(1))[0])  # -log 1/2
    0.6931471824645996
    """
    return separable(lambda r: softplus(-r), softplus, lambda r, f: softplus(-f))


def least_squares(a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:
    """D: ((r - b)^2 + (f - a)^2) / 2, G: (f - c)^2 / 2. With a, b, c = -1, 1, 0 it is Pearson's chi^2.

    Mao et al., 2017.

    >>> float(least_squares().d_loss(jnp.array([3.0]), jnp.array([1.0]))[0])  # (2^2 + 1^2) / 2
    2.5
    """
    return separable(
        lambda r: jnp.square(r - b) / 2, lambda f: jnp.square(f - a) / 2, lambda r, f: jnp.square(f - c) / 2
    )


def hinge() -> Objective:
    """D: relu(1 - r) + relu(1 + f), G: -f (Lim & Ye, 2017; Miyato et al., 2018).

    >>> float(hinge().d_loss(jnp.array([3.0]), jnp.array([1.0]))[0])
    2.0
    """
    return separable(lambda r: relu(1 - r), lambda f: relu(1 + f), lambda r, f: -f)


def wasserstein() -> Objective:
    """D: f - r, G: -f (Arjovsky et al., 2017). D must be kept Lipschitz, by `wgan_gp` or `clip_weights`.

    >>> float(wasserstein().d_loss(jnp.array([3.0]), jnp.array([1.0]))[0])
    -2.0
    """
    # no d_told_fake: with smoothing the loss has no lower bound even for a Lipschitz D: consider D + c
    return Objective(lambda r, f: f - r, lambda r, f: -f)
