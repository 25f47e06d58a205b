"""The players in turns: the way GANs are usually trained."""

from typing import Literal

import jax
import jax.numpy as jnp
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Game, State
from jaxgan.parts.average import Averages
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Batch
from jaxgan.rules.rule import Metrics, Rule, averaged, gradient, starter, stepped


def alternating(
    game: Game,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    *,
    d_steps: int = 1,
    g_steps: int = 1,
    first: Literal["d", "g"] = "d",
    average: Averages | None = None,
) -> Rule:
    """d_steps steps of D, each on its own batch, then g_steps of G with fresh latents; or G's `first`.

    Goodfellow et al., 2014. An update eats max(d_steps, g_steps) batches: D's n-th step the n-th of them, G's
    steps the last ones. Costs d_steps + g_steps gradients. A term's schedule and laziness count its own
    player's steps, so those of a player of k steps run k times as fast. Metrics of either are the mean over
    its steps. Averages of G move once an update, after the last step. Parts of a side have rates of their own
    by `optax.multi_transform({"head": ..., "rest": ...}, labels)`, an optimiser like any other.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = alternating(bilinear(), optax.sgd(0.1), optax.sgd(0.1), d_steps=2, g_steps=3, first="g")
    >>> rule.batches
    3
    """

    for who, steps in (("D", d_steps), ("G", g_steps)):
        if not isinstance(steps, int) or steps < 1:
            raise Refused(f"{who} makes 1 or more steps in its turn, not {steps}")
    if first not in ("d", "g"):
        raise Refused(f'"d" or "g" goes first, not {first!r}')

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        key = fold(state.key, state.step)

        def d_step(state: State, turn: tuple) -> tuple[State, Metrics]:
            nth, micros = turn
            own_step = state.step * d_steps + nth
            moved = gradient(game, "d", state, micros, fold(key, "d", nth), own_step)
            return moved.state.replace(d=stepped(moved.state.d, d_tx, moved.grads)), moved.metrics

        def g_step(state: State, turn: tuple) -> tuple[State, Metrics]:
            nth, key, micros = turn
            moved = gradient(game, "g", state, micros, key, state.step * g_steps + nth)
            return moved.state.replace(g=stepped(moved.state.g, g_tx, moved.grads)), moved.metrics

        def d_turn(state: State) -> tuple[State, Metrics]:
            own = jax.tree.map(lambda x: x[:d_steps], batches)
            return game.lowering.loop(d_step, state, (jnp.arange(d_steps), own))

        def g_turn(state: State) -> tuple[State, Metrics]:
            own = jax.tree.map(lambda x: x[-g_steps:], batches)
            keys = jnp.stack([fold(key, "g"), *(fold(key, "g", nth) for nth in range(1, g_steps))])
            return game.lowering.loop(g_step, state, (jnp.arange(g_steps), keys, own))

        metrics: dict[str, Array] = {}
        for turn in (d_turn, g_turn) if first == "d" else (g_turn, d_turn):
            state, each = turn(state)
            metrics |= jax.tree.map(lambda x: x.mean(axis=0), each)
        return averaged(average, state).replace(step=state.step + 1), metrics

    return Rule(game, starter(game, g_tx, d_tx, average), update, max(d_steps, g_steps))
