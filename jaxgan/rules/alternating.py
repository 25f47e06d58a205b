"""D's steps, then G's: the way GANs are usually trained."""

import jax
import jax.numpy as jnp
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Game, State
from jaxgan.parts.average import Average
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Batch
from jaxgan.rules.rule import Metrics, Rule, averaged, gradient, starter, stepped


def alternating(
    game: Game,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    *,
    d_steps: int = 1,
    average: Average | None = None,
) -> Rule:
    """k steps of D, each on its own batch, then one of G on the last batch's labels with fresh latents.

    Goodfellow et al., 2014. Costs d_steps + 1 gradients. A term's schedule and laziness count its own
    player's steps, so D's run d_steps times as fast as G's. D's metrics are their mean.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = alternating(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    """

    if not isinstance(d_steps, int) or d_steps < 1:
        raise Refused(f"D makes 1 or more steps to one of G, not {d_steps}")

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        key = fold(state.key, state.step)

        def d_step(state: State, turn: tuple) -> tuple[State, Metrics]:
            nth, micros = turn
            own_step = state.step * d_steps + nth
            moved = gradient(game, "d", state, micros, fold(key, "d", nth), own_step)
            return moved.state.replace(d=stepped(moved.state.d, d_tx, moved.grads)), moved.metrics

        state, d_metrics = game.lowering.loop(d_step, state, (jnp.arange(d_steps), batches))
        d_metrics = jax.tree.map(lambda x: x.mean(axis=0), d_metrics)

        last = jax.tree.map(lambda x: x[-1], batches)
        moved = gradient(game, "g", state, last, fold(key, "g"), state.step)
        state = moved.state.replace(g=stepped(moved.state.g, g_tx, moved.grads))
        state = state.replace(ema=averaged(average, state), step=state.step + 1)
        return state, {**d_metrics, **moved.metrics}

    return Rule(starter(game, g_tx, d_tx, average), update, d_steps)
