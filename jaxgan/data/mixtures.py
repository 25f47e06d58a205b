"""Synthetic data whose modes are known: each example is drawn anew, as a function of its number."""

from collections.abc import Callable
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
    """Modes: x = centre + sigma basis^T n, with n ~ N(0, I_d).

    `centres`: [modes, D]. `sigma`: the standard deviation (not the variance). `basis`: [d, D] of orthonormal
    rows, None for the identity, d = D. `weights`: [modes], positive shares that add up to 1, None where all
    are equally likely.
    """

    centres: np.ndarray
    sigma: float
    basis: np.ndarray | None = None
    weights: np.ndarray | None = None


def ring_mixture(modes: int = 8, radius: float = 1.0, sigma: float = 0.01) -> Mixture:
    """Centres at the angles 2 pi k / modes, k = 0..modes-1 (Metz et al., 2017; radius 1: Lin et al., 2018).

    >>> len(np.unique(ring_mixture().centres.round(6), axis=0))
    8
    """
    _positive("ring", modes=modes, radius=radius, sigma=sigma)
    _whole("ring", modes=modes)
    angle = 2 * np.pi * np.arange(modes) / modes
    return Mixture(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), sigma)


def grid_mixture(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> Mixture:
    """Centres on a square lattice around 0: {-4, -2, 0, 2, 4}^2 as it stands (Lin et al., 2018).

    >>> grid_mixture().centres[:2].tolist()
    [[-4.0, -4.0], [-4.0, -2.0]]
    """
    _positive("grid", side=side, spacing=spacing, sigma=sigma)
    _whole("grid", side=side)
    line = spacing * (np.arange(side) - (side - 1) / 2)
    return Mixture(np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2), sigma)


@cache
def gaussian_1200d_mixture() -> Mixture:
    """Ten isotropic Gaussians of 700 dimensions embedded in 1200 (Srivastava et al., 2017, VEEGAN).

    Only the sizes are the paper's; means, spread and embedding are ours. Means m ~ N(0, I_700), about 37
    apart; sigma 0.1, so an example lies about 2.6 from its mean; x = A (m + 0.1 n) where A [1200, 700] has
    orthonormal columns (the Q of a normal matrix), so that distances are those in 700 dimensions. All of it
    is drawn from one constant key: the run's seed does not change the problem.

    >>> mixture = gaussian_1200d_mixture()
    >>> mixture.centres.shape, mixture.basis.shape
    ((10, 1200), (700, 1200))
    """
    means, embedding = jax.random.split(jax.random.key(1200))
    normal = np.asarray(jax.random.normal(embedding, (1200, 700)), np.float64)
    basis = np.linalg.qr(normal)[0].T
    return Mixture(np.asarray(jax.random.normal(means, (10, 700)), np.float64) @ basis, 0.1, basis)


def sampled(mixture: Mixture) -> Source:
    """Examples of a mixture, labelled by their mode.

    >>> ring = sampled(ring_mixture())
    >>> ring.take(ring.arrays, jax.random.key(0), jnp.arange(3))["x"].shape
    (3, 2)
    >>> sampled(ring_mixture(4)._replace(weights=np.array([0.4, 0.3, 0.2, 0.1]))).modes.weights
    array([0.4, 0.3, 0.2, 0.1])
    """
    modes, dimensions = mixture.centres.shape
    weights = None if mixture.weights is None else _shares(mixture.weights, modes)
    noisy = dimensions if mixture.basis is None else len(mixture.basis)

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        def draw(key: Key) -> tuple[Array, Array]:
            mode, noise = jax.random.split(key)
            if weights is None:
                which = jax.random.randint(mode, (), 0, modes)
            else:
                which = jax.random.categorical(mode, jnp.log(jnp.asarray(weights, jnp.float32)))
            return which, jax.random.normal(noise, (noisy,))

        label, noise = jax.vmap(draw)(each(fold(key, "data"), number))
        if "basis" in arrays:
            noise = jnp.matmul(noise, arrays["basis"], precision="highest")  # a GPU would round it
        return {"x": arrays["centres"][label] + mixture.sigma * noise, "label": label}

    arrays = {"centres": jnp.asarray(mixture.centres, jnp.float32)}
    if mixture.basis is not None:
        arrays["basis"] = jnp.asarray(mixture.basis, jnp.float32)
    truth = Modes(mixture.centres, mixture.sigma, noisy, weights)
    return Source(with_label(points(dimensions), modes), None, arrays, take, modes=truth)


def ring(modes: int = 8, radius: float = 1.0, sigma: float = 0.01) -> Source:
    """Examples of `ring_mixture`.

    >>> ring().shape, ring().classes
    ((2,), 8)
    """
    return sampled(ring_mixture(modes, radius, sigma))


def grid(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> Source:
    """Examples of `grid_mixture`."""
    return sampled(grid_mixture(side, spacing, sigma))


def gaussian_1200d() -> Source:
    """Examples of `gaussian_1200d_mixture`."""
    return sampled(gaussian_1200d_mixture())


def spiral(turns: float = 2.0, sigma: float = 0.01) -> Source:
    """One arm from the middle to the unit circle, without modes: r (cos t, sin t) + sigma n.

    r = sqrt(u) and t = 2 pi turns r with u ~ U(0, 1), which spreads the outer turns evenly along the arm.
    """
    _positive("spiral", turns=turns, sigma=sigma)
    return Source({"x": points(2)}, None, {}, _along(turns, sigma))


def _along(turns: float, sigma: float) -> Callable[[PyTree, Key, Array], Batch]:
    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        def draw(key: Key) -> Array:
            place, noise = jax.random.split(key)
            r = jnp.sqrt(jax.random.uniform(place))
            angle = 2 * jnp.pi * turns * r
            return r * jnp.stack([jnp.cos(angle), jnp.sin(angle)]) + sigma * jax.random.normal(noise, (2,))

        return {"x": jax.vmap(draw)(each(fold(key, "data"), number))}

    return take


def _shares(weights: np.ndarray, modes: int) -> np.ndarray:
    w = np.asarray(weights, np.float64)
    if w.shape != (modes,) or not (w > 0).all() or abs(w.sum() - 1) > 1e-6:
        raise Refused(
            f"the weights of {modes} modes are as many positive shares that add up to 1, not {weights}"
        )
    return w


def _positive(what: str, **numbers: float) -> None:
    for name, number in numbers.items():
        if not number > 0:
            raise Refused(f"the {what}'s {name} must be positive, not {number}")


def _whole(what: str, **numbers: float) -> None:
    for name, number in numbers.items():
        if number % 1:
            raise Refused(f"the {what}'s {name} must be a whole number, not {number}")
