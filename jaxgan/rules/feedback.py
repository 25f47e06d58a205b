"""A wrapper of rules whose players move at rates that follow the update's own metrics."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.games.game import State
from jaxgan.parts.types import Array, Batch, Key, PyTree
from jaxgan.rules.rule import Metrics, Rule


class Rates(NamedTuple):
    """Factors of both players' steps: 1 is the step of the optimiser, at 0 a player rests."""

    g: float | Array
    d: float | Array


class Pace(NamedTuple):
    """How rates follow metrics. All of `jaxgan.rules.paces` return one.

    `init`: () -> memory, a tree of arrays. `rates`: (memory) -> the rates of the next update. `update`:
    (memory, metrics of an update) -> memory.
    """

    init: Callable[[], PyTree]
    rates: Callable[[PyTree], Rates]
    update: Callable[[PyTree, Metrics], PyTree]


class Paced(NamedTuple):
    """The memory of a rule with feedback, around that of the rule itself."""

    inner: PyTree
    pace: PyTree


def by_feedback(build: Callable[[Rates], Rule], pace: Pace) -> Rule:
    """The rule that `build` makes of the current rates; each update is logged with its own: g/rate, d/rate.

    `build` is called with tracers while a program is compiled. The factor must scale what an optimiser makes
    of a gradient, as `scaled(tx, factor)` does: Adam's steps do not depend on the scale of gradients. Metrics
    are means over devices and over a player's steps in the update, so a rate changes once per update.

    >>> import jax, optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.parts.optim import scaled
    >>> from jaxgan.rules.alternating import alternating
    >>> halving = Pace(lambda: jnp.ones(()), lambda x: Rates(x, 1.0), lambda x, metrics: x / 2)
    >>> sgd = optax.sgd(0.1)
    >>> rule = by_feedback(lambda rates: alternating(bilinear(), scaled(sgd, rates.g), sgd), halving)
    >>> batches = {"x": jnp.zeros((1, 1, 1))}
    >>> state, metrics = rule.update(rule.init(jax.random.key(0), batches), batches)
    >>> float(metrics["g/rate"]), float(state.rule.pace)
    (1.0, 0.5)
    """

    def init(key: Key, batches: Batch) -> State:
        memory = pace.init()
        state = build(pace.rates(memory)).init(key, batches)
        return state.replace(rule=Paced(state.rule, memory))

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        memory: Paced = state.rule
        rates = pace.rates(memory.pace)
        new, metrics = build(rates).update(state.replace(rule=memory.inner), batches)
        logged = {"g/rate": jnp.asarray(rates.g, jnp.float32), "d/rate": jnp.asarray(rates.d, jnp.float32)}
        paced = Paced(new.rule, pace.update(memory.pace, metrics))
        return new.replace(rule=paced), {**metrics, **logged}

    return build(Rates(1.0, 1.0))._replace(init=init, update=update)
