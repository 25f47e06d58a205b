"""Unrolling is exact: the derivative is that of the k steps as they are, optimiser included."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from jax.flatten_util import ravel_pytree
from support import ring_game

from jaxgan.errors import Refused
from jaxgan.games.game import Aux, Game, Side
from jaxgan.games.gan import gan
from jaxgan.games.toy import bilinear
from jaxgan.models import mlp
from jaxgan.parts import latents, objectives, terms
from jaxgan.parts.network import Network, from_linen
from jaxgan.parts.rng import fold
from jaxgan.rules.guard import guarded
from jaxgan.rules.hyperparameters import over_hparams
from jaxgan.rules.rule import gradient, step_player
from jaxgan.rules.unrolled import unrolled

SMOOTH = optax.adam(0.05, eps_root=1e-8)


def doubled(network):
    """The network with float64 parameters."""

    def init(key, *inputs):
        return jax.tree.map(lambda x: x.astype(float), network.init(key, *inputs))

    return Network(init, network.apply)


def test_against_finite_differences_of_the_k_step_map():
    """G's gradient through k steps of Adam, R1 among D's losses; and D takes the first of them."""
    k = 2
    with jax.enable_x64(True):
        game = gan(
            doubled(from_linen(mlp.Generator((2,), (3,), nn.tanh, mlp.identity))),
            doubled(from_linen(mlp.Discriminator((3,), nn.tanh))),
            latent=latents.normal(2),
            objective=objectives.non_saturating(),
            d_terms=[terms.r1(0.5)],
        )
        batches = {
            "x": jax.random.normal(jax.random.key(3), (1, 1, 8, 2)),
            "index": jnp.arange(8)[None, None],
        }
        rule = unrolled(game, optax.sgd(1.0), SMOOTH, steps=k)
        state = jax.jit(rule.init)(jax.random.key(0), batches)
        state, _ = jax.jit(rule.update)(state, batches)  # so that Adam remembers something
        after, _ = jax.jit(rule.update)(state, batches)

        key, micros = fold(state.key, state.step, "both"), jax.tree.map(lambda x: x[0], batches)
        flat, unravel = ravel_pytree(state.g.params)

        @jax.jit
        def played(flat):
            """G's loss and D after k steps, of values alone."""
            now = state.replace(g=state.g.replace(params=unravel(flat)))
            firsts = []
            for i in range(k):
                d = gradient(game, "d", now, micros, key, now.step + i)
                now = now.replace(d=step_player(now.d, SMOOTH, d.grads))
                firsts.append(now.d.params)
            g = gradient(game, "g", now, micros, key, now.step)
            return g.metrics["g/adv"], firsts[0]

        h = 1e-5
        slopes = [(played(flat + e)[0] - played(flat - e)[0]) / (2 * h) for e in h * jnp.eye(flat.size)]
        taken = flat - ravel_pytree(after.g.params)[0]
        np.testing.assert_allclose(taken, np.array(slopes), rtol=1e-6, atol=1e-9)
        first = played(flat)[1]
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-9), after.d.params, first)


def test_d_takes_the_first_of_the_unrolled_steps():
    """Also where D's loss remembers: every play of it halves the slope that D finds, 1 at first."""

    def d_loss(g, d, context):
        return -context.extra * d, Aux({}, {}, context.extra / 2, {})

    def g_loss(g, d, context):
        return g * d, Aux({}, {}, context.extra, {})

    def init(key, batch):
        return Side(jnp.ones(()), {}), Side(jnp.zeros(()), {}), jnp.ones(())

    game = Game(init, d_loss, g_loss, sample=lambda g, key, index, label: g.params)
    rule = unrolled(game, optax.sgd(1.0), optax.sgd(1.0), steps=2)
    empty = {"x": jnp.zeros((1, 1, 1))}
    state, _ = rule.update(rule.init(jax.random.key(0), empty), empty)
    assert float(state.d.params) == 1.0
    assert float(state.g.params) == 1.0 - (1.0 + 0.5)  # by D after two steps, of 1 and 1/2
    assert float(state.extra) == 0.5  # D's own step alone counts


def test_an_optimiser_without_a_derivative_is_refused():
    batches = {"x": jnp.zeros((1, 1, 2, 2)), "index": jnp.arange(2)[None, None]}
    rule = unrolled(ring_game(), optax.adam(1e-3), optax.adam(1e-3), steps=1)
    for init in (rule.init, jax.jit(rule.init)):
        with pytest.raises(Refused, match=r"eps_root, as in optax.adam\(1e-3, eps_root=1e-8\)"):
            init(jax.random.key(0), batches)
    unrolled(ring_game(), optax.adam(1e-3), SMOOTH, steps=1).init(jax.random.key(0), batches)


def test_clipping_by_the_norm_of_a_gradient_is_accepted():
    """But at a gradient of zero, which D never is given."""
    batches = {"x": jnp.ones((1, 1, 2, 2)), "index": jnp.arange(2)[None, None]}
    clipped = optax.chain(optax.clip_by_global_norm(0.1), SMOOTH)
    rule = unrolled(ring_game(), optax.adam(1e-3), clipped, steps=1)
    _, metrics = rule.update(rule.init(jax.random.key(0), batches), batches)
    assert 0 < float(metrics["g/grad"]) < np.inf
    with pytest.raises(Refused, match="eps_root"):
        unrolled(
            ring_game(),
            SMOOTH,
            optax.chain(optax.clip_by_global_norm(0.1), optax.adam(1e-3)),
            steps=1,
        ).init(jax.random.key(0), batches)


def test_with_traced_hyperparameters_a_guard_finds_the_step():
    """Weights of units that are dead: their gradient is exactly zero."""

    def build(hparams):
        return guarded(unrolled(bilinear(0.0), optax.sgd(0.1), optax.adam(hparams["lr"]), steps=1))

    rule, batches = over_hparams(build)({"lr": 0.1}), {"x": jnp.zeros((1, 1, 1))}
    traced = jax.jit(lambda lr: over_hparams(build)({"lr": lr}).init(jax.random.key(0), batches))
    state, _ = jax.jit(rule.update)(traced(0.1), batches)
    assert int(state.rule.inner.failed) == 0


def test_no_steps_are_refused():
    with pytest.raises(Refused, match="at least 1 step"):
        unrolled(bilinear(), SMOOTH, SMOOTH, steps=0)
