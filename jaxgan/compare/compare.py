"""Which of several methods is better, over their training seeds, and how sure that is."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.compare.alignment import Shared, measures, shared
from jaxgan.compare.diversity import COVERING
from jaxgan.compare.methods import Measure, Method, Trained, methods
from jaxgan.compare.scores import headlines
from jaxgan.compare.statistics import failures, holm, share
from jaxgan.compare.tables import ENOUGH, FINEST, SURE, Better, Table, table
from jaxgan.errors import Refused
from jaxgan.evaluate import names
from jaxgan.folder.files import json_number
from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import count, short

_COVERING = f"{', '.join(COVERING[:-1])} or {COVERING[-1]}"

DEFINITIONS = f"""\
Means, with intervals by Student's t, are of the seeds that have the number, as many as are said. A seed that
ended early counts by its last number; one that failed before it had any is in no mean; one that was not
measured, or is not finished where others went on, is left out, by name. Spread is the standard deviation.
Stable are, of all seeds that are not left out, those that did not fail and lie within the stated distance of
the best that did not (of the median, where better is not known): by default a tenth of that best, and no less
than {FINEST} of a share or of reverse KL, nor than half the interval of what real examples score (of a score
without interval, where lower is better, that score), if they were no fewer than the samples.
Failed are, of the seeds that have ended (of all, as they stand, where none is finished), those whose training
was not finite, and those that collapsed: their own stop rule said so, or the last of
{_COVERING} is 0, or below half of its best after the first tenth of the run,
or of what real examples score, where that is known.
The best steps are chosen by the numbers shown, which flatters every method.
p is of t-tests, seed by seed where three quarters of either method's seeds are the other's too, else Welch's;
of failures it is Fisher's, of spreads Brown and Forsythe's. By rearranging seeds or signs it assumes no
distribution; seeds are too few where even the rarest would have a p of {SURE} or more. Each p has Holm's
correction for many pairs, and what would be found is found in spite of that; intervals of differences are of
one pair alone. That several measures are looked at is not corrected for."""


class Failures(NamedTuple):
    """How often a method fails, and of what."""

    method: str
    probability: Estimate
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
    known. A seed is stable `within` so much of its method's best, by default a tenth of that.
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
    found, notes = measures(all_methods, metric, [*lower, *higher])
    first = headlines([measure.name for measure in found])
    found.sort(key=lambda measure: (measure.name not in first, measure))
    about: dict[str, list[str]] = {}  # each remark once, of so many names
    for name, why in notes.items():
        about.setdefault(why, []).append(name)
    tables = []
    for measure in found:
        better = directions.get(measure.name) or names.better(measure.name)
        taking = shared(all_methods, measure)
        tables += _tables(taking, measure, better, within, known.oracle.get(measure))
        for why in taking.notes:
            about.setdefault(why, []).append(measure.name)
    remarks = [f"{', '.join(dict.fromkeys(of))}{why}" for why, of in about.items()]
    if not tables:
        why = "; ".join(remarks) or (
            "the runs have no number in common: run `jaxgan evaluate` on each, alike, or give their scripts' "
            "jg.Experiment the same hooks"
        )
        raise Refused(f"nothing can be compared: {why}")
    failed = tuple(_failures(method) for method in all_methods)
    return Comparison(
        {method.name: tuple(seed.place for seed in method.seeds) for method in all_methods},
        tuple(tables),
        failed,
        tuple(_failing(failed)),
        (*_few(tables), *remarks, *known.notes),
    )


def _tables(
    taking: Shared, measure: Measure, better: Better, within: float | None, oracle: Estimate | None
) -> list[Table]:
    """The measure at the last step that all have measured, and at the best one of each seed."""
    if not taking.steps:
        return []
    last = max(taking.steps)

    def until(seed: Trained) -> list[float]:
        """By step. One that ended by itself has its own steps, and the last of them stands for the rest."""
        own = seed.values[measure]
        at = sorted(step for step in own if step <= last and (seed.over or step in taking.steps))
        return [own[step] for step in at]

    def of(when: str, pick: Callable[[list[float]], float]) -> Table:
        chosen = {
            method: {seed.seed: pick(values) for seed in seeds if (values := until(seed))}
            for method, seeds in taking.seeds.items()
        }
        return table(measure, when, better, chosen, taking.failed, within, oracle)

    end = of(f"at step {count(last)}", lambda values: values[-1])
    if last == 0:
        pairs = [pair._replace(says=f"Before the first step: {pair.says}") for pair in end.pairs]
        return [end._replace(pairs=tuple(pairs))]
    if not better or len(taking.steps) == 1:
        return [end]
    best = min if better == "lower" else max
    own = of(f"at the best of {len(taking.steps)} steps, each seed's own", best)
    if own.summaries == end.summaries:
        return [end._replace(when=f"{end.when}, the best of {len(taking.steps)} for every seed")]
    return [end, own]


def _few(tables: Sequence[Table]) -> list[str]:
    """A warning for each number of seeds that is too small, with the measures that have no more."""
    fewest: dict[int, dict[str, None]] = {}
    for one in tables:
        fewest.setdefault(min(x.seeds for x in one.summaries if x.seeds), {})[one.name] = None
    return [
        f"{', '.join(names)}: with one seed of a method nothing can be said about the method: "
        "train more, --seeds 0:8"
        if n == 1
        else f"{', '.join(names)}: {n} seeds are few, the intervals lean on seeds being normally distributed"
        for n, names in sorted(fewest.items())
        if n < ENOUGH
    ]


def _failures(method: Method) -> Failures:
    why = {seed.place: seed.failed for seed in method.ended if seed.failed}
    return Failures(method.name, share(len(why), len(method.ended)), len(method.ended), why)


def _failing(counted: Sequence[Failures]) -> list[str]:
    """What can be told about which method fails more often."""
    pairs = list(combinations(counted, 2))
    adjusted = holm([failures((len(a.why), a.seeds), (len(b.why), b.seeds)) for a, b in pairs])
    said = []
    for (a, b), p in zip(pairs, adjusted, strict=True):
        if a.probability.value < b.probability.value:
            a, b = b, a
        if a.probability.value > b.probability.value:
            words = (
                f"{a.method} fails more often than {b.method}" if p < SURE else "No difference can be told"
            )
            counts = ", ".join(f"{len(x.why)} of {x.seeds} seeds of {x.method}" for x in (a, b))
            said.append(f"{words}: {counts} (p {short(p)}).")
    return said


def _plain(x: Any) -> Any:
    """What JSON can hold: objects of named fields, and numbers."""
    if isinstance(x, tuple) and hasattr(x, "_asdict"):
        return {name: _plain(value) for name, value in x._asdict().items()}
    if isinstance(x, Mapping):
        return {name: _plain(value) for name, value in x.items()}
    if isinstance(x, list | tuple):
        return [_plain(value) for value in x]
    return json_number(x) if isinstance(x, float) else x


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
            interval = f"[{short(x.mean.low)}, {short(x.mean.high)}]" if x.mean.low < x.mean.high else "–"
            seeds = f"{x.seeds}" if x.seeds == x.of else f"{x.seeds} of {x.of}"
            stable = f"{x.stable} of {x.of}" + (f" within {short(x.within)}" if x.within >= 0 else "")
            rows.append([x.method, short(x.mean.value), seeds, interval, short(x.spread), stable])
        if one.oracle is not None:
            rows.append(["real examples", short(one.oracle)])
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
