"""A trained pair of players with everything they are to be shown."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Image, Kind, Points
from jaxgan.data.source import Source, labelled
from jaxgan.errors import Refused
from jaxgan.games.game import Game, Side
from jaxgan.parts.rng import each
from jaxgan.run.reopen import Reopened
from jaxgan.run.sample import BLOCK, reads_labels, sampler, stream

REAL = 5000  # so many training and so many held-out examples are looked at
DRAWN = 1000  # and so many samples


class Examples(NamedTuple):
    """Examples [N, ...], and their labels [N] where there are any."""

    x: np.ndarray
    label: np.ndarray | None


class Latents(NamedTuple):
    """The latents z [N, size] of the samples; `decode` makes examples of any: (z, label) -> x."""

    z: np.ndarray
    decode: Callable[[np.ndarray, np.ndarray | None], np.ndarray]


class Subject(NamedTuple):
    """What is looked at. A game may have no latents to look at, and no D that judges examples."""

    shape: tuple[int, ...]  # of an example
    kind: Kind
    train: Examples
    whole: bool  # whether that is all there is to train on
    held_out: Examples | None
    samples: Examples
    latents: Latents | None
    judge: Callable[[np.ndarray, np.ndarray | None], np.ndarray] | None  # (x, label) -> logits [N]
    labelled: bool  # whether samples are of a class

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
    label = np.arange(DRAWN, dtype=np.int32) % source.classes if source.classes else None
    samples = Examples(sampler(game, source.classes)(generator, DRAWN, seed), label)
    if not np.isfinite(samples.x).all():
        raise Refused(f"the samples of step {int(state.step)} are not finite; look at another checkpoint")
    return Subject(
        shape=source.shape,
        kind=source.kind,
        train=_some(source),
        whole=source.size is not None and source.size <= REAL,
        held_out=_held_out(source),
        samples=samples,
        latents=_latents(game, generator, seed),
        judge=_judge(game, state.d.side),
        labelled=bool(source.classes) and reads_labels(game, generator),
    )


def _latents(game: Game, generator: Side, seed: int) -> Latents | None:
    if game.latent is None or game.decode is None:
        return None
    index = jnp.arange(DRAWN, dtype=jnp.uint32)
    z = np.asarray(jax.vmap(game.latent.draw)(each(stream(seed), index)))
    return Latents(z, _blockwise(jax.jit(partial(game.decode, generator))))


def _judge(game: Game, d: Side) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray] | None:
    return None if game.judge is None else _blockwise(jax.jit(partial(game.judge, d)))


def _blockwise(call: Callable[..., jax.Array]) -> Callable[[Any, Any], np.ndarray]:
    """The function over any number of examples, compiled for one block."""

    def every(x: np.ndarray, label: np.ndarray | None) -> np.ndarray:
        blocks = []
        for start in range(0, len(x), BLOCK):
            number = np.arange(start, start + BLOCK).clip(max=len(x) - 1)
            blocks.append(call(x[number], None if label is None else label[number]))
        return np.concatenate(jax.device_get(blocks))[: len(x)]

    return every


def _some(source: Source, start: int = 0) -> Examples:
    found = labelled(source, REAL, start)
    return Examples(found["x"], found.get("label"))


def _held_out(source: Source) -> Examples | None:
    """Those kept apart, or others of examples without end."""
    if source.size is None:
        return _some(source, REAL)
    return _some(source.held_out()) if source.held_out else None
