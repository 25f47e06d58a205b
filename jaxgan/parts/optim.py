"""What optax leaves to us: projections at the end of an optimiser chain."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import optax

from jaxgan.errors import Refused
from jaxgan.parts.types import PyTree


class Projected(NamedTuple):
    """The state of a projection: none, but that there is one can be told of an optimiser's state."""


def projected(projection: Callable[[PyTree], PyTree]) -> optax.GradientTransformation:
    """Ends a chain with params <- projection(params + update), to a rounding of the last addition.

    >>> import optax
    >>> tx = optax.chain(optax.sgd(1.0), projected(optax.projections.projection_non_negative))
    """

    def update(updates: PyTree, state: PyTree, params: PyTree = None) -> tuple[PyTree, PyTree]:
        landed = projection(optax.apply_updates(params, updates))
        return jax.tree.map(lambda new, old: new - old, landed, params), state

    return optax.GradientTransformation(lambda params: Projected(), update)


def clip_weights(bound: float) -> optax.GradientTransformation:
    """Keeps every weight in [-bound, bound], the first WGAN's constraint (Arjovsky et al., 2017).

    >>> critic = optax.chain(optax.rmsprop(5e-5), clip_weights(0.01))
    """
    if isinstance(bound, float | int) and not bound > 0:  # not so of a lane's, which is traced
        raise Refused(f"weights are kept within a bound above 0, not {bound}")
    return projected(lambda params: optax.tree.clip(params, -bound, bound))


def holds(memory: PyTree, *kinds: type) -> bool:
    """Whether the state of an optimiser has one of these kinds in it, however deep.

    >>> tx = optax.chain(optax.sgd(1.0), clip_weights(0.01))
    >>> holds(tx.init({}), Projected), holds(tx.init({}), optax.MultiStepsState)
    (True, False)
    """

    def of_kind(part: object) -> bool:
        return isinstance(part, kinds)

    return any(map(of_kind, jax.tree.leaves(memory, is_leaf=of_kind)))
