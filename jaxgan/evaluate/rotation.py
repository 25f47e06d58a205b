"""How much the game turns, while it is played."""

from collections.abc import Callable, Mapping
from functools import cache

import jax
import numpy as np

from jaxgan.data.source import Source, arrays_for, batch, numbers, positions
from jaxgan.instruments.diagnosis import cheap
from jaxgan.instruments.field import on_one_device
from jaxgan.parts.types import Array, Batch, Key, PyTree
from jaxgan.run.experiment import Moment


def rotation(source: Source, batch_size: int, batches: int = 2) -> Callable[[Moment], Mapping[str, float]]:
    """A hook: the share of the game's Jacobian that turns, and both players' gradient noise scales.

    Of each lane it looks at the lane's own game, and at one that was made for several devices on one of them.

    >>> import jaxgan as jg
    >>> from jaxgan.data import load
    >>> hook = jg.Hook(1000, rotation(load("ring"), batch_size=64))
    """
    alone = cache(on_one_device)  # what looks at a game is compiled for it

    def call(moment: Moment) -> Mapping[str, float]:
        game, state = alone(moment.game), moment.state
        return cheap(game, state, drawn(source, (batches, batch_size), state.key, state.step))

    return call


def drawn(source: Source, shape: tuple[int, int], key: Key, step: Array) -> Batch:
    """Batches [N, B, ...] of the examples from a step on, however they are kept."""
    return batch(source, shape, given_to(source, shape, key, step), key, step)


def given_to(source: Source, rows: tuple[int, int], key: Key, step: Array | int) -> PyTree:
    """What `batch` takes from for these rows of a step: of a source that reads, what it has read."""
    if source.read is None:
        return source.arrays
    number = np.asarray(numbers(source, key, positions(rows[0] * rows[1], step)))
    return jax.tree.map(lambda x: x.reshape(*rows, *x.shape[1:]), arrays_for(source, number))
