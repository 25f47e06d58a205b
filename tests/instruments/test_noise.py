"""The gradient noise scale of a game with known noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments.known import initial_state
from jaxgan.errors import Refused
from jaxgan.games.game import Aux, Game, Side
from jaxgan.instruments.noise import Noise, gradient_noise

MEAN, SPREAD = np.array([0.3, -0.2, 0.1]), np.array([1.0, 0.5, 2.0])


def linear() -> Game:
    """The gradients for one example x are x for G and 2 x for D."""

    def loss(who):
        def value(g, d, context):
            player = g if who == "g" else 2 * d
            return (context.batch["x"] @ player).mean(), Aux((), (), (), {})

        return value

    def init(key, batch):
        return Side(jnp.ones(3), {}), Side(jnp.ones(3), {}), ()

    return Game(init, loss("d"), loss("g"), lambda g, key, index, label: index)


def draw(n, b, seed=0):
    return {"x": jnp.asarray(MEAN + SPREAD * np.random.RandomState(seed).randn(n, b, 3))}


def test_known_noise():
    """|G|² = |μ|² and tr(Σ) = |σ|², and four times both for D."""
    game, batches = linear(), draw(400, 8)
    state = initial_state(game, jax.tree.map(lambda x: x[0], batches))
    signal, variance = np.square(MEAN).sum(), np.square(SPREAD).sum()
    for who, square in (("g", 1.0), ("d", 4.0)):
        noise = gradient_noise(game, state, batches, who)
        assert noise.signal == pytest.approx(square * signal, rel=0.25)
        assert noise.variance == pytest.approx(square * variance, rel=0.1)
        assert noise.scale == pytest.approx(variance / signal, rel=0.25)


@pytest.mark.parametrize(("n", "b"), [(2, 1), (2, 8), (5, 3)])
def test_both_estimates_are_unbiased(n, b):
    """Their means over many draws are exact within four standard errors."""
    game = linear()
    state = initial_state(game, {"x": jnp.zeros((b, 3))})
    measure = jax.jit(jax.vmap(lambda x: gradient_noise(game, state, {"x": x}, "g")))
    noise = jax.device_get(measure(draw(4000 * n, b, seed=n)["x"].reshape(4000, n, b, 3)))
    for estimates, truth in (
        (noise.signal, np.square(MEAN).sum()),
        (noise.variance, np.square(SPREAD).sum()),
    ):
        error = estimates.std() / np.sqrt(len(estimates))
        assert abs(estimates.mean() - truth) < 4 * error


def test_bfloat16_gradients_are_summed_in_float32():
    """With four batches: a sum in bfloat16 has three digits."""
    half = jnp.ones(200_000, jnp.bfloat16)

    def value(g, d, context):
        return (g * context.batch["x"].astype(g.dtype)).astype(jnp.float32).sum(), Aux((), (), (), {})

    game = Game(lambda key, batch: (Side(half, {}), Side(half, {}), ()), value, value, None)
    batches = {"x": jnp.asarray(np.random.RandomState(0).randn(4, 1, 200_000))}
    state = initial_state(game, jax.tree.map(lambda x: x[0], batches))
    state = state.replace(g=state.g.replace(params=half), d=state.d.replace(params=half))
    noise = gradient_noise(game, state, batches, "g")
    grads = np.asarray(batches["x"].astype(jnp.bfloat16), np.float64)[:, 0]
    assert noise.variance == pytest.approx(grads.var(axis=0, ddof=1).sum(), rel=1e-5)


def test_the_scale_is_infinite_without_a_signal():
    assert Noise(signal=-0.1, variance=1.0).scale == float("inf")


def test_one_batch_is_refused():
    game, one = linear(), draw(1, 8)
    with pytest.raises(Refused, match="two batches"):
        gradient_noise(game, initial_state(game, jax.tree.map(lambda x: x[0], one)), one, "g")
