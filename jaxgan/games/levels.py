"""Games in which G makes an image at several levels and D sees them all."""

from functools import partial

import jax.numpy as jnp

from jaxgan.games.game import Aux, Context, Game, Looks, Side
from jaxgan.parts.types import Array, Batch, Given, Key, Params, PyTree


def several_levels(game: Game, levels: int) -> Game:
    """Makes a game on examples [..., C] of one on examples [..., levels C], which are levels as channels.

    For a G that returns all levels and a D that sees them all: real examples are repeated, and a sample is
    the last level (Hyun et al., 2025). `jg.augmentations.level_noise` is the noise of that paper.

    >>> import jax
    >>> from flax import linen as nn
    >>> from jaxgan.games.gan import gan
    >>> from jaxgan.parts.latents import normal
    >>> from jaxgan.parts.network import from_linen
    >>> from jaxgan.parts.objectives import hinge
    >>> logit = nn.Sequential([nn.Dense(1), lambda x: x[:, 0]])
    >>> inner = gan(from_linen(nn.Dense(6)), from_linen(logit), latent=normal(4), objective=hinge())
    >>> game, batch = several_levels(inner, 3), {"x": jnp.zeros((8, 2)), "index": jnp.arange(8)}
    >>> g, d, _ = game.init(jax.random.key(0), batch)
    >>> game.sample(g, jax.random.key(1), jnp.arange(5), {}).shape
    (5, 2)
    """

    def repeated(x: Array) -> Array:
        return jnp.concatenate([x] * levels, axis=-1)

    def last(x: Array) -> Array:
        return jnp.split(x, levels, axis=-1)[-1]

    def shown(batch: Batch) -> Batch:
        return {**batch, "x": repeated(batch["x"])}

    def init(key: Key, batch: Batch) -> tuple[Side, Side, PyTree]:
        return game.init(key, shown(batch))

    def loss(who: str, g: Params, d: Params, context: Context) -> tuple[Array, Aux]:
        inner = game.d_loss if who == "d" else game.g_loss
        return inner(g, d, context._replace(batch=shown(context.batch)))

    def sample(g: Side, key: Key, index: Array, given: Given) -> Array:
        return last(game.sample(g, key, index, given))

    def decode(g: Side, z: PyTree, given: Given) -> Array:
        assert game.looks.decode is not None
        return last(game.looks.decode(g, z, given))

    def judge(d: Side, x: Array, given: Given) -> Array:
        assert game.looks.judge is not None
        return game.looks.judge(d, repeated(x), given)

    looks = Looks(
        game.looks.latents, decode if game.looks.decode else None, judge if game.looks.judge else None
    )
    return game._replace(
        init=init, d_loss=partial(loss, "d"), g_loss=partial(loss, "g"), sample=sample, looks=looks
    )
