"""The local duality gap: how much a player can gain while the other is fixed."""

from functools import partial
from typing import NamedTuple

import jax
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Game, Player, State
from jaxgan.instruments.field import context_of
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Batch, Key
from jaxgan.rules.rule import gradient, step_player


class Gap(NamedTuple):
    """How far each player's loss falls if it trains alone: both are 0 at a local equilibrium."""

    g: float
    d: float

    @property
    def total(self) -> float:
        """The sum of both: for a zero-sum game the duality gap max_d' V(g, d') - min_g' V(g', d).

        >>> Gap(g=0.5, d=0.25).total
        0.75
        """
        return self.g + self.d


def duality_gap(
    game: Game,
    state: State,
    batches: Batch,
    tx: optax.GradientTransformation,
    steps: int = 100,
    key: Key | None = None,
) -> Gap:
    """Returns L_g(g, d) - L_g(g', d) and L_d(g, d) - L_d(g, d'): the gains from `steps` steps of `tx` alone.

    Grnarova et al., 2019 and 2021: g' and d' are the worst-case opponents, trained on a copy from the current
    players. Leaves of `batches` are [N, B, ...]: the last one evaluates, the others train in turn, so that
    memorising them does not count. A network's statistics are updated as it trains: fixed vectors of spectral
    norm would be exploited. A gap below 0 means that the steps were too long or too few. Costs `steps`
    gradients of each player.

    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> import jax.numpy as jnp
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> duality_gap(bilinear(), state, {"x": jnp.zeros((2, 1, 1))}, optax.sgd(0.5), steps=4)  # from g d = 1
    Gap(g=2.0, d=2.0)
    """
    train = jax.tree.leaves(batches)[0].shape[0] - 1
    if train < 1:
        raise Refused("a duality gap needs two batches: one to train on, and another to evaluate")
    last = jax.tree.map(lambda x: x[-1], batches)
    key = fold(state.key, state.step, "gap") if key is None else key

    def gain(who: str) -> float:
        player: Player = getattr(state, who)
        before = state.replace(**{who: player.replace(opt_state=tx.init(player.params))})
        after = before
        for n in range(steps):
            batch = jax.tree.map(lambda x, n=n: x[n % train], batches)
            after = _step(game, who, tx, after, batch, fold(key, n))
        evaluate = (last, fold(key, "judge"))
        return float(_loss(game, who, before, *evaluate) - _loss(game, who, after, *evaluate))

    return Gap(gain("g"), gain("d"))


@partial(jax.jit, static_argnums=(0, 1))
def _loss(game: Game, who: str, state: State, batch: Batch, key: Key) -> Array:
    loss = game.g_loss if who == "g" else game.d_loss
    return loss(state.g.params, state.d.params, context_of(state, batch, key))[0]


@partial(jax.jit, static_argnums=(0, 1, 2))
def _step(
    game: Game, who: str, tx: optax.GradientTransformation, state: State, batch: Batch, key: Key
) -> State:
    """Returns the state after one player's step: its parameters, statistics and optimiser state."""
    micros = jax.tree.map(lambda x: x[None], batch)
    result = gradient(game, who, state, micros, key, state.step)
    return state.replace(**{who: step_player(getattr(result.state, who), tx, result.grads)})
