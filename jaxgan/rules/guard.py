"""A rule that never lets a number that is not finite into the state."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.games.game import State
from jaxgan.parts.types import Array, Batch, Key, PyTree
from jaxgan.rules.rule import Metrics, Rule


class Guard(NamedTuple):
    """The memory of a guarded rule, around that of the rule itself."""

    inner: PyTree
    failed: Array  # the step that failed first, -1 while all is well: the run stands still from there
    skipped: Array  # updates thrown away; those of a run that stands still do not count


def guarded(rule: Rule, *, skip: bool = False) -> Rule:
    """The rule, but an update whose state or metrics are not finite does not happen.

    It is skipped (`skip`), or else the run stands still: the state stays as it was before the first such
    update, and `state.rule.failed` names its step, so the host need not look at every step. `step` itself
    always advances. The metrics are the update's own, so a replay of the failed step shows what went wrong.

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.alternating import alternating
    >>> rule = guarded(alternating(bilinear(start=1e30), optax.sgd(1e30), optax.sgd(1e30)))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> state, _ = rule.update(state, {"x": jnp.zeros((1, 1, 1))})
    >>> int(state.rule.failed), float(state.d.params) == float(jnp.float32(1e30))
    (0, True)
    """

    def init(key: Key, batches: Batch) -> State:
        state = rule.init(key, batches)
        return state.replace(rule=Guard(state.rule, jnp.int32(-1), jnp.int32(0)))

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        guard: Guard = state.rule
        new, metrics = rule.update(state.replace(rule=guard.inner), batches)
        finite = all_finite((new, metrics))
        failed = jnp.where(finite | skip | (guard.failed >= 0), guard.failed, state.step)
        keep = finite & (failed < 0)
        memory = Guard(new.rule, failed, guard.skipped + (~finite & (failed < 0) if skip else 0))
        old = state.replace(rule=memory._replace(inner=guard.inner))
        new = new.replace(rule=memory)
        kept = jax.tree.map(lambda new, old: jnp.where(keep, new, old), new, old)
        return kept.replace(step=new.step), metrics

    return rule._replace(init=init, update=update)


def all_finite(tree: PyTree) -> Array:
    """Whether every floating number of a tree is finite."""
    floats = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
    return jnp.stack([jnp.isfinite(x).all() for x in floats]).all()
