"""Alternating updates, the way GANs are usually trained."""

from typing import Literal

import jax
import jax.numpy as jnp
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Game, State
from jaxgan.parts.average import Averages
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Batch
from jaxgan.rules.rule import Metrics, Rule, gradient, make_init, step_player, update_averages


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

    Goodfellow et al., 2014. An update takes max(d_steps, g_steps) batches: D's n-th step the n-th of them,
    G's steps the last ones. Costs d_steps + g_steps gradients. A term's schedule and laziness count its own
    player's steps, so those of a player with k steps run k times as fast. Metrics are means over a player's
    steps. Averages of G move once per update, after the last step. Parts of a side can have learning rates of
    their own by `optax.multi_transform({"head": ..., "rest": ...}, labels)`.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = alternating(bilinear(), optax.sgd(0.1), optax.sgd(0.1), d_steps=2, g_steps=3, first="g")
    >>> rule.batches
    3
    """
    for name, steps in (("d_steps", d_steps), ("g_steps", g_steps)):
        if not isinstance(steps, int) or steps < 1:
            raise Refused(f"{name} must be an integer of 1 or more, not {steps}")
    if first not in ("d", "g"):
        raise Refused(f'first must be "d" or "g", not {first!r}')

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        key = fold(state.key, state.step)

        def d_step(state: State, turn: tuple) -> tuple[State, Metrics]:
            nth, micros = turn
            own_step = state.step * d_steps + nth
            here = gradient(game, "d", state, micros, fold(key, "d", nth), own_step)
            return here.state.replace(d=step_player(here.state.d, d_tx, here.grads)), here.metrics

        def g_step(state: State, turn: tuple) -> tuple[State, Metrics]:
            nth, key, micros = turn
            here = gradient(game, "g", state, micros, key, state.step * g_steps + nth)
            return here.state.replace(g=step_player(here.state.g, g_tx, here.grads)), here.metrics

        def d_turn(state: State) -> tuple[State, Metrics]:
            d_batches = jax.tree.map(lambda x: x[:d_steps], batches)
            return game.lowering.loop(d_step, state, (jnp.arange(d_steps), d_batches))

        def g_turn(state: State) -> tuple[State, Metrics]:
            g_batches = jax.tree.map(lambda x: x[-g_steps:], batches)
            keys = jnp.stack([fold(key, "g"), *(fold(key, "g", nth) for nth in range(1, g_steps))])
            return game.lowering.loop(g_step, state, (jnp.arange(g_steps), keys, g_batches))

        metrics: dict[str, Array] = {}
        for turn in (d_turn, g_turn) if first == "d" else (g_turn, d_turn):
            state, step_metrics = turn(state)
            metrics |= jax.tree.map(lambda x: x.mean(axis=0), step_metrics)
        return update_averages(average, state).replace(step=state.step + 1), metrics

    return Rule(game, make_init(game, g_tx, d_tx, average), update, max(d_steps, g_steps))
