"""Where the players are pushed, and how that changes as they move: what the other instruments look at."""

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

    The sign is that of gradient descent: a step of rate h makes θ + h v, an equilibrium has v = 0, and it
    attracts small enough steps where every eigenvalue of J has a negative real part (Mescheder et al., 2017).
    """

    at: Array  # [n] θ, the generator's numbers first
    g_size: int
    velocity: Map  # θ [n] -> v [n]
    product: Map  # u [n] -> J u
    transposed: Map  # u [n] -> J^T u


def field(game: Game, state: State, batch: Batch, key: Key | None = None) -> Field:
    """The game's field on one batch, leaves [B, ...], with the latents and other draws of one key.

    Statistics, the game's memory and the step stay as they are in the state, and with them the weight of a
    term that is scheduled or lazy; where D makes several steps to one of G, its terms are weighted by G's.
    The averaged generator is not looked at. Without a key, the state's own. J u is J^T differentiated once
    more, reverse mode alone: it serves where there is no forward mode. What a network holds back from its
    gradient J holds still too, as the vectors of spectral norm.

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> turning = field(bilinear(), state, {"x": jnp.zeros((1, 1))})
    >>> turning.velocity(turning.at).tolist(), turning.product(jnp.array([2.0, 1.0])).tolist()
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


# a game is a constant of these: they are compiled once for all of its states


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
    """What the losses read beside the parameters, held still."""
    key = fold(state.key, state.step, "instruments") if key is None else key
    return Context(state.g.stats, state.d.stats, state.extra, state.step, batch, key, state.step)


@partial(jax.jit, static_argnums=(0, 1))
def gradient(game: Game, who: str, g: Params, d: Params, context: Context) -> Params:
    """One player's gradient ("g" or "d") of its own loss."""
    loss, mine = (game.g_loss, 0) if who == "g" else (game.d_loss, 1)
    return jax.grad(loss, argnums=mine, has_aux=True)(g, d, context)[0]


def on_one_device(game: Game) -> Game:
    """The game where its means still name the axis of the devices that it was lowered to: of one device."""
    axis = game.lowering.axis
    if axis is None:
        return game

    def over_one(loss: Loss) -> Loss:
        def value(g: Params, d: Params, context: Context) -> Any:
            one = jax.vmap(loss, in_axes=(None, None, None), axis_name=axis, axis_size=1)(g, d, context)
            return jax.tree.map(lambda x: x[0], one)

        return value

    return game._replace(
        g_loss=over_one(game.g_loss), d_loss=over_one(game.d_loss), lowering=game.lowering._replace(axis=None)
    )


def smooth(field: Field, directions: int = 3) -> None:
    """Refuses a field that jumps here, as that of WGAN-GP does where D is flat: autodiff would not notice.

    A difference across the point along a random direction falls with its width where v has a derivative. One
    that merely has a kink nearby is not refused: not every direction crosses it.
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
            f"the field has no derivative here: it jumps by {max(jumps):.3g} across this point, so there is "
            "no spectrum; look at the path of the players instead"
        )
