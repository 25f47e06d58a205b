"""A hook that measures during training how much the game rotates."""

from collections.abc import Callable, Mapping
from functools import cache

import jax
import numpy as np

from jaxgan.data.source import Source, arrays_for, batch, numbers, positions
from jaxgan.instruments.diagnosis import rotation_and_noise
from jaxgan.instruments.field import on_one_device
from jaxgan.parts.types import Array, Batch, Key, PyTree
from jaxgan.run.experiment import Moment


def rotation(source: Source, batch_size: int, batches: int = 2) -> Callable[[Moment], Mapping[str, float]]:
    """Returns a hook: the share of the game's Jacobian that rotates, and both gradient noise scales.

    Each lane's own game is measured, and a game lowered to several devices is measured on one of them.

    >>> import jaxgan as jg
    >>> from jaxgan.data import load
    >>> hook = jg.Hook(1000, rotation(load("ring"), batch_size=64))
    """
    lowered = cache(on_one_device)  # the same object each time, since instruments are compiled per game

    def call(moment: Moment) -> Mapping[str, float]:
        state = moment.state
        examples = draw_batches(source, (batches, batch_size), state.data_key, state.step)
        return rotation_and_noise(lowered(moment.game), state, examples)

    return call


def draw_batches(source: Source, shape: tuple[int, int], key: Key, step: Array) -> Batch:
    """Returns the batches [N, B, ...] that follow a step, from memory or from files."""
    return batch(source, shape, source_arrays(source, shape, key, step), key, step)


def source_arrays(source: Source, shape: tuple[int, int], key: Key, step: Array | int) -> PyTree:
    """Returns the arrays that `batch` takes these rows from; a source that reads files reads them here."""
    if source.read is None:
        return source.arrays
    number = np.asarray(numbers(source, key, positions(shape[0] * shape[1], step)))
    return jax.tree.map(lambda x: x.reshape(*shape, *x.shape[1:]), arrays_for(source, number))
