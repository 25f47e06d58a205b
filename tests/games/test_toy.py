"""Toy games against what is known of them by heart: their fields' Jacobians, spectra and equilibria."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from jaxgan.games.toy import bilinear, dirac, linear_quadratic, of_losses, quadratic, two_modes
from jaxgan.parts import objectives, terms
from jaxgan.rules.alternating import alternating
from jaxgan.rules.simultaneous import simultaneous
from jaxgan.rules.vector_field import Both, with_params

h = 0.1
SGD = optax.sgd(h), optax.sgd(h)


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def zeros(count=1):
    return {"x": jnp.zeros((1, 1, count, 1)), "index": jnp.arange(count).reshape(1, 1, count)}


def operator(rule, point=None, batches=None):
    """The Jacobian of a rule's update, as a map of all parameters, G's first."""
    batches = zeros() if batches is None else batches
    state = rule.init(jax.random.key(0), batches)
    flat, unravel = ravel_pytree(Both(state.g.params, state.d.params))

    def update(flat):
        new, _ = rule.update(with_params(state, unravel(flat)), batches)
        return ravel_pytree(Both(new.g.params, new.d.params))[0]

    return np.array(jax.jit(jax.jacobian(update))(flat if point is None else jnp.array(point, float)))


def field_jacobian(game, point=None, batches=None):
    """J of F, from a simultaneous step 1 - h J."""
    step = operator(simultaneous(game, *SGD), point, batches)
    return (np.eye(len(step)) - step) / h


def by_value(x):
    return sorted(np.asarray(x, complex), key=lambda x: (round(x.real, 7), x.imag))


def same_spectrum(matrix, expected, **tolerance):
    result = by_value(np.linalg.eigvals(matrix))
    np.testing.assert_allclose(result, by_value(expected), **{"atol": 1e-6, **tolerance})


def pair(gamma, turn):
    """The eigenvalues -gamma/2 +- sqrt(gamma^2/4 - turn^2)."""
    root = np.sqrt(complex(gamma**2 / 4 - turn**2))
    return [-gamma / 2 + root, -gamma / 2 - root]


LEAST_SQUARES = objectives.least_squares(-1, 1, 1)
TURNS = {
    "minimax": (objectives.minimax(), 0.5),
    "non_saturating": (objectives.non_saturating(), 0.5),
    "wasserstein": (objectives.wasserstein(), 1.0),
    "least_squares": (LEAST_SQUARES, 1.0),
    "relativistic": (objectives.relativistic(), 0.5),
}


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("penalty", [terms.r1, terms.r2])
@pytest.mark.parametrize("gamma", [0.3, 3.0])
def test_the_dirac_gan_has_the_spectra_of_mescheder(name, penalty, gamma):
    objective, turn = TURNS[name]
    game = dirac(objective, d_terms=[penalty(gamma)])
    expected = np.array([[0, turn], [-turn, -gamma]])
    descent = -field_jacobian(game, [0.0, 0.0])
    np.testing.assert_allclose(descent, expected, atol=1e-6)
    same_spectrum(descent, pair(gamma, turn))
    same_spectrum(operator(simultaneous(game, *SGD), [0, 0]), 1 + h * np.array(pair(gamma, turn)))


@pytest.mark.parametrize("gamma", [0.0, 0.3, 3.0])
@pytest.mark.parametrize("name", ["minimax", "wasserstein"])
def test_the_alternating_operator_of_the_dirac_gan(name, gamma):
    objective, turn = TURNS[name]
    result = operator(alternating(dirac(objective, d_terms=[terms.r1(gamma)]), *SGD), [0.0, 0.0])
    second, first = np.array([[1, h * turn], [0, 1]]), np.array([[1, 0], [-h * turn, 1 - h * gamma]])
    np.testing.assert_allclose(result, second @ first, atol=1e-6)
    trace, determinant = 2 - h * gamma - (h * turn) ** 2, 1 - h * gamma
    same_spectrum(result, np.roots([1, -trace, determinant]))


def test_instance_noise_damps_the_dirac_gan():
    """Mescheder et al., 2018: the eigenvalues f'' sigma^2 +- sqrt(f''^2 sigma^4 - f'^2), f'' = -1/4."""
    sigma, count = 1.5, 100_000
    game = dirac(objectives.minimax(), instance_noise=sigma)
    descent = -field_jacobian(game, [0.0, 0.0], zeros(count))
    error = 4 * 0.25 * sigma**2 * np.sqrt(2 * 2 / count)  # 4 standard deviations: a variance of either side
    np.testing.assert_allclose(descent, [[0, 0.5], [-0.5, -2 * 0.25 * sigma**2]], atol=error)


def test_the_field_of_wgan_gp_jumps_at_a_flat_critic():
    game = dirac(objectives.wasserstein(), d_terms=[terms.wgan_gp(1.0)])
    state = simultaneous(game, *SGD).init(jax.random.key(0), zeros())

    def d_grad(psi):
        new, _ = simultaneous(game, *SGD).update(
            with_params(state, Both(jnp.zeros(()), jnp.array(psi))), zeros()
        )
        return float(psi - new.d.params) / h

    np.testing.assert_allclose([d_grad(1e-9), d_grad(-1e-9)], [-2, 2], atol=1e-6)


def test_toy_games_start_at_the_given_point():
    game = dirac(objectives.wasserstein(), start=(0.1, -0.3))
    g, d, _ = game.init(jax.random.key(0), jax.tree.map(lambda x: x[0, 0], zeros()))
    assert (float(g.params), float(d.params)) == (0.1, -0.3)
    assert float(game.sample(g, jax.random.key(0), jnp.arange(3), {})[2, 0]) == 0.1


def test_bilinear_rotates():
    np.testing.assert_allclose(field_jacobian(bilinear(3.0)), [[0, 1], [-1, 0]], atol=1e-9)


@pytest.mark.parametrize("answered", [False, True])
def test_quadratic_has_the_jacobian_it_is_given(answered):
    draw = np.random.RandomState(0)
    p, a, b = draw.randn(3, 3), draw.randn(3, 2), draw.randn(2, 3)
    game = quadratic(jnp.array(a), jnp.array(p + p.T), 0.7, jnp.array(b) if answered else None)
    expected = np.block([[p + p.T, a], [b if answered else -a.T, 0.7 * np.eye(2)]])
    np.testing.assert_allclose(field_jacobian(game), expected, atol=1e-9)


@pytest.mark.parametrize("ridge", [0.0, 0.4])
def test_two_modes(ridge):
    game = two_modes(ridge=ridge)
    point = [-1.0, 1.0, 0.0, 0.0]
    state, _ = simultaneous(game, *SGD).update(placed_at(game, point), zeros())
    np.testing.assert_allclose(state.g.params, [-1, 1])  # an equilibrium
    np.testing.assert_allclose(state.d.params, 0, atol=1e-12)
    same_spectrum(-field_jacobian(game, point), pair(ridge, np.sqrt(2)) + pair(ridge, np.sqrt(0.5)))


def placed_at(game, point):
    state = simultaneous(game, *SGD).init(jax.random.key(0), zeros())
    _, unravel = ravel_pytree(Both(state.g.params, state.d.params))
    return with_params(state, unravel(jnp.array(point, float)))


def test_two_modes_are_learned():
    rule = alternating(two_modes(ridge=1.0), *SGD)
    state, update = rule.init(jax.random.key(0), zeros()), jax.jit(rule.update)
    for _ in range(500):
        state, _ = update(state, zeros())
    np.testing.assert_allclose(state.g.params, [-1, 1], atol=1e-6)
    x = two_modes(0.1).sample(state.g.side, jax.random.key(1), jnp.arange(20_000), {})
    np.testing.assert_allclose([x.mean(), (x**2).mean()], [0, 1.01], atol=0.03)


@pytest.mark.parametrize("ridge", [0.0, 0.5, 9.0])
def test_linear_quadratic_in_one_dimension(ridge):
    game = linear_quadratic(jnp.array([[4.0]]), ridge)
    same_spectrum(-field_jacobian(game, [2.0, 0.0]), pair(ridge, 4.0))


def test_linear_quadratic_learns_a_covariance():
    draw = np.random.RandomState(0).randn(2, 2)
    covariance = draw @ draw.T + np.eye(2)
    rule = alternating(linear_quadratic(jnp.array(covariance), ridge=2.0), *SGD)
    state, update = rule.init(jax.random.key(0), zeros()), jax.jit(rule.update)
    for _ in range(1000):
        state, _ = update(state, zeros())
    np.testing.assert_allclose(state.g.params @ state.g.params.T, covariance, atol=1e-6)


def test_a_game_of_two_losses_may_have_trees_for_players():
    game = of_losses(
        lambda g, d: g["a"] * d[0] + g["b"] * d[1], lambda g, d: d[0] ** 2, {"a": 1, "b": 2.0}, (3.0, 4.0)
    )
    expected = np.zeros((4, 4))
    expected[0, 2] = expected[1, 3] = 1
    expected[2, 2] = 2
    np.testing.assert_allclose(field_jacobian(game), expected, atol=1e-9)
