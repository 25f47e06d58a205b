"""There and back: what a game makes again of its samples, beside what these were made from."""

from collections.abc import Callable

import jax
import numpy as np

from jaxgan.data.source import Source, conditions_for, labelled
from jaxgan.games.game import Game, Side
from jaxgan.run.sample import BLOCK

ERROR = "cycle_error"

Again = Callable[[Side, np.ndarray], np.ndarray]


def way_back(game: Game, source: Source) -> Again | None:
    """Returns (g, samples [n, ...]) -> what the samples 0 to n - 1 were made from, made again of them.

    None if the game has no way back, which is its `looks.back`.

    >>> from jaxgan.data import load, pairs
    >>> from jaxgan.games.game import Looks
    >>> from jaxgan.games.toy import bilinear
    >>> source = pairs.paired(load("digits"), lambda x: -x)
    >>> game = bilinear()._replace(given=("source",), looks=Looks(back=lambda g, x, given: -x))
    >>> float(way_back(game, source)(Side((), {}), -origins(source, "source", 3))[0].max())
    1.0
    """
    back = game.looks.back
    if back is None:
        return None
    conditions, compiled = conditions_for(source, game.given), jax.jit(back)

    def again(g: Side, samples: np.ndarray) -> np.ndarray:
        blocks = []
        for start in range(0, len(samples), BLOCK):
            number = np.arange(start, start + BLOCK)
            blocks.append(compiled(g, samples[number.clip(max=len(samples) - 1)], conditions(number)))
        return np.concatenate(jax.device_get(blocks))[: len(samples)]

    return again


def origins(source: Source, name: str, n: int) -> np.ndarray:
    """Returns what the first n samples are made from: the leaf `name` of held-out examples.

    Fewer if there are not so many, as further samples are made from the same again.
    """
    return labelled(source.held_out() if source.held_out else source, n)[name]
