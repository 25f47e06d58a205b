"""What a program costs: its memory, as compiled, and its time, by a few updates on this processor."""

import time
from typing import Any, NamedTuple

import jax

from jaxgan.data.source import Source
from jaxgan.folder.settings import Settings
from jaxgan.run.check import experiment_of
from jaxgan.run.program import lower_update, make_init
from jaxgan.run.seeds import root_keys
from jaxgan.scale import memory

UPDATES = 5


class Cost(NamedTuple):
    """The cost of one lane of a program."""

    bytes: int
    seconds: float  # of an update


def cost(settings: Settings, build: Any, source: Source) -> Cost | None:
    """Returns the cost of a single run, None if its examples are read from files, which takes its own time.

    >>> import jaxgan as jg, optax
    >>> from jaxgan.data import load
    >>> from jaxgan.games.toy import bilinear
    >>> sgd = optax.sgd(0.1)
    >>> ring = load("ring")
    >>> build = lambda config, source: jg.Experiment(jg.alternating(bilinear(), sgd, sgd), source)
    >>> cost(Settings(), build, ring).seconds > 0
    True
    """
    if source.read is not None:
        return None
    experiment = experiment_of(settings, build, source)
    arrays = jax.device_put(source.arrays)
    state = make_init(experiment, settings)(root_keys([settings])[0], arrays)
    update = lower_update(experiment, settings, state, arrays).compile()
    state, _ = jax.block_until_ready(update(state, arrays))
    began = time.perf_counter()
    for _ in range(UPDATES):
        state, _ = update(state, arrays)
    jax.block_until_ready(state)
    return Cost(memory.needs(update), (time.perf_counter() - began) / UPDATES)
