"""A rule that never lets a number that is not finite into the state."""

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
        old, halted = state.replace(rule=guard.inner), guard.failed >= 0
        new, metrics = rule.update(old, batches)
        kept, finite = _kept(new, old, metrics, halted)
        failed = jnp.where(finite | skip | halted, guard.failed, state.step)
        skipped = guard.skipped + (~finite & ~halted if skip else 0)
        return kept.replace(rule=Guard(kept.rule, failed, skipped)), metrics

    return rule._replace(init=init, update=update)


def _kept(new: State, old: State, metrics: Metrics, halted: Array) -> tuple[State, Array]:
    """`new` where it and the metrics are finite and the run is not halted, else `old`; and whether they are.

    A sum can only be finite if all its numbers are, and is one pass over memory that writes nothing. Where it
    is not, or the run is halted, the loop is entered, once: it looks at every number, since a sum may also
    overflow, and takes the old ones back. Elsewhere the new state stays where the rule has written it; to
    select at every update would be to read and write all of it once more.
    """

    def settle(carry: tuple[State, Array, Array]) -> tuple[State, Array, Array]:
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
    kept, _, finite = jax.lax.while_loop(lambda carry: carry[1], settle, (new, ~finite | halted, finite))
    return kept.replace(step=step), finite


def _sum(tree: PyTree, few: int = 4096) -> Array:
    """The sum of all floating numbers of a tree; leaves of fewer than `few` are laid end to end first.

    Leaves of one shape, as parameters and what an optimiser remembers of them, are added in one pass, which
    takes half the time of one after another.
    """
    floats = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
    wide = [x.astype(jnp.promote_types(x.dtype, jnp.float32)) for x in floats]
    small, alike = [x.ravel() for x in wide if x.size < few], defaultdict(list)
    for x in wide:
        if x.size >= few:
            alike[x.shape].append(x)
    large = [reduce(jnp.add, leaves) for leaves in alike.values()]
    return sum(map(jnp.sum, [*large, jnp.concatenate([jnp.zeros(1), *small])]), start=jnp.zeros(()))


def all_finite(tree: PyTree) -> Array:
    """Whether every floating number of a tree is finite."""
    floats = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
    return jnp.stack([jnp.isfinite(x).all() for x in floats]).all()
