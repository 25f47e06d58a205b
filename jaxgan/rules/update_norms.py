"""A rule that says how far each player moves."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxgan.games.game import State
from jaxgan.parts.types import Array, Batch, Params
from jaxgan.rules.rule import Metrics, Rule

MOVES = ("g/update", "d/update")
"""The metrics that `watched` adds."""


def always(step: Array) -> Array:
    """True at every step.

    >>> bool(always(jnp.int32(3)))
    True
    """
    return jnp.ones_like(step, bool)


def watched(rule: Rule, when: Callable[[Array], Array] = always) -> Rule:
    """The rule, with the metrics g/update and d/update: |new - old| / |old|, norms over all parameters.

    A healthy one is near the learning rate times a constant, 1e-4 to 1e-2; 0 is a player that stands still,
    and more than 0.1 one that forgets what it was. They read all parameters thrice, so they are taken only
    `when` the step that the update comes to is one that is looked at, and are 0 elsewhere.

    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = watched(simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.2)))
    >>> batches = {"x": jnp.zeros((1, 1, 1))}
    >>> metrics = rule.update(rule.init(jax.random.key(0), batches), batches)[1]
    >>> round(float(metrics["g/update"]), 3), round(float(metrics["d/update"]), 3)
    (0.1, 0.2)
    """

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        new, metrics = rule.update(state, batches)

        def moved() -> tuple[Array, Array]:
            return _moved(state.g.params, new.g.params), _moved(state.d.params, new.d.params)

        def unseen() -> tuple[Array, Array]:
            g, d = jax.eval_shape(moved)
            return _zero(state.g.params).astype(g.dtype), _zero(state.d.params).astype(d.dtype)

        g, d = jax.lax.cond(when(new.step), moved, unseen)
        return new, {**metrics, **dict(zip(MOVES, (g, d), strict=True))}

    return rule._replace(update=update)


def _moved(old: Params, new: Params) -> Array:
    length = optax.tree.norm(old)
    return optax.tree.norm(jax.tree.map(jnp.subtract, new, old)) / jnp.where(length > 0, length, 1)


def _zero(params: Params) -> Array:
    """0, of a type that varies over lanes and devices as the parameters do, as `lax.cond` asks."""
    return sum((0 * x.ravel()[:1].sum() for x in jax.tree.leaves(params)[:1]), start=jnp.zeros(()))
