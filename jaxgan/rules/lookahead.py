"""Lookahead-minimax: every few updates both players are pulled back towards where they were."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games.game import State
from jaxgan.parts.types import Array, Batch, Key, PyTree
from jaxgan.rules.guard import Guard
from jaxgan.rules.rule import Metrics, Rule
from jaxgan.rules.vector_field import Both, plus, with_params


class Lookahead(NamedTuple):
    """The memory of a rule with lookahead, around that of the rule itself."""

    inner: PyTree
    slow: Both  # parameters of both players after the last pull
    since: Array  # updates made since then, without those that a guard has skipped


def lookahead(rule: Rule, *, every: int = 5, pull: float = 0.5) -> Rule:
    """The rule, with w <- s + pull (w - s), s <- w after every k of its updates; s is w of k updates ago.

    For both players at once (Chavdarova et al., 2021). The optimisers' states and the networks' statistics
    are not changed, and averages of G are over the fast parameters. Weights that an optimiser projects onto a
    set, as `clip_weights` does, must start in it. Costs no gradients, and memory for another copy of both
    players.

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = lookahead(simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1)), every=1, pull=0.0)
    >>> batches = {"x": jnp.zeros((1, 1, 1))}
    >>> state, _ = rule.update(rule.init(jax.random.key(0), batches), batches)
    >>> float(state.g.params)  # pulled all the way back
    1.0
    """
    if not isinstance(rule, Rule):
        raise Refused(f"lookahead takes a rule such as jg.alternating(...), not {rule!r}")
    if every < 1:
        raise Refused(f"lookahead needs every=1 or more updates, not {every}")

    def init(key: Key, batches: Batch) -> State:
        state = rule.init(key, batches)
        if isinstance(state.rule, Guard):
            raise Refused("lookahead would move a halted run: use guarded(lookahead(rule)) instead")
        slow = jax.tree.map(jnp.copy, _fast(state))  # a donated state may not contain one buffer twice
        return state.replace(rule=Lookahead(state.rule, slow, jnp.int32(0)))

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        memory: Lookahead = state.rule
        state, metrics = rule.update(state.replace(rule=memory.inner), batches)
        since = (memory.since + 1) % every
        due = since == 0
        here = _fast(state)
        pulled = plus(memory.slow, pull, plus(here, -1.0, memory.slow))
        fast = jax.tree.map(partial(jnp.where, due), pulled, here)
        slow = jax.tree.map(partial(jnp.where, due), fast, memory.slow)
        return with_params(state, fast).replace(rule=Lookahead(state.rule, slow, since)), metrics

    return rule._replace(init=init, update=update)


def _fast(state: State) -> Both:
    return Both(state.g.params, state.d.params)
