"""Samples from a trained generator, by number."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused
from jaxgan.games.game import Game, Side
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key
from jaxgan.run.depends import depends_on

Sampler = Callable[..., np.ndarray]

BLOCK = 256
"""Samples drawn at once. To the last bit a sample may depend on how many others it is drawn with."""


def stream(seed: int | Array) -> Key:
    """The key of the samples of a seed: the i-th is drawn from it and i."""
    return fold(jax.random.key(seed), "sample")


def reads_labels(game: Game, generator: Side) -> bool:
    """Whether labels make a difference to the samples: data may have some that the generator is not told.

    >>> from jaxgan.games.toy import bilinear
    >>> reads_labels(bilinear(), Side(jnp.float32(3.0), {}))
    False
    """

    def sample(told: dict[str, Array], generator: Side) -> Array:
        return game.sample(generator, stream(0), jnp.zeros(1, jnp.uint32), told["label"])

    return bool(depends_on(sample, {"label": jnp.zeros(1, jnp.int32)}, generator))


def sampler(game: Game, classes: int = 0, block: int = BLOCK) -> Sampler:
    """A function (generator, n, seed=0, start=0) -> [n, ...] on the host, compiled once.

    The i-th sample of all, counted from 0, depends on (seed, i) alone, not on n or the block: a bank of them.
    `start` is the first to draw. Labels, if any, go round the classes.

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

    def draw(generator: Side, n: int, seed: int = 0, start: int = 0) -> np.ndarray:
        if n < 1:
            raise Refused(f"at least one sample can be drawn, not {n}")
        key = stream(seed)
        blocks = [some(generator, key, jnp.uint32(at)) for at in range(start, start + n, block)]
        return np.concatenate(jax.device_get(blocks))[:n]

    return draw
