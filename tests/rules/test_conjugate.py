"""Conjugate residuals against dense least squares over the space they search."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.rules.conjugate import solve


@pytest.mark.parametrize("products", [1, 3, 6, 9])
def test_the_residual_is_minimal_in_the_krylov_space(products):
    """Trees; a matrix that is not symmetric; and nothing goes wrong once all is solved, after 6 of 6."""
    with jax.enable_x64(True):
        draw = np.random.RandomState(0)
        matrix, b = 3 * np.eye(6) + 0.7 * draw.randn(6, 6), draw.randn(6)
        assert np.linalg.eigvalsh(matrix + matrix.T).min() > 0

        def tree(x):
            return {"a": x[:2], "b": x[2:].reshape(2, 2)}

        def flat(x):
            return jnp.concatenate([x["a"], x["b"].ravel()])

        x, residual = solve(lambda x: tree(matrix @ flat(x)), tree(jnp.array(b)), products)
        reach = np.stack([np.linalg.matrix_power(matrix, i) @ b for i in range(min(products, 6))], axis=1)
        best = reach @ np.linalg.lstsq(matrix @ reach, b, rcond=None)[0]
        np.testing.assert_allclose(flat(x), best, rtol=1e-7)
        left = np.linalg.norm(b - matrix @ best) / np.linalg.norm(b)
        np.testing.assert_allclose(residual, left, rtol=1e-7, atol=1e-9)


def test_a_zero_right_hand_side_is_solved():
    x, residual = solve(lambda x: 2 * x, jnp.zeros(3), 2)
    np.testing.assert_array_equal(x, 0)
    assert residual == 0


def test_nan_stays_nan():
    """Or the residual of a solve that failed would say that nothing is left of it."""
    assert np.isnan(float(solve(lambda x: jnp.nan * x, jnp.ones(3), 2)[1]))
    assert np.isnan(float(solve(lambda x: x, jnp.array([1.0, jnp.nan]), 1)[1]))
