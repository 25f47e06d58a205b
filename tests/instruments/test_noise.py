"""The gradient noise scale of a game whose noise is known."""

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
    """Of one example x, G's gradient is x and D's is 2 x."""

    def loss(who):
        def value(g, d, context):
            own = g if who == "g" else 2 * d
            return (context.batch["x"] @ own).mean(), Aux((), (), (), {})

        return value

    def init(key, batch):
        return Side(jnp.ones(3), {}), Side(jnp.ones(3), {}), ()

    return Game(init, loss("d"), loss("g"), lambda g, key, index, label: index)


def drawn(n, b, seed=0):
    return {"x": jnp.asarray(MEAN + SPREAD * np.random.RandomState(seed).randn(n, b, 3))}


def test_of_known_noise():
    """|G|² = |μ|² and tr(Σ) = |σ|², four times both for D."""
    game, batches = linear(), drawn(400, 8)
    state = initial_state(game, jax.tree.map(lambda x: x[0], batches))
    signal, variance = np.square(MEAN).sum(), np.square(SPREAD).sum()
    for who, square in (("g", 1.0), ("d", 4.0)):
        found = gradient_noise(game, state, batches, who)
        assert found.signal == pytest.approx(square * signal, rel=0.25)
        assert found.variance == pytest.approx(square * variance, rel=0.1)
        assert found.scale == pytest.approx(variance / signal, rel=0.25)


@pytest.mark.parametrize(("n", "b"), [(2, 1), (2, 8), (5, 3)])
def test_both_estimates_are_unbiased(n, b):
    """Over many draws their means are the truth, within four standard errors."""
    game = linear()
    state = initial_state(game, {"x": jnp.zeros((b, 3))})
    measure = jax.jit(jax.vmap(lambda x: gradient_noise(game, state, {"x": x}, "g")))
    found = jax.device_get(measure(drawn(4000 * n, b, seed=n)["x"].reshape(4000, n, b, 3)))
    for estimates, truth in (
        (found.signal, np.square(MEAN).sum()),
        (found.variance, np.square(SPREAD).sum()),
    ):
        error = estimates.std() / np.sqrt(len(estimates))
        assert abs(estimates.mean() - truth) < 4 * error


def test_bfloat16_gradients_are_summed_in_float32():
    """Of four batches: a sum in bfloat16 has three digits."""
    half = jnp.ones(200_000, jnp.bfloat16)

    def value(g, d, context):
        return (g * context.batch["x"].astype(g.dtype)).astype(jnp.float32).sum(), Aux((), (), (), {})

    game = Game(lambda key, batch: (Side(half, {}), Side(half, {}), ()), value, value, None)
    batches = {"x": jnp.asarray(np.random.RandomState(0).randn(4, 1, 200_000))}
    state = initial_state(game, jax.tree.map(lambda x: x[0], batches))
    state = state.replace(g=state.g.replace(params=half), d=state.d.replace(params=half))
    found = gradient_noise(game, state, batches, "g")
    grads = np.asarray(batches["x"].astype(jnp.bfloat16), np.float64)[:, 0]
    assert found.variance == pytest.approx(grads.var(axis=0, ddof=1).sum(), rel=1e-5)


def test_without_a_signal_no_batch_is_large_enough():
    assert Noise(signal=-0.1, variance=1.0).scale == float("inf")


def test_one_batch_is_too_few():
    game, one = linear(), drawn(1, 8)
    with pytest.raises(Refused, match="two batches"):
        gradient_noise(game, initial_state(game, jax.tree.map(lambda x: x[0], one)), one, "g")
