"""G matches D's features: their mean (Salimans et al., 2016), or those of each pair (Wang et al., 2018)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.parts.output import read_head
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


def paired_matching(
    weight: Schedule = 1.0, *, head: str = "features", size: Callable[[Array], Array] = jnp.abs
) -> Term:
    """weight mean_l mean_k size(h_lk(x) - h_lk(G(..))) of D's layers h_l, for the x that G's example answers.

    A term of G: the perceptual distance whose network is D, as pix2pixHD has it (Wang et al., 2018). Features
    are D's head `head`, of one layer, of several, or of several of each scale: all count alike. Packs of
    examples are compared as D sees them.

    >>> paired_matching(10.0).name
    'paired_matching'
    """

    def loss(view: View) -> Array:
        real, fake = (
            read_head(heads, head, "the term paired_matching") for heads in (view.real_heads, view.fake_heads)
        )

        def apart(x: Array, y: Array) -> Array:
            return size(x - y).reshape(x.shape[0], -1).astype(jnp.float32).mean(axis=1)

        layers = jax.tree.leaves(jax.tree.map(apart, real, fake))
        return at(weight, view.step) * sum(layers, jnp.zeros(view.keys.shape)) / len(layers)

    return stateless("paired_matching", loss)


def _matching(weight: Schedule, head: str, size: Callable[[Array], Array]) -> Term:
    def loss(view: View) -> Array:
        real, fake = (features(h, head, "feature_matching") for h in (view.real_heads, view.fake_heads))
        difference = view.lowering.average(real.mean(axis=0) - fake.mean(axis=0))
        return jnp.full(view.keys.shape, at(weight, view.step) * size(difference))

    return stateless("feature_matching", loss, whole=True)
