"""Evaluation while a run goes on, for a share of its time."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from jaxgan.data.source import Source
from jaxgan.evaluate.extractor import Extractor, raw
from jaxgan.evaluate.local import local
from jaxgan.evaluate.panel import Panel, panel
from jaxgan.run.experiment import Moment


def evaluated(
    source: Source,
    extractor: Callable[[], Extractor] | None = None,
    *,
    n: int = 2000,
    seed: int = 0,
    share: float = 0.2,
    classes: int = 0,
) -> Callable[[Moment], Mapping[str, float]]:
    """A hook that measures n samples of the averaged generator against held-out examples, lane by lane.

    By default images are seen through `local(source)`, anything else as it is. The same numbers as of
    `jaxgan evaluate`, without intervals. It looks away while more than `share` of the time since its first
    call would go into it, that of making ready aside; never at the first and the last step.

    >>> import jaxgan as jg
    >>> from jaxgan.data import load
    >>> hook = jg.Hook(1000, evaluated(load("ring"), share=0.1))
    """
    ready: list[Panel] = []
    began = spent = longest = 0.0
    looking: dict[int, bool] = {}  # at a step: at every lane, or at none

    def call(moment: Moment) -> Mapping[str, float]:
        nonlocal began, spent, longest
        if not ready:
            ready.append(_made_ready(source, extractor, n, classes))
            began = time.perf_counter()
        clock = time.perf_counter()
        if moment.step not in looking:
            due = spent + longest <= share * (clock - began) or spent == 0 or moment.last
            looking.clear()
            looking[moment.step] = due
        if not looking[moment.step]:
            return {}

        def draw(count: int, start: int) -> Any:
            return moment.sample(moment.state.generator, count, seed, start)

        numbers, _ = ready[0].measure(draw)
        took = time.perf_counter() - clock
        spent, longest = spent + took, max(longest, took)
        return {name: estimate.value for name, estimate in numbers.items()}

    return call


def _made_ready(source: Source, extractor: Callable[[], Extractor] | None, n: int, classes: int) -> Panel:
    usual = (lambda: local(source)) if len(source.shape) == 3 else raw
    held_out = source.held_out() if source.held_out else None
    return panel(source, held_out, (extractor or usual)(), n, classes=classes)
