"""Games small enough to know by heart, without networks or data."""

import jax.numpy as jnp

from jaxgan.games.game import Aux, Context, Game, Loss, Side
from jaxgan.parts.types import Array, Batch, Key, Params


def bilinear(start: float = 1.0) -> Game:
    """min over g, max over d of g d: the game that turns in circles (Mescheder et al., 2017).

    >>> import jax
    >>> g, d, _ = bilinear().init(jax.random.key(0), {})
    >>> float(g.params), float(d.params)
    (1.0, 1.0)
    """

    def loss(sign: float, name: str) -> Loss:
        def value(g: Params, d: Params, context: Context) -> tuple[Array, Aux]:
            loss = sign * g * d
            return loss, Aux(context.g_stats, context.d_stats, context.extra, {name: loss})

        return value

    def init(key: Key, batch: Batch) -> tuple[Side, Side, tuple]:
        return Side(jnp.float32(start), {}), Side(jnp.float32(start), {}), ()

    def sample(g: Side, key: Key, index: Array, label: Array | None) -> Array:
        return jnp.broadcast_to(g.params, index.shape)

    return Game(init, loss(-1.0, "d/adv"), loss(1.0, "g/adv"), sample)
