"""Losses of real logits compared with fake ones. In the formulas r is a real logit, f a fake one, h a loss of
a margin, which is one of `objectives.margins` or any other such function."""

from collections.abc import Callable

from jaxgan.parts.objectives.margins import logistic
from jaxgan.parts.objectives.objective import Objective
from jaxgan.parts.types import Array, Lowering

Margin = Callable[[Array], Array]


def relativistic(h: Margin = logistic) -> Objective:
    """D: h(r - f), G: h(f - r), over pairs of real and fake (Jolicoeur-Martineau, 2019).

    With the logistic h, D: softplus(f - r).

    >>> import jax.numpy as jnp
    >>> loss = relativistic()
    >>> bool((loss.d_loss(jnp.ones(2), jnp.zeros(2)) == loss.g_loss(jnp.zeros(2), jnp.ones(2))).all())
    True
    """
    return Objective(lambda r, f: h(r - f), lambda r, f: h(f - r))


def relativistic_average(
    h: Margin = logistic,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Objective:
    """D: h(r - E f) + h(E r - f), each logit against the mean of the others; G: roles swapped.

    Jolicoeur-Martineau, 2019; RaGAN, RaLSGAN and RaHingeGAN by h. The means are over the whole batch, all
    devices included, so micro-batches are refused. They have gradients in both losses.

    >>> import jax.numpy as jnp
    >>> from jaxgan.parts.objectives import margins
    >>> relativistic_average(margins.hinge).d_loss(jnp.ones(3), jnp.zeros(3)).tolist()
    [0.0, 0.0, 0.0]
    """

    def loss(high: Array, low: Array) -> Array:
        return h(high - lowering.mean(low)) + h(lowering.mean(high) - low)

    return Objective(loss, lambda r, f: loss(f, r), over=lambda lowering: relativistic_average(h, lowering))


def relativistic_centred(
    h: Margin = logistic,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Objective:
    """D: h(r - c) + h(c - f), both against c = (E r + E f) / 2; G: roles swapped.

    Jolicoeur-Martineau, 2020. The means are as in `relativistic_average`.

    >>> import jax.numpy as jnp
    >>> from jaxgan.parts.objectives import margins
    >>> relativistic_centred(margins.hinge).d_loss(jnp.ones(3), jnp.zeros(3)).tolist()  # both half a margin
    [1.0, 1.0, 1.0]
    """

    def loss(high: Array, low: Array) -> Array:
        centre = (lowering.mean(high) + lowering.mean(low)) / 2
        return h(high - centre) + h(centre - low)

    return Objective(loss, lambda r, f: loss(f, r), over=lambda lowering: relativistic_centred(h, lowering))
