"""Objectives with a memory, a margin or examples in them: EBGAN, BEGAN, Fisher GAN, loss-sensitive GAN."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import played
from two_gaussians import quadrature

import jaxgan as jg
from jaxgan.parts import objectives as o

REAL = np.array([[0.3], [1.2], [-0.4], [2.0]], np.float32)
FAKE = np.array([[-1.0], [0.5], [3.0], [-2.5]], np.float32)


def scaled(w, x):
    """Logits w x of points x [B, 1]: with w = -1 the points are energies."""
    return x[:, 0] * w


def test_ebgan_hinges_the_energy_of_each_fake_and_not_their_mean():
    """Public code compares the batch's mean energy with the margin: fakes beyond it would be lifted too."""
    lifted = jax.grad(lambda f: o.ebgan(2.0).d_loss(jnp.zeros(4), f).mean())(-jnp.array([1.0, 9.0, 0.5, 3.0]))
    np.testing.assert_allclose(lifted, [0.25, 0, 0.25, 0])
    of_mean = jax.grad(lambda f: jax.nn.relu(2.0 + f.mean()))(-jnp.array([1.0, 9.0, 0.5, 3.0]))
    assert not of_mean.any()


def test_began_moves_its_balance_by_the_ratio_of_the_energies():
    """Of constant energies a and b, k moves by rate (gamma a - b) a step, and stops at 0 and 1."""
    gamma, rate, energies = 0.5, 0.1, jnp.float32(-1)
    play = jax.jit(played(scaled, o.began(gamma, rate)))
    for a, b in ((4.0, 1.3), (1.0, 3.0)):
        memory, k = None, 0.0
        for _ in range(18):
            loss, metrics, memory = play(energies, jnp.full((4, 1), a), jnp.full((4, 1), b), memory)
            np.testing.assert_allclose(loss, a - k * b, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(metrics["d/balance"], -k * b, rtol=1e-5, atol=1e-6)
            k = min(max(k + rate * (gamma * a - b), 0.0), 1.0)
            np.testing.assert_allclose(memory["d"][0], k, rtol=1e-5, atol=1e-6)
        assert k == (1.0 if gamma * a > b else 0.0)


def test_began_is_at_rest_where_the_energies_have_the_ratio_gamma():
    play = played(scaled, o.began(0.7, 0.1))
    _, _, memory = play(
        jnp.float32(-1), jnp.full((4, 1), 2.0), jnp.full((4, 1), 1.4), {"d": (jnp.float32(0.3),), "g": ()}
    )
    np.testing.assert_allclose(memory["d"][0], 0.3, rtol=1e-6)


def test_k_is_a_constant_to_the_gradient_of_began():
    """d/dw of -w x + k w y is -x + k y: with k a function of this step's energies it would be another."""
    play, memory = played(scaled, o.began(0.5, 10.0)), {"d": (jnp.float32(0.25),), "g": ()}
    slope = jax.grad(lambda w: play(w, REAL, FAKE, memory)[0])(jnp.float32(-1))
    np.testing.assert_allclose(slope, -REAL.mean() + 0.25 * FAKE.mean(), rtol=1e-5)


def test_began_without_a_rate_is_the_autoencoder_of_real_examples():
    """k stays 0, its start: D's loss is that of the objective without the term, bit for bit."""

    def of(objective):
        return jax.jit(jax.value_and_grad(lambda w: played(scaled, objective)(w, REAL, FAKE)[0]))

    still, plain = o.began(rate=0.0), o.began()._replace(d_terms=())
    np.testing.assert_array_equal(of(still)(jnp.float32(-0.3)), of(plain)(jnp.float32(-0.3)))


def test_fishers_constraint_by_hand():
    rho, multiplier = 0.3, 0.2
    memory = {"d": (jnp.float32(multiplier),), "g": ()}
    loss, metrics, memory = played(scaled, o.fisher(rho))(jnp.float32(0.5), REAL, FAKE, memory)
    r, f = REAL[:, 0] / 2, FAKE[:, 0] / 2
    gap = 1 - np.mean([*r**2, *f**2])
    expected = -(r.mean() - f.mean()) - multiplier * gap + rho / 2 * gap**2
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    np.testing.assert_allclose(metrics["d/fisher"], expected + r.mean() - f.mean(), rtol=1e-5)
    np.testing.assert_allclose(memory["d"][0], multiplier - rho * gap, rtol=1e-6)


def test_fishers_multiplier_grows_while_the_critic_is_too_large():
    """The sign that copies get wrong: of a critic of second moment 4, the multiplier rises."""
    play = played(scaled, o.fisher(0.1))
    _, _, memory = play(jnp.float32(1), jnp.full((4, 1), 2.0), jnp.full((4, 1), -2.0))
    np.testing.assert_allclose(memory["d"][0], 0.1 * 3, rtol=1e-5)


def test_fisher_finds_the_distance_of_two_gaussians():
    """The best critic is (p - q) / (l (p + q)) with l^2 = int (p - q)^2 / 2 (p + q): its second moment is 1,
    the distance 2 l, and with the multiplier l the gradient of D's loss in the critic is 0 everywhere."""
    _, weights, p, q = quadrature()
    best = np.sqrt((weights * (p - q) ** 2 / (p + q)).sum() / 2)
    critic = (p - q) / (best * (p + q))
    assert abs((weights * critic**2 * (p + q)).sum() / 2 - 1) < 1e-9
    assert abs((weights * critic * (p - q)).sum() - 2 * best) < 1e-9
    # the same critic as a table of logits of 40 points each, drawn as often as the densities say: exactly
    with jax.enable_x64(True):
        counts_p, counts_q = np.array([1, 2, 3, 4]), np.array([4, 1, 3, 2])
        real, fake = (np.repeat(np.eye(4), counts, axis=0) for counts in (counts_p, counts_q))
        best = np.sqrt(((counts_p - counts_q) ** 2 / (counts_p + counts_q)).sum() / 10 / 2)
        table = jnp.asarray((counts_p - counts_q) / (best * (counts_p + counts_q)))
        play = played(lambda w, x: x @ w, o.fisher(0.1))

        @jax.jit
        def slope(table, multiplier):
            memory = {"d": (multiplier,), "g": ()}
            return jax.grad(lambda table: play(table, real, fake, memory)[0])(table)

        np.testing.assert_allclose(slope(table, jnp.float64(best)), np.zeros(4), atol=1e-12)
        assert np.abs(slope(table, jnp.float64(-best))).max() > 0.1


def test_a_loss_sensitive_margin_grows_with_the_distance():
    """By a loop over pairs; |x - x'| is over all numbers of an example, and constant to G's gradient."""
    real, fake = jax.random.normal(jax.random.key(0), (2, 4, 3, 2))
    play = played(lambda w, x: x.reshape(4, 6) @ w, o.loss_sensitive(slope=0.5, weight=0.2))
    w = jnp.linspace(-1, 1, 6)
    loss, metrics, _ = play(w, real, fake)
    pairs = [
        max(0.0, 0.5 * float(abs(x - y).sum()) - float(x.ravel() @ w) + float(y.ravel() @ w))
        for x, y in zip(real, fake, strict=True)
    ]
    np.testing.assert_allclose(metrics["d/margin"], np.mean(pairs), rtol=1e-5)
    np.testing.assert_allclose(loss, np.mean(pairs) - 0.2 * (real.reshape(4, 6) @ w).mean(), rtol=1e-4)
    moved = jax.grad(lambda fake: play(w, real, fake)[0])(fake).reshape(4, 6)
    np.testing.assert_allclose(moved, np.outer(np.array(pairs) > 0, w / 4), rtol=1e-5)


def test_without_a_slope_the_loss_sensitive_margin_is_0():
    loss, _, _ = played(scaled, o.loss_sensitive(slope=0.0))(jnp.float32(0.7), REAL, FAKE)
    np.testing.assert_allclose(loss, np.maximum(0.7 * (FAKE - REAL), 0).mean(), rtol=1e-6)
    with_patches = played(lambda w, x: x[:, :, None] * w, o.loss_sensitive(slope=0.0))
    np.testing.assert_allclose(with_patches(jnp.full(3, 0.7), REAL, FAKE)[0], loss, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: o.ebgan(0.0), "the margin of ebgan must be above 0, not 0.0"),
        (lambda: o.began(-1.0), "gamma of began must be 0 or more, not -1.0"),
        (lambda: o.fisher(0.0), "rho of fisher must be above 0, not 0.0"),
        (lambda: o.loss_sensitive(-1.0), "the slope of loss_sensitive must be 0 or more, not -1.0"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(jg.Refused, match=message):
        make()
