"""Latent priors. Each latent is drawn from the key of its example."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused
from jaxgan.parts.gaussian import truncated as truncated_normal
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key, Params, PyTree, check_range

MOST_IN_TABLE = 2**20
"""Numbers in a table of latents, which is 4 MB."""


class Latent(NamedTuple):
    """A prior over latents: `draw` maps one key to one latent, an array or a tree of arrays by name.

    A prior may have parameters, which are trained with G's: then `init` is (key) -> parameters, and
    `transform` is (parameters, what was drawn) -> latent, through which their gradient flows.
    `truncate`, if there is such a notion: (what was drawn, bound) -> the same under the condition that no
    entry is beyond the bound.

    >>> jax.vmap(normal(2).draw)(jax.random.split(jax.random.key(0), 3)).shape
    (3, 2)
    """

    draw: Callable[[Key], PyTree]
    init: Callable[[Key], Params] | None = None
    transform: Callable[[Params, PyTree], PyTree] = lambda params, drawn: drawn
    truncate: Callable[[PyTree, float], PyTree] | None = None


def normal(size: int) -> Latent:
    """z ~ N(0, I).

    >>> normal(3).draw(jax.random.key(0)).shape
    (3,)
    """
    _check(size)
    return Latent(lambda key: jax.random.normal(key, (size,)), truncate=truncated_normal)


def uniform(size: int, low: float = -1.0, high: float = 1.0) -> Latent:
    """z ~ U(low, high)^size.

    >>> bool(uniform(3, 0.0, 1.0).draw(jax.random.key(0)).min() >= 0)
    True
    """
    _check(size)
    return Latent(lambda key: jax.random.uniform(key, (size,), minval=low, maxval=high))


def table(points: np.ndarray, deviation: float = 0.0) -> Latent:
    """z = points[i] + deviation n, with i uniform and n ~ N(0, I): normals around given points [n, size].

    The latent of BourGAN, with an embedding of the data as the points (Xiao, Zhong & Zheng, 2018). The table
    is a constant of the compiled program, so it may have a million numbers at most.

    >>> table(np.array([[1.0, 2.0], [3.0, 4.0]])).draw(jax.random.key(0)).shape
    (2,)
    """
    points = np.asarray(points, np.float32)
    if points.ndim != 2 or not points.size or points.size > MOST_IN_TABLE:
        raise Refused(
            f"a table of latents is an array [n, size] of at most {MOST_IN_TABLE:,} numbers, not "
            f"{list(points.shape)}: take some of the points, or an embedding of fewer dimensions"
        )
    check_range("the deviation of a table of latents", deviation)

    def draw(key: Key) -> Array:
        z = jnp.asarray(points)[jax.random.randint(fold(key, "row"), (), 0, len(points))]
        return z + deviation * jax.random.normal(fold(key, "noise"), z.shape)

    return Latent(draw)


def clustered(classes: int, size: int, deviation: float = 0.1) -> Latent:
    """Parts "noise" ~ N(0, deviation^2 I) and a one-hot "code", the clusters of ClusterGAN's latent.

    Mukherjee et al., 2019. The noise is small so that clusters of different classes do not overlap.

    >>> {name: part.shape for name, part in clustered(10, 30).draw(jax.random.key(0)).items()}
    {'code': (10,), 'noise': (30,)}
    """
    _check(size)
    check_range("the deviation of clustered latents", deviation)
    noise = Latent(lambda key: deviation * jax.random.normal(key, (size,)))
    return parts(noise=noise, code=categorical(classes))


def sphere(size: int) -> Latent:
    """z uniform on the sphere of radius sqrt(size), where the mass of a normal is concentrated (White, 2016).

    >>> round(float(jnp.linalg.norm(sphere(4).draw(jax.random.key(0)))), 3)
    2.0
    """
    _check(size)

    def draw(key: Key) -> Array:
        z = jax.random.normal(key, (size,))
        return z * jnp.sqrt(size) / jnp.linalg.norm(z)

    return Latent(draw)


def truncated(size: int, bound: float = 2.0) -> Latent:
    """z ~ N(0, I) with every entry redrawn until |z| < bound (Brock et al., 2019).

    >>> bool(jnp.abs(truncated(100, 0.5).draw(jax.random.key(0))).max() < 0.5)
    True
    """
    _check(size)
    check_range("the bound of truncated latents", bound, above=True)
    return Latent(lambda key: jax.random.truncated_normal(key, -bound, bound, (size,)))


def categorical(classes: int) -> Latent:
    """A one-hot class drawn uniformly: a code that G may give a meaning (Chen et al., 2016).

    >>> float(categorical(10).draw(jax.random.key(0)).sum())
    1.0
    """
    return Latent(lambda key: jax.nn.one_hot(jax.random.randint(key, (), 0, classes), classes))


def nothing() -> Latent:
    """An empty latent, for a G whose only input is a condition.

    >>> nothing().draw(jax.random.key(0)).shape
    (0,)
    """
    return Latent(lambda key: jnp.zeros(0))


def parts(**latents: Latent) -> Latent:
    """A latent in named parts: a dictionary, from which terms and G read what they need.

    Truncation is that of the parts that have such a notion; others, such as classes, stay as drawn.

    >>> z = parts(noise=normal(8), code=categorical(10)).draw(jax.random.key(0))
    >>> {name: part.shape for name, part in z.items()}
    {'code': (10,), 'noise': (8,)}
    """

    def init(key: Key) -> Params:
        return {name: part.init(fold(key, name)) for name, part in latents.items() if part.init}

    def transform(params: Params, drawn: PyTree) -> PyTree:
        return {
            n: part.transform(params[n], drawn[n]) if part.init else drawn[n] for n, part in latents.items()
        }

    def truncate(drawn: PyTree, bound: float) -> PyTree:
        normals = {name: part.truncate for name, part in latents.items() if part.truncate}
        return {**drawn, **{name: call(drawn[name], bound) for name, call in normals.items()}}

    return Latent(
        lambda key: {name: latents[name].draw(fold(key, name)) for name in sorted(latents)},
        init if any(part.init for part in latents.values()) else None,
        transform,
        truncate if any(part.truncate for part in latents.values()) else None,
    )


def mixture(components: int, size: int, spread: float = 0.2) -> Latent:
    """mu_k + sigma_k n with k uniform, n ~ N(0, I), and mu, sigma learnt with G (Gurumurthy et al., 2017).

    The means start uniform in [-1, 1], the deviations at `spread`.

    >>> prior = mixture(10, 2)
    >>> params = prior.init(jax.random.key(0))
    >>> prior.transform(params, prior.draw(jax.random.key(1))).shape
    (2,)
    """

    def init(key: Key) -> Params:
        means = jax.random.uniform(key, (components, size), minval=-1, maxval=1)
        return {"mean": means, "deviation": jnp.full((components, size), spread)}

    def draw(key: Key) -> PyTree:
        which = jax.random.randint(fold(key, "which"), (), 0, components)
        return {"which": which, "noise": jax.random.normal(fold(key, "noise"), (size,))}

    def transform(params: Params, drawn: PyTree) -> Array:
        which = drawn["which"]
        return params["mean"][which] + params["deviation"][which] * drawn["noise"]

    return Latent(draw, init, transform)


def _check(size: int) -> None:
    if not isinstance(size, int | np.integer) or size < 1:
        raise Refused(f"the size of a latent must be an integer of 1 or more, not {size!r}")
