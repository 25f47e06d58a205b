"""One measure of several methods over their training seeds: means, spreads, differences, a sentence."""

import math
from collections.abc import Collection, Mapping
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np

from jaxgan.compare.methods import Measure
from jaxgan.compare.statistics import Difference, holm, mean, paired, spreads, unpaired
from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import short

SURE = 0.05
"""A p below it tells a difference."""

ENOUGH = 5
"""Of fewer seeds intervals lean on their being normal, and nothing is said of how they spread."""

PAIRED = 0.75
"""Of the seeds of either method: so many must be seeds of the other too to compare seed by seed."""

WITHIN = 0.1
"""Of its method's best: a seed as near to it as this is stable."""

FINEST = 0.01
"""Of shares, and of reverse KL in nats: seeds as near as this are stable, though the best may be 0."""

_SHARES = frozenset(
    {"high_quality", "precision", "recall", "coverage", "imbalance", "reverse_kl"}
    | {"train_share", "data_copying", "copies", "repeats"}
)

Better = Literal["lower", "higher"] | None


class Summary(NamedTuple):
    """The seeds of one method, by one measure."""

    method: str
    mean: Estimate
    spread: float  # the standard deviation over seeds
    stable: int  # so many have not failed, and are near the best of them
    within: float  # so near
    seeds: int  # that have the number
    of: int  # and with those that failed before they had it


class Pair(NamedTuple):
    """Two methods, by one measure: B - A."""

    a: str
    b: str
    difference: Difference
    p: float  # after Holm's correction over all pairs, as are the others
    p_shuffled: float
    p_spread: float
    says: str


class Table(NamedTuple):
    """All methods by one measure, at one moment of their training."""

    name: str
    how: str
    when: str
    better: Better
    oracle: float | None
    summaries: tuple[Summary, ...]
    pairs: tuple[Pair, ...]


def table(
    measure: Measure,
    when: str,
    better: Better,
    chosen: Mapping[str, Mapping[int, float]],
    failed: Mapping[str, Collection[int]] | None = None,
    within: float | None = None,
    oracle: Estimate | None = None,
) -> Table:
    """The table of `chosen`: method -> seed -> number; seeds that have `failed` may have none.

    >>> a, b = [6.0, 7.0, 6.0, 7.0, 6.0, 7.0], [8.0, 8.0, 7.0, 8.0, 7.0, 8.0]
    >>> seeds = {"A": dict(enumerate(a)), "B": dict(enumerate(b))}
    >>> print(table(Measure("modes", "while training"), "at step 10", "higher", seeds).pairs[0].says)
    B is better than A: +1.17 [0.738, 1.6], 6 seeds, the same in both (p 0.000917, by rearranging 0.0312).
    """
    lost = failed or {}
    summaries = []
    for method, seeds in chosen.items():
        x = np.array(list(seeds.values()))
        sound = np.array([value for seed, value in seeds.items() if seed not in lost.get(method, ())])
        near, apart = 0, math.nan
        if len(sound):
            best = sound.min() if better == "lower" else sound.max() if better else np.median(sound)
            apart = near_enough(measure.name, float(best), better, oracle) if within is None else within
            near = int((np.abs(sound - best) <= apart * (1 + 1e-9)).sum())
        spread = float(np.std(x, ddof=1)) if len(x) > 1 else math.nan
        of = len({*seeds, *lost.get(method, ())})
        summaries.append(Summary(method, mean(x), spread, near, apart, len(x), of))
    caveats = {x.method: _caveat(x, len({*chosen[x.method]} & {*lost.get(x.method, ())})) for x in summaries}
    pairs = tuple(
        pair._replace(says=pair.says + caveats[pair.a] + caveats[pair.b]) for pair in _pairs(chosen, better)
    )
    real = oracle.value if oracle else None
    return Table(measure.name, measure.how, when, better, real, tuple(summaries), pairs)


def _caveat(of: Summary, failed: int) -> str:
    """What the means do not tell of the seeds that failed: so many of those that have the number."""
    words = f" {failed} of {of.of} seeds of {of.method} failed, and count by the number they have."
    gone = f" Without {of.of - of.seeds} of {of.of} seeds of {of.method}, which failed before that."
    return words * bool(failed) + gone * (of.of > of.seeds)


