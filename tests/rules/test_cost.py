"""What rules say that they cost is what they cost."""

import jax
import jax.numpy as jnp
import optax
import pytest

from jaxgan.games.gan import gan
from jaxgan.games.toy import bilinear
from jaxgan.models import mlp
from jaxgan.parts import latents, objectives
from jaxgan.parts.network import from_linen
from jaxgan.rules.alternating import alternating
from jaxgan.rules.competitive import adaptive_competitive, competitive
from jaxgan.rules.consensus import consensus
from jaxgan.rules.extragradient import extragradient, past_extragradient
from jaxgan.rules.look_through import look_through
from jaxgan.rules.lookahead import lookahead
from jaxgan.rules.optimistic import optimistic
from jaxgan.rules.simultaneous import simultaneous
from jaxgan.rules.symplectic import symplectic
from jaxgan.rules.unrolled import unrolled

SGD = optax.sgd(0.1), optax.sgd(0.1)
COSTS = {  # gradients, and arithmetic relative to alternating on dense networks
    "alternating": (lambda game: alternating(game, *SGD), 2, 1.0),
    "simultaneous": (lambda game: simultaneous(game, *SGD), 2, 0.8),
    "extragradient": (lambda game: extragradient(game, *SGD), 4, 1.5),
    "past_extragradient": (lambda game: past_extragradient(game, *SGD), 2, 0.8),
    "optimistic": (lambda game: optimistic(game, *SGD), 2, 0.8),
    "consensus": (lambda game: consensus(game, *SGD), 2, 2.5),
    "symplectic": (lambda game: symplectic(game, *SGD), 2, 3.3),
    "look_through": (lambda game: look_through(game, *SGD, rate=0.1), 6, 2.8),
    "unrolled 1": (lambda game: unrolled(game, *SGD, steps=1), 4, 0.25 + 1.25 * 1),
    "unrolled 4": (lambda game: unrolled(game, *SGD, steps=4), 7, 0.25 + 1.25 * 4),
    "competitive 1": (lambda game: competitive(game, 0.1, 0.1, products=1), 4, 1.7 + 0.9 * 1),
    "competitive 4": (lambda game: competitive(game, 0.1, 0.1, products=4), 4, 1.7 + 0.9 * 4),
    "adaptive 4": (lambda game: adaptive_competitive(game, 0.1, 0.1, products=4), 4, 1.7 + 0.9 * 4),
    "lookahead": (lambda game: lookahead(alternating(game, *SGD)), 2, 1.0),
}


@pytest.mark.parametrize("name", COSTS)
def test_the_gradients_that_a_rule_takes(name):
    """Counted as losses that are traced, with every loop written out."""
    taken = []

    def counted(loss):
        def evaluate(*args):
            taken.append(loss)
            return loss(*args)

        return evaluate

    make, gradients, _ = COSTS[name]
    game = bilinear()
    rule = make(game._replace(g_loss=counted(game.g_loss), d_loss=counted(game.d_loss)))
    batches = {"x": jnp.zeros((1, 1, 1))}
    jax.eval_shape(rule.update, jax.eval_shape(rule.init, jax.random.key(0), batches), batches)
    assert len(taken) == gradients


def arithmetic(make):
    """Floating-point operations of the compiled update of a GAN of dense networks."""
    game = gan(
        from_linen(mlp.Generator((64,), (64, 64))),
        from_linen(mlp.Discriminator((64, 64))),
        latent=latents.normal(64),
        objective=objectives.non_saturating(),
    )
    rule = make(game)
    batches = {"x": jnp.zeros((1, 1, 256, 64)), "index": jnp.zeros((1, 1, 256), jnp.int32)}
    state = jax.eval_shape(rule.init, jax.random.key(0), batches)
    return jax.jit(rule.update).lower(state, batches).compile().cost_analysis()["flops"]


@pytest.mark.slow
@pytest.mark.parametrize("name", COSTS)
def test_the_arithmetic_that_a_rule_does(name):
    make, _, expected = COSTS[name]
    assert arithmetic(make) / arithmetic(COSTS["alternating"][0]) == pytest.approx(expected, rel=0.05)
