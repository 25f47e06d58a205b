"""How much the game turns, while it is played."""

from collections.abc import Callable, Mapping

import jax
import numpy as np

from jaxgan.data.source import Source, batch, given, numbers, places
from jaxgan.games.game import Game
from jaxgan.instruments.diagnosis import cheap
from jaxgan.instruments.field import on_one_device
from jaxgan.parts.types import Array, Batch, Key, PyTree
from jaxgan.run.experiment import Moment


def rotation(
    game: Game,
    source: Source,
    batch_size: int,
    batches: int = 2,
) -> Callable[[Moment], Mapping[str, float]]:
    """A hook: the share of the game's Jacobian that turns, and both players' gradient noise scales.

    A game that was made for several devices is looked at on one of them.

    >>> import jaxgan as jg
    >>> from jaxgan.data import load
    >>> from jaxgan.games.toy import bilinear
    >>> hook = jg.Hook(1000, rotation(bilinear(), load("ring"), batch_size=64))
    """
    game = on_one_device(game)

    def call(moment: Moment) -> Mapping[str, float]:
        state = moment.state
        return cheap(game, state, drawn(source, (batches, batch_size), state.key, state.step))

    return call


def drawn(source: Source, shape: tuple[int, int], key: Key, step: Array) -> Batch:
    """Batches [N, B, ...] of the examples from a step on, however they are kept."""
    return batch(source, shape, given_to(source, shape, key, step), key, step)


def given_to(source: Source, rows: tuple[int, int], key: Key, step: Array | int) -> PyTree:
    """What `batch` takes from for these rows of a step: of a source that reads, what it has read."""
    if source.read is None:
        return source.arrays
    number = np.asarray(numbers(source, key, places(rows[0] * rows[1], step)))
    return jax.tree.map(lambda x: x.reshape(*rows, *x.shape[1:]), given(source, number))
