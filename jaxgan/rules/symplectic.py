"""Symplectic gradient adjustment, which corrects for the rotating part of the game."""

import jax
import jax.numpy as jnp
import optax

from jaxgan.games.game import Game, State
from jaxgan.parts.average import Averages
from jaxgan.parts.types import Array, Batch
from jaxgan.rules.rule import Metrics, Rule, make_init, only_batch, update_key
from jaxgan.rules.vector_field import Both, inner, jacobian_product, linearise, plus, step_both


def symplectic(
    game: Game,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    *,
    weight: float = 1.0,
    average: Averages | None = None,
) -> Rule:
    """The optimisers get F + s weight A^T F instead of F, with A = (J - J^T) / 2 the antisymmetric part of J.

    F: both players' gradients, J: its Jacobian, at constant network statistics. The sign s aligns the
    adjustment with grad |F|^2 / 2 = J^T F near stable fixed points, and against it near unstable ones:
    s = sign(<F, J^T F> <A^T F, J^T F> / n + 1/10), n the number of parameters (Balduzzi et al., 2018).
    Costs 2 gradients and 2 products, 3.3 times the arithmetic of `alternating`.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = symplectic(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    """

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        here, transposed = linearise(game, state, key=update_key(state), micros=only_batch(batches))
        product = jacobian_product(transposed, here.grads, game)
        hamiltonian = transposed(here.grads)  # grad |F|^2 / 2
        adjustment = jax.tree.map(lambda x, y: (x - y) / 2, hamiltonian, product(here.grads))
        sign = _sign(here.grads, hamiltonian, adjustment)
        grads = plus(here.grads, weight * sign, adjustment)
        return step_both(here.state, grads, g_tx, d_tx, average), {**here.metrics, "sign": sign}

    return Rule(game, make_init(game, g_tx, d_tx, average), update)


def _sign(grads: Both, hamiltonian: Both, adjustment: Both) -> Array:
    size = sum(leaf.size for leaf in jax.tree.leaves(grads))
    return jnp.sign(inner(grads, hamiltonian) * inner(adjustment, hamiltonian) / size + 0.1)
