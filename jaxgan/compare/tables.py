"""Compares methods by one measure: means and spreads over seeds, and differences of pairs in words."""

import math
from collections.abc import Collection, Mapping
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np

from jaxgan.compare.methods import Measure
from jaxgan.compare.statistics import Difference, brown_forsythe, holm, mean, paired_t, welch_t
from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import short

ALPHA = 0.05
"""Significance level of every test."""

MIN_SEEDS = 5
"""With fewer seeds, intervals rely on normality, and differences of spread are not reported."""

PAIRED = 0.75
"""Methods are compared seed by seed where they share at least this fraction of the seeds of either."""

WITHIN = 0.1
"""Seeds within this fraction of their method's best are stable, by default."""

MIN_WITHIN = 0.01
"""Smallest default distance of shares, and of reverse KL in nats: their best may be 0."""

_SHARES = frozenset(
    {"high_quality", "precision", "recall", "coverage", "imbalance", "reverse_kl"}
    | {"train_share", "data_copying", "copies", "repeats"}
)

Better = Literal["lower", "higher"] | None


class Summary(NamedTuple):
    """The seeds of one method, by one measure."""

    method: str
    mean: Estimate
    spread: float  # standard deviation over seeds
    stable: int  # number of seeds that did not fail and are near the best of those
    within: float  # the distance that counts as near
    seeds: int  # number of seeds that have a value
    of: int  # and with those that failed before they had one


class Pair(NamedTuple):
    """The difference B - A of two methods, by one measure; p-values have Holm's correction over all pairs."""

    a: str
    b: str
    difference: Difference
    p: float
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
    values: Mapping[str, Mapping[Any, float]],
    failed: Mapping[str, Collection[Any]] | None = None,
    within: float | None = None,
    oracle: Estimate | None = None,
) -> Table:
    """Returns the table of `values`, method -> seed -> value; seeds in `failed` may have none.

    >>> a, b = [6.0, 7.0, 6.0, 7.0, 6.0, 7.0], [8.0, 8.0, 7.0, 8.0, 7.0, 8.0]
    >>> seeds = {"A": dict(enumerate(a)), "B": dict(enumerate(b))}
    >>> print(table(Measure("modes", "while training"), "at step 10", "higher", seeds).pairs[0].says)
    B is better than A: +1.17 [0.738, 1.6], 6 shared seeds (p 0.000917, permutation p 0.0312).
    """
    failed = failed or {}
    summaries, caveats = [], {}
    for method, seeds in values.items():
        x, lost = np.array(list(seeds.values())), {*failed.get(method, ())}
        sound = np.array([value for seed, value in seeds.items() if seed not in lost])
        stable, distance = 0, math.nan
        if len(sound):
            best = sound.min() if better == "lower" else sound.max() if better else np.median(sound)
            distance = default_within(measure.name, float(best), better, oracle) if within is None else within
            stable = int((np.abs(sound - best) <= distance * (1 + 1e-9)).sum())
        spread = float(np.std(x, ddof=1)) if len(x) > 1 else math.nan
        total = len({*seeds, *lost})
        summaries.append(Summary(method, mean(x), spread, stable, distance, len(x), total))
        measured, missing = len(lost & {*seeds}), total - len(x)
        last = f" {measured} of {total} seeds of {method} failed and count with their last value."
        gone = (
            f" {missing} of {total} seeds of {method} are not included: they failed before they had a value."
        )
        caveats[method] = last * bool(measured) + gone * bool(missing)
    pairs = tuple(
        pair._replace(says=pair.says + caveats[pair.a] + caveats[pair.b]) for pair in _pairs(values, better)
    )
    real = oracle.value if oracle else None
    return Table(measure.name, measure.how, when, better, real, tuple(summaries), pairs)


def default_within(name: str, best: float, better: Better, oracle: Estimate | None) -> float:
    """Returns how far from the best a seed is still stable: a tenth of the best, or the noise if larger.

    The noise is half the interval of what real examples score; where that has none and lower is better, it is
    the score itself, which is then what remains of 0. Neither depends on the other methods.

    >>> default_within("fid", 20.0, "lower", None), default_within("reverse_kl", 0.002, "lower", None)
    (2.0, 0.01)
    >>> default_within("kid", 0.1, "lower", Estimate(0.0, -0.25, 0.25))
    0.25
    """
    noise = MIN_WITHIN if name in _SHARES else 0.0
    if oracle:
        half = (oracle.high - oracle.low) / 2
        remainder = abs(oracle.value) if better == "lower" else 0.0
        noise = max(noise, half if math.isfinite(half) else remainder)
    return max(WITHIN * abs(best), noise)


