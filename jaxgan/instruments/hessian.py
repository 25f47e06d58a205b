"""The curvature of each player's own loss, the other player fixed."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgan.instruments.field import Field, check_smooth
from jaxgan.instruments.spectrum import dense_matrix, krylov
from jaxgan.parts.types import Array

SMALL = 20  # parameters up to which the matrix is dense; also the products of a Lanczos sweep


class Curvature(NamedTuple):
    """The smallest and the largest eigenvalue of a Hessian; below 0 the player is not at a minimum."""

    bottom: float
    top: float


def curvature(field: Field, who: str, products: int = 2000) -> Curvature:
    """Returns the extreme eigenvalues of ∇² L_who over the parameters of `who` ("g" or "d"), by Lanczos.

    A diagonal block of -J (Lanczos, 1950; checked as `leading` is). At a Nash equilibrium neither player has
    one below 0; GANs often converge to points where the generator has (Berard et al., 2020).

    >>> import jax, optax
    >>> from jaxgan.games.toy import quadratic
    >>> from jaxgan.instruments.field import field
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> game = quadratic(jnp.ones((3, 2)), d_curvature=jnp.diag(jnp.array([0.5, 2.0])))
    >>> rule = simultaneous(game, optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> curvature(field(game, state, {"x": jnp.zeros((1, 1))}), "d")
    Curvature(bottom=0.5, top=2.0)
    """
    check_smooth(field)
    block = slice(0, field.g_size) if who == "g" else slice(field.g_size, None)
    zeros = jnp.zeros_like(field.at)

    def product(u: Array) -> Array:
        return -field.transposed(zeros.at[block].set(u))[block]  # the block is symmetric

    if zeros[block].size <= SMALL:
        values = np.linalg.eigvalsh(dense_matrix(product, zeros[block]))
    else:
        values = krylov(product, zeros[block], 2, _solve, max(products // SMALL, 1))
    return Curvature(float(values.min()), float(values.max()))


def _solve(operator: Any, start: np.ndarray, tol: float, sweeps: int) -> tuple:
    from scipy.sparse.linalg import eigsh

    return eigsh(operator, 2, which="BE", v0=start, tol=tol, maxiter=sweeps, ncv=SMALL)
