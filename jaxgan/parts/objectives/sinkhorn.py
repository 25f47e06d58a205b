"""Optimal transport between batches of D's features: G brings them together, D moves them apart."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.objectives.objective import Objective, of_terms
from jaxgan.parts.objectives.transport import Cost, cosine_distances, entropic_cost, transport_cost
from jaxgan.parts.terms import stateless
from jaxgan.parts.terms.between import features
from jaxgan.parts.types import Array, View


def ot(
    epsilon: float = 0.01, iterations: int = 50, *, cost: Cost = cosine_distances, head: str = "features"
) -> Objective:
    """G: W(x, y) + W(x, y') + W(x', y) + W(x', y') - 2 W(x, x') - 2 W(y, y'), D: minus that

    with x, x' the two halves of the batch of real features of all devices, y, y' those of fake ones, and W
    the cost of transport under the matching of `transport.plan`, which is constant to the gradient (OT-GAN;
    Salimans et al., 2018). Costs are 1 - cos, or another function of two arrays of rows; D's logit plays no
    part. It takes large batches and several steps of G to one of D, `alternating(g_steps=3)`.

    >>> ot().g_terms[0].name
    'ot'
    """
    _check(epsilon, iterations)

    def distance(real: Array, fake: Array) -> Array:
        if real.shape[0] % 2:
            raise Refused(f"ot halves the batch, which has {real.shape[0]} inputs of D: make it even")
        (x, x2), (y, y2) = jnp.split(real, 2), jnp.split(fake, 2)
        pairs = ((x, y), (x, y2), (x2, y), (x2, y2), (x, x2), (y, y2))
        costs = jnp.stack([cost(a, b) for a, b in pairs])
        transported = jax.vmap(partial(transport_cost, epsilon=epsilon, iterations=iterations))(costs)
        return transported[:4].sum() - 2 * transported[4:].sum()

    return _game("ot", distance, head)


def sinkhorn(
    epsilon: float = 0.05, iterations: int = 50, *, cost: Cost = cosine_distances, head: str = "features"
) -> Objective:
    """G: W(x, y) - W(x, x) / 2 - W(y, y) / 2, D: minus that; x real and y fake features of all devices

    W is the entropic cost, least cost + epsilon KL(plan | uniform), so that the value is 0 for x = y and the
    gradient is that of the costs under the plan, without one through the iterations (Genevay et al., 2018).
    D's logit plays no part; with `transport.squared_distances` D has to be bounded.

    >>> sinkhorn().g_terms[0].name
    'sinkhorn'
    """
    _check(epsilon, iterations)

    def distance(real: Array, fake: Array) -> Array:
        costs = jnp.stack([cost(real, fake), cost(real, real), cost(fake, fake)])
        across, within_real, within_fake = jax.vmap(
            partial(entropic_cost, epsilon=epsilon, iterations=iterations)
        )(costs)
        return across - within_real / 2 - within_fake / 2

    return _game("sinkhorn", distance, head)


def _game(name: str, distance: Callable[[Array, Array], Array], head: str) -> Objective:
    def value(view: View) -> Array:
        real, fake = (features(heads, head, name) for heads in (view.real_heads, view.fake_heads))
        between = distance(view.lowering.gather(real), view.lowering.gather(fake))
        return jnp.full(view.keys.shape, between)

    return of_terms(
        stateless(name, lambda view: -value(view), whole=True), stateless(name, value, whole=True)
    )


def _check(epsilon: float, iterations: int) -> None:
    if isinstance(epsilon, float | int) and epsilon <= 0:
        raise Refused(f"epsilon must be above 0, not {epsilon}")
    if iterations < 1:
        raise Refused(f"Sinkhorn's iterations must be 1 or more, not {iterations}")