def near_enough(name: str, best: float, better: Better, oracle: Estimate | None) -> float:
    """A tenth of the best, but no less than chance does to the score of real examples.

    That is half of its interval; where it has none and lower is better, the score itself, which is then
    what is left of 0. It depends on nobody else who is compared.

    >>> near_enough("fid", 20.0, "lower", None), near_enough("reverse_kl", 0.002, "lower", None)
    (2.0, 0.01)
    >>> near_enough("kid", 0.1, "lower", Estimate(0.0, -0.25, 0.25))
    0.25
    """
    chance = FINEST if name in _SHARES else 0.0
    if oracle:
        half = (oracle.high - oracle.low) / 2
        without = abs(oracle.value) if better == "lower" else 0.0
        chance = max(chance, half if math.isfinite(half) else without)
    return max(WITHIN * abs(best), chance)


def _pairs(chosen: Mapping[str, Mapping[int, float]], better: Better) -> tuple[Pair, ...]:
    """Every two methods of two seeds or more; each p is one among so many."""
    of = [(a, b) for a, b in combinations(chosen, 2) if min(len(chosen[a]), len(chosen[b])) > 1]
    differences = [_difference(chosen[a], chosen[b], len(of)) for a, b in of]
    spread = [spreads(*(np.array(list(chosen[name].values())) for name in pair)) for pair in of]
    adjusted = (
        holm([difference.p for difference in differences]),
        holm([difference.p_shuffled for difference in differences]),
        holm([p for _, p in spread]),
    )
    among = f" among {len(of)} pairs" if len(of) > 1 else ""
    found = []
    for (a, b), difference, (more, _), p, p_shuffled, p_spread in zip(
        of, differences, spread, *adjusted, strict=True
    ):
        few = difference.least * len(of) >= SURE  # however far apart they lay
        words = _verdict(a, b, difference, p, p_shuffled, better, few, among)
        if p_spread < SURE and min(len(chosen[a]), len(chosen[b])) >= ENOUGH:
            loud, calm = (b, a) if more > 0 else (a, b)
            words += (
                f" Over seeds {loud} spreads more about its median than {calm} (p {short(p_spread)}{among})."
            )
        found.append(Pair(a, b, difference, p, p_shuffled, p_spread, words))
    return tuple(found)


def _difference(a: Mapping[int, float], b: Mapping[int, float], among: int) -> Difference:
    """Seed by seed where at most a quarter of either's seeds is without a partner, else of two groups.

    A pair gains what its seed does to both methods alike, and costs the seeds that have no partner: of 16
    seeds and 2 only 2 pairs would be left.
    """
    shared = [seed for seed in a if seed in b]
    if len(shared) >= max(2, PAIRED * max(len(a), len(b))):
        return paired(np.array([a[seed] for seed in shared]), np.array([b[seed] for seed in shared]), among)
    return unpaired(np.array(list(a.values())), np.array(list(b.values())), among)


def _verdict(
    a: str, b: str, found: Difference, p: float, p_shuffled: float, better: Better, few: bool, among: str
) -> str:
    """The plain sentence; `few` are seeds that no rearranging could tell from chance."""
    group = ", the same in both" if found.paired else " or more, not the same in both"
    seeds = f"{found.seeds} seeds{group}"
    sure = f"p {short(p)}, by rearranging {short(p_shuffled)}" + (f", both{among}" if among else "")
    interval = found.interval
    if math.isnan(interval.low) and not interval.value:
        return f"No difference was seen: {b} and {a} are the same, {seeds}."
    if p >= SURE:
        if found.shown:
            sure += f"; a true difference of {short(found.shown)} or more would be found four times in five"
        alone = ", an interval of this pair alone" if interval.low * interval.high > 0 else ""
        told = f"{signed(interval, found.paired)}{alone}"
        return f"No difference can be told: {b} - {a} is {told}, {seeds} ({sure})."
    if (interval.value > 0) == (better == "lower"):
        a, b, interval = b, a, Estimate(-interval.value, -interval.high, -interval.low)
    by = "Too few seeds to say; by a t-test alone " if few else ""
    way = "better" if better else "higher"
    return f"{by}{b} is {way} than {a}: {signed(interval, found.paired)}, {seeds} ({sure})."


def signed(interval: Estimate, paired: bool) -> str:
    """A difference with its interval, or why it has none.

    >>> signed(Estimate(1.3, 0.9, 1.8), True), signed(Estimate(-1.0, math.nan, math.nan), True)
    ('+1.3 [0.9, 1.8]', '−1, the same difference in every seed')
    """
    value = f"{'+' if interval.value > 0 else ''}{short(interval.value)}"
    if math.isnan(interval.low):
        why = "the same difference in every seed" if paired else "the same number in every seed of a method"
        return f"{value}, {why}"
    return f"{value} [{short(interval.low)}, {short(interval.high)}]"
