"""Diversity of D's features, as a determinantal point process measures it (GDPP; Elfeki et al., 2019)."""

import jax
import jax.numpy as jnp

from jaxgan.parts.terms.between import features, need
from jaxgan.parts.terms.slopes import norm
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at


def gdpp(weight: Schedule = 1.0, *, magnitude: float = 1e-4, head: str = "features") -> Term:
    """weight (magnitude mean_i (l_i - m_i)^2 - sum_i s_i |u_i . v_i|), a term of G

    with the eigenvalues l and eigenvectors u of the similarities S = h h^T of N real inputs, h their features
    of unit length, the eigenvalues m and eigenvectors v of those of the N fake ones, both in order of size,
    and s the eigenvalues l scaled to [0, 1]. Elfeki et al., 2019, who write both parts without weights. An
    eigenvector and its opposite are the same direction, so that the absolute value is taken. Where
    eigenvalues are equal the directions between their eigenvectors are not defined: their gradient is 0.

    >>> gdpp().name
    'gdpp'
    """

    def loss(view: View) -> Array:
        need(view, 2, "gdpp")
        (real, real_vectors), (fake, fake_vectors) = (
            eigen(_similarities(view.lowering.gather(features(heads, head, "gdpp"))))
            for heads in (view.real_heads, view.fake_heads)
        )
        span = real[-1] - real[0]
        scaled = (real - real[0]) / jnp.where(span > 0, span, 1)
        structure = (scaled * jnp.abs((real_vectors * fake_vectors).sum(axis=0))).sum()
        total = magnitude * jnp.square(real - fake).mean() - structure
        return jnp.full(view.keys.shape, at(weight, view.step) * total)

    return stateless("gdpp", loss, whole=True)


def _similarities(h: Array) -> Array:
    h = h / jnp.where((size := norm(h)) > 0, size, 1)[:, None]
    return jnp.matmul(h, h.T, precision="highest")


@jax.custom_vjp
def eigen(s: Array) -> tuple[Array, Array]:
    """Eigenvalues [n] from the least on, and eigenvectors [n, n] as columns, of a symmetric matrix.

    The derivative of `jnp.linalg.eigh` divides by differences of eigenvalues; here 1/x is x / (x^2 + c^2), c
    a part in a million of the largest, so that it is 0 between equal ones.

    >>> eigen(jnp.array([[2.0, 0.0], [0.0, 1.0]]))[0].tolist()
    [1.0, 2.0]
    """
    values, vectors = jnp.linalg.eigh(s)
    return values, vectors


def _forward(s: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    result = eigen(s)
    return result, result


def _backward(result: tuple[Array, Array], slopes: tuple[Array, Array]) -> tuple[Array]:
    (values, vectors), (of_values, of_vectors) = result, slopes
    gaps = values - values[:, None]
    least = jnp.square(1e-6 * jnp.abs(values).max()) + jnp.finfo(gaps.dtype).tiny
    inverse = gaps / (jnp.square(gaps) + least)
    inner = jnp.diag(of_values) + inverse * (vectors.T @ of_vectors)
    slope = vectors @ inner @ vectors.T
    return ((slope + slope.T) / 2,)


eigen.defvjp(_forward, _backward)
