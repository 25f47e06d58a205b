"""f-GANs against the divergences of two Gaussians, and their conjugates against the maximum they are."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from two_gaussians import M, quadrature

from jaxgan.parts import objectives as o
from jaxgan.parts.objectives import divergences


def entropy(u):
    return u * np.log(u)


def jsd():
    """By the definition, two relative entropies to the mean of both."""
    _, weights, p, q = quadrature()
    mean = (p + q) / 2
    return (weights * (entropy(p / mean) + entropy(q / mean)) * mean).sum() / 2


# f as a function of u = p/q, the best logit as one of u, the value with it
ROWS = {
    "kl": (entropy, lambda u: 1 + np.log(u), lambda: M**2 / 2),
    "reverse_kl": (lambda u: -np.log(u), np.log, lambda: M**2 / 2),
    "pearson": (lambda u: (u - 1) ** 2, lambda u: 2 * (u - 1), lambda: math.exp(M**2) - 1),
    "squared_hellinger": (
        lambda u: (np.sqrt(u) - 1) ** 2,
        lambda u: np.log(u) / 2,
        lambda: 2 * (1 - math.exp(-(M**2) / 8)),
    ),
    "jensen_shannon": (
        lambda u: entropy(u) - (u + 1) * np.log((u + 1) / 2),
        np.log,
        lambda: 2 * jsd(),
    ),
    "gan": (
        lambda u: entropy(u) - (u + 1) * np.log(u + 1),
        np.log,
        lambda: 2 * jsd() - math.log(4),
    ),
    "total_variation": (
        lambda u: np.abs(u - 1) / 2,
        lambda u: 100 * np.sign(u - 1),
        lambda: math.erf(M / 2 / math.sqrt(2)),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_best_logits_give_the_divergence_of_two_gaussians(name):
    f, best, closed_form = ROWS[name]
    _, weights, p, q = quadrature()
    with jax.enable_x64(True):
        v = jnp.asarray(best(p / q))
        objective = o.f_gan(getattr(divergences, name))
        nothing = jnp.zeros_like(v)
        on_fake = objective.d_told_fake(v)
        on_real = objective.d_loss(v, nothing) - objective.d_told_fake(nothing)
        value = -float((weights * (p * on_real + q * on_fake)).sum())
    np.testing.assert_allclose(value, closed_form(), rtol=0, atol=1e-9)
    np.testing.assert_allclose(value, (weights * q * f(p / q)).sum(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ROWS)
def test_the_conjugate_is_the_largest_value_of_its_definition(name):
    """f*(t) = max over u > 0 of t u - f(u), by a fine search; and g rises, or D would be upside down."""
    f, _, _ = ROWS[name]
    g, conjugate = getattr(divergences, name)
    u = np.exp(np.linspace(-12, 8, 400_001))
    with jax.enable_x64(True):
        for v in (-1.2, -0.3, 0.4, 1.1):
            t = float(g(jnp.float64(v)))
            np.testing.assert_allclose((t * u - f(u)).max(), float(conjugate(jnp.float64(v))), atol=1e-5)
        assert (jnp.diff(g(jnp.linspace(-5, 5, 50))) > 0).all()


@pytest.mark.parametrize("name", [name for name in ROWS if name != "total_variation"])
def test_d_rests_at_the_best_logit(name):
    """Where data are u times as dense as samples, the gradient u d/dv (-g) + d/dv f*(g(v)) is 0 there."""
    _, best, _ = ROWS[name]
    g, conjugate = getattr(divergences, name)
    with jax.enable_x64(True):
        for u in (0.2, 1.0, 3.0):
            v = jnp.float64(best(np.float64(u)))
            np.testing.assert_allclose(u * jax.grad(g)(v), jax.grad(conjugate)(v), rtol=1e-12, atol=1e-15)


def test_the_row_of_the_gan_is_the_gan():
    r, f = jax.random.normal(jax.random.key(0), (2, 100)) * 5
    row = divergences.gan
    for saturating, twin in ((True, o.minimax()), (False, o.non_saturating())):
        objective = o.f_gan(row, saturating=saturating)
        np.testing.assert_array_equal(objective.d_loss(r, f), twin.d_loss(r, f))
        np.testing.assert_array_equal(objective.g_loss(r, f), twin.g_loss(r, f))


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("saturating", [False, True])
def test_finite_at_any_logit_with_gradients_that_point_the_right_way(name, saturating):
    objective = o.f_gan(getattr(divergences, name), saturating=saturating)
    far = jnp.array([-1e4, -90.0, -45.0, 45.0, 90.0, 1e4])

    @jax.jit
    def slopes(logits):
        d_real = jax.grad(lambda r: objective.d_loss(r, jnp.zeros_like(r)).sum())(logits)
        d_fake = jax.grad(lambda f: objective.d_told_fake(f).sum())(logits)
        g = jax.grad(lambda f: objective.g_loss(jnp.zeros_like(f), f).sum())(logits)
        return objective.d_loss(logits, logits), d_real, d_fake, g

    loss, d_real, d_fake, g = slopes(far)
    for array in (loss, d_real, d_fake, g, jnp.square(jnp.stack([d_real, d_fake, g]))):
        assert np.isfinite(array).all()
    assert (d_real <= 0).all()
    assert (g <= 0).all() or (name == "pearson" and saturating)  # its f* falls below v = -2
    assert (d_fake >= 0).all() or name == "pearson"
    if name in ("kl", "squared_hellinger"):  # told "fake", a large logit is pulled down, however large
        assert (d_fake[-3:] > 1e10).all()
