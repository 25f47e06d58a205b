"""Both players at once, from the same point."""

import jax
import optax

from jaxgan.games.game import Game, State
from jaxgan.parts.average import Average
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Batch, Lowering
from jaxgan.rules.rule import Metrics, Rule, averaged, gradient, starter, stepped


def simultaneous(
    game: Game,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    *,
    average: Average | None = None,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Rule:
    """One step of each player, both gradients taken at the same point on the same batch and latents.

    The rule of most of the theory (Mescheder et al., 2018). Costs 2 gradients.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    """

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        key = fold(state.key, state.step, "both")
        micros = jax.tree.map(lambda x: x[0], batches)
        d = gradient(game.d_loss, "d", state, micros, key, state.step, lowering)
        g = gradient(game.g_loss, "g", state.replace(extra=d.state.extra), micros, key, state.step, lowering)
        state = g.state.replace(g=stepped(g.state.g, g_tx, g.grads), d=stepped(d.state.d, d_tx, d.grads))
        state = state.replace(ema=averaged(average, state), step=state.step + 1)
        return state, {**d.metrics, **g.metrics}

    return Rule(starter(game, g_tx, d_tx, average), update, 1)
