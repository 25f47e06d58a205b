"""Penalties on the gradient of D between real and fake that have no slope as a target."""

import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.terms.slopes import between, input_gradient, squared_norm
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at


def wgan_div(weight: Schedule = 2.0, power: float = 6.0) -> Term:
    """weight |grad_x D(x)|^power at random points between real and fake (Wu et al., 2018).

    With the objective `wasserstein` D estimates the Wasserstein divergence, for which it need not be
    Lipschitz.

    >>> wgan_div().name
    'div'
    """
    if isinstance(power, float | int) and power < 2:
        raise Refused(
            f"the power of wgan_div must be 2 or more, or slopes of 0 have no gradient, not {power}"
        )

    def loss(v: View) -> Array:
        squared = squared_norm(input_gradient(v.d, between(v)))
        return at(weight, v.step) * squared ** (power / 2)

    return stateless("div", loss)


def max_gradient(weight: Schedule = 10.0) -> Term:
    """weight max |grad_x D(x)|^2 over random points between real and fake, one per input (Zhou et al., 2019).

    Only the steepest point of the batch counts, since a Lipschitz constant is the largest slope; with
    `non_saturating` it makes the Lipschitz GAN. The batch is that of all devices, so micro-batches are
    refused.

    >>> max_gradient().name
    'max_gp'
    """

    def loss(v: View) -> Array:
        steepest = v.lowering.max(squared_norm(input_gradient(v.d, between(v))))
        return jnp.full(v.keys.shape, at(weight, v.step) * steepest)

    return stateless("max_gp", loss, whole=True)
