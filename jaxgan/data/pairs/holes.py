"""Masks [H, W, 1] of the holes in a picture [H, W, C]: 1 in the hole, 0 elsewhere."""

from collections.abc import Callable
from math import pi

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key

RandomHole = Callable[[Key, Array], Array]


def centre_hole(share: float = 0.5) -> Callable[[Array], Array]:
    """Returns x -> a hole in the middle, with this share of the height and of the width.

    The central hole of context encoders (Pathak et al., 2016) has the share 1/2.

    >>> centre_hole(0.5)(jnp.zeros((4, 4, 3)))[..., 0].tolist()
    [[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    _check_share("share", share)

    def hole(x: Array) -> Array:
        inside = [abs(_centres(side) - side / 2) < share * side / 2 for side in x.shape[:2]]
        return _mask(inside[0][:, None] & inside[1])

    return hole


def boxes(count: int = 1, least: float = 0.25, most: float = 0.5) -> RandomHole:
    """Returns (key, x) -> `count` boxes at random places, which may overlap.

    Their sides are uniformly `least` to `most` of the picture's.

    >>> hole = boxes(count=2)(jax.random.key(0), jnp.zeros((16, 16, 3)))
    >>> hole.shape, sorted(set(hole.ravel().tolist()))
    ((16, 16, 1), [0.0, 1.0])
    """
    _check_count("count", count)
    _check_share("least", least)
    _check_share("most", most)
    if least > most:
        raise Refused(f"boxes from least={least} to most={most} of a side: exchange them")

    def hole(key: Key, x: Array) -> Array:
        def inside(name: str, side: int) -> Array:  # [count, side]
            length = side * jax.random.uniform(
                fold(key, name, "length"), (count, 1), minval=least, maxval=most
            )
            start = (side - length) * jax.random.uniform(fold(key, name, "start"), (count, 1))
            return (_centres(side) > start) & (_centres(side) < start + length)

        rows, columns = inside("rows", x.shape[0]), inside("columns", x.shape[1])
        return _mask((rows[:, :, None] & columns[:, None, :]).any(axis=0))

    return hole


def strokes(count: int = 4, steps: int = 6, width: float = 0.1, length: float = 0.3) -> RandomHole:
    """Returns (key, x) -> `count` strokes of a thick brush, each a random walk of so many `steps`.

    A walk starts anywhere, turns left and right in turn, as a hand does, and stops at the border. `width` and
    `length` of a step are the largest, as shares of the shorter side; each is uniformly half of it to all of
    it. In the spirit of the free-form masks of Yu et al. (2019), Algorithm 1.

    >>> hole = strokes()(jax.random.key(0), jnp.zeros((32, 32, 3)))
    >>> hole.shape, sorted(set(hole.ravel().tolist()))
    ((32, 32, 1), [0.0, 1.0])
    """
    _check_count("count", count)
    _check_count("steps", steps)
    _check_share("width", width)
    _check_share("length", length)

    def hole(key: Key, x: Array) -> Array:
        def uniform(name: str, *shape: int, least: float = 0.0, most: float = 1.0) -> Array:
            return jax.random.uniform(fold(key, name), (count, *shape), minval=least, maxval=most)

        size, side = jnp.array(x.shape[:2], jnp.float32), min(x.shape[:2])
        turns = uniform("turn", steps, least=pi / 15, most=2 * pi / 3) * (-1.0) ** jnp.arange(steps)
        angle = uniform("heading", 1, most=2 * pi) + jnp.cumsum(turns, axis=1)
        stride = side * length * uniform("stride", steps, least=0.5)[..., None]
        moves = stride * jnp.stack([jnp.sin(angle), jnp.cos(angle)], axis=-1)

        def walk(here: Array, move: Array) -> tuple[Array, tuple[Array, Array]]:
            there = jnp.clip(here + move, 0, size)
            return there, (here, there)

        _, (starts, ends) = jax.lax.scan(walk, size * uniform("start", 2), jnp.swapaxes(moves, 0, 1))
        radius = side * width / 2 * uniform("width", least=0.5)
        near = _distance(x.shape[:2], starts, ends) < radius[:, None, None]  # [steps, count, H, W]
        return _mask(near.any(axis=(0, 1)))

    return hole


def _distance(shape: tuple[int, ...], a: Array, b: Array) -> Array:
    """Returns the distances [..., H, W] of all pixels' centres from the segments between a and b [..., 2]."""
    height, width = shape
    pixels = jnp.stack(jnp.meshgrid(_centres(height), _centres(width), indexing="ij"), axis=-1)
    a, along = a[..., None, None, :], (b - a)[..., None, None, :]
    share = ((pixels - a) * along).sum(-1) / jnp.maximum((along**2).sum(-1), 1e-12)
    return jnp.linalg.norm(pixels - a - jnp.clip(share, 0, 1)[..., None] * along, axis=-1)


def _centres(side: int) -> Array:
    return jnp.arange(side) + 0.5


def _mask(hole: Array) -> Array:
    return hole[..., None].astype(jnp.float32)


def _check_share(name: str, share: float) -> None:
    if not 0 < share <= 1:
        raise Refused(f"{name} is a share of a side, above 0 and at most 1, not {share}")


def _check_count(name: str, count: int) -> None:
    if count < 1:
        raise Refused(f"{name} must be 1 or more, not {count}")
