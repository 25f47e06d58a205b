"""A wrapper of rules that measures how far each player moves."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxgan.games.game import State
from jaxgan.parts.types import Array, Batch, Params
from jaxgan.rules.rule import Metrics, Rule

UPDATE_NORMS = ("g/update", "d/update")
"""The metrics that `with_update_norms` adds."""


def always(step: Array) -> Array:
    """Returns True at every step.

    >>> bool(always(jnp.int32(3)))
    True
    """
    return jnp.ones_like(step, bool)


def with_update_norms(rule: Rule, when: Callable[[Array], Array] = always) -> Rule:
    """The rule, with the metrics g/update and d/update: |new - old| / |old|, norms over all parameters.

    Healthy values are the learning rate times a constant, 1e-4 to 1e-2; at 0 a player does not move, and
    above 0.1 it forgets what it has learnt. They read all parameters three times, so they are computed only
    `when` the step after the update is one that is logged, and are 0 otherwise.

    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = with_update_norms(simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.2)))
    >>> batches = {"x": jnp.zeros((1, 1, 1))}
    >>> metrics = rule.update(rule.init(jax.random.key(0), batches), batches)[1]
    >>> round(float(metrics["g/update"]), 3), round(float(metrics["d/update"]), 3)
    (0.1, 0.2)
    """

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        new, metrics = rule.update(state, batches)

        def norms() -> tuple[Array, Array]:
            return _relative_norm(state.g.params, new.g.params), _relative_norm(state.d.params, new.d.params)

        def zeros() -> tuple[Array, Array]:
            g, d = jax.eval_shape(norms)
            return _zero(state.g.params).astype(g.dtype), _zero(state.d.params).astype(d.dtype)

        values = jax.lax.cond(when(new.step), norms, zeros)
        return new, {**metrics, **dict(zip(UPDATE_NORMS, values, strict=True))}

    return rule._replace(update=update)


def _relative_norm(old: Params, new: Params) -> Array:
    norm = optax.tree.norm(old)
    return optax.tree.norm(jax.tree.map(jnp.subtract, new, old)) / jnp.where(norm > 0, norm, 1)


def _zero(params: Params) -> Array:
    """Returns a 0 that varies over lanes and devices as the parameters do, as `lax.cond` requires."""
    return sum((0 * x.ravel()[:1].sum() for x in jax.tree.leaves(params)[:1]), start=jnp.zeros(()))
