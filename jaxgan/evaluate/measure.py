"""What a generator scores, in a notebook or a function of one's own."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from jaxgan.evaluate.extractor import Extractor
from jaxgan.evaluate.hook import made_ready
from jaxgan.folder.settings import check_seed
from jaxgan.games.game import State
from jaxgan.metrics.metric import Estimate
from jaxgan.run.experiment import Experiment
from jaxgan.run.fit import state_of
from jaxgan.run.loop import Fitted
from jaxgan.run.sample import sampler


def measure(
    experiment: Experiment,
    fitted: Fitted | State,
    *,
    n: int = 0,
    seed: int = 0,
    extractor: Callable[[], Extractor] | None = None,
) -> Mapping[str, Estimate]:
    """What n samples of the averaged generator score against held-out examples, each with its 95 % interval.

    By default they are 10,000, or as many as there are examples; images are seen through a small classifier
    of the data's own, anything else as it is. They are the numbers that `jaxgan evaluate` prints. What must
    be known of them comes as warnings.
    """
    check_seed(seed)
    source, game = experiment.source, experiment.game
    panel = made_ready(source, extractor, n, game.given)
    draw, generator = sampler(game, source), state_of(fitted).generator

    def samples(count: int, start: int) -> Any:
        return draw(generator, count, seed, start)

    numbers, refused = panel.measure(samples)
    for line in [*panel.about["warnings"], *refused]:
        warnings.warn(line, stacklevel=2)
    return numbers
