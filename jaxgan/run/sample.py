"""Draws samples from a trained generator; a sample depends on its seed and its number only."""

from collections.abc import Callable, Mapping
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.source import Source, conditions_for
from jaxgan.errors import Refused
from jaxgan.games.game import Game, Side
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Given, Key
from jaxgan.scale import memory

Sampler = Callable[..., np.ndarray]

BLOCK = 256
"""Samples drawn at once: the last bits of a sample may depend on how many others it is drawn with."""


def sample_key(seed: int | Array) -> Key:
    """Returns the key of the samples of a seed; the i-th sample is drawn from this key and i."""
    return fold(jax.random.key(seed), "sample")


def truncated(game: Game, amount: float) -> Game:
    """Returns the game whose samples are truncated, less diverse than those of its prior.

    Styles are moved towards their average, to the share `amount` of their distance, as in StyleGAN (Karras et
    al., 2019); of a G without styles the entries of a normal latent are kept within `amount`, as in BigGAN
    (Brock et al., 2019). A sample stays the one of its seed and number, so that it can be followed from one
    amount to the next. Refused for a game that has neither.

    >>> from jaxgan.games.toy import bilinear
    >>> truncated(bilinear(), 0.7)
    Traceback (most recent call last):
    jaxgan.errors.Refused: these samples cannot be truncated: latents are not normal, and G has no styles
    """
    if game.looks.truncated is None:
        raise Refused("these samples cannot be truncated: latents are not normal, and G has no styles")
    return game._replace(sample=game.looks.truncated(amount))


def sampler(game: Game, source: Source | None = None, block: int = BLOCK) -> Sampler:
    """Returns a function (generator, n, seed=0, start=0, given=None) -> [n, ...] on the host, compiled once.

    The i-th sample, counted from 0, depends on (seed, i) alone, not on n or the block; `start` is the number
    of the first one to draw. The conditions of the game come from `given`, leaves [m, ...] by name, of which
    the i-th sample takes the one of index i % m; those it lacks from the source, by `conditions_for`.

    >>> from jaxgan.games.toy import bilinear
    >>> draw = sampler(bilinear())
    >>> draw(Side(jnp.float32(3.0), {}), n=2).tolist()
    [3.0, 3.0]
    """
    if game.given and source is None:
        raise Refused(f"the game is conditional on {', '.join(game.given)}: give the source that has them")

    @cache
    def of_source(names: tuple[str, ...]) -> Callable[[np.ndarray], Mapping[str, np.ndarray]]:
        return (lambda number: {}) if source is None else conditions_for(source, names)

    of_source(game.given)  # refuses data without them

    @jax.jit
    def draw_block(generator: Side, key: Key, start: Array, conditions: Given) -> Array:
        return game.sample(generator, key, start + jnp.arange(block, dtype=jnp.uint32), conditions)

    def draw(
        generator: Side, n: int, seed: int = 0, start: int = 0, given: Mapping[str, np.ndarray] | None = None
    ) -> np.ndarray:
        if n < 1:
            raise Refused(f"the number of samples must be at least 1, not {n}")
        key, blocks = sample_key(seed), []
        for first in range(start, start + n, block):
            number = np.arange(first, first + block)
            missing = tuple(name for name in game.given if name not in (given or {}))
            conditions = dict(of_source(missing)(number))
            conditions |= {name: leaf[number % len(leaf)] for name, leaf in (given or {}).items()}
            blocks.append(draw_block(generator, key, jnp.uint32(first), conditions))
            if (size := n * blocks[0].nbytes / block) > memory.host_limit():
                raise Refused(f"{n} samples take {size / 2**30:,.0f} GB, more than the memory: draw fewer")
        return np.concatenate(jax.device_get(blocks))[:n]

    return draw