def _pairs(values: Mapping[str, Mapping[Any, float]], better: Better) -> tuple[Pair, ...]:
    """Compares every two methods that have two seeds or more."""
    names = [(a, b) for a, b in combinations(values, 2) if min(len(values[a]), len(values[b])) > 1]
    differences = [_difference(values[a], values[b], len(names)) for a, b in names]
    spreads = [brown_forsythe(*(np.array(list(values[name].values())) for name in pair)) for pair in names]
    corrected = (
        holm([difference.p for difference in differences]),
        holm([difference.p_shuffled for difference in differences]),
        holm([p for _, p in spreads]),
    )
    correction = f", corrected for {len(names)} pairs" if len(names) > 1 else ""
    pairs = []
    for (a, b), difference, (more, _), p, p_shuffled, p_spread in zip(
        names, differences, spreads, *corrected, strict=True
    ):
        too_few = difference.least * len(names) >= ALPHA
        tests = f"p {short(p)}, permutation p {short(p_shuffled)}{correction}"
        words = _verdict(a, b, difference, p, better, too_few, tests)
        if p_spread < ALPHA and min(len(values[a]), len(values[b])) >= MIN_SEEDS:
            wide, narrow = (b, a) if more > 0 else (a, b)
            words += (
                f" The seeds of {wide} spread more about their median than those of {narrow} "
                f"(p {short(p_spread)}{correction})."
            )
        pairs.append(Pair(a, b, difference, p, p_shuffled, p_spread, words))
    return tuple(pairs)


def _difference(a: Mapping[Any, float], b: Mapping[Any, float], comparisons: int) -> Difference:
    """Compares seed by seed where at most a quarter of either's seeds has no partner, else as two groups.

    Pairs remove what a seed does to both methods alike, but lose the seeds that have no partner: of 16 seeds
    and 2 only 2 pairs would be left.
    """
    shared = [seed for seed in a if seed in b]
    if len(shared) >= max(2, PAIRED * max(len(a), len(b))):
        pairs = np.array([[a[seed], b[seed]] for seed in shared])
        return paired_t(pairs[:, 0], pairs[:, 1], comparisons)
    return welch_t(np.array(list(a.values())), np.array(list(b.values())), comparisons)


def _verdict(
    a: str, b: str, difference: Difference, p: float, better: Better, too_few: bool, tests: str
) -> str:
    """Returns the result in a sentence; `too_few` seeds cannot be significant in a permutation test."""
    interval, n = difference.interval, difference.seeds
    seeds = f"{n} shared seeds" if difference.paired else f"at least {n} seeds each, not paired"
    if math.isnan(interval.low) and not interval.value:
        return f"No difference: {b} and {a} are equal, {seeds}."
    if p >= ALPHA:
        if difference.shown:
            tests += f"; a true difference of {short(difference.shown)} would be detected with 80 % power"
        uncorrected = ", an interval without correction" if interval.low * interval.high > 0 else ""
        value = f"{signed(interval, difference.paired)}{uncorrected}"
        return f"No significant difference: {b} - {a} is {value}, {seeds} ({tests})."
    if (interval.value > 0) == (better == "lower"):
        a, b, interval = b, a, Estimate(-interval.value, -interval.high, -interval.low)
    caveat = "Too few seeds for a conclusion; by the t-test alone " if too_few else ""
    way = "better" if better else "higher"
    return f"{caveat}{b} is {way} than {a}: {signed(interval, difference.paired)}, {seeds} ({tests})."


def signed(interval: Estimate, paired: bool) -> str:
    """Returns a difference with its interval, or why it has none.

    >>> signed(Estimate(1.3, 0.9, 1.8), True), signed(Estimate(-1.0, math.nan, math.nan), True)
    ('+1.3 [0.9, 1.8]', '−1, the same difference in every seed')
    """
    value = f"{'+' if interval.value > 0 else ''}{short(interval.value)}"
    if math.isnan(interval.low):
        why = "the same difference in every seed" if paired else "the same value in every seed of a method"
        return f"{value}, {why}"
    return f"{value} [{short(interval.low)}, {short(interval.high)}]"
