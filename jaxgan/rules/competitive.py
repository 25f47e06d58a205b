"""Competitive gradient descent: both players step to the equilibrium of a local bilinear game."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Game, Player, State
from jaxgan.parts.average import Averages
from jaxgan.parts.types import Array, Batch, Key, Params, PyTree, Schedule, at, check_range
from jaxgan.rules.conjugate import solve
from jaxgan.rules.rule import Metrics, Rule, gradient, make_init, only_batch, update_averages, update_key
from jaxgan.rules.vector_field import Both, gradients, plus


def competitive(
    game: Game,
    g_lr: Schedule,
    d_lr: Schedule,
    *,
    products: int = 10,
    average: Averages | None = None,
) -> Rule:
    """Steps (x, y) with x = -g_lr (grad_g L_g + D_gd L_g y) and y = -d_lr (grad_d L_d + D_dg L_d x).

    That is the equilibrium of the bilinear game around this point (Schaefer & Anandkumar, 2019), where
    D_gd = d^2 / dg dd. With A = D_gd L_g and B = D_dg L_d, x solves
    (I - g_lr d_lr A B) x = -g_lr (grad_g L_g - d_lr A grad_d L_d). In a game that is zero-sum, up to terms of
    one player's parameters alone, B = -A^T and the matrix is symmetric and positive. In others, such as the
    non-saturating GAN, it is not, so the solver is conjugate residuals, not conjugate gradients. The metric
    `residual` is the relative residual of the solve: if it is not small, increase `products`. Network
    statistics are constant in the derivatives.

    Takes learning rates, not optimisers. Costs 4 gradients and 2 n + 2 products with half a Jacobian, for
    n = `products`: 1.7 + 0.9 n times the arithmetic of `alternating`.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = competitive(bilinear(), 0.1, 0.1, products=1)
    """

    def rates(state: State, grads: Both) -> tuple[Both, PyTree]:
        return Both(_full_like(grads.g, at(g_lr, state.step)), _full_like(grads.d, at(d_lr, state.step))), ()

    _check_rates(g_lr, d_lr)
    return _rule(game, rates, lambda params: (), products, average)


class Squares(NamedTuple):
    """The memory of `adaptive_competitive`: running means of squared gradients, and the number of steps."""

    mean: Both
    steps: Array


def adaptive_competitive(
    game: Game,
    g_lr: Schedule,
    d_lr: Schedule,
    *,
    decay: float = 0.99,
    eps: float = 1e-5,
    products: int = 10,
    average: Averages | None = None,
) -> Rule:
    """`competitive` with a learning rate per parameter, lr / (sqrt(v) + eps), as in Adam.

    v is the bias-corrected running mean of the parameter's squared gradient; there is no momentum (ACGD;
    Schaefer, Zheng & Anandkumar, 2020). Costs as much as `competitive`.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = adaptive_competitive(bilinear(), 0.1, 0.1, products=1)
    """

    def rates(state: State, grads: Both) -> tuple[Both, Squares]:
        past: Squares = state.rule
        steps = past.steps + 1
        mean = jax.tree.map(lambda v, g: decay * v + (1 - decay) * jnp.square(g), past.mean, grads)
        mean = optax.tree.cast_like(mean, grads)  # a traced decay is float32, and promotes the mean

        def rate(lr: Array | float, v: PyTree) -> PyTree:
            rates = jax.tree.map(lambda v: lr / (jnp.sqrt(v / (1 - decay**steps)) + eps), v)
            return optax.tree.cast_like(rates, v)

        both = Both(rate(at(g_lr, state.step), mean.g), rate(at(d_lr, state.step), mean.d))
        return both, Squares(mean, steps)

    def init_memory(params: Both) -> Squares:
        return Squares(jax.tree.map(jnp.zeros_like, params), jnp.int32(0))

    _check_rates(g_lr, d_lr)
    return _rule(game, rates, init_memory, products, average)


def _check_rates(*rates: Schedule) -> None:
    for rate in rates:
        if hasattr(rate, "init"):
            raise Refused(
                "competitive takes learning rates such as 0.01, or schedules of them, not optimisers"
            )
        check_range("a learning rate", rate)


def _rule(
    game: Game,
    rates: Callable[[State, Both], tuple[Both, PyTree]],
    init_memory: Callable[[Both], PyTree],
    products: int,
    average: Averages | None,
) -> Rule:
    """The rule with `rates`: (state, gradients) -> (learning rates shaped like the parameters, memory)."""
    if products < 1:
        raise Refused(f"competitive needs at least 1 product to solve for the step, not {products}")
    init_state = make_init(game, optax.identity(), optax.identity(), average)

    def init(key: Key, batches: Batch) -> State:
        state = init_state(key, batches)
        return state.replace(rule=init_memory(Both(state.g.params, state.d.params)))

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        key, micros = update_key(state), only_batch(batches)
        here = gradients(game, state, micros, key)
        rate, memory = rates(state, here.grads)
        mixed_g = _mixed_product(game, "g", state, micros, key)
        mixed_d = _mixed_product(game, "d", state, micros, key)

        # x = r u with r the root of G's rates: if the game is zero-sum, the matrix for u is symmetric
        root = jax.tree.map(jnp.sqrt, rate.g)

        def product(u: PyTree) -> PyTree:
            return plus(u, -1.0, _times(root, mixed_g(_times(rate.d, mixed_d(_times(root, u))))))

        negative_rhs = plus(here.grads.g, -1.0, mixed_g(_times(rate.d, here.grads.d)))
        u, residual = solve(product, _times(root, jax.tree.map(jnp.negative, negative_rhs)), products)
        x = _times(root, u)
        y = jax.tree.map(jnp.negative, _times(rate.d, plus(here.grads.d, 1.0, mixed_d(x))))

        def move(player: Player, step: Params) -> Player:
            return player.replace(params=optax.apply_updates(player.params, step))

        state = here.state.replace(g=move(here.state.g, x), d=move(here.state.d, y), rule=memory)
        state = update_averages(average, state).replace(step=state.step + 1)
        return state, {**here.metrics, "residual": residual}

    return Rule(game, init, update)


def _mixed_product(game: Game, who: str, state: State, micros: Batch, key: Key) -> Callable[[PyTree], PyTree]:
    """Returns v -> D_{who, other} L v, with L the loss of `who`, by reverse mode."""
    player: Player = getattr(state, who)

    def others_gradient(params: Params) -> PyTree:
        there = state.replace(**{who: player.replace(params=params)})
        return gradient(game, "d" if who == "g" else "g", there, micros, key, state.step, of=who).grads

    _, pullback = jax.vjp(others_gradient, player.params)
    return lambda v: game.lowering.average(pullback(v)[0])


def _full_like(tree: PyTree, rate: Array | float) -> PyTree:
    return jax.tree.map(lambda x: jnp.full_like(x, rate), tree)


def _times(a: PyTree, b: PyTree) -> PyTree:
    return jax.tree.map(jnp.multiply, a, b)
