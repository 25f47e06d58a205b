"""Measuring a generator in a notebook or in a function of one's own."""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from jaxgan.evaluate.cycles import way_back
from jaxgan.evaluate.extractor import Extractor
from jaxgan.evaluate.hook import make_panel, of_guesses
from jaxgan.folder.settings import check_seed
from jaxgan.games.game import State
from jaxgan.metrics.metric import Estimate
from jaxgan.metrics.pairs import DISTANCES, Distance
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
    distances: Mapping[str, Distance] = DISTANCES,
) -> Mapping[str, Estimate]:
    """Returns the scores of n samples of the averaged generator, each with its 95 % interval.

    They are compared with held-out examples. n is by default 10,000, or the number of examples if that is
    smaller; the default extractor is a small classifier of the data's own for images, the raw numbers for
    anything else. Where the true answers to what a generator is asked are known, samples are also compared
    with these by `distances`, and so are answers that are no GAN's, under names as `l1_of_input`. The numbers
    are those that `jaxgan evaluate` prints. Remarks on them are given as warnings.
    """
    check_seed(seed)
    source, game = experiment.source, experiment.game
    panel = make_panel(source, extractor, n, game, distances)
    sample, generator = sampler(game, source), state_of(fitted).generator
    back = way_back(game, source)

    def draw(count: int, start: int) -> Any:
        return sample(generator, count, seed, start)

    numbers, refusals = panel.measure(draw, again=back and partial(back, generator))
    for line in [*panel.about["warnings"], *refusals]:
        warnings.warn(line, stacklevel=2)
    return {**numbers, **of_guesses(panel)}
