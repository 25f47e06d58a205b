"""Evaluation while a run goes on, for a share of its time."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from jaxgan.data.kind import registered, unregistered
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.evaluate.extractor import Extractor
from jaxgan.evaluate.measures import measures, usual_extractor
from jaxgan.evaluate.panel import Panel, panel
from jaxgan.run.experiment import Moment, Stop
from jaxgan.run.hooks import warning_hook


def evaluated(
    source: Source,
    extractor: Callable[[], Extractor] | None = None,
    *,
    n: int = 2000,
    seed: int = 0,
    share: float = 0.2,
) -> Callable[[Moment], Mapping[str, float] | None]:
    """A hook that measures n samples of the averaged generator against held-out examples, lane by lane.

    By default images are seen through `local(source)`, and most else as it is (`usual_extractor`). At the
    same n and seed they are the numbers of `jaxgan evaluate`, without intervals; how they were measured is
    kept in the manifest. It looks away while more than `share` of the time since its first call would go into
    it, that of making ready aside; never at the first and the last step. Of a kind that nothing measures it
    says so once.

    >>> import jaxgan as jg
    >>> from jaxgan.data import load
    >>> hook = jg.Hook(1000, evaluated(load("ring"), share=0.1))
    """
    if not registered(measures, source.kind):
        return warning_hook("evaluated", unregistered("measures", source.kind, "jaxgan.measures"))
    ready: list[Panel] = []
    began = spent = longest = latest = 0.0
    step, looks = -1, False  # at a step it looks at every lane, or at none

    def call(moment: Moment) -> Mapping[str, float]:
        nonlocal began, spent, longest, latest, step, looks
        if not ready:
            ready.append(made_ready(source, extractor, n, moment.game.given))
            began = time.perf_counter()
        clock = time.perf_counter()
        if moment.step != step:
            longest, latest, step = max(longest, latest), 0.0, moment.step
            fits = share >= 1 or spent + longest <= share * (clock - began)
            looks = fits or spent == 0 or moment.last
        if not looks:
            return {}

        def draw(count: int, start: int) -> Any:
            return moment.sample(moment.state.generator, count, seed, start)

        try:
            numbers, refused = ready[0].measure(draw)
        except Refused as why:
            raise Stop(str(why)) from None  # of this lane alone
        if not spent:
            about = ready[0].about
            warnings = [*about["warnings"], *refused]
            facts = {"n": ready[0].n, "seed": seed, **about, "warnings": warnings, "names": list(numbers)}
            moment.note(f"evaluated by {about['extractor']['name']}", facts)
        took = time.perf_counter() - clock
        spent, latest = spent + took, latest + took
        return {name: estimate.value for name, estimate in numbers.items()}

    return call


def made_ready(
    source: Source, extractor: Callable[[], Extractor] | None, n: int, given: tuple[str, ...]
) -> Panel:
    """The panel of a source as it is usually looked at."""
    seen_by = extractor() if extractor else usual_extractor(source.kind, source)
    held_out = source.held_out() if source.held_out else None
    return panel(source, held_out, seen_by, n, given=given)
