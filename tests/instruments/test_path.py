"""The path angle of known fields."""

import jax.numpy as jnp
import numpy as np
import pytest

from instruments.known import POINT, initial_state, quadratic, random_field
from jaxgan.errors import Refused
from jaxgan.instruments.path import path_angle


def along(m, g_size, start, end, **options):
    game = quadratic(np.asarray(m), g_size)
    state = initial_state(game)

    def at(theta):
        theta = jnp.asarray(theta, float)
        g, d = state.g.replace(params=theta[:g_size]), state.d.replace(params=theta[g_size:])
        return state.replace(g=g, d=d)

    return path_angle(game, at(start), at(end), POINT, **options)


def test_angles_and_norms_of_a_linear_field():
    m, random = random_field(), np.random.RandomState(5)
    start, end = random.randn(7), random.randn(7)
    place = np.array([0.0, 0.25, 1.0, 1.3])
    path = along(m, 3, start, end, place=place)
    for a, cosine, norm in zip(place, path.cosine, path.norm, strict=True):
        v, line = m @ (start + a * (end - start)), end - start
        np.testing.assert_allclose(norm, np.linalg.norm(v), rtol=1e-10)
        np.testing.assert_allclose(cosine, v @ line / np.linalg.norm(v) / np.linalg.norm(line), rtol=1e-9)


def test_the_cosine_changes_sign_at_an_attractor():
    path = along(-np.eye(4), 2, np.ones(4), np.zeros(4))
    np.testing.assert_allclose(path.cosine[path.place < 0.99], 1.0, atol=1e-12)
    np.testing.assert_allclose(path.cosine[path.place > 1.01], -1.0, atol=1e-12)
    np.testing.assert_allclose(path.norm, 2 * abs(1 - path.place), atol=1e-12)


def test_a_rotation_shows_a_bump_of_one_sign():
    """For a line that passes the centre at a distance, at its nearest point."""
    path = along([[0.0, 1.0], [-1.0, 0.0]], 1, [-1.0, 0.1], [0.0, 0.1])
    assert path.place[np.argmax(path.cosine)] == pytest.approx(1.0, abs=0.02)
    assert (path.cosine > 0).all()


def test_a_path_without_length_is_refused():
    with pytest.raises(Refused, match="has no length"):
        along(-np.eye(2), 1, [1.0, 1.0], [1.0, 1.0])
