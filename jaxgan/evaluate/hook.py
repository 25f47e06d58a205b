"""A hook that evaluates during training, within a share of the run's time."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from jaxgan.data.kind import registered, unregistered
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.evaluate.cycles import Again, way_back
from jaxgan.evaluate.extractor import Extractor
from jaxgan.evaluate.measures import measures, usual_extractor
from jaxgan.evaluate.names import of_guess
from jaxgan.evaluate.panel import Panel, panel
from jaxgan.games.game import Game
from jaxgan.metrics.metric import Estimate
from jaxgan.metrics.pairs import DISTANCES, Distance
from jaxgan.run.experiment import Moment, Stop
from jaxgan.run.hooks import warning_hook


def evaluated(
    source: Source,
    extractor: Callable[[], Extractor] | None = None,
    *,
    n: int = 2000,
    seed: int = 0,
    share: float = 0.2,
    distances: Mapping[str, Distance] = DISTANCES,
) -> Callable[[Moment], Mapping[str, float] | None]:
    """Returns a hook that measures n samples of the averaged generator against held-out examples, per lane.

    The default extractor is `usual_extractor`: `local(source)` for images, the raw numbers for most else. At
    the same n and seed the numbers are those of `jaxgan evaluate`, without intervals; how they were measured
    is written to the manifest. Evaluations are skipped while they would take more than `share` of the time
    since the first call, setup not counted; never at the first and the last step. For a kind without
    registered measures it says so once.

    Where the true answers to what a generator is asked are known, samples are also compared with these by
    `distances`; at step 0 the numbers of answers that are no GAN's are logged, as `l1_of_input`.

    >>> import jaxgan as jg
    >>> from jaxgan.data import load
    >>> hook = jg.Hook(1000, evaluated(load("ring"), share=0.1))
    """
    if not registered(measures, source.kind):
        return warning_hook("evaluated", unregistered("measures", source.kind, "jaxgan.measures"))
    panels: list[Panel] = []  # one, made at the first call
    backs: list[Again | None] = []  # likewise
    began = total = longest = latest = 0.0  # seconds: the first call; spent on all steps, the longest, this
    step, due = -1, False  # at a step every lane is measured, or none

    def call(moment: Moment) -> Mapping[str, float]:
        nonlocal began, total, longest, latest, step, due
        if not panels:
            panels.append(make_panel(source, extractor, n, moment.game, distances))
            backs.append(way_back(moment.game, source))
            began = time.perf_counter()
        start = time.perf_counter()
        if moment.step != step:
            longest, latest, step = max(longest, latest), 0.0, moment.step
            within = share >= 1 or total + longest <= share * (start - began)
            due = within or total == 0 or moment.last
        if not due:
            return {}

        def draw(count: int, first: int) -> Any:
            return moment.sample(moment.state.generator, count, seed, first)

        try:
            again = backs[0] and partial(backs[0], moment.state.generator)
            numbers, refusals = panels[0].measure(draw, again=again)
        except Refused as error:
            raise Stop(str(error)) from None  # stops this lane only
        if not total:
            about = panels[0].about
            warnings = [*about["warnings"], *refusals]
            facts = {"n": panels[0].n, "seed": seed, **about, "warnings": warnings, "names": list(numbers)}
            moment.note(f"evaluated by {about['extractor']['name']}", facts)
        seconds = time.perf_counter() - start
        total, latest = total + seconds, latest + seconds
        beside = of_guesses(panels[0]) if moment.step == 0 else {}
        return {name: estimate.value for name, estimate in {**numbers, **beside}.items()}

    return call


def of_guesses(panel: Panel) -> dict[str, Estimate]:
    """Returns the numbers of answers that are no GAN's, named as `l1_of_input`."""
    return {
        of_guess(name, guess): estimate
        for guess, numbers in panel.guesses().items()
        for name, estimate in numbers.items()
    }


def make_panel(
    source: Source,
    extractor: Callable[[], Extractor] | None,
    n: int,
    game: Game,
    distances: Mapping[str, Distance] = DISTANCES,
) -> Panel:
    """Returns the panel of a game on a source and its held-out examples; by default the usual extractor's."""
    chosen = extractor() if extractor else usual_extractor(source.kind, source)
    held_out = source.held_out() if source.held_out else None
    back = game.looks.back is not None
    return panel(source, held_out, chosen, n, given=game.given, distances=distances, back=back)
