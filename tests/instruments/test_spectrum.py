"""Fields, their Jacobians and spectra against closed forms, finite differences and dense matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from instruments.known import POINT, dirac, initial_state, mlp_game, quadratic, random_field, ring_batch
from jaxgan.errors import Refused
from jaxgan.games.gan import gan
from jaxgan.instruments.field import check_smooth, field
from jaxgan.instruments.hessian import curvature
from jaxgan.instruments.spectrum import (
    eigenvalues,
    fastest,
    jacobian,
    leading,
    rightmost,
    spectral_radius,
    update_operator,
)
from jaxgan.models import dcgan
from jaxgan.parts import latents, objectives, terms
from jaxgan.parts.network import from_linen
from jaxgan.rules.alternating import alternating
from jaxgan.rules.hyperparameters import over_hparams
from jaxgan.rules.lookahead import lookahead
from jaxgan.rules.simultaneous import simultaneous

UPDATE = jax.tree.map(lambda x: x[None, None], POINT)
SLOPE = 0.5  # f'(0) of the logistic loss


def assert_same_set(values, expected, atol=1e-6):
    """Compares complex numbers in any order."""
    left, right = (np.sort_complex(np.round(np.asarray(x, complex), 9)) for x in (values, expected))
    np.testing.assert_allclose(left, right, atol=atol)


def roots(trace, determinant):
    return np.roots([1.0, -trace, determinant])


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.7])
@pytest.mark.parametrize("term", [terms.r1, terms.r2])
def test_a_gradient_penalty_moves_the_eigenvalues_of_dirac_gan_to_the_left(gamma, term):
    game = dirac(d_terms=[term(gamma)])
    root = np.sqrt(complex(gamma**2 / 4 - SLOPE**2))
    assert_same_set(
        eigenvalues(field(game, initial_state(game), POINT)), [-gamma / 2 + root, -gamma / 2 - root]
    )


@pytest.mark.parametrize(
    ("objective", "slope"),
    [
        (objectives.minimax(), 0.5),
        (objectives.non_saturating(), 0.5),
        (objectives.wasserstein(), 1.0),
        (objectives.least_squares(-1.0, 1.0, 1.0), 1.0),
    ],
)
def test_without_a_penalty_eigenvalues_are_imaginary(objective, slope):
    """For least squares, D's own loss (ψθ + 1)²/2 pushes ψ by -θ and G's (ψθ - 1)²/2 pushes θ by ψ."""
    game = dirac(objective)
    assert_same_set(eigenvalues(field(game, initial_state(game), POINT)), [1j * slope, -1j * slope])


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.7])
@pytest.mark.parametrize("h", [0.1, 0.9])
def test_update_operators_of_dirac_gan(gamma, h):
    """Simultaneous steps have 1 + h λ; D first: trace 2 - h γ - h² / 4, determinant 1 - h γ."""
    game, sgd = dirac(d_terms=[terms.r1(gamma)]), optax.sgd(h)
    spectrum = eigenvalues(field(game, initial_state(game), POINT))
    at_once = update_operator(simultaneous(game, sgd, sgd), initial_state(game), UPDATE)
    in_turn = update_operator(alternating(game, sgd, sgd), initial_state(game), UPDATE)
    assert_same_set(np.linalg.eigvals(at_once), 1 + h * spectrum)
    assert_same_set(np.linalg.eigvals(in_turn), roots(2 - h * gamma - (h * SLOPE) ** 2, 1 - h * gamma))


def test_alternating_steps_leave_the_unit_circle_at_two():
    """As in lemma 2.4 of Mescheder et al., 2018: |λ| = 1 up to h f'(0) = 2."""
    game = dirac()

    def radius(h):
        rule = alternating(game, optax.sgd(h), optax.sgd(h))
        return spectral_radius(update_operator(rule, initial_state(game), UPDATE))

    np.testing.assert_allclose([radius(0.1), radius(3.99)], 1.0, atol=1e-9)
    a = 4.2 * SLOPE
    np.testing.assert_allclose(radius(4.2), abs(roots(2 - a * a, 1.0)).max(), rtol=1e-9)
    assert radius(4.2) > 1.5


def test_alternating_steps_of_two_general_numbers():
    """The formula of the docstring, for a J without zeros."""
    (a, b), (c, e) = m = np.array([[-0.7, 1.3], [-2.1, 0.4]])
    game, h = quadratic(m, 1), 0.3
    rule = alternating(game, optax.sgd(h), optax.sgd(h))
    values = np.linalg.eigvals(update_operator(rule, initial_state(game), UPDATE))
    assert_same_set(values, roots(2 + h * (a + e) + h**2 * b * c, (1 + h * a) * (1 + h * e)))


