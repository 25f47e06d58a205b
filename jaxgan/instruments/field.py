"""The vector field of a game and products with its Jacobian, from which other instruments are computed."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxgan.errors import Refused
from jaxgan.games.game import Context, Game, Loss, State
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Batch, Key, Params

Map = Callable[[Array], Array]


class Field(NamedTuple):
    """v(θ) = -(∇_g L_g, ∇_d L_d) over both players' n parameters as one vector, and products with J = v'(θ).

    The sign is that of gradient descent: a step of rate h leads to θ + h v, an equilibrium has v = 0, and it
    attracts small enough steps if every eigenvalue of J has a negative real part (Mescheder et al., 2017).
    """

    at: Array  # [n] θ, the generator's parameters first
    g_size: int
    velocity: Map  # θ [n] -> v [n]
    product: Map  # u [n] -> J u
    transposed: Map  # u [n] -> J^T u


def field(game: Game, state: State, batch: Batch, key: Key | None = None) -> Field:
    """Returns the game's field on one batch, leaves [B, ...], with latents and other draws of one key.

    Statistics, the game's memory and the step are fixed as in the state, and so is the weight of a term that
    is scheduled or lazy; if D makes several steps per step of G, its terms are weighted by G's step. The
    averaged generator is not used. The default key is the state's. J u is J^T differentiated once more, in
    reverse mode only, so it does not need forward mode. What a network excludes from its gradient, as the
    vectors of spectral norm, is constant in J too.

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> rotating = field(bilinear(), state, {"x": jnp.zeros((1, 1))})
    >>> rotating.velocity(rotating.at).tolist(), rotating.product(jnp.array([2.0, 1.0])).tolist()
    ([-1.0, 1.0], [-1.0, 2.0])
    """
    players, context = (state.g.params, state.d.params), context_of(state, batch, key)
    return Field(
        at=ravel_pytree(players)[0],
        g_size=ravel_pytree(state.g.params)[0].size,
        velocity=partial(_velocity, game, players, context),
        product=partial(_product, game, players, context),
        transposed=partial(_transposed, game, players, context),
    )


# the game is a static argument of these: they are compiled once for all of its states


@partial(jax.jit, static_argnums=0)
def _velocity(game: Game, players: tuple[Params, Params], context: Context, theta: Array) -> Array:
    g, d = ravel_pytree(players)[1](theta)
    return -ravel_pytree([gradient(game, who, g, d, context) for who in ("g", "d")])[0]


@partial(jax.jit, static_argnums=0)
def _transposed(game: Game, players: tuple[Params, Params], context: Context, u: Array) -> Array:
    return jax.vjp(partial(_velocity, game, players, context), ravel_pytree(players)[0])[1](u)[0]


@partial(jax.jit, static_argnums=0)
def _product(game: Game, players: tuple[Params, Params], context: Context, u: Array) -> Array:
    return jax.vjp(partial(_transposed, game, players, context), jnp.zeros_like(u))[1](u)[0]


def context_of(state: State, batch: Batch, key: Key | None = None) -> Context:
    """Returns what the losses depend on besides the parameters."""
    key = fold(state.key, state.step, "instruments") if key is None else key
    return Context(state.g.stats, state.d.stats, state.extra, state.step, batch, key, state.step)


@partial(jax.jit, static_argnums=(0, 1))
def gradient(game: Game, who: str, g: Params, d: Params, context: Context) -> Params:
    """Returns one player's gradient ("g" or "d") of its own loss."""
    loss, argnum = (game.g_loss, 0) if who == "g" else (game.d_loss, 1)
    return jax.grad(loss, argnums=argnum, has_aux=True)(g, d, context)[0]


def on_one_device(game: Game) -> Game:
    """Returns a game that was lowered to several devices as one for a single device."""
    axis = game.lowering.axis
    if axis is None:
        return game

    def bind_axis(loss: Loss) -> Loss:  # the loss's means name the axis of the devices
        def value(g: Params, d: Params, context: Context) -> Any:
            mapped = jax.vmap(loss, in_axes=(None, None, None), axis_name=axis, axis_size=1)
            return jax.tree.map(lambda x: x[0], mapped(g, d, context))

        return value

    lowering = game.lowering._replace(axis=None)
    return game._replace(g_loss=bind_axis(game.g_loss), d_loss=bind_axis(game.d_loss), lowering=lowering)


def check_smooth(field: Field, directions: int = 3) -> None:
    """Refuses a field that jumps at this point, as WGAN-GP's where D is flat: autodiff does not detect it.

    If v has a derivative, its difference across the point along a random direction falls with the step width.
    A field with a kink nearby only is not refused: not every direction crosses it.
    """
    eps, norm = float(jnp.finfo(field.at.dtype).eps), jnp.linalg.norm
    noise = 1e3 * eps * (1 + norm(field.velocity(field.at)))
    jumps = []
    for i in range(directions):
        u = jax.random.normal(jax.random.key(i), field.at.shape, field.at.dtype)
        u = u * (1 + norm(field.at)) / norm(u)
        wide, narrow = (
            norm(field.velocity(field.at + w * u) - field.velocity(field.at - w * u))
            for w in (eps ** (1 / 3), eps**0.5)
        )
        jumps.append(float(narrow) if narrow > wide / 2 and narrow > noise else 0.0)
    if min(jumps) > 0:
        raise Refused(
            f"the field has no derivative at this state: it jumps by {max(jumps):.3g} there, so there is no "
            "spectrum; look at the path of the players instead"
        )
