"""The Cramer distance of D's features (the energy distance; Bellemare et al., 2017)."""

import jax.numpy as jnp

from jaxgan.parts.objectives.objective import Objective, of_terms
from jaxgan.parts.terms import stateless
from jaxgan.parts.terms.between import features, need, next_rows
from jaxgan.parts.terms.slopes import between, input_gradient, norm
from jaxgan.parts.types import Array, Schedule, View, at


def cramer(weight: Schedule = 10.0, *, head: str = "features") -> Objective:
    """G: |h(r) - h(f)| + |h(r) - h(f')| - |h(f) - h(f')|, D: c(f) - c(r) + weight (|grad c| - 1)^2

    with features h, real r, two independent fakes f and f', and the critic c(x) = |h(x) - h(f')| - |h(x)|,
    whose slope is taken at random points between r and f. f' is the fake input after f in the batch of all
    devices: inputs have latents of their own, so that each pair is independent and G's loss unbiased, without
    a second batch of fakes. (Up to a constant of G its mean is `mmd` with k(a, b) = -|a - b|.) D's is not:
    it holds E|h(r) - h(r')| for E|h(r)|, as in the paper. D's logit plays no part.

    >>> [term.name for term in cramer().d_terms]
    ['cramer', 'cramer_gp']
    """

    def vectors(view: View) -> tuple[Array, Array, Array]:
        """Returns the features of the real inputs, the fake ones, and the fakes after these."""
        need(view, 2, "the Cramer distance")
        real, fake = (features(heads, head, "cramer") for heads in (view.real_heads, view.fake_heads))
        return real, fake, next_rows(view.lowering, fake)

    def d_loss(view: View) -> Array:
        real, fake, other = vectors(view)
        return _critic(fake, other) - _critic(real, other)

    def penalty(view: View) -> Array:
        _, _, other = vectors(view)

        def critic(x: Array) -> Array:
            return _critic(features(view.judge(x).heads, head, "cramer"), other)

        slope = norm(input_gradient(critic, between(view)))
        return at(weight, view.step) * jnp.square(slope - 1)

    def g_loss(view: View) -> Array:
        real, fake, other = vectors(view)
        return norm(real - fake) + norm(real - other) - norm(fake - other)

    objective = of_terms(stateless("cramer", d_loss, whole=True), stateless("cramer", g_loss, whole=True))
    return objective._replace(d_terms=(*objective.d_terms, stateless("cramer_gp", penalty, whole=True)))


def _critic(x: Array, other: Array) -> Array:
    return norm(x - other) - norm(x)
