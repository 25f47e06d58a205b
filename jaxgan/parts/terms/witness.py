"""The gradient penalty of discrepancies: on the function that tells real from fake features."""

from collections.abc import Callable

import jax.numpy as jnp

from jaxgan.parts.terms.between import features
from jaxgan.parts.terms.slopes import between, input_gradient, norm
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at


def witness_gp(
    kernel: Callable[[Array, Array], Array], weight: Schedule = 10.0, *, head: str = "features"
) -> Term:
    """weight (|grad_x w(x)| - 1)^2 at random points between real and fake, with the witness function of MMD

    w(x) = E k(h(x), h(real)) - E k(h(x), h(fake)), h D's features and E over all devices (Binkowski et al.,
    2018).

    >>> witness_gp(lambda a, b: a @ b.T).name
    'witness_gp'
    """

    def loss(view: View) -> Array:
        real, fake = (features(heads, head, "witness_gp") for heads in (view.real_heads, view.fake_heads))
        every_real, every_fake = view.lowering.gather(real), view.lowering.gather(fake)

        def witness(x: Array) -> Array:
            h = features(view.judge(x).heads, head, "witness_gp")
            return kernel(h, every_real).mean(axis=1) - kernel(h, every_fake).mean(axis=1)

        slope = norm(input_gradient(witness, between(view)))
        return at(weight, view.step) * jnp.square(slope - 1)

    return stateless("witness_gp", loss, whole=True)