def test_the_operator_includes_the_state_of_an_optimiser():
    """Momentum β doubles the dimension: λ_v gives the roots of z² - (1 + β + h λ_v) z + β."""
    m, h, beta = random_field(4, 2), 0.1, 0.6
    game, tx = quadratic(m, 2), optax.sgd(0.1, momentum=beta)
    operator = update_operator(simultaneous(game, tx, tx), initial_state(game, tx=tx), UPDATE)
    expected = [z for value in np.linalg.eigvals(m) for z in roots(1 + beta + h * value, beta)]
    assert operator.shape == (8, 8)
    assert_same_set(np.linalg.eigvals(operator), expected)


def test_the_operator_excludes_constants():
    """Learning rates in a rule's state would have eigenvalues of 1."""
    m = random_field(4, 2)
    game = quadratic(m, 2)

    def build(given):
        return simultaneous(game, *[optax.sgd(given["lr"])] * 2)

    rule = over_hparams(build)({"lr": 0.1})
    tuned = initial_state(game).replace(rule=rule.init(jax.random.key(0), UPDATE).rule)
    assert_same_set(np.linalg.eigvals(update_operator(rule, tuned, UPDATE)), 1 + 0.1 * np.linalg.eigvals(m))

    injected = optax.inject_hyperparams(optax.sgd)(0.1)
    rule = simultaneous(game, injected, injected)
    operator = update_operator(rule, initial_state(game, tx=injected), UPDATE)
    assert_same_set(np.linalg.eigvals(operator), 1 + 0.1 * np.linalg.eigvals(m))


def test_a_periodic_rule_has_a_rate_per_period():
    """Lookahead after every 3 steps: I + pull (A³ - I) acts on the players and the slow weights."""
    m, h = random_field(4, 2), 0.1
    game, sgd = quadratic(m, 2), optax.sgd(h)
    rule = lookahead(simultaneous(game, sgd, sgd), every=3, pull=0.3)
    state = rule.init(jax.random.key(0), UPDATE)
    rate = spectral_radius(update_operator(rule, state, UPDATE, updates=3))
    steps = np.linalg.eigvals(np.eye(4) + h * m) ** 3
    np.testing.assert_allclose(rate, abs(1 + 0.3 * (steps - 1)).max(), rtol=1e-9)


@pytest.mark.parametrize("n", [4, 40])
def test_a_field_that_is_0(n):
    """For which the solvers fail."""
    zero = field(
        quadratic(np.zeros((2 * n, 2 * n)), n), initial_state(quadratic(np.zeros((2 * n, 2 * n)), n)), POINT
    )
    assert not leading(zero, k=3).any()
    assert not rightmost(zero).any()
    assert not fastest(zero).any()
    assert curvature(zero, "g") == (0, 0)


def test_the_jacobian_is_that_of_the_field():
    m = random_field()
    here = field(quadratic(m, 3), initial_state(quadratic(m, 3)), POINT)
    assert here.g_size == 3
    np.testing.assert_allclose(here.velocity(here.at), m @ np.asarray(here.at), atol=1e-12)
    np.testing.assert_allclose(jacobian(here), m, atol=1e-12)
    u = jnp.arange(7.0)
    np.testing.assert_allclose(here.product(u), m @ np.arange(7.0), atol=1e-12)
    np.testing.assert_allclose(here.transposed(u), m.T @ np.arange(7.0), atol=1e-12)


@pytest.fixture(scope="module")
def networks():
    """The field of two small networks, with a penalty that is a derivative itself, and its Jacobian."""
    with jax.enable_x64(True):
        game = mlp_game(d_terms=[terms.r1(0.5)])
        here = field(game, initial_state(game, ring_batch(16)), ring_batch(16))
        return here, jacobian(here)


def test_products_are_differences_of_the_field(networks):
    here, matrix = networks
    u = np.random.RandomState(1).randn(here.at.size)
    step = 1e-6
    ahead, behind = here.velocity(here.at + step * u), here.velocity(here.at - step * u)
    np.testing.assert_allclose(here.product(u), (ahead - behind) / (2 * step), atol=1e-7)
    np.testing.assert_allclose(here.product(u), matrix @ u, atol=1e-12)
    np.testing.assert_allclose(here.transposed(u), matrix.T @ u, atol=1e-12)


def test_arnoldi_agrees_with_the_dense_matrix(networks):
    here, matrix = networks
    full = np.linalg.eigvals(matrix)
    values = leading(here, 6)
    assert (np.diff(abs(values)) <= 1e-9).all()
    np.testing.assert_allclose(abs(values), np.sort(abs(full))[:-7:-1], atol=1e-6)
    np.testing.assert_allclose(abs(values[:, None] - full).min(axis=1), 0.0, atol=1e-6)


