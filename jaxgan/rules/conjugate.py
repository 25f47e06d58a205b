"""Matrix-free linear solvers over trees of parameters."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.parts.types import Array, PyTree
from jaxgan.rules.vector_field import inner, plus


def solve(product: Callable[[PyTree], PyTree], b: PyTree, products: int) -> tuple[PyTree, Array]:
    """Solves M x = b approximately by conjugate residuals; returns x and |b - M x| / |b|.

    x has the least residual in the span of b, M b, ..., M^(n-1) b, with n the number of products, if M + M^T
    is positive definite; M need not be symmetric (Eisenstat, Elman & Schultz, 1983). The iterations are
    unrolled, since a loop would be slow on CPU, and all directions are stored: 2 n copies of b.

    >>> matrix = jnp.array([[2.0, 1.0], [-1.0, 2.0]])
    >>> x, residual = solve(lambda x: matrix @ x, jnp.array([3.0, 1.0]), 2)
    >>> [round(float(n), 4) for n in x], bool(residual < 1e-6)
    ([1.0, 1.0], True)
    """
    x, r = jax.tree.map(jnp.zeros_like, b), b
    directions: list[tuple[PyTree, PyTree]] = []  # p and M p, the latter orthogonal to each other
    for _ in range(products):
        p, q = r, product(r)
        for old_p, old_q in directions:
            projection = _ratio(inner(q, old_q), inner(old_q, old_q))
            p, q = plus(p, -projection, old_p), plus(q, -projection, old_q)
        length = _ratio(inner(r, q), inner(q, q))
        x, r = plus(x, length, p), plus(r, -length, q)
        directions.append((p, q))
    return x, jnp.sqrt(_ratio(inner(r, r), inner(b, b)))


def _ratio(a: Array, b: Array) -> Array:
    """a / b, or 0 if b is 0, when the residual is already 0; NaN stays NaN."""
    return jnp.where(b == 0, 0, a / jnp.where(b == 0, 1, b))
