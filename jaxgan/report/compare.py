"""Which of several methods is better, over their training seeds, and how sure that is."""

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.errors import Refused
from jaxgan.evaluate import names
from jaxgan.report.diversity import COVERING
from jaxgan.report.methods import Known, Measure, Method, Trained, methods
from jaxgan.report.statistics import Interval, failures, holm, share
from jaxgan.report.tables import FINEST, SURE, Better, Table, table
from jaxgan.report.words import short

DEFINITIONS = f"""\
Means, with intervals by Student's t, are of the seeds that have the number, as many as are said: one that
ended early counts by its last number, one that failed before it had any is in no mean. Spread is the standard
deviation over those seeds. Stable are, of all seeds, those that did not fail and lie within the stated
distance of the best that did not (of the median, where better is not known): by default a tenth of that best,
and no less than {FINEST} of a share or of reverse KL, nor than half the interval of a perfect sampler's score
(of one without interval, where lower is better, the score).
Failed are seeds with numbers that are not finite, and those that collapsed: their own stop rule said so, or
the last {", ".join(COVERING[:-1])} or {COVERING[-1]} is 0, or below half of its best after the first tenth of
the run, or of what real examples score, where that is known.
The best steps are chosen by the numbers shown, which flatters every method.
p is of t-tests (Welch's of unlike seeds, Holm's of many pairs), of failures Fisher's, of spreads Brown and
Forsythe's; by rearranging seeds or signs it assumes no distribution. That several measures are looked at is
not corrected for."""


class Failures(NamedTuple):
    """How often a method fails, and of what."""

    method: str
    probability: Interval
    seeds: int
    why: Mapping[str, str]  # by seed


class Comparison(NamedTuple):
    """Everything that is said of methods."""

    methods: Mapping[str, tuple[str, ...]]  # where the seeds of each lie
    tables: tuple[Table, ...]
    failures: tuple[Failures, ...]
    failing: tuple[str, ...]
    notes: tuple[str, ...]


def compare(
    runs: Sequence[Path],
    metric: str | None = None,
    *,
    lower: Collection[str] = (),
    higher: Collection[str] = (),
    within: float | None = None,
    as_json: bool = False,
) -> str:
    """What the runs say about the methods they are seeds of, in words or as JSON.

    Runs whose options differ in the seed alone are one method, and so are the lanes of a run; `metric` is one
    number to look at instead of all. `lower` and `higher` say which way is better, of names that are not
    known. A seed is stable `within` so much of its method's best.
    """
    found = compared(runs, metric, lower=lower, higher=higher, within=within)
    return json.dumps(_plain(found), indent=2) if as_json else said(found)


def compared(
    runs: Sequence[Path],
    metric: str | None = None,
    *,
    lower: Collection[str] = (),
    higher: Collection[str] = (),
    within: float | None = None,
) -> Comparison:
    """The same as numbers."""
    if twice := set(lower) & set(higher):
        raise Refused(f"{', '.join(sorted(twice))} cannot be better both lower and higher")
    if within is not None and not within >= 0:
        raise Refused(f"within {within} of the best lies nothing: give a distance")
    all_methods, known = methods(runs)
    if len(all_methods) < 2:
        raise Refused(
            f"all of {', '.join(map(str, runs))} have the same options but for the seed: "
            "to compare, give runs of two methods or more"
        )
    directions: dict[str, Better] = {
        **{name: "lower" if way == "lower" else "higher" for name, way in known.better.items()},
        **dict.fromkeys(lower, "lower"),
        **dict.fromkeys(higher, "higher"),
    }
    measures, notes = _common(all_methods, metric)
    tables = []
    for measure in measures:
        better = directions.get(measure.name) or names.better(measure.name)
        found, more = _tables(all_methods, measure, better, within, known)
        tables += found
        notes += more
    if not tables:
        why = "; ".join(notes) or "the runs have no number in common: run `jaxgan evaluate` on each, alike"
        raise Refused(f"nothing can be compared: {why}")
    fewest = min(len(method.seeds) for method in all_methods)
    if fewest < 2:
        notes.insert(
            0, "with one seed of a method nothing can be said about the method: train more, --seeds 0:8"
        )
    elif fewest < 5:
        notes.insert(0, f"{fewest} seeds are few: the intervals lean on seeds being normally distributed")
    return Comparison(
        {method.name: tuple(seed.place for seed in method.seeds) for method in all_methods},
        tuple(tables),
        tuple(_failures(method) for method in all_methods),
        tuple(_failing(all_methods)),
        (*notes, *known.notes),
    )


