"""Symplectic gradient adjustment: a push against the part of the game that rotates."""

import jax
import jax.numpy as jnp
import optax

from jaxgan.games.game import Game, State
from jaxgan.parts.average import Averages
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Batch
from jaxgan.rules.rule import Metrics, Rule, starter
from jaxgan.rules.vector_field import Both, inner, linearised, moved, plus, untransposed


def symplectic(
    game: Game,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    *,
    weight: float = 1.0,
    average: Averages | None = None,
) -> Rule:
    """The optimisers are given F + s weight A^T F, with A = (J - J^T) / 2 the part of J that rotates.

    F: both players' gradients, J: its Jacobian, network statistics held fixed. The sign s aligns the
    adjustment with grad |F|^2 / 2 = J^T F near fixed points that attract, and against it near others:
    s = sign(<F, J^T F> <A^T F, J^T F> / n + 1/10), n the number of parameters (Balduzzi et al., 2018).
    Costs 2 gradients and 2 products, 3.3 times the arithmetic of `alternating`.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = symplectic(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    """

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        key = fold(state.key, state.step, "both")
        here, transposed = linearised(game, state, jax.tree.map(lambda x: x[0], batches), key)
        product = untransposed(transposed, here.grads, game)
        pulled = transposed(here.grads)
        adjustment = jax.tree.map(lambda x, y: (x - y) / 2, pulled, product(here.grads))
        sign = _sign(here.grads, pulled, adjustment)
        grads = plus(here.grads, weight * sign, adjustment)
        return moved(here.state, grads, g_tx, d_tx, average), {**here.metrics, "sign": sign}

    return Rule(game, starter(game, g_tx, d_tx, average), update)


def _sign(grads: Both, pulled: Both, adjustment: Both) -> Array:
    size = sum(leaf.size for leaf in jax.tree.leaves(grads))
    return jnp.sign(inner(grads, pulled) * inner(adjustment, pulled) / size + 0.1)