@pytest.mark.parametrize("far", [0.0, -50.0, 50j])
def test_the_rightmost_need_not_be_the_largest(far):
    """They are found beside one eigenvalue, or a pair, of much larger modulus on the left or the axis."""
    m = np.diag(np.linspace(-1.0, 0.3, 40))
    m[0, 0] = m[20, 20] = far.real
    m[0, 20], m[20, 0] = far.imag, -far.imag
    values = rightmost(field(quadratic(m, 20), initial_state(quadratic(m, 20)), POINT))
    full = np.linalg.eigvals(m)
    np.testing.assert_allclose(values.real, np.sort(full.real)[:-3:-1], atol=1e-5)


@pytest.mark.parametrize("far", [0.0, -50.0, 50.0])
def test_the_fastest_need_not_be_the_largest(far):
    """Both of a conjugate pair are found, of which a solver may return only one."""
    m = np.diag(np.linspace(-1.0, 0.3, 40))
    m[0, 0] = far
    m[5, 25], m[25, 5] = -2.0, 2.0
    values = fastest(field(quadratic(m, 20), initial_state(quadratic(m, 20)), POINT))
    full = np.linalg.eigvals(m)
    np.testing.assert_allclose(np.sort(values.imag), np.sort(full.imag)[[0, -1]], atol=1e-5)


def test_all_eigenvalues_are_sorted_by_real_part():
    m = random_field()
    values = eigenvalues(field(quadratic(m, 3), initial_state(quadratic(m, 3)), POINT))
    assert (np.diff(values.real) <= 0).all()
    assert_same_set(values, np.linalg.eigvals(m))


def test_unconverged_eigenvalues_are_refused_with_their_residual():
    coupling, none = np.random.RandomState(0).randn(30, 30), np.zeros((30, 30))
    game = quadratic(np.block([[none, coupling], [-coupling.T, none]]), 30)
    with pytest.raises(Refused, match=r"residual is 0\.\d+ of \|J\|"):
        leading(field(game, initial_state(game), POINT), k=6, products=20)


def test_too_many_parameters_for_a_full_spectrum_are_refused():
    game = quadratic(np.zeros((2, 2)), 1)
    state = initial_state(game)
    large = state.replace(g=state.g.replace(params=jnp.zeros(4000)))
    with pytest.raises(Refused, match=r"4001 numbers .* at most 4000: .* Arnoldi"):
        jacobian(field(game, state, POINT)._replace(at=jnp.zeros(4001)))
    with pytest.raises(Refused, match="4001 numbers"):
        update_operator(simultaneous(game, optax.sgd(1.0), optax.sgd(1.0)), large, UPDATE)


def test_arnoldi_refuses_too_few_parameters():
    game = dirac()
    with pytest.raises(Refused, match="use `eigenvalues`"):
        leading(field(game, initial_state(game), POINT))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_wgan_gp_has_no_spectrum_where_d_is_flat(dtype):
    """Its penalty (|ψ| - 1)² has a kink at 0, where autodiff returns a number all the same."""
    game = dirac(objectives.wasserstein(), d_terms=[terms.wgan_gp(1.0)])
    state = initial_state(game)
    lower = jax.tree.map(lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, state)
    here = field(game, lower, POINT)
    assert here.at.dtype == dtype
    with pytest.raises(Refused, match="jumps by 4"):  # from -2 to 2
        eigenvalues(here)
    elsewhere = state.replace(d=state.d.replace(params=jnp.array(0.5)))
    assert_same_set(eigenvalues(field(game, elsewhere, POINT)), np.roots([1.0, 2.0, 1.0]))


def test_a_derivative_that_is_not_finite_is_refused():
    game = quadratic(np.array([[np.inf, 1.0], [-1.0, 0.0]]), 1)
    with pytest.raises(Refused, match="not finite"):
        jacobian(field(game, initial_state(game), POINT))


def test_relu_is_smooth_enough_in_float32():
    with jax.enable_x64(False):
        game, batch = mlp_game(), ring_batch(64)
        check_smooth(field(game, initial_state(game, batch), batch))


@pytest.mark.slow
def test_products_go_through_convolutions_and_batchnorm():
    """Not with spectral norm, whose vectors change with the parameters but are constant to autodiff."""
    game = gan(
        from_linen(dcgan.Generator(shape=(8, 8, 1), width=2)),
        from_linen(dcgan.Discriminator(width=2, norm="none")),
        latent=latents.normal(4),
        objective=objectives.minimax(),
    )
    x = jax.random.normal(jax.random.key(0), (4, 8, 8, 1))
    batch = {"x": x, "index": jnp.arange(4, dtype=jnp.uint32)}
    here = field(game, initial_state(game, batch), batch)
    u, w = (np.random.RandomState(i).randn(here.at.size) for i in (1, 2))
    step = 1e-7
    difference = (here.velocity(here.at + step * u) - here.velocity(here.at - step * u)) / (2 * step)
    along = here.product(u)
    assert np.linalg.norm(along - difference) < 1e-4 * np.linalg.norm(along)
    np.testing.assert_allclose(w @ along, u @ here.transposed(w), rtol=1e-8)
