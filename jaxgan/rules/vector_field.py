"""The vector field of both players' gradients at one point, and products with its Jacobian.

Network statistics (BatchNorm's averages, spectral-norm vectors) and the terms' states are constants when the
field is differentiated: the Jacobian is with respect to the parameters alone. The evaluation of the field
itself updates them as `gradient` does. Means over devices are taken at once, so that everything computed from
fields and products is the same on every device.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Game, State
from jaxgan.parts.average import Averages
from jaxgan.parts.optim import contains
from jaxgan.parts.types import Array, Batch, Key, PyTree
from jaxgan.rules.rule import Metrics, gradient, step_player, update_averages


class Both(NamedTuple):
    """A tree for each player, shaped like its parameters: a gradient, a direction."""

    g: PyTree
    d: PyTree


class Gradients(NamedTuple):
    """Both players' gradients at a point, and the state with statistics and the game's memory updated."""

    grads: Both
    state: State
    metrics: Metrics


Product = Callable[[Both], Both]


def gradients(game: Game, state: State, micros: Batch, key: Key) -> Gradients:
    """Returns F = (grad_g L_g, grad_d L_d) on micro-batches [micro, B, ...], with the same latents for both.

    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.rule import make_init
    >>> empty = {"x": jnp.zeros((1, 1, 1))}
    >>> game, sgd, key = bilinear(start=2.0), optax.sgd(0.1), jax.random.key(0)
    >>> state = make_init(game, sgd, sgd, None)(key, empty)
    >>> jax.tree.map(float, gradients(game, state, {"x": jnp.zeros((1, 1))}, key).grads)
    Both(g=2.0, d=-2.0)
    """
    d = gradient(game, "d", state, micros, key, state.step)
    g = gradient(game, "g", state.replace(extra=d.state.extra), micros, key, state.step)
    after = g.state.replace(d=d.state.d)
    return Gradients(Both(g.grads, d.grads), after, {**d.metrics, **g.metrics})


def linearise(game: Game, state: State, micros: Batch, key: Key) -> tuple[Gradients, Product]:
    """Returns the field, and v -> J^T v with its Jacobian J, by reverse mode through the gradients."""

    def at(point: Both) -> tuple[Both, Gradients]:
        here = gradients(game, with_params(state, point), micros, key)
        return here.grads, here

    _, pullback, here = jax.vjp(at, Both(state.g.params, state.d.params), has_aux=True)

    def transposed(v: Both) -> Both:
        return game.lowering.average(pullback(v)[0])

    return here, transposed


def jacobian_product(transposed: Product, like: Both, game: Game) -> Product:
    """Returns v -> J v from v -> J^T v, as the pullback of that linear function, the same at any point.

    Reverse mode twice rather than forward mode once, so that functions with a custom reverse rule work.
    `like` is any point of the right shapes.
    """
    _, pullback = jax.vjp(transposed, like)
    return lambda v: game.lowering.average(pullback(v)[0])


def with_params(state: State, point: Both) -> State:
    """Returns the state with both players' parameters replaced."""
    return state.replace(g=state.g.replace(params=point.g), d=state.d.replace(params=point.d))


def step_both(
    state: State,
    grads: Both,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    average: Averages | None,
) -> State:
    """Ends an update: returns the state after one step of both optimisers, with averages and step updated."""
    state = state.replace(g=step_player(state.g, g_tx, grads.g), d=step_player(state.d, d_tx, grads.d))
    return update_averages(average, state).replace(step=state.step + 1)


def refuse_accumulation(state: State) -> State:
    """Returns the state; raises `Refused` if an optimiser accumulates gradients over several updates."""
    if contains((state.g.opt_state, state.d.opt_state), optax.MultiStepsState, optax.ApplyEvery):
        raise Refused(
            "the rule needs an optimiser step in every update, but one of its optimisers accumulates "
            "gradients over several: use --micro-batches, which accumulates them within an update"
        )
    return state


def plus(a: PyTree, weight: float | Array, b: PyTree) -> PyTree:
    """a + weight b, leaf by leaf, in the precision of a.

    >>> plus({"w": jnp.ones(())}, 2.0, {"w": jnp.full((), 3.0)})
    {'w': Array(7., dtype=float32)}
    """
    return jax.tree.map(lambda x, y: (x + weight * y).astype(x.dtype), a, b)


def inner(a: PyTree, b: PyTree) -> Array:
    """<a, b>, the sum of products over all leaves.

    >>> float(inner({"w": jnp.ones(3)}, {"w": jnp.full(3, 2.0)}))
    6.0
    """
    products = jax.tree.leaves(jax.tree.map(jnp.vdot, a, b))
    return sum(products, start=jnp.zeros(()))
