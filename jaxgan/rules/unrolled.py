"""Unrolled GANs: G sees where D will be after some more steps, and how that depends on G."""

import jax
import jax.numpy as jnp
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Game, Player, State
from jaxgan.parts.average import Averages
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Batch, Key, Params
from jaxgan.rules.response import through
from jaxgan.rules.rule import Metrics, Rule, gradient, starter, stepped
from jaxgan.rules.vector_field import Both, moved


def unrolled(
    game: Game,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    *,
    steps: int,
    average: Averages | None = None,
) -> Rule:
    """G descends L_g(g, d_k(g)), d_k being D after k of its own steps against g; D takes the first of them.

    Metz et al., 2017. The derivative is exact, through D's optimiser and its memory; only what the networks
    and terms remember is held fixed within each step. All k steps see one batch and the same latents. Costs
    k + 3 gradients, of which compilers merge the first two of D, and k products: 0.25 + 1.25 k times the
    arithmetic of `alternating`.

    Adam divides by the root of a running square, which has no derivative where that is 0, as it is for a unit
    that has not fired yet: give it `eps_root`, say 1e-8. An optimiser like that is refused by `init`, unless
    its numbers are hyperparameters that are not known before the program runs: then a guard names the step.

    >>> from jaxgan.games.toy import bilinear
    >>> rule = unrolled(bilinear(), optax.sgd(0.1), optax.adam(0.1, eps_root=1e-8), steps=5)
    """
    if steps < 1:
        raise Refused(f"unrolled needs at least 1 step of D to look through, not {steps}")
    start = starter(game, g_tx, d_tx, average)

    def init(key: Key, batches: Batch) -> State:
        state = start(key, batches)
        _refuse_unless_smooth(d_tx, state.d.params)
        return state

    def update(state: State, batches: Batch) -> tuple[State, Metrics]:
        key = fold(state.key, state.step, "both")
        micros = jax.tree.map(lambda x: x[0], batches)

        def d_step(state: State, nth: Array) -> tuple[State, None]:
            here = gradient(game, "d", state, micros, key, state.step + nth)
            return here.state.replace(d=stepped(here.state.d, d_tx, here.grads)), None

        def answer(moved: State) -> Player:
            before = moved.replace(extra=state.extra)  # what terms remember as D's own step finds it
            return game.lowering.loop(d_step, before, jnp.arange(steps))[0].d

        d = gradient(game, "d", state, micros, key, state.step)
        after = state.replace(extra=d.state.extra)
        g = through(game, "g", answer, after, micros, key, state.step)
        state = g.state.replace(d=d.state.d)
        return moved(state, Both(g.grads, d.grads), g_tx, d_tx, average), {**d.metrics, **g.metrics}

    return Rule(game, init, update)


def _refuse_unless_smooth(tx: optax.GradientTransformation, params: Params) -> None:
    """Tries the optimiser's derivative, where that can be computed before the run.

    At a gradient of which one number in each array is 0, as of units that have not fired: were all of them 0,
    clipping by the length would have none either, which does no harm.
    """

    def one_at_rest(x: Array) -> Array:
        return jnp.ones(x.size, x.dtype).at[0].set(0).reshape(x.shape)

    with jax.ensure_compile_time_eval():
        grads = jax.tree.map(one_at_rest, params)
        zeros = jax.tree.map(jnp.zeros_like, grads)
        moves, pullback = jax.vjp(lambda grads: tx.update(grads, tx.init(zeros), zeros)[0], grads)
        slopes = jax.tree.leaves(pullback(optax.tree.cast_like(grads, moves))[0])
        finite = jnp.stack([jnp.isfinite(x).all() for x in slopes]).all()
    if not isinstance(finite, jax.core.Tracer) and not finite:
        raise Refused(
            "unrolled cannot look through D's optimiser: it has no finite derivative where a gradient is 0; "
            "give it an eps_root, as in optax.adam(1e-3, eps_root=1e-8)"
        )
