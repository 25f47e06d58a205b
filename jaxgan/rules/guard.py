"""A wrapper of rules that keeps numbers that are not finite out of the state."""

from collections import defaultdict
from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.games.game import State
from jaxgan.parts.types import Array, Batch, Key, PyTree
from jaxgan.rules.rule import Metrics, Rule


class Guard(NamedTuple):
    """The memory of a guarded rule, around that of the rule itself."""

    inner: PyTree
    failed: Array  # the first step that failed, -1 if none: the run is halted from there on
    skipped: Array  # discarded updates, without those of a halted run


def guarded(rule: Rule, *, skip: bool = False) -> Rule:
    """The rule, but an update whose new state or metrics are not finite is discarded.

    With `skip` only that update is; otherwise the run is halted: the state stays as it was before the first
    such update, and `state.rule.failed` is its step, so the host need not check every step. `step` itself
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
        old, halted = state.replace(rule=guard.inner), guard.failed >= 0
        new, metrics = rule.update(old, batches)
        state, finite = _select(new, old, metrics, halted)
        failed = jnp.where(finite | skip | halted, guard.failed, old.step)
        skipped = guard.skipped + (~finite & ~halted if skip else 0)
        return state.replace(rule=Guard(state.rule, failed, skipped)), metrics

    return rule._replace(init=init, update=update)


def _select(new: State, old: State, metrics: Metrics, halted: Array) -> tuple[State, Array]:
    """Returns `new` if it and the metrics are finite and the run is not halted, else `old`; and finiteness.

    A sum can only be finite if all its numbers are, and is one pass over memory that writes nothing. If it is
    not, or the run is halted, the loop runs once: it checks every number, since a sum may also overflow, and
    restores the old ones. Otherwise the new state stays where the rule has written it; a select in every
    update would read and write all of it once more.
    """

    def check_all(carry: tuple[State, Array, Array]) -> tuple[State, Array, Array]:
        finite = all_finite((carry[0], metrics))
        keep = finite & ~halted
        return (
            jax.tree.map(lambda new, old: jnp.where(keep, new, old), carry[0], old),
            jnp.zeros_like(halted),
            finite,
        )

    finite = jnp.isfinite(_sum((new, metrics)))
    # all lanes share the step, which always advances
    step, new, old = new.step, new.replace(step=()), old.replace(step=())
    state, _, finite = jax.lax.while_loop(lambda carry: carry[1], check_all, (new, ~finite | halted, finite))
    return state.replace(step=step), finite


def _floats(tree: PyTree) -> list[Array]:
    return [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]


def _sum(tree: PyTree, small: int = 4096) -> Array:
    """Sums all floating numbers of a tree; leaves with fewer than `small` are concatenated first.

    Leaves of the same shape, such as parameters and their optimiser states, are added in one pass, which
    takes half the time of separate ones.
    """
    leaves = [x.astype(jnp.promote_types(x.dtype, jnp.float32)) for x in _floats(tree)]
    ravelled, by_shape = [x.ravel() for x in leaves if x.size < small], defaultdict(list)
    for x in leaves:
        if x.size >= small:
            by_shape[x.shape].append(x)
    large = [reduce(jnp.add, same_shape) for same_shape in by_shape.values()]
    return sum(map(jnp.sum, [*large, jnp.concatenate([jnp.zeros(1), *ravelled])]), start=jnp.zeros(()))


def all_finite(tree: PyTree) -> Array:
    """Whether every floating number of a tree is finite."""
    return jnp.stack([jnp.isfinite(x).all() for x in _floats(tree)]).all()
