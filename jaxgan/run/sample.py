"""Samples from a trained generator, by number."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.source import Source, givens
from jaxgan.errors import Refused
from jaxgan.games.game import Game, Side
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Given, Key
from jaxgan.scale import memory

Sampler = Callable[..., np.ndarray]

BLOCK = 256
"""Samples drawn at once. To the last bit a sample may depend on how many others it is drawn with."""


def stream(seed: int | Array) -> Key:
    """The key of the samples of a seed: the i-th is drawn from it and i."""
    return fold(jax.random.key(seed), "sample")


def sampler(game: Game, source: Source | None = None, block: int = BLOCK) -> Sampler:
    """A function (generator, n, seed=0, start=0, given=None) -> [n, ...] on the host, compiled once.

    The i-th sample of all, counted from 0, depends on (seed, i) alone, not on n or the block: a bank of them.
    `start` is the first to draw. What the game is conditional on comes from the source, by `givens`, or is
    `given` by the caller: leaves by name, of which the i-th sample has the i-th, round and round.

    >>> from jaxgan.games.toy import bilinear
    >>> draw = sampler(bilinear())
    >>> draw(Side(jnp.float32(3.0), {}), n=2).tolist()
    [3.0, 3.0]
    """
    if game.given and source is None:
        raise Refused(f"samples are drawn under {', '.join(game.given)}: give the source that has them")
    usual = givens(source, game.given) if source is not None else lambda number: {}

    @jax.jit
    def some(generator: Side, key: Key, start: Array, told: Given) -> Array:
        return game.sample(generator, key, start + jnp.arange(block, dtype=jnp.uint32), told)

    def draw(
        generator: Side, n: int, seed: int = 0, start: int = 0, given: Mapping[str, np.ndarray] | None = None
    ) -> np.ndarray:
        if n < 1:
            raise Refused(f"at least one sample can be drawn, not {n}")
        key, blocks = stream(seed), []
        for first in range(start, start + n, block):
            number = np.arange(first, first + block)
            told = dict(usual(number) if given is None or set(game.given) - given.keys() else {})
            told |= {name: leaf[number % len(leaf)] for name, leaf in (given or {}).items()}
            blocks.append(some(generator, key, jnp.uint32(first), told))
            if (size := n * blocks[0].nbytes / block) > memory.host_limit():
                raise Refused(f"{n} samples take {size / 2**30:,.0f} GB, more than there are: draw fewer")
        return np.concatenate(jax.device_get(blocks))[:n]

    return draw