def _common(all_methods: Sequence[Method], metric: str | None) -> tuple[list[Measure], list[str]]:
    """The measures that two methods or more have, and what is said of the others."""
    every = dict.fromkeys(
        m for method in all_methods for seed in method.seeds for m, steps in seed.values.items() if steps
    )
    having = {
        measure: [m.name for m in all_methods if has(m, measure) or gone(m, measure)] for measure in every
    }
    names = sorted({measure.name for measure in having})
    if metric is not None and metric not in names:
        raise Refused(
            f"no run has measured {metric!r}; there is {', '.join(names) or 'nothing measured at all'}"
        )
    # with a slash it is of the training itself, and compared only where it is asked for
    asked = {metric} if metric else {name for name in names if "/" not in name}
    wanted = {measure: who for measure, who in having.items() if measure.name in asked}
    measures = [measure for measure, who in wanted.items() if len(who) > 1]
    notes = []
    for name in sorted(asked):
        alone = {measure.how: who for measure, who in wanted.items() if measure.name == name}
        if not any(measure.name == name for measure in measures):
            told = "; ".join(f"{', '.join(who)}: {how}" for how, who in alone.items())
            notes.append(f"{name} is not compared, for no two methods have it measured alike ({told})")
    return sorted(measures), notes


def has(method: Method, measure: Measure) -> list[Trained]:
    """The seeds that have been measured so."""
    return [seed for seed in method.seeds if seed.values.get(measure)]


def gone(method: Method, measure: Measure) -> list[Trained]:
    """The seeds that have failed before the number was measured in any way: in no mean, but they count."""
    alike = [
        [m for m, steps in seed.values.items() if steps and m.name == measure.name] for seed in method.seeds
    ]
    if any(alike) and not any(measure in ways for ways in alike):
        return []  # the method was measured in another way
    return [seed for seed, ways in zip(method.seeds, alike, strict=True) if seed.failed and not ways]


def _tables(
    all_methods: Sequence[Method], measure: Measure, better: Better, within: float | None, known: Known
) -> tuple[list[Table], list[str]]:
    """The measure at the last step that all have measured, and at the best one of each seed."""
    name, notes, taking = measure.name, [], []
    failed: dict[str, list[int]] = {}
    for method in all_methods:
        seeds, lost = has(method, measure), gone(method, measure)
        if lacking := [seed.place for seed in method.seeds if seed not in (*seeds, *lost)]:
            notes.append(f"{name}, {measure.how}, leaves out {', '.join(lacking)}: not measured so")
        if seeds or lost:
            taking.append((method.name, seeds))
            failed[method.name] = [seed.seed for seed in (*seeds, *lost) if seed.failed]
    lasting = [set(seed.values[measure]) for _, seeds in taking for seed in seeds if not seed.over]
    every = [set(seed.values[measure]) for _, seeds in taking for seed in seeds]
    steps = set.intersection(*lasting) if lasting else set.union(*every)
    if not steps:
        return [], [*notes, f"{name} is not compared: it was measured at no step that all have in common"]
    last = max(steps)
    ends = {max(own) for own in lasting}
    if len(ends) > 1:
        notes.append(f"{name} was measured to steps {', '.join(map(str, sorted(ends)))}: compared at {last}")

    def until(seed: Trained) -> list[float]:
        """By step. One that ended by itself has its own steps, and the last of them stands for the rest."""
        own = seed.values[measure]
        at = sorted(step for step in own if step <= last and (seed.over or step in steps))
        return [own[step] for step in at]

    def of(when: str, pick: Callable[[list[float]], float]) -> Table:
        chosen = {
            method: {seed.seed: pick(until(seed)) for seed in seeds if until(seed)}
            for method, seeds in taking
        }
        return table(measure, when, better, chosen, failed, within, known.oracle.get(measure))

    tables = [of(f"at step {last}", lambda values: values[-1])]
    if better and len(steps) > 1:
        best = min if better == "lower" else max
        tables.append(of(f"at the best of {len(steps)} steps, each seed's own", best))
        if tables[0].summaries == tables[1].summaries:
            tables = [tables[0]._replace(when=f"at step {last}, the best of {len(steps)} for every seed")]
    return tables, notes


