"""Linear equations over trees of parameters, by products with the matrix alone."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.parts.types import Array, PyTree
from jaxgan.rules.vector_field import inner, plus


def solved(product: Callable[[PyTree], PyTree], b: PyTree, products: int) -> tuple[PyTree, Array]:
    """x with M x near b, by conjugate residuals, and the relative residual |b - M x| / |b|.

    Of all x in the span of b, M b, ..., M^(n-1) b, with n the number of products, the one of least residual,
    if M + M^T is positive definite; M need not be symmetric (Eisenstat, Elman & Schultz, 1983). Directions
    are written out one after another, since a loop would be slow on CPU, and kept: 2 n copies of b.

    >>> matrix = jnp.array([[2.0, 1.0], [-1.0, 2.0]])
    >>> x, residual = solved(lambda x: matrix @ x, jnp.array([3.0, 1.0]), 2)
    >>> [round(float(n), 4) for n in x], bool(residual < 1e-6)
    ([1.0, 1.0], True)
    """
    x, r = jax.tree.map(jnp.zeros_like, b), b
    kept: list[tuple[PyTree, PyTree]] = []  # directions p and M p, the latter orthogonal to each other
    for _ in range(products):
        p, q = r, product(r)
        for old_p, old_q in kept:
            along = _ratio(inner(q, old_q), inner(old_q, old_q))
            p, q = plus(p, -along, old_p), plus(q, -along, old_q)
        length = _ratio(inner(r, q), inner(q, q))
        x, r = plus(x, length, p), plus(r, -length, q)
        kept.append((p, q))
    return x, jnp.sqrt(_ratio(inner(r, r), inner(b, b)))


def _ratio(a: Array, b: Array) -> Array:
    """a / b, or 0 where b is: there is nothing left to solve."""
    return jnp.where(b == 0, 0, a / jnp.where(b == 0, 1, b))  # of NaN it stays NaN
