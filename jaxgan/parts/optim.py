"""Projections at the end of an optimiser chain, and scaled steps, which optax does not have."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.errors import Refused
from jaxgan.parts.types import PyTree, check_range


class Projected(NamedTuple):
    """The empty state of a projection, which marks an optimiser's state as that of a projected one."""


def projected(projection: Callable[[PyTree], PyTree]) -> optax.GradientTransformation:
    """Ends a chain with params <- projection(params + update), up to the rounding of the last addition.

    >>> import optax
    >>> tx = optax.chain(optax.sgd(1.0), projected(optax.projections.projection_non_negative))
    """

    def update(updates: PyTree, state: PyTree, params: PyTree = None) -> tuple[PyTree, PyTree]:
        new_params = projection(optax.apply_updates(params, updates))
        return jax.tree.map(lambda new, old: new - old, new_params, params), state

    return optax.GradientTransformation(lambda params: Projected(), update)


def clip_weights(bound: float) -> optax.GradientTransformation:
    """Clips every weight to [-bound, bound], as in the first WGAN (Arjovsky et al., 2017).

    >>> critic = optax.chain(optax.rmsprop(5e-5), clip_weights(0.01))
    """
    check_range("the bound of clip_weights", bound, above=True)
    return projected(lambda params: optax.tree.clip(params, -bound, bound))


def each_own(transformations: Mapping[str, optax.GradientTransformation]) -> optax.GradientTransformation:
    """An optimiser for each network of a side, by name, such as rates of their own.

    >>> tx = each_own({"encode": optax.sgd(1.0), "decode": optax.sgd(0.1)})
    >>> params = {"encode": jax.numpy.ones(()), "decode": jax.numpy.ones(())}
    >>> updates, _ = tx.update(params, tx.init(params), params)
    >>> float(updates["encode"]), round(float(updates["decode"]), 3)
    (-1.0, -0.1)
    """

    def labels(params: PyTree) -> dict[str, str]:
        names = sorted(params) if isinstance(params, Mapping) else ["one network alone"]
        if names != sorted(transformations):
            given = ", ".join(sorted(transformations))
            raise Refused(
                f"the side has {', '.join(names)}, but optimisers are given for {given}: give one each"
            )
        return {name: name for name in names}

    return optax.multi_transform(dict(transformations), labels)


def contains(opt_state: PyTree, *types: type) -> bool:
    """Whether the state of an optimiser contains a state of one of these types, at any depth.

    >>> tx = optax.chain(optax.sgd(1.0), clip_weights(0.01))
    >>> contains(tx.init({}), Projected), contains(tx.init({}), optax.MultiStepsState)
    (True, False)
    """

    def matches(part: object) -> bool:
        return isinstance(part, types)

    return any(map(matches, jax.tree.leaves(opt_state, is_leaf=matches)))


def scaled(tx: optax.GradientTransformation, factor: float | jax.Array) -> optax.GradientTransformation:
    """The optimiser with its steps multiplied by a factor; at 0 its state is kept as well, so it only rests.

    For factors that change from update to update, such as those of `by_feedback`. A factor of 1 changes
    nothing but, in a compiled program, how the last bit is rounded.

    >>> import jax.numpy as jnp
    >>> tx = scaled(optax.adam(0.1), 0.0)
    >>> step, state = tx.update(jnp.ones(()), tx.init(jnp.zeros(())))
    >>> float(step), int(state[0].count)
    (0.0, 0)
    """

    def update(grads: PyTree, state: PyTree, params: PyTree = None) -> tuple[PyTree, PyTree]:
        steps, new = tx.update(grads, state, params)
        moves = jnp.asarray(factor) != 0
        steps = jax.tree.map(lambda x: jnp.where(moves, jnp.asarray(factor, x.dtype) * x, 0), steps)
        return steps, jax.tree.map(lambda new, old: jnp.where(moves, new, old), new, state)

    return optax.GradientTransformation(tx.init, update)
