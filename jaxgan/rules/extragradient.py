"""Look ahead, then step from where you stood with the gradient found there."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.games.game import Game, State
from jaxgan.parts.average import Averages
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Batch, Key
from jaxgan.rules.rule import Metrics, Rule, starter, stepped
from jaxgan.rules.vector_field import Both, Gradients, at_every_step, gradients, moved, placed


def extragradient(
    game: Game,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    *,
    average: Averages | None = None,
) -> Rule:
    """w' = w - h F(w), then w <- w - h F(w'), with F both players' gradients (Korpelevich, 1976).

    With any optimiser, whose memory moves in either half, as in Gidel et al., 2019 (Extra-Adam): a schedule
    of its rate counts two steps to an update. Both halves see the same batch and latents, without which noise
    may drive the players apart (Mishchenko et al., 2020). Looking ahead changes no statistics. Costs 4
    gradients, 1.5 times the arithmetic of `alternating`.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = extragradient(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    """
    start = starter(game, g_tx, d_tx, average)

    def init(key: Key, batches: Batch) -> State:
        return at_every_step(start(key, batches))

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        key = fold(state.key, state.step, "both")
        micros = jax.tree.map(lambda x: x[0], batches)

        def look(state: State) -> Gradients:
            return gradients(game, state, micros, key)

        state, there = _looked_ahead(state, look(state).grads, look, g_tx, d_tx, average)
        return state, there.metrics

    return Rule(game, init, update)


class Past(NamedTuple):
    """The memory of `past_extragradient`: the gradients with which the players last stepped."""

    grads: Both


def past_extragradient(
    game: Game,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    *,
    average: Averages | None = None,
) -> Rule:
    """The extragradient, but looking ahead with the last step's gradient (Popov, 1980; Gidel et al., 2019).

    w'_t = w_t - h F(w'_{t-1}), then w_{t+1} = w_t - h F(w'_t), and F(w'_{-1}) = 0. The optimiser's memory
    moves twice here too. Costs 2 gradients and the memory of them, 0.8 times the arithmetic of `alternating`.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = past_extragradient(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    """
    start = starter(game, g_tx, d_tx, average)

    def init(key: Key, batches: Batch) -> State:
        state = at_every_step(start(key, batches))
        return state.replace(rule=Past(jax.tree.map(jnp.zeros_like, Both(state.g.params, state.d.params))))

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        key = fold(state.key, state.step, "both")
        micros = jax.tree.map(lambda x: x[0], batches)
        past: Past = state.rule

        def look(state: State) -> Gradients:
            return gradients(game, state, micros, key)

        state, there = _looked_ahead(state, past.grads, look, g_tx, d_tx, average)
        return state.replace(rule=Past(there.grads)), there.metrics

    return Rule(game, init, update)


def _looked_ahead(
    state: State,
    grads: Both,
    look: Callable[[State], Gradients],
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    average: Averages | None,
) -> tuple[State, Gradients]:
    """Both players stepped from where they stand, by the gradients that are found where `grads` lead."""
    there = look(state.replace(g=stepped(state.g, g_tx, grads.g), d=stepped(state.d, d_tx, grads.d)))
    # back at the old parameters: of looking ahead the optimisers alone keep a trace
    back = placed(there.state, Both(state.g.params, state.d.params))
    return moved(back, there.grads, g_tx, d_tx, average), there
