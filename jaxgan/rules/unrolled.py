"""Unrolled GANs: G differentiates through some steps of D."""

import jax
import jax.numpy as jnp
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Game, Player, State
from jaxgan.parts.average import Averages
from jaxgan.parts.types import Array, Batch, Key, Params
from jaxgan.rules.guard import all_finite
from jaxgan.rules.response import gradient_through
from jaxgan.rules.rule import Metrics, Rule, gradient, make_init, only_batch, step_player, update_key
from jaxgan.rules.vector_field import Both, step_both


def unrolled(
    game: Game,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    *,
    steps: int,
    average: Averages | None = None,
) -> Rule:
    """G descends L_g(g, d_k(g)), with d_k being D after k of its own steps against g; D takes one of them.

    Metz et al., 2017. The derivative is exact, through D's optimiser and its state; only the networks'
    statistics and the terms' states are constant within each step. All k steps use one batch and the same
    latents. Costs k + 3 gradients, of which compilers merge the first two of D, and k products: 0.25 + 1.25 k
    times the arithmetic of `alternating`.

    Adam divides by the root of a running mean of squares, which has no derivative at 0, its value for a unit
    that has never been active: give it `eps_root`, say 1e-8. `init` refuses such an optimiser, unless its
    hyperparameters are traced: then `guarded` finds the step that is not finite.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = unrolled(bilinear(), optax.sgd(0.1), optax.adam(0.1, eps_root=1e-8), steps=5)
    """
    if steps < 1:
        raise Refused(f"unrolled needs at least 1 step of D, not {steps}")
    init_state = make_init(game, g_tx, d_tx, average)

    def init(key: Key, batches: Batch) -> State:
        state = init_state(key, batches)
        _check_differentiable(d_tx, state.d.params)
        return state

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        key, micros = update_key(state), only_batch(batches)

        def d_step(state: State, nth: Array) -> tuple[State, None]:
            here = gradient(game, "d", state, micros, key, state.step + nth)
            return here.state.replace(d=step_player(here.state.d, d_tx, here.grads)), None

        def answer(moved: State) -> Player:
            before = moved.replace(extra=state.extra)  # the terms' states before D's own step
            return game.lowering.loop(d_step, before, jnp.arange(steps))[0].d

        d = gradient(game, "d", state, micros, key, state.step)
        after = state.replace(extra=d.state.extra)
        g = gradient_through(game, "g", answer, after, micros, key, state.step)
        state = g.state.replace(d=d.state.d)
        return step_both(state, Both(g.grads, d.grads), g_tx, d_tx, average), {**d.metrics, **g.metrics}

    return Rule(game, init, update)


def _check_differentiable(tx: optax.GradientTransformation, params: Params) -> None:
    """Raises `Refused` if the optimiser's derivative is not finite, unless its hyperparameters are traced.

    It is taken at gradients with one 0 in each array, as of a unit that is not active. At all zeros, clipping
    by the norm would have no derivative either, which does no harm.
    """

    def ones_but_first(x: Array) -> Array:
        return jnp.ones(x.size, x.dtype).at[0].set(0).reshape(x.shape)

    with jax.ensure_compile_time_eval():
        grads = jax.tree.map(ones_but_first, params)
        zeros = jax.tree.map(jnp.zeros_like, grads)
        updates, pullback = jax.vjp(lambda grads: tx.update(grads, tx.init(zeros), zeros)[0], grads)
        finite = all_finite(pullback(optax.tree.cast_like(grads, updates))[0])
    if not isinstance(finite, jax.core.Tracer) and not finite:
        raise Refused(
            "unrolled cannot differentiate D's optimiser, whose derivative is not finite where a gradient is "
            "0: give it an eps_root, as in optax.adam(1e-3, eps_root=1e-8)"
        )
