"""Synthetic data with known modes: each example is a random function of its number, without end."""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import points, with_label
from jaxgan.data.source import Modes, Source
from jaxgan.errors import Refused
from jaxgan.parts.rng import each, fold
from jaxgan.parts.types import Array, Batch, Key, PyTree


class Mixture(NamedTuple):
    """A mixture of Gaussians: x = centre + sigma basis^T n, with n ~ N(0, I_d).

    `centres`: [modes, D]. `sigma`: the standard deviation (not the variance). `basis`: [d, D], orthonormal
    rows; None is the identity, d = D. `weights`: [modes], positive and with the sum 1; None if all modes are
    equally likely.
    """

    centres: np.ndarray
    sigma: float
    basis: np.ndarray | None = None
    weights: np.ndarray | None = None


def ring_mixture(modes: int = 8, radius: float = 1.0, sigma: float = 0.01) -> Mixture:
    """Returns centres at angles 2 pi k / modes, k < modes (Metz et al., 2017; radius 1: Lin et al., 2018).

    >>> len(np.unique(ring_mixture().centres.round(6), axis=0))
    8
    """
    _check("ring", whole="modes", modes=modes, radius=radius, sigma=sigma)
    angle = 2 * np.pi * np.arange(modes) / modes
    return Mixture(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), sigma)


def grid_mixture(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> Mixture:
    """Returns centres on a square lattice around 0, by default {-4, -2, 0, 2, 4}^2 (Lin et al., 2018).

    >>> grid_mixture().centres[:2].tolist()
    [[-4.0, -4.0], [-4.0, -2.0]]
    """
    _check("grid", whole="side", side=side, spacing=spacing, sigma=sigma)
    line = spacing * (np.arange(side) - (side - 1) / 2)
    return Mixture(np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2), sigma)


@cache
def gaussian_1200d_mixture() -> Mixture:
    """Returns ten isotropic Gaussians of 700 dimensions embedded in 1200 (Srivastava et al., 2017, VEEGAN).

    Only the sizes are the paper's; means, sigma and embedding are ours. Means m ~ N(0, I_700), about 37
    apart; sigma 0.1, so an example is about 2.6 from its mean; x = A (m + 0.1 n) where A [1200, 700] has
    orthonormal columns (the Q of a normal matrix), so distances are those in 700 dimensions. All of it is
    drawn from a constant key: the run's seed does not change the problem.

    >>> mixture = gaussian_1200d_mixture()
    >>> mixture.centres.shape, mixture.basis.shape
    ((10, 1200), (700, 1200))
    """
    means, embedding = jax.random.split(jax.random.key(1200))
    normal = np.asarray(jax.random.normal(embedding, (1200, 700)), np.float64)
    basis = np.linalg.qr(normal)[0].T
    return Mixture(np.asarray(jax.random.normal(means, (10, 700)), np.float64) @ basis, 0.1, basis)


def sampled(mixture: Mixture) -> Source:
    """Returns a source of examples of a mixture, labelled by their mode.

    >>> ring = sampled(ring_mixture())
    >>> ring.take(ring.arrays, jax.random.key(0), jnp.arange(3))["x"].shape
    (3, 2)
    >>> sampled(ring_mixture(4)._replace(weights=np.array([0.4, 0.3, 0.2, 0.1]))).modes.weights
    array([0.4, 0.3, 0.2, 0.1])
    """
    modes, dimensions = mixture.centres.shape
    weights = None if mixture.weights is None else _check_weights(mixture.weights, modes)
    noise_dimensions = dimensions if mixture.basis is None else len(mixture.basis)

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        def draw(key: Key) -> tuple[Array, Array]:
            mode_key, noise_key = jax.random.split(key)
            if weights is None:
                mode = jax.random.randint(mode_key, (), 0, modes)
            else:
                mode = jax.random.categorical(mode_key, jnp.log(jnp.asarray(weights, jnp.float32)))
            return mode, jax.random.normal(noise_key, (noise_dimensions,))

        label, noise = jax.vmap(draw)(each(fold(key, "data"), number))
        if "basis" in arrays:
            noise = jnp.matmul(noise, arrays["basis"], precision="highest")  # GPUs round otherwise
        return {"x": arrays["centres"][label] + mixture.sigma * noise, "label": label}

    arrays = {"centres": jnp.asarray(mixture.centres, jnp.float32)}
    if mixture.basis is not None:
        arrays["basis"] = jnp.asarray(mixture.basis, jnp.float32)
    known_modes = Modes(mixture.centres, mixture.sigma, noise_dimensions, weights)
    return Source(with_label(points(dimensions), modes), None, arrays, take, modes=known_modes)


def ring(modes: int = 8, radius: float = 1.0, sigma: float = 0.01) -> Source:
    """Returns a source of examples of `ring_mixture`.

    >>> ring().shape, ring().classes
    ((2,), 8)
    """
    return sampled(ring_mixture(modes, radius, sigma))


def grid(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> Source:
    """Returns a source of examples of `grid_mixture`."""
    return sampled(grid_mixture(side, spacing, sigma))


def gaussian_1200d() -> Source:
    """Returns a source of examples of `gaussian_1200d_mixture`."""
    return sampled(gaussian_1200d_mixture())


def spiral(turns: float = 2.0, sigma: float = 0.01) -> Source:
    """Returns a source of one arm from 0 to the unit circle, without modes: r (cos t, sin t) + sigma n.

    r = sqrt(u) and t = 2 pi turns r with u ~ U(0, 1), so the outer turns are almost uniform along the arm.
    """
    _check("spiral", turns=turns, sigma=sigma)

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        def draw(key: Key) -> Array:
            r_key, noise_key = jax.random.split(key)
            r = jnp.sqrt(jax.random.uniform(r_key))
            t = 2 * jnp.pi * turns * r
            return r * jnp.stack([jnp.cos(t), jnp.sin(t)]) + sigma * jax.random.normal(noise_key, (2,))

        return {"x": jax.vmap(draw)(each(fold(key, "data"), number))}

    return Source({"x": points(2)}, None, {}, take)


def _check_weights(weights: np.ndarray, modes: int) -> np.ndarray:
    w = np.asarray(weights, np.float64)
    if w.shape != (modes,) or not (w > 0).all() or abs(w.sum() - 1) > 1e-6:
        raise Refused(
            f"the weights of {modes} modes must be {modes} positive numbers that add up to 1, not {weights}"
        )
    return w


def _check(mixture: str, whole: str = "", **numbers: float) -> None:
    for name, number in numbers.items():
        if not number > 0:
            raise Refused(f"the {mixture}'s {name} must be positive, not {number}")
        if name == whole and number % 1:
            raise Refused(f"the {mixture}'s {name} must be a whole number, not {number}")
