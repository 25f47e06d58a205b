"""Similarities of feature vectors, as functions (a [n, d], b [m, d]) -> [n, m], for `mmd`."""

from collections.abc import Callable, Sequence
from math import inf

import jax.numpy as jnp
from jax import lax, nn

from jaxgan.errors import Refused
from jaxgan.parts.types import Array

Kernel = Callable[[Array, Array], Array]


def squared_distances(a: Array, b: Array) -> Array:
    """|a_i - b_j|^2 [n, m] of rows.

    >>> squared_distances(jnp.array([[0.0], [1.0]]), jnp.array([[3.0]])).tolist()
    [[9.0], [4.0]]
    """
    centre = lax.stop_gradient(b.mean(axis=0))  # changes no distance, but |a|^2 - 2 ab + |b|^2 cancels less
    a, b = a - centre, b - centre
    products = jnp.matmul(a, b.T, precision="highest")
    return nn.relu(jnp.square(a).sum(axis=1)[:, None] + jnp.square(b).sum(axis=1) - 2 * products)


def rbf(widths: Sequence[float] = (1.0, 2.0, 4.0, 8.0, 16.0)) -> Kernel:
    """sum_s exp(-|a - b|^2 / (2 s^2)), a mixture of Gaussian kernels (Li et al., 2017).

    >>> round(float(rbf([1.0])(jnp.zeros((1, 2)), jnp.ones((1, 2)))[0, 0]), 4)  # exp(-1)
    0.3679
    """

    def kernel(a: Array, b: Array) -> Array:
        squared = squared_distances(a, b)
        return jnp.stack([jnp.exp(-squared / (2 * width**2)) for width in widths]).sum(axis=0)

    return kernel


def bounded_rbf(width: float = 1.0, *, least: float = 0.0, most: float = inf) -> Kernel:
    """exp(-clip(|a - b|^2, least, most) / (2 width^2)): closer and farther pairs have no gradient.

    As the hinge loss does, it lets a D stop that has moved features together as far as `least`, or apart as
    far as `most` (Wang et al., 2019, with 1/4 and 4); both bound squared distances.

    >>> apart, together = jnp.zeros((1, 2)), jnp.ones((1, 2))  # squared distance 2
    >>> [round(float(bounded_rbf(least=x, most=4.0)(apart, together)[0, 0]), 4) for x in (0.25, 3.0)]
    [0.3679, 0.2231]
    """
    if not 0 <= least < most:
        raise Refused(f"bounded_rbf needs 0 <= least < most, not {least} and {most}")

    def kernel(a: Array, b: Array) -> Array:
        return jnp.exp(-jnp.clip(squared_distances(a, b), least, most) / (2 * width**2))

    return kernel


def rational_quadratic(alphas: Sequence[float] = (0.2, 0.5, 1.0, 2.0, 5.0)) -> Kernel:
    """sum_a (1 + |a - b|^2 / (2 alpha))^-alpha, with heavier tails than `rbf` (Binkowski et al., 2018).

    >>> float(rational_quadratic([1.0])(jnp.zeros((1, 2)), jnp.ones((1, 2)))[0, 0])  # 1 / (1 + 2 / 2)
    0.5
    """

    def kernel(a: Array, b: Array) -> Array:
        squared = squared_distances(a, b)
        return jnp.stack([(1 + squared / (2 * alpha)) ** -alpha for alpha in alphas]).sum(axis=0)

    return kernel


def linear() -> Kernel:
    """a . b: only the means of features are compared.

    >>> linear()(jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 4.0]])).tolist()
    [[11.0]]
    """
    return lambda a, b: jnp.matmul(a, b.T, precision="highest")
