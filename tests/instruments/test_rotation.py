"""The potential and Hamiltonian parts of a Jacobian, exact and estimated."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments.known import POINT, initial_state, quadratic, random_field
from jaxgan.instruments import rotation as module
from jaxgan.instruments.field import field
from jaxgan.instruments.rotation import rotation, rotation_estimate


def field_of(m, g_size):
    game = quadratic(m, g_size)
    return field(game, initial_state(game), POINT)


def test_norms_of_a_known_jacobian():
    m = random_field()
    result = rotation(field_of(m, 3))
    np.testing.assert_allclose(result.potential, np.linalg.norm((m + m.T) / 2), rtol=1e-12)
    np.testing.assert_allclose(result.hamiltonian, np.linalg.norm((m - m.T) / 2), rtol=1e-12)
    np.testing.assert_allclose(result.potential**2 + result.hamiltonian**2, np.square(m).sum(), rtol=1e-12)
    np.testing.assert_allclose(result.share, np.square(m - m.T).sum() / 4 / np.square(m).sum(), rtol=1e-12)


@pytest.mark.parametrize(("sign", "share"), [(1.0, 0.0), (-1.0, 1.0)])
def test_pure_descent_and_pure_rotation(sign, share):
    coupling, none = np.random.RandomState(0).randn(3, 3), np.zeros((3, 3))
    m = np.block([[none, coupling], [sign * coupling.T, none]])
    assert rotation(field_of(m, 3)).share == pytest.approx(share, abs=1e-12)
    assert rotation_estimate(field_of(m, 3)).share == pytest.approx(share, abs=1e-12)


def test_a_game_without_gradients_does_not_rotate():
    assert rotation(field_of(np.zeros((2, 2)), 1)).share == 0.0


def test_the_estimate_over_all_signs_is_exact(monkeypatch):
    """The mean over all vectors of signs is the exact value."""
    m = random_field(5, 2)
    signs = [jnp.array(s) for s in product([-1.0, 1.0], repeat=5)]
    draws = iter(signs)
    monkeypatch.setattr(module.jax.random, "rademacher", lambda key, shape, dtype: next(draws))
    result, exact = rotation_estimate(field_of(m, 2), probes=len(signs)), rotation(field_of(m, 2))
    np.testing.assert_allclose(result.potential, exact.potential, rtol=1e-12)
    np.testing.assert_allclose(result.hamiltonian, exact.hamiltonian, rtol=1e-12)


def test_the_estimate_is_near_the_exact_value():
    m = random_field(40, 20)
    result, exact = rotation_estimate(field_of(m, 20), probes=64), rotation(field_of(m, 20))
    spread = 4 * np.sqrt(2 / 64)  # of the squares, at most
    assert result.potential**2 == pytest.approx(exact.potential**2, rel=spread)
    assert result.hamiltonian**2 == pytest.approx(exact.hamiltonian**2, rel=spread)
    assert jax.device_get(result).share == pytest.approx(exact.share, rel=0.1)


def test_probes_differ():
    m = random_field(40, 20)
    one, two = (float(rotation_estimate(field_of(m, 20), probes=n).potential) for n in (1, 2))
    assert two != pytest.approx(one, rel=1e-6)
