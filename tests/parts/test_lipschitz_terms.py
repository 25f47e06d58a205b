"""Wasserstein-div's and the Lipschitz GAN's penalties and the pulling-away term against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import played

import jaxgan as jg
from jaxgan.models import mlp

W = jnp.array([3.0, -4.0])  # |w| = 5
REAL, FAKE = jax.random.normal(jax.random.key(0), (2, 6, 2))


def linear(w, x):
    return x @ w


def curved(w, x):
    """A D whose slope at x is |x|."""
    return jnp.square(x).sum(axis=1) / 2 + 0 * w.sum()


@pytest.mark.parametrize("power", [2.0, 3.0, 6.0])
def test_wgan_div_of_a_linear_discriminator(power):
    """The penalty is k |w|^p, and its gradient k p |w|^(p - 2) w: 0 and not NaN where w is."""
    play = played(linear, d_terms=[jg.terms.wgan_div(2.0, power)])

    @jax.jit
    def penalty(w):
        return jax.value_and_grad(lambda w: play(w, REAL, FAKE)[1]["d/div"])(w)

    value, slope = penalty(W)
    np.testing.assert_allclose(value, 2 * 5**power, rtol=1e-5)
    np.testing.assert_allclose(slope, 2 * power * 5 ** (power - 2) * np.asarray(W), rtol=1e-5)
    np.testing.assert_array_equal(penalty(W * 0)[1], np.zeros(2))


def test_wgan_div_ends_at_the_slope_of_the_closed_form():
    """Of means m apart, -a m + k a^p is least at a = (m / k p)^(1 / (p - 1))."""
    k, p = 2.0, 6.0
    best = (np.linalg.norm(REAL.mean(0) - FAKE.mean(0)) / k / p) ** (1 / (p - 1))
    direction = (REAL.mean(0) - FAKE.mean(0)) / jnp.linalg.norm(REAL.mean(0) - FAKE.mean(0))
    play = played(linear, d_terms=[jg.terms.wgan_div(k, p)])
    slope = jax.grad(lambda w: play(w, REAL, FAKE)[0])(best * direction)
    np.testing.assert_allclose(slope, np.zeros(2), atol=1e-5)


def test_wgan_div_refuses_a_power_without_a_gradient():
    with pytest.raises(jg.Refused, match=r"the power of wgan_div must be 2 or more.*not 1.0"):
        jg.terms.wgan_div(power=1.0)


def test_max_gradient_is_of_the_steepest_point_and_squared():
    """Between real and fake at the same point the slope is that point's norm: the others do not count, and
    only the steepest has a gradient."""
    points = jnp.array([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0]])
    play = played(curved, d_terms=[jg.terms.max_gradient(0.5)])
    penalty = jax.jit(jax.value_and_grad(lambda x: play(W, x, x)[1]["d/max_gp"]))
    value, slope = penalty(points)
    np.testing.assert_allclose(value, 0.5 * 25, rtol=1e-5)
    np.testing.assert_allclose(slope, [[3.0, 4.0], [0, 0], [0, 0]], rtol=1e-5)


def test_max_gradient_of_a_linear_discriminator():
    _, metrics, _ = played(linear, d_terms=[jg.terms.max_gradient()])(W, REAL, FAKE)
    np.testing.assert_allclose(metrics["d/max_gp"], 10 * 25, rtol=1e-5)


def coded(w, x):
    """A D whose code is its input."""
    return jg.Output(x @ w, {"code": x})


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (np.array([[2.0, 0, 0], [0, -3.0, 0], [0, 0, 0.1]]), 0.0),
        (np.array([[1.0, 2, 3], [2.0, 4, 6], [-1.0, -2, -3]]), 1.0),
        (np.array([[0.0, 0, 0], [0, 1, 0], [0, 1, 0]]), 1 / 3),  # a code of 0 is parallel to none
        (np.array([[1.0, 2, 0], [0, 1, 1], [3, 0, 1], [1, 1, 1]]), None),
    ],
)
def test_pulling_away_is_the_mean_squared_cosine_of_pairs(codes, expected):
    if expected is None:
        unit = codes / np.linalg.norm(codes, axis=1, keepdims=True)
        pairs = [(a @ b) ** 2 for i, a in enumerate(unit) for j, b in enumerate(unit) if i != j]
        expected = np.mean(pairs)
    play = played(coded, who="g", g_terms=[jg.terms.pulling_away(1.0)])

    @jax.jit
    def penalty(fake):
        return jax.value_and_grad(lambda x: play(jnp.ones(3), fake * 0, x)[1]["g/pulling_away"])(fake)

    value, slope = penalty(jnp.asarray(codes, jnp.float32))
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    assert np.isfinite(slope).all()


def test_pulling_away_of_weight_0_is_the_run_without_it():
    weights = jnp.linspace(-1, 1, 2)

    def slopes(*terms):
        play = played(coded, who="g", g_terms=terms)
        return jax.jit(jax.value_and_grad(lambda x: play(weights, REAL, x)[0]))(FAKE)

    for a, b in zip(slopes(jg.terms.pulling_away(0.0)), slopes(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_pulling_away_refuses_a_discriminator_without_codes_and_a_single_one():
    term = [jg.terms.pulling_away()]
    with pytest.raises(jg.Refused, match="pulling_away needs a head of D called code"):
        played(linear, who="g", g_terms=term)(W, REAL, FAKE)
    with pytest.raises(jg.Refused, match="needs 2 in a batch, not 1"):
        played(coded, who="g", g_terms=term)(W, REAL[:1], FAKE[:1])


def test_a_head_called_code_of_any_network_will_do():
    d = jg.from_linen(mlp.Discriminator((4,), heads=(("code", 3),)))
    weights, _ = d.init(jax.random.key(0), REAL)
    play = played(lambda w, x: d.apply(w, {}, x)[0], who="g", g_terms=[jg.terms.pulling_away()])
    assert 0 < play(weights, REAL, FAKE)[1]["g/pulling_away"] < 0.1
