"""G matches the mean of D's features (Salimans et al., 2016)."""

from collections.abc import Callable

import jax.numpy as jnp

from jaxgan.parts.terms.between import features
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at


def feature_matching(weight: Schedule = 1.0, *, head: str = "features") -> Term:
    """weight |E h(x) - E h(G(z))|^2 with D's features h, and E over the batch of all devices; a term of G.

    Salimans et al., 2016, who have it in place of the adversarial loss. Features are D's head `head`; of
    "features" the last layer.

    >>> feature_matching().name
    'feature_matching'
    """
    return _matching(weight, head, lambda difference: jnp.square(difference).sum())


def feature_matching_l1(weight: Schedule = 1.0, *, head: str = "features") -> Term:
    """weight mean_k |E h_k(x) - E h_k(G(z))| over the features h_k, as beside the multi-hinge loss (Kavalerov
    et al., 2021); else as `feature_matching`.

    >>> feature_matching_l1().name
    'feature_matching'
    """
    return _matching(weight, head, lambda difference: jnp.abs(difference).mean())


def _matching(weight: Schedule, head: str, size: Callable[[Array], Array]) -> Term:
    def loss(view: View) -> Array:
        real, fake = (features(h, head, "feature_matching") for h in (view.real_heads, view.fake_heads))
        difference = view.lowering.average(real.mean(axis=0) - fake.mean(axis=0))
        return jnp.full(view.keys.shape, at(weight, view.step) * size(difference))

    return stateless("feature_matching", loss, whole=True)
