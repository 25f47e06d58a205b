"""The local duality gap of games with known best responses."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from instruments.known import POINT, dirac, initial_state, quadratic
from jaxgan.errors import Refused
from jaxgan.games.gan import gan
from jaxgan.instruments.field import context_of
from jaxgan.instruments.gap import duality_gap
from jaxgan.models import mlp
from jaxgan.parts import latents, objectives
from jaxgan.parts.network import Network, from_linen
from jaxgan.rules.rule import make_init

TWO = jax.tree.map(lambda x: jnp.stack([x, x]), POINT)


def zero_sum(a, b, c, g, d):
    """V = a/2 g² + b g d - c/2 d², and a state of it; G's best response is -b d / a, D's b g / c."""
    game = quadratic(np.array([[-a, -b], [b, -c]]), 1)
    state = initial_state(game)
    at = state.replace(g=state.g.replace(params=jnp.array([g])), d=state.d.replace(params=jnp.array([d])))
    return game, at


def test_best_responses_of_a_quadratic_game():
    a, b, c, g, d = 0.7, 1.3, 0.9, 0.8, -0.4
    gap = duality_gap(*zero_sum(a, b, c, g, d), TWO, optax.sgd(0.5), steps=200)
    np.testing.assert_allclose(gap.g, a / 2 * (g + b * d / a) ** 2, rtol=1e-6)
    np.testing.assert_allclose(gap.d, c / 2 * (d - b * g / c) ** 2, rtol=1e-6)

    def value(g, d):
        return a / 2 * g * g + b * g * d - c / 2 * d * d

    np.testing.assert_allclose(gap.total, value(g, b * g / c) - value(-b * d / a, d), rtol=1e-6)


def test_an_equilibrium_has_no_gap():
    assert duality_gap(*zero_sum(0.7, 1.3, 0.9, 0.0, 0.0), TWO, optax.adam(0.1), steps=20) == (0.0, 0.0)


def test_the_gap_is_local():
    """It is the gain of the given number of steps."""
    game, state = zero_sum(0.0, 1.0, 0.0, 1.0, 1.0)
    np.testing.assert_allclose(duality_gap(game, state, TWO, optax.sgd(0.1), steps=3), (0.3, 0.3), rtol=1e-9)


def test_the_last_batch_evaluates_what_is_learnt_from_the_others():
    """In the Wasserstein Dirac-GAN D learns a slope from the first point, which is wrong for the second."""
    game = dirac(objectives.wasserstein())
    batches = {**TWO, "x": jnp.array([[[1.0]], [[-3.0]]])}
    gap = duality_gap(game, initial_state(game), batches, optax.sgd(0.5), steps=2)
    np.testing.assert_allclose(gap.d, -3.0, rtol=1e-9)  # ψ = 2 * 0.5, evaluated as ψ x


def test_spectral_norm_bounds_what_d_can_gain():
    """A critic of slope 1 gains no more than the mean distance of real to fake, which are all 0."""
    zero = Network(
        lambda key, z: (jnp.zeros(()), {}),
        lambda w, stats, z, key=None, train=False: (w * jnp.ones((len(z), 2)), stats),
    )
    critic = from_linen(mlp.Discriminator((16, 16), nn.leaky_relu, norm="spectral"))
    game = gan(zero, critic, latent=latents.normal(1), objective=objectives.wasserstein())
    batches = {"x": jax.random.normal(jax.random.key(0), (2, 32, 2)), "index": jnp.zeros((2, 32), jnp.uint32)}
    tx = optax.adam(1e-2)
    state = make_init(game, tx, tx, None)(jax.random.key(1), jax.tree.map(lambda x: x[None], batches))
    context = context_of(state, jax.tree.map(lambda x: x[1], batches))
    now = float(game.d_loss(state.g.params, state.d.params, context)[0])
    most = now + float(jnp.linalg.norm(batches["x"][1], axis=1).mean())
    assert 0.3 * most < duality_gap(game, state, batches, tx, steps=200).d < most


def test_each_step_has_new_randomness():
    """D's slope is a sum of noise: two steps with equal noise would gain twice as much as one."""
    game = dirac(objectives.wasserstein(), instance_noise=1.0)
    once, twice = (duality_gap(game, initial_state(game), TWO, optax.sgd(0.1), steps=n).d for n in (1, 2))
    assert twice != pytest.approx(2 * once, rel=1e-3)


def test_one_batch_is_refused():
    game, state = zero_sum(0.0, 1.0, 0.0, 1.0, 1.0)
    with pytest.raises(Refused, match="two batches"):
        duality_gap(game, state, jax.tree.map(lambda x: x[:1], TWO), optax.sgd(0.1))
