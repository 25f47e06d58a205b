"""Both players at once: the gradients at one point, a vector field, and products with its Jacobian.

What a network remembers (BatchNorm's averages, spectral-norm vectors) and what terms remember is held fixed
where the field is differentiated: the Jacobian is that of the parameters alone. Of the evaluation at the
point itself both players keep what `gradient` keeps. Every mean over devices is taken before it is used
further, so all that is made of fields and products is the same on every device.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Game, State
from jaxgan.parts.average import Averages
from jaxgan.parts.optim import holds
from jaxgan.parts.types import Array, Batch, Key, PyTree
from jaxgan.rules.rule import Metrics, averaged, gradient, stepped


class Both(NamedTuple):
    """Something of either player, shaped like its parameters: a gradient, a direction."""

    g: PyTree
    d: PyTree


class Gradients(NamedTuple):
    """Both players' gradients at a point, and the state with statistics and the game's memory moved on."""

    grads: Both
    state: State
    metrics: Metrics


Product = Callable[[Both], Both]


def gradients(game: Game, state: State, micros: Batch, key: Key) -> Gradients:
    """F = (grad_g L_g, grad_d L_d) on one batch and the same latents, over micro-batches [micro, B, ...].

    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.rule import starter
    >>> empty = {"x": jnp.zeros((1, 1, 1))}
    >>> game, sgd, key = bilinear(start=2.0), optax.sgd(0.1), jax.random.key(0)
    >>> state = starter(game, sgd, sgd, None)(key, empty)
    >>> jax.tree.map(float, gradients(game, state, {"x": jnp.zeros((1, 1))}, key).grads)
    Both(g=2.0, d=-2.0)
    """
    d = gradient(game, "d", state, micros, key, state.step)
    g = gradient(game, "g", state.replace(extra=d.state.extra), micros, key, state.step)
    after = g.state.replace(d=d.state.d)
    return Gradients(Both(g.grads, d.grads), after, {**d.metrics, **g.metrics})


def linearised(game: Game, state: State, micros: Batch, key: Key) -> tuple[Gradients, Product]:
    """The field, and v -> J^T v with its Jacobian J, by reverse mode through the gradients."""

    def at(point: Both) -> tuple[Both, Gradients]:
        here = gradients(game, placed(state, point), micros, key)
        return here.grads, here

    _, pullback, here = jax.vjp(at, Both(state.g.params, state.d.params), has_aux=True)

    def transposed(v: Both) -> Both:
        return game.lowering.average(pullback(v)[0])

    return here, transposed


def untransposed(transposed: Product, like: Both, game: Game) -> Product:
    """v -> J v from v -> J^T v, which is linear: its own pullback, wherever that is taken.

    Reverse mode twice rather than forward mode once, so that functions with a reverse rule of their own
    serve. `like` is any point of the right shapes.
    """
    _, pullback = jax.vjp(transposed, like)
    return lambda v: game.lowering.average(pullback(v)[0])


def placed(state: State, point: Both) -> State:
    """The state with both players at another point."""
    return state.replace(g=state.g.replace(params=point.g), d=state.d.replace(params=point.d))


def moved(
    state: State,
    grads: Both,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    average: Averages | None,
) -> State:
    """The state after one step of both optimisers at once: the end of an update."""
    state = state.replace(g=stepped(state.g, g_tx, grads.g), d=stepped(state.d, d_tx, grads.d))
    return averaged(average, state).replace(step=state.step + 1)


def at_every_step(state: State) -> State:
    """The state of step 0 of a rule that builds on each step of its optimisers; refused where these wait."""
    if holds((state.g.opt_state, state.d.opt_state), optax.MultiStepsState, optax.ApplyEvery):
        raise Refused(
            "the rule builds on each step of its optimisers, and one of them gathers gradients of several: "
            "it would be another rule; --micro-batches gathers them within a step"
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
