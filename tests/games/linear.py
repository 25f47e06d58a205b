"""A GAN of two linear networks, for examples of two numbers: G(z) = z w, D(x) = x . v."""

import jax
import jax.numpy as jnp

from jaxgan.games.game import Context
from jaxgan.games.gan import gan
from jaxgan.parts import latents, objectives, terms
from jaxgan.parts.network import Network

B = 8
X = jax.random.normal(jax.random.key(7), (B, 2))
BATCH = {"x": X, "index": jnp.arange(100, 100 + B), "label": jnp.arange(B) % 3}

LINEAR_G = Network(
    lambda key, z: (jax.random.normal(key, (z.shape[-1], 2)), {}),
    lambda w, stats, z, key=None, train=False: (z @ w, stats),
)
LINEAR_D = Network(
    lambda key, x: (jax.random.normal(key, x.shape[1:]), {}),
    lambda v, stats, x, key=None, train=False: ((x * v).reshape(x.shape[0], -1).sum(-1), stats),
)


def make(objective=objectives.non_saturating(), **parts):  # noqa: B008
    generator = parts.pop("generator", LINEAR_G)
    discriminator = parts.pop("discriminator", LINEAR_D)
    return gan(generator, discriminator, latent=latents.normal(4), objective=objective, **parts)


def start(game, batch=BATCH):
    g, d, extra = game.init(jax.random.key(0), batch)
    context = Context(g.stats, d.stats, extra, jnp.int32(0), batch, jax.random.key(5), jnp.int32(0))
    return g.params, d.params, context


def losses(game):
    """Evaluates both losses once."""
    g, d, context = start(game)
    return game.d_loss(g, d, context), game.g_loss(g, d, context)


def probe(name, look):
    """A term that calls `look` with its view."""
    return terms.stateless(name, lambda view: look(view))
