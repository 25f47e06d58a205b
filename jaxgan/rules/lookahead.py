"""Lookahead-minimax: every so often both players are drawn back towards where they were."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games.game import State
from jaxgan.parts.types import Array, Batch, Key, PyTree
from jaxgan.rules.guard import Guard
from jaxgan.rules.rule import Metrics, Rule
from jaxgan.rules.vector_field import Both, placed, plus


class Lookahead(NamedTuple):
    """The memory of a rule with lookahead, around that of the rule itself."""

    inner: PyTree
    slow: Both  # where both players were drawn to last
    since: Array  # updates made since then, without those that a guard has skipped


def lookahead(rule: Rule, *, every: int = 5, pull: float = 0.5) -> Rule:
    """Any rule, and after every k of its updates w <- s + pull (w - s), s <- w, with s where w was k ago.

    Both players at once, after the same k updates (Chavdarova et al., 2021). The optimisers' memories and the
    statistics stay as they are, and a rule's average of G is one of the fast parameters. Weights that an
    optimiser keeps in a set, as `clip_weights`, must begin in it. Costs no gradients, and memory for one more
    copy of both players.

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = lookahead(simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1)), every=1, pull=0.0)
    >>> batches = {"x": jnp.zeros((1, 1, 1))}
    >>> state, _ = rule.update(rule.init(jax.random.key(0), batches), batches)
    >>> float(state.g.params)  # drawn all the way back
    1.0
    """
    if not isinstance(rule, Rule):
        raise Refused(f"lookahead is of a rule, as jg.alternating(...) gives one, not of {rule!r}")
    if every < 1:
        raise Refused(f"lookahead draws the players back after every 1 or more updates, not {every}")

    def init(key: Key, batches: Batch) -> State:
        state = rule.init(key, batches)
        if isinstance(state.rule, Guard):
            raise Refused("lookahead would move a rule that stands still: guard the whole, lookahead with it")
        slow = jax.tree.map(jnp.copy, _fast(state))  # a donated state may not hold one buffer twice
        return state.replace(rule=Lookahead(state.rule, slow, jnp.int32(0)))

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        memory: Lookahead = state.rule
        state, metrics = rule.update(state.replace(rule=memory.inner), batches)
        since = (memory.since + 1) % every
        due = since == 0
        here = _fast(state)
        drawn = plus(memory.slow, pull, plus(here, -1.0, memory.slow))
        fast = jax.tree.map(partial(jnp.where, due), drawn, here)
        slow = jax.tree.map(partial(jnp.where, due), fast, memory.slow)
        return placed(state, fast).replace(rule=Lookahead(state.rule, slow, since)), metrics

    return rule._replace(init=init, update=update)


def _fast(state: State) -> Both:
    return Both(state.g.params, state.d.params)
