"""The two parts of a Jacobian, exactly and by random signs."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments.known import POINT, initial_state, quadratic, random_field
from jaxgan.instruments import rotation as module
from jaxgan.instruments.field import field
from jaxgan.instruments.rotation import rotation, rotation_estimate


def here(m, g_size):
    game = quadratic(m, g_size)
    return field(game, initial_state(game), POINT)


def test_the_parts_of_a_known_jacobian():
    m = random_field()
    found = rotation(here(m, 3))
    np.testing.assert_allclose(found.potential, np.linalg.norm((m + m.T) / 2), rtol=1e-12)
    np.testing.assert_allclose(found.hamiltonian, np.linalg.norm((m - m.T) / 2), rtol=1e-12)
    np.testing.assert_allclose(found.potential**2 + found.hamiltonian**2, np.square(m).sum(), rtol=1e-12)
    np.testing.assert_allclose(found.share, np.square(m - m.T).sum() / 4 / np.square(m).sum(), rtol=1e-12)


@pytest.mark.parametrize(("sign", "share"), [(1.0, 0.0), (-1.0, 1.0)])
def test_what_only_descends_and_what_only_turns(sign, share):
    coupling, none = np.random.RandomState(0).randn(3, 3), np.zeros((3, 3))
    m = np.block([[none, coupling], [sign * coupling.T, none]])
    assert rotation(here(m, 3)).share == pytest.approx(share, abs=1e-12)
    assert rotation_estimate(here(m, 3)).share == pytest.approx(share, abs=1e-12)


def test_a_game_without_slope_does_not_turn():
    assert rotation(here(np.zeros((2, 2)), 1)).share == 0.0


def test_the_estimate_over_all_signs_is_exact(monkeypatch):
    """Its mean over every vector of signs, each once, is what it estimates."""
    m = random_field(5, 2)
    signs = [jnp.array(s) for s in product([-1.0, 1.0], repeat=5)]
    drawn = iter(signs)
    monkeypatch.setattr(module.jax.random, "rademacher", lambda key, shape, dtype: next(drawn))
    found, exact = rotation_estimate(here(m, 2), probes=len(signs)), rotation(here(m, 2))
    np.testing.assert_allclose(found.potential, exact.potential, rtol=1e-12)
    np.testing.assert_allclose(found.hamiltonian, exact.hamiltonian, rtol=1e-12)


def test_the_estimate_comes_near_with_the_draws_it_makes():
    m = random_field(40, 20)
    found, exact = rotation_estimate(here(m, 20), probes=64), rotation(here(m, 20))
    spread = 4 * np.sqrt(2 / 64)  # of the squares, at most
    assert found.potential**2 == pytest.approx(exact.potential**2, rel=spread)
    assert found.hamiltonian**2 == pytest.approx(exact.hamiltonian**2, rel=spread)
    assert jax.device_get(found).share == pytest.approx(exact.share, rel=0.1)


def test_no_two_probes_are_the_same():
    m = random_field(40, 20)
    one, two = (float(rotation_estimate(here(m, 20), probes=n).potential) for n in (1, 2))
    assert two != pytest.approx(one, rel=1e-6)
