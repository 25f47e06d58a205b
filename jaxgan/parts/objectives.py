"""Adversarial losses of the discriminator's logits on real and fake examples: one number per example.

In the formulas r is a real logit, f a fake one, and log D = -softplus(-logit).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax.nn import relu, softplus

from jaxgan.parts.types import Array, Lowering

Loss = Callable[[Array, Array], Array]


class Objective(NamedTuple):
    """The losses of both players: two functions (real_logits [B], fake_logits [B]) -> [B].

    `d_told_fake` is D's loss [B] on any logit labelled "fake", which one-sided label smoothing needs. It is
    None if the loss compares real with fake and does not split, or has no labels.
    `over`: for losses between examples, (lowering) -> the same loss over the batches of all devices, which a
    game asks for. Such a loss is refused with micro-batches, which do not see each other's examples.
    """

    d_loss: Loss
    g_loss: Loss
    d_told_fake: Callable[[Array], Array] | None = None
    over: Callable[[Lowering], "Objective"] | None = None


def _separable(d_real: Callable[[Array], Array], d_fake: Callable[[Array], Array], g: Loss) -> Objective:
    return Objective(lambda r, f: d_real(r) + d_fake(f), g, d_fake)


def minimax() -> Objective:
    """D: softplus(-r) + softplus(f), G: -softplus(f), the value of the game itself. Saturates when D wins.

    Goodfellow et al., 2014.

    >>> float(minimax().g_loss(jnp.zeros(1), jnp.zeros(1))[0])  # log(1 - D) = log 1/2
    -0.6931471824645996
    """
    return _separable(lambda r: softplus(-r), softplus, lambda r, f: -softplus(f))


def non_saturating() -> Objective:
    """D as in `minimax`, G: softplus(-f), the usual choice (Goodfellow et al., 2014).

    >>> float(non_saturating().g_loss(jnp.zeros(1), jnp.zeros(1))[0])  # -log 1/2
    0.6931471824645996
    """
    return _separable(lambda r: softplus(-r), softplus, lambda r, f: softplus(-f))


def least_squares(a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Objective:
    """D: ((r - b)^2 + (f - a)^2) / 2, G: (f - c)^2 / 2. With a, b, c = -1, 1, 0 it is Pearson's chi^2.

    Mao et al., 2017.

    >>> float(least_squares().d_loss(jnp.array([3.0]), jnp.array([1.0]))[0])  # (2^2 + 1^2) / 2
    2.5
    """
    return _separable(
        lambda r: jnp.square(r - b) / 2, lambda f: jnp.square(f - a) / 2, lambda r, f: jnp.square(f - c) / 2
    )


def hinge() -> Objective:
    """D: relu(1 - r) + relu(1 + f), G: -f (Lim & Ye, 2017; Miyato et al., 2018).

    >>> float(hinge().d_loss(jnp.array([3.0]), jnp.array([1.0]))[0])
    2.0
    """
    return _separable(lambda r: relu(1 - r), lambda f: relu(1 + f), lambda r, f: -f)


def wasserstein() -> Objective:
    """D: f - r, G: -f (Arjovsky et al., 2017). D must be kept Lipschitz, by `wgan_gp` or `clip_weights`.

    >>> float(wasserstein().d_loss(jnp.array([3.0]), jnp.array([1.0]))[0])
    -2.0
    """
    # no d_told_fake: with smoothing the loss has no lower bound even for a Lipschitz D: consider D + c
    return Objective(lambda r, f: f - r, lambda r, f: -f)


def relativistic() -> Objective:
    """D: softplus(f - r), G: softplus(r - f), over pairs of real and fake (Jolicoeur-Martineau, 2019).

    >>> loss = relativistic()
    >>> bool((loss.d_loss(jnp.ones(2), jnp.zeros(2)) == loss.g_loss(jnp.zeros(2), jnp.ones(2))).all())
    True
    """
    return Objective(lambda r, f: softplus(f - r), lambda r, f: softplus(r - f))


def relativistic_average(lowering: Lowering = Lowering()) -> Objective:  # noqa: B008 - immutable
    """D: softplus(E f - r) + softplus(f - E r), each logit against the mean of the others; G: roles swapped.

    Jolicoeur-Martineau, 2019. The means are over the whole batch, all devices included, so micro-batches are
    refused.

    >>> relativistic_average().d_loss(jnp.ones(3), jnp.zeros(3)).shape
    (3,)
    """

    def loss(high: Array, low: Array) -> Array:
        return softplus(lowering.mean(low) - high) + softplus(low - lowering.mean(high))

    return Objective(loss, lambda r, f: loss(f, r), over=relativistic_average)
