"""How much a game rotates: the potential and the Hamiltonian part of its Jacobian."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.instruments.field import Field
from jaxgan.instruments.spectrum import jacobian
from jaxgan.parts.types import Array


class Rotation(NamedTuple):
    """Frobenius norms of S = (J + J^T) / 2 and A = (J - J^T) / 2; |J|² is the sum of their squares.

    S is that of players who descend a common potential, A that of rotation without descent (Balduzzi et al.,
    2018).
    """

    potential: float | Array
    hamiltonian: float | Array

    @property
    def share(self) -> float:
        """|A|² / |J|², from 0 for pure minimisation to 1 for pure rotation.

        >>> Rotation(potential=3.0, hamiltonian=4.0).share
        0.64
        """
        total = self.potential**2 + self.hamiltonian**2
        return float(self.hamiltonian**2 / total) if total else 0.0


def rotation(field: Field) -> Rotation:
    """Returns both norms exactly, from the dense J; refused if that is too large.

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.instruments.field import field
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> rotation(field(bilinear(), state, {"x": jnp.zeros((1, 1))})).share
    1.0
    """
    j = jacobian(field)
    return Rotation(float(np.linalg.norm(j + j.T) / 2), float(np.linalg.norm(j - j.T) / 2))


def rotation_estimate(field: Field, probes: int = 16) -> Rotation:
    """Estimates both norms with random signs z: E |S z|² = |S|², E |A z|² = |A|² (Hutchinson, 1990).

    The relative standard deviation of the squares is at most sqrt(2 / probes), and less the more directions
    contribute. A probe costs a product with J and one with J^T.

    >>> import optax
    >>> from jaxgan.games.toy import quadratic
    >>> from jaxgan.instruments.field import field
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> game = quadratic(jnp.eye(4), g_curvature=1.0)  # |J|² = 4 + 4 + 4, a third G's own
    >>> rule = simultaneous(game, optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> round(rotation_estimate(field(game, state, {})).share, 3)
    0.667
    """
    potential, hamiltonian = jnp.zeros(()), jnp.zeros(())
    for i in range(probes):
        z = jax.random.rademacher(jax.random.key(i), field.at.shape, field.at.dtype)
        forth, back = field.product(z), field.transposed(z)
        potential += jnp.square(forth + back).sum() / 4 / probes
        hamiltonian += jnp.square(forth - back).sum() / 4 / probes
    return Rotation(jnp.sqrt(potential), jnp.sqrt(hamiltonian))
