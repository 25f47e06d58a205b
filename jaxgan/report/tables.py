"""One measure of several methods over their training seeds: means, spreads, differences, a sentence."""

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np

from jaxgan.report.methods import Measure
from jaxgan.report.statistics import Difference, Interval, holm, mean, paired, spreads, unpaired
from jaxgan.report.words import short

SURE = 0.05
"""A p below it tells a difference."""

WITHIN = 0.1
"""Of the range of all seeds: a seed as near as this to its method's best is stable."""

Better = Literal["lower", "higher"] | None


class Summary(NamedTuple):
    """The seeds of one method, by one measure."""

    method: str
    mean: Interval
    spread: float  # the standard deviation over seeds
    stable: int  # so many are near the best of them
    seeds: int


class Pair(NamedTuple):
    """Two methods, by one measure: B - A."""

    a: str
    b: str
    difference: Difference
    p: float  # after Holm's correction over all pairs
    p_spread: float
    says: str


class Table(NamedTuple):
    """All methods by one measure, at one moment of their training."""

    name: str
    how: str
    when: str
    better: Better
    within: float
    oracle: float | None
    summaries: tuple[Summary, ...]
    pairs: tuple[Pair, ...]


def table(
    measure: Measure,
    when: str,
    better: Better,
    chosen: Mapping[str, Mapping[int, float]],
    within: float | None = None,
    oracle: float | None = None,
) -> Table:
    """The table of `chosen`: method -> seed -> number.

    >>> seeds = {"A": {0: 6.0, 1: 7.0, 2: 6.0, 3: 7.0}, "B": {0: 8.0, 1: 8.0, 2: 7.0, 3: 8.0}}
    >>> print(table(Measure("modes", "while training"), "at step 10", "higher", seeds).pairs[0].says)
    B is better than A: +1.25 [0.454, 2.05], 4 seeds, the same in both (p 0.0154, by rearranging 0.125).
    """
    arrays = {method: np.array(list(seeds.values())) for method, seeds in chosen.items()}
    if within is None:
        within = WITHIN * float(np.ptp(np.concatenate(list(arrays.values()))))
    summaries = []
    for method, x in arrays.items():
        best = x.min() if better == "lower" else x.max() if better else np.median(x)
        near = int((np.abs(x - best) <= within * (1 + 1e-9)).sum())
        spread = float(np.std(x, ddof=1)) if len(x) > 1 else math.nan
        summaries.append(Summary(method, mean(x), spread, near, len(x)))
    differences = {}
    for a, b in combinations(chosen, 2):
        if min(len(chosen[a]), len(chosen[b])) > 1:
            differences[a, b] = _difference(chosen[a], chosen[b])
    adjusted = holm([difference.p for difference in differences.values()])
    pairs = []
    for ((a, b), difference), p in zip(differences.items(), adjusted, strict=True):
        p_spread = spreads(arrays[a], arrays[b])
        words = _verdict(a, b, difference, p, better, len(differences))
        if p_spread < SURE:
            loud, calm = (a, b) if np.std(arrays[a]) > np.std(arrays[b]) else (b, a)
            words += f" Over seeds {loud} spreads more than {calm} (p {short(p_spread)})."
        pairs.append(Pair(a, b, difference, p, p_spread, words))
    return Table(measure.name, measure.how, when, better, within, oracle, tuple(summaries), tuple(pairs))


def _difference(a: Mapping[int, float], b: Mapping[int, float]) -> Difference:
    """Seed by seed where all seeds of one are seeds of the other too, else of two groups."""
    shared = [seed for seed in a if seed in b]
    if len(shared) == min(len(a), len(b)):
        return paired(np.array([a[seed] for seed in shared]), np.array([b[seed] for seed in shared]))
    return unpaired(np.array(list(a.values())), np.array(list(b.values())))


def _verdict(a: str, b: str, found: Difference, p: float, better: Better, pairs: int) -> str:
    """The plain sentence."""
    seeds = f"{found.seeds} seeds" + (", the same in both" if found.paired else " or more, not the same")
    sure = f"p {short(p)}" + (f" among {pairs} pairs" if pairs > 1 else "")
    sure += f", by rearranging {short(found.p_shuffled)}"
    if found.interval == (0, 0, 0):
        return f"No difference: {b} and {a} are the same, {seeds}."
    if p >= SURE:
        if found.shown:
            sure += f"; a true difference of {short(found.shown)} or more would be found four times in five"
        return f"No difference can be told: {b} - {a} is {signed(found.interval)}, {seeds} ({sure})."
    interval = found.interval
    if (interval.value > 0) == (better == "lower"):
        a, b, interval = b, a, Interval(-interval.value, -interval.high, -interval.low)
    return f"{b} is {'better' if better else 'higher'} than {a}: {signed(interval)}, {seeds} ({sure})."


def signed(interval: Interval) -> str:
    """A difference with its interval.

    >>> signed(Interval(1.3, 0.9, 1.8))
    '+1.3 [0.9, 1.8]'
    """
    sign = "+" if interval.value > 0 else ""
    return f"{sign}{short(interval.value)} [{short(interval.low)}, {short(interval.high)}]"
