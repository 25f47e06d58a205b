"""Competitive gradient descent: both players step to the equilibrium of the game as it looks from here."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Game, Player, State
from jaxgan.parts.average import Averages
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Batch, Key, Params, PyTree, Schedule, at
from jaxgan.rules.conjugate import solved
from jaxgan.rules.rule import Metrics, Rule, averaged, gradient, starter
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
    (I - g_lr d_lr A B) x = -g_lr (grad_g L_g - d_lr A grad_d L_d). In a zero-sum game, what only one player's
    parameters enter aside, B = -A^T and the matrix is symmetric and positive. In others, like the
    non-saturating GAN, it is not, so conjugate residuals solve it and not conjugate gradients. `residual`
    among the metrics is what they leave, relative to the right-hand side: if it is not small, give more
    `products`. Network statistics are held fixed.

    Takes rates and not optimisers. Costs 4 gradients and 2 n + 2 products of half a Jacobian, n those with
    the matrix: 1.7 + 0.9 n times the arithmetic of `alternating`.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = competitive(bilinear(), 0.1, 0.1, products=1)
    """

    def rates(state: State, grads: Both) -> tuple[Both, PyTree]:
        return Both(_all(at(g_lr, state.step), grads.g), _all(at(d_lr, state.step), grads.d)), ()

    _check(g_lr, d_lr)
    return _rule(game, rates, lambda params: (), products, average)


class Squares(NamedTuple):
    """The memory of `adaptive_competitive`: running means of squared gradients, over so many steps."""

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
    """`competitive` with a rate of its own for every parameter, lr / (sqrt(v) + eps), as in Adam.

    v is the running mean of the parameter's squared gradient, its bias corrected; there is no momentum
    (ACGD; Schaefer, Zheng & Anandkumar, 2020). Costs what `competitive` costs.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = adaptive_competitive(bilinear(), 0.1, 0.1, products=1)
    """

    def rates(state: State, grads: Both) -> tuple[Both, Squares]:
        past: Squares = state.rule
        steps = past.steps + 1
        mean = jax.tree.map(lambda v, g: decay * v + (1 - decay) * jnp.square(g), past.mean, grads)
        mean = optax.tree.cast_like(mean, grads)  # a decay that is told later has 32 bits

        def rate(lr: Array | float, v: PyTree) -> PyTree:
            rates = jax.tree.map(lambda v: lr / (jnp.sqrt(v / (1 - decay**steps)) + eps), v)
            return optax.tree.cast_like(rates, v)

        both = Both(rate(at(g_lr, state.step), mean.g), rate(at(d_lr, state.step), mean.d))
        return both, Squares(mean, steps)

    def memory(params: Both) -> Squares:
        return Squares(jax.tree.map(jnp.zeros_like, params), jnp.int32(0))

    _check(g_lr, d_lr)
    return _rule(game, rates, memory, products, average)


def _check(*rates: Schedule) -> None:
    for rate in rates:
        if hasattr(rate, "init"):
            raise Refused("competitive takes rates such as 0.01, or schedules of them, and no optimisers")
        if isinstance(rate, float | int) and not rate >= 0:  # not so of a lane's, which is traced
            raise Refused(f"a rate is 0 or more, not {rate}")


def _rule(
    game: Game,
    rates: Callable[[State, Both], tuple[Both, PyTree]],
    memory: Callable[[Both], PyTree],
    products: int,
    average: Averages | None,
) -> Rule:
    """The rule with these rates, trees shaped like the parameters, of the state and both gradients."""
    if products < 1:
        raise Refused(f"competitive needs at least 1 product to solve for the step, not {products}")
    nothing = optax.identity()
    start = starter(game, nothing, nothing, average)

    def init(key: Key, batches: Batch) -> State:
        state = start(key, batches)
        return state.replace(rule=memory(Both(state.g.params, state.d.params)))

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        key = fold(state.key, state.step, "both")
        micros = jax.tree.map(lambda x: x[0], batches)
        here = gradients(game, state, micros, key)
        rate, remembered = rates(state, here.grads)
        in_g = _mixed(game, "g", state, micros, key)
        in_d = _mixed(game, "d", state, micros, key)

        # x = r u with r the root of G's rates: if the game is zero-sum, the matrix for u is symmetric
        root = jax.tree.map(jnp.sqrt, rate.g)

        def product(u: PyTree) -> PyTree:
            return plus(u, -1.0, _times(root, in_g(_times(rate.d, in_d(_times(root, u))))))

        alone = plus(here.grads.g, -1.0, in_g(_times(rate.d, here.grads.d)))
        u, residual = solved(product, _times(root, jax.tree.map(jnp.negative, alone)), products)
        x = _times(root, u)
        y = jax.tree.map(jnp.negative, _times(rate.d, plus(here.grads.d, 1.0, in_d(x))))

        def stepped(player: Player, step: Params) -> Player:
            return player.replace(params=optax.apply_updates(player.params, step))

        state = here.state.replace(g=stepped(here.state.g, x), d=stepped(here.state.d, y), rule=remembered)
        return averaged(average, state).replace(step=state.step + 1), {**here.metrics, "residual": residual}

    return Rule(game, init, update)


def _mixed(game: Game, who: str, state: State, micros: Batch, key: Key) -> Callable[[PyTree], PyTree]:
    """v -> D_{who, other} L v, L that of `who`: v of the other, pulled back through its gradient of L."""
    player: Player = getattr(state, who)

    def others_gradient(params: Params) -> PyTree:
        there = state.replace(**{who: player.replace(params=params)})
        return gradient(game, "d" if who == "g" else "g", there, micros, key, state.step, of=who).grads

    _, pullback = jax.vjp(others_gradient, player.params)
    return lambda v: game.lowering.average(pullback(v)[0])


def _all(rate: Array | float, like: PyTree) -> PyTree:
    return jax.tree.map(lambda x: jnp.full_like(x, rate), like)


def _times(a: PyTree, b: PyTree) -> PyTree:
    return jax.tree.map(jnp.multiply, a, b)
