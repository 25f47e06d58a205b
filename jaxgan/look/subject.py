"""A trained run as `jaxgan analyze` needs it: examples, samples, latents and the discriminator."""

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

REAL = 5000  # number of training examples, and of held-out examples
DRAWN = 1000  # number of samples


class Examples(NamedTuple):
    """Examples [N, ...], and their conditions by name [N, ...]."""

    x: np.ndarray
    given: Mapping[str, np.ndarray]


class Latents(NamedTuple):
    """The latents of the samples as rows z [N, size]; `decode` generates from any: (z, given) -> x.

    `parts`: the columns of each part, if the latent has parts by name.
    """

    z: np.ndarray
    decode: Callable[[np.ndarray, Mapping[str, np.ndarray]], np.ndarray]
    parts: Mapping[str, slice] = {}


class Subject(NamedTuple):
    """What the panels draw. A game may have no latents, and no discriminator that judges single examples."""

    shape: tuple[int, ...]  # of an example
    kind: Kind
    train: Examples
    whole: bool  # whether these are all training examples
    held_out: Examples | None
    samples: Examples
    latents: Latents | None
    judge: Callable[[np.ndarray, Mapping[str, np.ndarray]], np.ndarray] | None  # (x, given) -> logits [N]
    factors: Callable[[np.ndarray], Mapping[str, np.ndarray]] | None = None  # of images, if they are known

    @property
    def images(self) -> bool:
        return isinstance(self.kind, Image)

    @property
    def points(self) -> bool:
        """Whether the examples are points of at least two dimensions."""
        return isinstance(self.kind, Points) and self.shape[0] > 1


def make_subject(again: Reopened, seed: int = 0) -> Subject:
    """Returns the subject of a reopened run, with the samples of `jaxgan sample --seed`."""
    game, source, state = again.experiment.game, again.experiment.source, again.state
    generator = state.generator
    given = conditions_for(source, game.given)(np.arange(DRAWN))
    samples = Examples(sampler(game, source)(generator, DRAWN, seed), given)
    if not np.isfinite(samples.x).all():
        raise Refused(f"the samples of step {int(state.step)} are not finite: choose another checkpoint")
    return Subject(
        shape=source.shape,
        kind=source.kind,
        train=_examples(source, game.given),
        whole=source.size is not None and source.size <= REAL,
        held_out=_held_out(source, game.given),
        samples=samples,
        latents=_latents(game, generator, seed),
        judge=_judge(game, state.d.side),
        factors=source.factors,
    )


def _latents(game: Game, generator: Side, seed: int) -> Latents | None:
    latents, decode = game.looks.latents, game.looks.decode
    if latents is None or decode is None:
        return None
    z = jax.jit(latents)(generator, each(sample_key(seed), jnp.arange(DRAWN, dtype=jnp.uint32)))
    flat, unravel = ravel_pytree(jax.tree.map(lambda part: part[0], z))
    if not flat.size:
        return None
    rows = np.asarray(jax.vmap(lambda latent: ravel_pytree(latent)[0])(z))
    generate = jax.jit(lambda rows, given: decode(generator, jax.vmap(unravel)(rows), given))
    return Latents(rows, _blockwise(generate), _columns(z) if isinstance(z, Mapping) else {})


def _columns(z: Mapping[str, jax.Array]) -> dict[str, slice]:
    """Returns the columns of each part in the rows of latents, which follow the order of names."""
    names = sorted(z)
    ends = np.cumsum([sum(x[0].size for x in jax.tree.leaves(z[name])) for name in names])
    starts = [0, *ends[:-1]]
    return {name: slice(int(i), int(j)) for name, i, j in zip(names, starts, ends, strict=True)}


def _judge(game: Game, d: Side) -> Callable[..., np.ndarray] | None:
    judge = game.looks.judge
    return None if judge is None else _blockwise(jax.jit(partial(judge, d)))


def _blockwise(call: Callable[..., jax.Array]) -> Callable[[Any, Any], np.ndarray]:
    """Returns the function for any number of examples, compiled for one block."""

    def call_all(x: np.ndarray, given: Mapping[str, np.ndarray]) -> np.ndarray:
        blocks = []
        for start in range(0, len(x), BLOCK):
            number = np.arange(start, start + BLOCK).clip(max=len(x) - 1)
            blocks.append(call(x[number], {name: leaf[number] for name, leaf in given.items()}))
        return np.concatenate(jax.device_get(blocks))[: len(x)]

    return call_all


def _examples(source: Source, names: Sequence[str], start: int = 0) -> Examples:
    taken = labelled(source, REAL, start)
    return Examples(taken["x"], {name: taken[name] for name in names})


def _held_out(source: Source, names: Sequence[str]) -> Examples | None:
    """Returns the held-out examples; of an endless source, later ones than those of the training set."""
    if source.size is None:
        return _examples(source, names, REAL)
    return _examples(source.held_out(), names) if source.held_out else None
