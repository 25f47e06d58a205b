"""What a player could still gain: the local duality gap."""

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
    """How far each player's loss falls as it alone plays on: both are 0 at a local equilibrium."""

    g: float
    d: float

    @property
    def total(self) -> float:
        """Of a zero-sum game the duality gap, max_d' V(g, d') - min_g' V(g', d), of others the sum of gains.

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
    """L_g(g, d) - L_g(g', d) and L_d(g, d) - L_d(g, d'): each player's gain from `steps` steps of `tx` alone.

    Grnarova et al., 2019 and 2021: g' and d' are the worst-case opponents, found on a copy, from where the
    players stand. Leaves of `batches` are [N, B, ...]: the last judges, the others are taught on in turn, so
    that what is learnt by heart does not count. What a player's network remembers moves on with it: vectors
    of spectral norm that stood still would be played against. A gap below 0 says that the steps were too long
    or too few. Costs `steps` gradients of each player.

    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> import jax.numpy as jnp
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> duality_gap(bilinear(), state, {"x": jnp.zeros((2, 1, 1))}, optax.sgd(0.5), steps=4)  # from g d = 1
    Gap(g=2.0, d=2.0)
    """
    taught = jax.tree.leaves(batches)[0].shape[0] - 1
    if taught < 1:
        raise Refused("a duality gap needs two batches: one to play on with, and another to judge by")
    judge = jax.tree.map(lambda x: x[-1], batches)
    key = fold(state.key, state.step, "gap") if key is None else key

    def gain(who: str) -> float:
        player: Player = getattr(state, who)
        alone = state.replace(**{who: player.replace(opt_state=tx.init(player.params))})
        after = alone
        for n in range(steps):
            batch = jax.tree.map(lambda x, n=n: x[n % taught], batches)
            after = _step(game, who, tx, after, batch, fold(key, n))
        judged = (judge, fold(key, "judge"))
        return float(_loss(game, who, alone, *judged) - _loss(game, who, after, *judged))

    return Gap(gain("g"), gain("d"))


@partial(jax.jit, static_argnums=(0, 1))
def _loss(game: Game, who: str, state: State, batch: Batch, key: Key) -> Array:
    loss = game.g_loss if who == "g" else game.d_loss
    return loss(state.g.params, state.d.params, context_of(state, batch, key))[0]


@partial(jax.jit, static_argnums=(0, 1, 2))
def _step(
    game: Game, who: str, tx: optax.GradientTransformation, state: State, batch: Batch, key: Key
) -> State:
    """One player's step, of which its parameters, statistics and optimiser's memory are kept."""
    micros = jax.tree.map(lambda x: x[None], batch)
    here = gradient(game, who, state, micros, key, state.step)
    return state.replace(**{who: step_player(getattr(here.state, who), tx, here.grads)})