def _failures(method: Method) -> Failures:
    why = {seed.place: seed.failed for seed in method.seeds if seed.failed}
    return Failures(method.name, share(len(why), len(method.seeds)), len(method.seeds), why)


def _failing(all_methods: Sequence[Method]) -> list[str]:
    """What can be told about which method fails more often."""
    failed = {m.name: (sum(bool(seed.failed) for seed in m.seeds), len(m.seeds)) for m in all_methods}
    pairs = list(combinations(failed, 2))
    adjusted = holm([failures(failed[a], failed[b]) for a, b in pairs])
    said = []
    for (a, b), p in zip(pairs, adjusted, strict=True):
        (x, n), (y, m) = failed[a], failed[b]
        if x / n < y / m:
            a, b, x, n, y, m = b, a, y, m, x, n
        if x / n > y / m:
            words = f"{a} fails more often than {b}" if p < SURE else "No difference can be told"
            said.append(f"{words}: {x} of {n} seeds of {a}, {y} of {m} of {b} (p {short(p)}).")
    return said


def _plain(x: Any) -> Any:
    """What JSON can hold: objects of named fields, null for what is not there."""
    if isinstance(x, tuple) and hasattr(x, "_asdict"):
        return {name: _plain(value) for name, value in x._asdict().items()}
    if isinstance(x, Mapping):
        return {name: _plain(value) for name, value in x.items()}
    if isinstance(x, list | tuple):
        return [_plain(value) for value in x]
    return None if isinstance(x, float) and math.isnan(x) else x


def said(found: Comparison) -> str:
    """The comparison in words."""
    lines = [*_columns([[name, f"{len(at)} seeds", *_folders(at)] for name, at in found.methods.items()])]
    for one in found.tables:
        way = (
            f"{one.better} is better" if one.better else "which way is better is not known: --lower, --higher"
        )
        lines += ["", f"{one.name}, {one.how}, {one.when} ({way})"]
        rows = [["", "mean", "of seeds", "95 % interval", "spread", "stable"]]
        for x in one.summaries:
            interval = f"[{short(x.mean.low)}, {short(x.mean.high)}]" if x.spread > 0 else "–"
            seeds = f"{x.seeds}" if x.seeds == x.of else f"{x.seeds} of {x.of}"
            stable = f"{x.stable} of {x.of}" + (f" within {short(x.within)}" if x.within >= 0 else "")
            rows.append([x.method, short(x.mean.value), seeds, interval, short(x.spread), stable])
        if one.oracle is not None:
            rows.append(["a perfect sampler", short(one.oracle)])
        lines += [*_columns(rows), *(f"  {pair.says}" for pair in one.pairs)]
    lines += ["", "failures"]
    rows = [["", "failed", "probability", "95 % interval"]]
    for each in found.failures:
        interval = f"[{short(each.probability.low)}, {short(each.probability.high)}]"
        count = f"{len(each.why)} of {each.seeds}"
        rows.append([each.method, count, short(each.probability.value), interval])
    lines += [*_columns(rows), *(f"  {line}" for line in found.failing)]
    lines += [f"  {place}: {why}" for each in found.failures for place, why in each.why.items()]
    return "\n".join([*lines, "", *(f"warning: {note}" for note in found.notes), DEFINITIONS])


def _folders(places: Sequence[str]) -> list[str]:
    return [", ".join(dict.fromkeys(place.partition(" seed=")[0] for place in places))]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, their columns under one another."""
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    return ["  " + "  ".join(f"{x:{w}}" for x, w in zip(row, widths, strict=False)).rstrip() for row in rows]
