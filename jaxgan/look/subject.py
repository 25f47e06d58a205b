"""A trained pair of players with everything they are to be shown."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxgan.data.kind import Image, Kind, Points
from jaxgan.data.source import Source, conditions_for, labelled
from jaxgan.errors import Refused
from jaxgan.games.game import Game, Side
from jaxgan.parts.rng import each
from jaxgan.run.reopen import Reopened
from jaxgan.run.sample import BLOCK, sample_key, sampler

REAL = 5000  # so many training and so many held-out examples are looked at
DRAWN = 1000  # and so many samples


class Examples(NamedTuple):
    """Examples [N, ...], and of what the game is conditional on what each has, by name [N, ...]."""

    x: np.ndarray
    given: Mapping[str, np.ndarray]


class Latents(NamedTuple):
    """The latents of the samples as rows z [N, size]; `decode` makes examples of any: (z, given) -> x."""

    z: np.ndarray
    decode: Callable[[np.ndarray, Mapping[str, np.ndarray]], np.ndarray]


class Subject(NamedTuple):
    """What is looked at. A game may have no latents to look at, and no D that judges examples."""

    shape: tuple[int, ...]  # of an example
    kind: Kind
    train: Examples
    whole: bool  # whether that is all there is to train on
    held_out: Examples | None
    samples: Examples
    latents: Latents | None
    judge: Callable[[np.ndarray, Mapping[str, np.ndarray]], np.ndarray] | None  # (x, given) -> logits [N]

    @property
    def images(self) -> bool:
        return isinstance(self.kind, Image)

    @property
    def points(self) -> bool:
        """Whether two of its numbers can be drawn across each other."""
        return isinstance(self.kind, Points) and self.shape[0] > 1


def subject(again: Reopened, seed: int = 0) -> Subject:
    """A reopened run as a subject; its samples are those that `jaxgan sample --seed` draws."""
    game, source, state = again.experiment.game, again.experiment.source, again.state
    generator = state.generator
    told = conditions_for(source, game.given)(np.arange(DRAWN))
    samples = Examples(sampler(game, source)(generator, DRAWN, seed), told)
    if not np.isfinite(samples.x).all():
        raise Refused(f"the samples of step {int(state.step)} are not finite; look at another checkpoint")
    return Subject(
        shape=source.shape,
        kind=source.kind,
        train=_some(source, game.given),
        whole=source.size is not None and source.size <= REAL,
        held_out=_held_out(source, game.given),
        samples=samples,
        latents=_latents(game, generator, seed),
        judge=_judge(game, state.d.side),
    )


def _latents(game: Game, generator: Side, seed: int) -> Latents | None:
    latents, decode = game.looks.latents, game.looks.decode
    if latents is None or decode is None:
        return None
    z = jax.jit(latents)(generator, each(sample_key(seed), jnp.arange(DRAWN, dtype=jnp.uint32)))
    flat, back = ravel_pytree(jax.tree.map(lambda part: part[0], z))
    if not flat.size:
        return None
    rows = np.asarray(jax.vmap(lambda one: ravel_pytree(one)[0])(z))
    made = jax.jit(lambda rows, given: decode(generator, jax.vmap(back)(rows), given))
    return Latents(rows, _blockwise(made))


def _judge(game: Game, d: Side) -> Callable[..., np.ndarray] | None:
    judge = game.looks.judge
    return None if judge is None else _blockwise(jax.jit(partial(judge, d)))


def _blockwise(call: Callable[..., jax.Array]) -> Callable[[Any, Any], np.ndarray]:
    """The function over any number of examples, compiled for one block."""

    def every(x: np.ndarray, given: Mapping[str, np.ndarray]) -> np.ndarray:
        blocks = []
        for start in range(0, len(x), BLOCK):
            number = np.arange(start, start + BLOCK).clip(max=len(x) - 1)
            blocks.append(call(x[number], {name: leaf[number] for name, leaf in given.items()}))
        return np.concatenate(jax.device_get(blocks))[: len(x)]

    return every


def _some(source: Source, names: Sequence[str], start: int = 0) -> Examples:
    taken = labelled(source, REAL, start)
    return Examples(taken["x"], {name: taken[name] for name in names})


def _held_out(source: Source, names: Sequence[str]) -> Examples | None:
    """Those kept apart, or others of examples without end."""
    if source.size is None:
        return _some(source, names, REAL)
    return _some(source.held_out(), names) if source.held_out else None
