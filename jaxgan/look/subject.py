"""A trained run as `jaxgan analyze` needs it: examples, samples, latents and the discriminator."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxgan.data.kind import Image, Kind, Points
from jaxgan.data.source import Source, conditions_for, labelled, with_factors
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

    `parts`: the columns of each part, by name, of a latent in parts.
    """

    z: np.ndarray
    decode: Callable[[np.ndarray, Mapping[str, np.ndarray]], np.ndarray]
    parts: Mapping[str, slice] = {}


class Told(NamedTuple):
    """What D's heads tell of the codes of real examples: codes [N, c] by name, and the true factors [N]."""

    names: Sequence[str]
    codes: np.ndarray
    factors: Mapping[str, np.ndarray]


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
    told: Told | str = "no true factors of these examples are known"  # or why there is none

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
    latents = _latents(game, generator, seed)
    return Subject(
        shape=source.shape,
        kind=source.kind,
        train=_examples(source, game.given),
        whole=source.size is not None and source.size <= REAL,
        held_out=_held_out(source, game.given),
        samples=samples,
        latents=latents,
        judge=_judge(game, state.d.side),
        told=_told(game, source, state.d.side, latents),
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
    return Latents(rows, _blockwise(generate), _parts(z))


def _parts(z: Any) -> dict[str, slice]:
    """Returns the columns of each part of a latent in parts, in the order in which they are raveled."""
    if not isinstance(z, Mapping) or not all(isinstance(part, jax.Array) for part in z.values()):
        return {}
    sizes = [int(np.prod(z[name].shape[1:])) for name in sorted(z)]
    ends = np.cumsum([0, *sizes]).tolist()
    return {name: slice(*ends[i : i + 2]) for i, name in enumerate(sorted(z))}


def _told(game: Game, source: Source, d: Side, latents: Latents | None) -> Told | str:
    """Reads codes off real examples by D's heads of `jaxgan.heads.codes`; or says why it cannot."""
    if source.factors is None or source.size is None:
        return "no true factors of these examples are known"
    heads = game.looks.heads
    if heads is None or latents is None or not latents.parts or game.given:
        return "D has no heads that predict the codes of a latent in parts"
    read = jax.jit(heads)
    x, factors = with_factors(source, REAL)
    blocks = [jax.device_get(read(d, x[start : start + BLOCK], {})) for start in range(0, len(x), BLOCK)]
    names: list[str] = []
    codes: list[np.ndarray] = []
    for name, part in latents.parts.items():
        if not isinstance(blocks[0], Mapping) or f"code_{name}" not in blocks[0]:
            continue
        output = np.concatenate([block[f"code_{name}"] for block in blocks])
        size = part.stop - part.start
        if output.shape[1] == size:  # the logits of a class
            names.append(name)
            codes.append(output.argmax(axis=1))
        else:  # means, and logarithms of deviations
            names += [f"{name} {i}" if size > 1 else name for i in range(size)]
            codes += list(output.T[:size])
    if not codes:
        return "D has no heads that predict the codes of a latent in parts"
    return Told(names, np.stack(codes, axis=1).astype(np.float64), factors)


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
