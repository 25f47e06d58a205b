"""G's examples are near the real ones that they answer, in a distance other than that of pixels."""

import jax
import jax.numpy as jnp

from jaxgan.parts.distance import Distance
from jaxgan.parts.terms.term import Term
from jaxgan.parts.types import Array, PyTree, Schedule, View, at


def perceptual(distance: Distance, weight: Schedule = 1.0) -> Term:
    """weight d(x, G(..)) for the real example x that G's is an answer to; a term of G, called after d.

    It is for games in which example i of a batch and G's i-th belong together: translation, inpainting,
    super-resolution. Distances: `jg.lpips_vgg16()`, `jg.feature_distance`, `jg.ssim_distance()`, or any
    `jg.Distance`. The weights of a network are the term's state: they never change, are arguments of the
    update rather than constants in it, and lie in every checkpoint. (Johnson et al., 2016.)

    >>> perceptual(Distance("l2", lambda _, x, y: jnp.square(x - y).mean(axis=(1, 2, 3))), 10.0).name
    'l2'
    """

    def init() -> PyTree:
        return jax.tree.map(jnp.asarray, distance.weights)

    def apply(view: View, weights: PyTree) -> tuple[Array, PyTree]:
        fixed = jax.lax.stop_gradient(weights)
        apart = distance.apply(fixed, view.real_plain, view.fake_plain)
        return at(weight, view.step) * apart, weights

    return Term(distance.name, init, apply)
