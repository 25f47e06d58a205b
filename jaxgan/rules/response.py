"""A player's gradient through the other player's response to it."""

from collections.abc import Callable

import jax
import optax

from jaxgan.games.game import Game, Player, State
from jaxgan.parts.types import Array, Batch, Key, Params
from jaxgan.rules.rule import Gradient, gradient
from jaxgan.rules.vector_field import plus

Answer = Callable[[State], Player]


def gradient_through(
    game: Game,
    who: str,
    answer: Answer,
    state: State,
    micros: Batch,
    key: Key,
    step: Array,
) -> Gradient:
    """Returns the total derivative of player `who`'s loss L(w, a(w)), with a(w) the other's response to w.

    dL/dw + (da/dw)^T dL/da, each averaged over micro-batches separately. `answer` maps a state to the other
    player after its response. The returned state has the other player as it was.

    With L = w a and a(w) = 1 + w the derivative is 1 + 2 w:

    >>> import jax.numpy as jnp, optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.rule import make_init
    >>> game, sgd, key = bilinear(start=3.0), optax.sgd(0.1), jax.random.key(0)
    >>> state = make_init(game, sgd, sgd, None)(key, {"x": jnp.zeros((1, 1, 1))})
    >>> answer = lambda state: state.d.replace(params=1 + state.g.params)
    >>> empty = {"x": jnp.zeros((1, 1))}
    >>> float(gradient_through(game, "g", answer, state, empty, key, state.step).grads)
    7.0
    """
    other = "d" if who == "g" else "g"
    player: Player = getattr(state, who)

    def response(params: Params) -> tuple[Params, Player]:
        responded = answer(state.replace(**{who: player.replace(params=params)}))
        return responded.params, responded

    _, pullback, responded = jax.vjp(response, player.params, has_aux=True)
    after = state.replace(**{other: responded})
    direct = gradient(game, who, after, micros, key, step)
    indirect = gradient(game, other, after, micros, key, step, of=who)
    grads = plus(direct.grads, 1.0, game.lowering.average(pullback(indirect.grads)[0]))
    metrics = {**direct.metrics, f"{who}/grad": optax.tree.norm(grads)}
    return Gradient(grads, direct.state.replace(**{other: getattr(state, other)}), metrics)
