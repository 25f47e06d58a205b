"""Optimal transport against assignments, closed forms and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
from parts.feature_views import rows, view
from scipy.optimize import linear_sum_assignment

from jaxgan.parts import objectives as o
from jaxgan.parts.objectives import transport

X, Y = np.random.RandomState(0).normal(size=(2, 8, 3)).astype(np.float32)
SHIFT = np.array([0.3, -1.0, 0.2], np.float32)


def assignment(cost):
    cost = np.asarray(cost, np.float64)
    return cost[linear_sum_assignment(cost)].mean()


def test_costs_by_loops():
    squared = [[np.square(x - y).sum() for y in Y] for x in X]
    np.testing.assert_allclose(transport.squared_distances(X, Y), squared, rtol=1e-4)
    cosine = [[1 - x @ y / np.linalg.norm(x) / np.linalg.norm(y) for y in Y] for x in X]
    np.testing.assert_allclose(transport.cosine_distances(X, Y), cosine, rtol=1e-4, atol=1e-6)


def test_a_small_epsilon_gives_the_assignment():
    """1 / epsilon = 500, as OT-GAN has it; exp(-cost / epsilon) of a cost of 2 would be 0 in float32."""
    for cost in (transport.cosine_distances(X, Y), 3 * transport.cosine_distances(X, Y)):
        value = jax.jit(lambda cost: transport.transport_cost(cost, 0.002, 60))(cost)
        np.testing.assert_allclose(value, assignment(cost), rtol=1e-4)


def test_the_plan_has_its_margins_and_minimises():
    """Of log(P_ij / exp(-c_ij / epsilon)), what is left is a row's number plus a column's: the condition."""
    cost = transport.squared_distances(X, Y)
    p = np.asarray(jax.jit(lambda cost: transport.plan(cost, 0.5, 1000))(cost), np.float64)
    np.testing.assert_allclose(p.sum(axis=0), 1 / 8, rtol=1e-5)
    np.testing.assert_allclose(p.sum(axis=1), 1 / 8, rtol=2e-4)
    rest = np.log(p) + np.asarray(cost) / 0.5
    np.testing.assert_allclose(rest - rest[:1] - rest[:, :1] + rest[:1, :1], 0, atol=1e-3)


def test_the_gradient_of_the_entropic_cost_is_exact():
    """Finite differences of the least value, which go through all iterations."""
    with jax.enable_x64(True):
        cost = jnp.asarray(transport.squared_distances(X, Y), jnp.float64)
        value = jax.jit(lambda cost: transport.entropic_cost(cost, 0.5, 3000))
        grad = jax.jit(jax.grad(value))(cost)
        for i, j in ((0, 0), (3, 5), (7, 2)):
            by = 1e-4 * (jnp.arange(64) == 8 * i + j).reshape(8, 8)
            numeric = (value(cost + by) - value(cost - by)) / 2e-4
            np.testing.assert_allclose(grad[i, j], numeric, rtol=1e-5, atol=1e-9)


def test_sinkhorn_of_a_shift_is_its_square():
    """For squared distances S(x, x + v) = |v|^2 whatever epsilon is, and its gradient in v is 2 v."""
    term = o.sinkhorn(0.5, 300, cost=transport.squared_distances).g_terms[0]

    def value(shift):
        return term.apply(view(X, X + shift), ())[0][0]

    value, grad = jax.jit(jax.value_and_grad(value))(SHIFT)
    np.testing.assert_allclose(value, np.square(SHIFT).sum(), rtol=1e-3)
    np.testing.assert_allclose(grad, 2 * SHIFT, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(rows(term, view(X, X[::-1])), 0, atol=1e-4)
    d_term = o.sinkhorn(0.5, 300, cost=transport.squared_distances).d_terms[0]
    np.testing.assert_allclose(rows(d_term, view(X, X + SHIFT)), -value, rtol=1e-5)


def test_ot_is_the_energy_distance_of_four_batches():
    """By six assignments; without the two within real and within fake it would not be 0 for equal halves."""

    def w(a, b):
        return assignment(transport.cosine_distances(a, b))

    (x, x2), (y, y2) = np.split(X, 2), np.split(Y, 2)
    expected = w(x, y) + w(x, y2) + w(x2, y) + w(x2, y2) - 2 * w(x, x2) - 2 * w(y, y2)
    objective = o.ot(0.002, 60)
    np.testing.assert_allclose(rows(objective.g_terms[0], view(X, Y)), np.full(8, expected), rtol=3e-3)
    np.testing.assert_allclose(rows(objective.d_terms[0], view(X, Y)), np.full(8, -expected), rtol=3e-3)
    halves = np.concatenate([X[:4], X[:4]])
    np.testing.assert_allclose(rows(objective.g_terms[0], view(halves, halves)), 0, atol=1e-3)
