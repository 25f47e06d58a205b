"""The extreme eigenvalues of each player's Hessian against the dense matrix."""

import jax
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from instruments.known import POINT, dirac, initial_state, mlp_game, quadratic, random_field, ring_batch
from jaxgan.errors import Refused
from jaxgan.instruments.field import context_of, field
from jaxgan.instruments.hessian import curvature
from jaxgan.parts import objectives, terms


@pytest.mark.parametrize(("n", "g_size"), [(7, 3), (60, 30)])
@pytest.mark.parametrize("who", ["g", "d"])
def test_a_quadratic_game(n, g_size, who):
    """The Hessian is minus the block of J; dense, and by Lanczos."""
    m = random_field(n, g_size)
    block = m[:g_size, :g_size] if who == "g" else m[g_size:, g_size:]
    expected = np.linalg.eigvalsh(-block)[[0, -1]]
    game = quadratic(m, g_size)
    np.testing.assert_allclose(curvature(field(game, initial_state(game), POINT), who), expected, atol=1e-6)


@pytest.mark.parametrize("who", ["g", "d"])
def test_networks(who):
    game = mlp_game(objective=objectives.minimax(), d_terms=[terms.r1(0.5)])
    batch = ring_batch(16)
    state = initial_state(game, batch)
    params, unravel = ravel_pytree(getattr(state, who).params)
    assert params.size > 20

    def loss(x):
        g, d = (unravel(x), state.d.params) if who == "g" else (state.g.params, unravel(x))
        return (game.g_loss if who == "g" else game.d_loss)(g, d, context_of(state, batch))[0]

    expected = np.linalg.eigvalsh(jax.jit(jax.hessian(loss))(params))[[0, -1]]
    np.testing.assert_allclose(curvature(field(game, state, batch), who), expected, atol=1e-6)


def test_unconverged_eigenvalues_are_refused():
    m = random_field(400, 200)
    with pytest.raises(Refused, match="residual"):
        curvature(field(quadratic(m, 200), initial_state(quadratic(m, 200)), POINT), "g", products=20)


def test_a_kink_is_refused():
    game = dirac(d_terms=[terms.wgan_gp(1.0)])
    with pytest.raises(Refused, match="no derivative"):
        curvature(field(game, initial_state(game), POINT), "d")
