"""A player's gradient through the other player's answer to it."""

from collections.abc import Callable

import jax
import optax

from jaxgan.games.game import Game, Player, State
from jaxgan.parts.types import Array, Batch, Key, Params
from jaxgan.rules.rule import Gradient, gradient
from jaxgan.rules.vector_field import plus

Answer = Callable[[State], Player]


def through(
    game: Game,
    who: str,
    answer: Answer,
    state: State,
    micros: Batch,
    key: Key,
    step: Array,
) -> Gradient:
    """The whole derivative of player `who`'s loss L(w, a(w)), where the other one answers w by a(w).

    dL/dw + (da/dw)^T dL/da, each averaged over micro-batches by itself. `answer` maps a state to the other
    player after its moves there. What comes back has the other player where it was.

    With L = w a and a(w) = 1 + w the derivative is 1 + 2 w:

    >>> import jax.numpy as jnp, optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.rule import starter
    >>> game, sgd, key = bilinear(start=3.0), optax.sgd(0.1), jax.random.key(0)
    >>> state = starter(game, sgd, sgd, None)(key, {"x": jnp.zeros((1, 1, 1))})
    >>> answer = lambda state: state.d.replace(params=1 + state.g.params)
    >>> empty = {"x": jnp.zeros((1, 1))}
    >>> float(through(game, "g", answer, state, empty, key, state.step).grads)
    7.0
    """
    other = "d" if who == "g" else "g"
    player: Player = getattr(state, who)

    def answered(params: Params) -> tuple[Params, Player]:
        moved = answer(state.replace(**{who: player.replace(params=params)}))
        return moved.params, moved

    _, pullback, moved = jax.vjp(answered, player.params, has_aux=True)
    after = state.replace(**{other: moved})
    own = gradient(game, who, after, micros, key, step)
    others = gradient(game, other, after, micros, key, step, of=who)
    grads = plus(own.grads, 1.0, game.lowering.average(pullback(others.grads)[0]))
    metrics = {**own.metrics, f"{who}/grad": optax.tree.norm(grads)}
    return Gradient(grads, own.state.replace(**{other: getattr(state, other)}), metrics)
