"""How each player's own loss is curved, the other standing still."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgan.instruments.field import Field, smooth
from jaxgan.instruments.spectrum import krylov, written_out
from jaxgan.parts.types import Array

SMALL = 20  # numbers up to which the matrix is written out; as many products are a sweep


class Curvature(NamedTuple):
    """The smallest and the largest eigenvalue of a Hessian; below 0 the player is in no minimum."""

    bottom: float
    top: float


def curvature(field: Field, who: str, products: int = 2000) -> Curvature:
    """The ends of the spectrum of ∇² L_who over the parameters of `who` ("g" or "d"), by Lanczos' method.

    A diagonal block of -J (Lanczos, 1950; checked as `leading` is). At a Nash equilibrium neither player's is
    below 0; GANs often come to stand where the generator's is (Berard et al., 2020).

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
    smooth(field)
    mine = slice(0, field.g_size) if who == "g" else slice(field.g_size, None)
    still = jnp.zeros_like(field.at)

    def product(u: Array) -> Array:
        return -field.transposed(still.at[mine].set(u))[mine]  # the block is symmetric

    if still[mine].size <= SMALL:
        values = np.linalg.eigvalsh(written_out(product, still[mine]))
    else:
        values = krylov(product, still[mine], 2, _ends, max(products // SMALL, 1))
    return Curvature(float(values.min()), float(values.max()))


def _ends(operator: Any, start: np.ndarray, tol: float, sweeps: int) -> tuple:
    from scipy.sparse.linalg import eigsh

    return eigsh(operator, 2, which="BE", v0=start, tol=tol, maxiter=sweeps, ncv=SMALL)
