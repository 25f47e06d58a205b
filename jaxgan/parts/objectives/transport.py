"""Optimal transport between two sets of vectors, with an entropy that makes it smooth (Cuturi, 2013)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.nn import logsumexp

from jaxgan.parts.objectives.kernels import squared_distances
from jaxgan.parts.terms.slopes import norm
from jaxgan.parts.types import Array

Cost = Callable[[Array, Array], Array]
"""(a [n, d], b [m, d]) -> [n, m], such as `cosine_distances` or `squared_distances`."""

__all__ = ["Cost", "cosine_distances", "entropic_cost", "plan", "squared_distances", "transport_cost"]


def cosine_distances(a: Array, b: Array) -> Array:
    """1 - cos(a_i, b_j) [n, m] of rows; a row of zeros is at 1 from all.

    >>> cosine_distances(jnp.array([[2.0, 0.0]]), jnp.array([[3.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])).tolist()
    [[0.0, 1.0, 2.0]]
    """
    a, b = (x / jnp.where((size := norm(x)) > 0, size, 1)[:, None] for x in (a, b))
    return 1 - jnp.matmul(a, b.T, precision="highest")


def plan(cost: Array, epsilon: float, iterations: int) -> Array:
    """The plan P [n, m] of rows 1/n and columns 1/m with the least <P, cost> + epsilon KL(P | uniform).

    Sinkhorn's iterations on logarithms, with an epsilon that starts at the spread of the costs and falls by a
    fifth in each. Columns are exact afterwards and rows nearly. The smaller epsilon is against differences of
    costs, the nearer P is to an assignment.

    >>> plan(jnp.array([[0.0, 1.0], [1.0, 0.0]]), 0.01, 30).round(3).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    return _plan(cost, *_potentials(cost, epsilon, iterations), epsilon)


def transport_cost(cost: Array, epsilon: float, iterations: int) -> Array:
    """<P, cost> with the `plan` P, whose gradient in the cost is P, as if P were constant.

    >>> round(float(transport_cost(jnp.array([[0.0, 1.0], [1.0, 0.5]]), 0.01, 50)), 4)  # 0.5 / 2
    0.25
    """
    return (plan(jax.lax.stop_gradient(cost), epsilon, iterations) * cost).sum()


def entropic_cost(cost: Array, epsilon: float, iterations: int) -> Array:
    """The least <P, cost> + epsilon KL(P | uniform), whose gradient in the cost is the `plan` P.

    >>> round(float(entropic_cost(jnp.ones((2, 3)), 0.1, 30)), 4)
    1.0
    """
    fixed = jax.lax.stop_gradient(cost)
    f, g = _potentials(fixed, epsilon, iterations)
    value = f.mean() + g.mean()  # nearer to the least than the value at P, whose rows are not exact
    return value + (_plan(fixed, f, g, epsilon) * (cost - fixed)).sum()


def _potentials(cost: Array, epsilon: float, iterations: int) -> tuple[Array, Array]:
    """f [n], g [m] of the dual problem: P = exp((f + g - cost) / epsilon) / (n m)."""
    rows, columns = (jnp.log(jnp.asarray(size, cost.dtype)) for size in cost.shape)
    spread = cost.max() - cost.min()

    def for_rows(g: Array, epsilon: Array | float) -> Array:
        return epsilon * (columns - logsumexp((g - cost) / epsilon, axis=1))

    def for_columns(f: Array, epsilon: Array | float) -> Array:
        return epsilon * (rows - logsumexp((f[:, None] - cost) / epsilon, axis=0))

    def iterate(i: Array, g: Array) -> Array:
        now = jnp.maximum(epsilon, spread * 0.8**i)
        return for_columns(for_rows(g, now), now)

    g = jax.lax.fori_loop(0, iterations, iterate, cost.min(axis=0))
    f = for_rows(g, epsilon)
    return f, for_columns(f, epsilon)


def _plan(cost: Array, f: Array, g: Array, epsilon: float) -> Array:
    return jnp.exp((f[:, None] + g - cost) / epsilon) / cost.size
