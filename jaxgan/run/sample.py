"""Samples from a trained generator, by number."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.games.game import Game, Side
from jaxgan.parts.rng import fold

Sampler = Callable[..., np.ndarray]


def sampler(game: Game, classes: int = 0, block: int = 256) -> Sampler:
    """A function (generator, n, seed=0) -> [n, ...] on the host, compiled once.

    The i-th sample depends on (seed, i) alone, not on n or the block. Labels, if any, go round the classes.

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> draw = sampler(bilinear())
    >>> draw(Side(jnp.float32(3.0), {}), n=2).tolist()
    [3.0, 3.0]
    """

    @jax.jit
    def some(generator: Side, key: jax.Array, start: jax.Array) -> jax.Array:
        index = start + jnp.arange(block, dtype=jnp.uint32)
        return game.sample(generator, key, index, index.astype(jnp.int32) % classes if classes else None)

    def draw(generator: Side, n: int, seed: int = 0) -> np.ndarray:
        key = fold(jax.random.key(seed), "sample")
        blocks = [some(generator, key, jnp.uint32(start)) for start in range(0, n, block)]
        return np.concatenate(jax.device_get(blocks))[:n]

    return draw
