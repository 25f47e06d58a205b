"""What a player could still gain: the local duality gap."""

from functools import partial
from typing import NamedTuple

import jax
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Context, Game, State
from jaxgan.instruments.field import context_of, gradient
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Batch, Key, Params, PyTree


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
    that what is learnt by heart does not count. A gap below 0 says that the steps were too long or too few.
    Costs `steps` gradients of each player.

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
        context = context_of(state, judge, fold(key, "judge"))
        start = own = getattr(state, who).params
        memory = tx.init(own)
        for n in range(steps):
            batch = jax.tree.map(lambda x, n=n: x[n % taught], batches)
            own, memory = _step(game, who, tx, own, memory, state, context_of(state, batch, fold(key, n)))
        return float(_loss(game, who, start, state, context) - _loss(game, who, own, state, context))

    return Gap(gain("g"), gain("d"))


def _against(state: State, who: str, own: Params) -> tuple[Params, Params]:
    return (own, state.d.params) if who == "g" else (state.g.params, own)


@partial(jax.jit, static_argnums=(0, 1))
def _loss(game: Game, who: str, own: Params, state: State, context: Context) -> Array:
    loss = game.g_loss if who == "g" else game.d_loss
    return loss(*_against(state, who, own), context)[0]


@partial(jax.jit, static_argnums=(0, 1, 2))
def _step(
    game: Game,
    who: str,
    tx: optax.GradientTransformation,
    own: Params,
    memory: PyTree,
    state: State,
    context: Context,
) -> tuple[Params, PyTree]:
    grads = gradient(game, who, *_against(state, who, own), context)
    updates, memory = tx.update(grads, memory, own)
    return optax.apply_updates(own, updates), memory
