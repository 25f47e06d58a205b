"""Compares methods over their training seeds: which is better, by how much, and with what confidence."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.compare.alignment import Alignment, align, common_measures
from jaxgan.compare.diversity import COVERING
from jaxgan.compare.methods import Measure, Method, Seed, read_methods
from jaxgan.compare.scores import headlines
from jaxgan.compare.statistics import fisher, holm, proportion
from jaxgan.compare.tables import ALPHA, MIN_SEEDS, MIN_WITHIN, Better, Table, table
from jaxgan.errors import Refused
from jaxgan.evaluate import names
from jaxgan.folder.files import json_number
from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import count, short

DEFINITIONS = f"""\
mean: over the seeds that have a value (their number is shown), with a 95 % interval by Student's t. A seed
  that ended early counts with its last value. A seed that failed before it had a value is in no mean. Seeds
  that were not measured, or are not finished where others went on, are left out and named in a warning.
spread: standard deviation over seeds.
stable: seeds that did not fail and are within the stated distance of the method's best such seed (of their
  median, if it is not known which way is better), of all seeds that are not left out. By default the distance
  is a tenth of the best value. It is at least {MIN_WITHIN} for shares and reverse KL, and at least half the
  interval of what real examples score (that score itself, where it has no interval and lower is better),
  provided that there were no fewer real examples than samples.
failed: seeds whose training was not finite, and seeds that collapsed: their own stop rule said so, or the
  last value of {", ".join(COVERING[:-1])} or {COVERING[-1]} is 0, below half of its best
  value after the first tenth of the run, or below half of what real examples score, if that is known. Counted
  of the seeds that have ended, or of all in their present state if none is finished.
best step: chosen by the number that is shown, which flatters every method.
p: of a paired t-test where the methods share at least three quarters of the seeds of either, else of Welch's
  t-test; of failures by Fisher's exact test, of spreads by Brown and Forsythe's. The permutation test assumes
  no distribution; seeds are too few if its smallest possible p is {ALPHA} or more. All p-values and
  detectable differences have Holm's correction for the number of pairs. Intervals of differences are not
  corrected, and nothing is corrected for the number of measures."""


class Failures(NamedTuple):
    """How often a method fails, and why."""

    method: str
    probability: Estimate
    seeds: int
    why: Mapping[str, str]  # by seed


class Comparison(NamedTuple):
    """The result of comparing methods."""

    methods: Mapping[str, tuple[str, ...]]  # the folder and lane of each seed
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
    """Compares the methods that the runs are seeds of, and returns the result as text or as JSON.

    Runs whose options differ only in the seed are one method, and so are the lanes of a run. `metric` limits
    the comparison to one number. `lower` and `higher` say which way is better, for names that are not known.
    A seed is stable if it is `within` that distance of its method's best, by default a tenth of it.
    """
    comparison = compare_methods(runs, metric, lower=lower, higher=higher, within=within)
    return json.dumps(_plain(comparison), indent=2) if as_json else to_text(comparison)


def compare_methods(
    runs: Sequence[Path],
    metric: str | None = None,
    *,
    lower: Collection[str] = (),
    higher: Collection[str] = (),
    within: float | None = None,
) -> Comparison:
    """Compares like `compare`, and returns the numbers."""
    if both := set(lower) & set(higher):
        raise Refused(f"{', '.join(sorted(both))} cannot be better both lower and higher")
    if within is not None and not within >= 0:
        raise Refused(f"--within must be a distance of 0 or more, not {within}")
    methods, metadata = read_methods(runs)
    if len(methods) < 2:
        raise Refused(
            f"the options of {', '.join(map(str, runs))} differ only in the seed: "
            "to compare, give runs of two methods or more"
        )
    directions: dict[str, Better] = {
        **{name: "lower" if way == "lower" else "higher" for name, way in metadata.better.items()},
        **dict.fromkeys(lower, "lower"),
        **dict.fromkeys(higher, "higher"),
    }
    measures, not_compared = common_measures(methods, metric, [*lower, *higher])
    first = headlines([measure.name for measure in measures])
    measures.sort(key=lambda measure: (measure.name not in first, measure))
    remarks: dict[str, list[str]] = {}  # each remark once, with the measures it is about
    for name, why in not_compared.items():
        remarks.setdefault(why, []).append(name)
    tables = []
    for measure in measures:
        better = directions.get(measure.name) or names.better(measure.name)
        alignment = align(methods, measure)
        tables += _tables(alignment, measure, better, within, metadata.oracle.get(measure))
        for why in alignment.notes:
            remarks.setdefault(why, []).append(measure.name)
    notes = [f"{', '.join(dict.fromkeys(about))}{why}" for why, about in remarks.items()]
    if not tables:
        why = "; ".join(notes) or (
            "the runs have no number in common: run `jaxgan evaluate` on each with the same options, or give "
            "their scripts' jg.Experiment the same hooks"
        )
        raise Refused(f"nothing can be compared: {why}")
    failures = tuple(_failures(method) for method in methods)
    return Comparison(
        {method.name: tuple(seed.name for seed in method.seeds) for method in methods},
        tuple(tables),
        failures,
        tuple(_compare_failures(failures)),
        (*_warn_of_few_seeds(tables), *notes, *metadata.notes),
    )


def _tables(
    alignment: Alignment, measure: Measure, better: Better, within: float | None, oracle: Estimate | None
) -> list[Table]:
    """Returns the measure at the last step that all methods have, and at the best step of each seed."""
    if not alignment.steps:
        return []
    last = max(alignment.steps)

    def values(seed: Seed) -> list[float]:
        """By step, up to the last. A seed that ended early has steps of its own."""
        by_step = seed.values[measure]
        return [
            by_step[step]
            for step in sorted(by_step)
            if step <= last and (seed.ended_early or step in alignment.steps)
        ]

    def table_of(when: str, pick: Callable[[list[float]], float]) -> Table:
        picked = {
            method: {seed.key: pick(measured) for seed in seeds if (measured := values(seed))}
            for method, seeds in alignment.seeds.items()
        }
        return table(measure, when, better, picked, alignment.failed, within, oracle)

    end = table_of(f"at step {count(last)}", lambda measured: measured[-1])
    if last == 0:
        pairs = [pair._replace(says=f"Before the first step: {pair.says}") for pair in end.pairs]
        return [end._replace(pairs=tuple(pairs))]
    if not better or len(alignment.steps) == 1:
        return [end]
    best = table_of(
        f"at the best of {len(alignment.steps)} steps, each seed's own", min if better == "lower" else max
    )
    if best.summaries == end.summaries:
        return [end._replace(when=f"{end.when}, the best of {len(alignment.steps)} for every seed")]
    return [end, best]


def _warn_of_few_seeds(tables: Sequence[Table]) -> list[str]:
    """Returns a warning for each number of seeds that is too small, with the measures that have no more."""
    fewest: dict[int, dict[str, None]] = {}
    for result in tables:
        seeds = min(summary.seeds for summary in result.summaries if summary.seeds)
        fewest.setdefault(seeds, {})[result.name] = None
    return [
        f"{', '.join(names)}: one seed says nothing about a method: train more, for instance with --seeds 0:8"
        if n == 1
        else f"{', '.join(names)}: with only {n} seeds, intervals rely on a normal distribution over seeds"
        for n, names in sorted(fewest.items())
        if n < MIN_SEEDS
    ]


def _failures(method: Method) -> Failures:
    why = {seed.name: seed.failed for seed in method.ended if seed.failed}
    return Failures(method.name, proportion(len(why), len(method.ended)), len(method.ended), why)


def _compare_failures(failures: Sequence[Failures]) -> list[str]:
    """Returns a sentence for every two methods that do not fail equally often."""
    pairs = list(combinations(failures, 2))
    corrected = holm([fisher((len(a.why), a.seeds), (len(b.why), b.seeds)) for a, b in pairs])
    lines = []
    for (a, b), p in zip(pairs, corrected, strict=True):
        if a.probability.value < b.probability.value:
            a, b = b, a
        if a.probability.value > b.probability.value:
            verdict = (
                f"{a.method} fails more often than {b.method}" if p < ALPHA else "No significant difference"
            )
            counts = ", ".join(f"{len(x.why)} of {x.seeds} seeds of {x.method}" for x in (a, b))
            lines.append(f"{verdict}: {counts} (p {short(p)}).")
    return lines


def _plain(x: Any) -> Any:
    """Returns x as JSON can hold it: named tuples as objects, NaN as null, infinity as text."""
    if isinstance(x, tuple) and hasattr(x, "_asdict"):
        x = x._asdict()
    if isinstance(x, Mapping):
        return {name: _plain(value) for name, value in x.items()}
    if isinstance(x, list | tuple):
        return [_plain(value) for value in x]
    return json_number(x) if isinstance(x, float) else x


def to_text(comparison: Comparison) -> str:
    """Returns the comparison as text."""
    lines = _columns(
        [[name, f"{len(seeds)} seeds", _folders(seeds)] for name, seeds in comparison.methods.items()]
    )
    for result in comparison.tables:
        way = f"{result.better} is better" if result.better else "better is unknown: give --lower or --higher"
        lines += ["", f"{result.name}, {result.how}, {result.when} ({way})"]
        rows = [["", "mean", "of seeds", "95 % interval", "spread", "stable"]]
        for x in result.summaries:
            interval = f"[{short(x.mean.low)}, {short(x.mean.high)}]" if x.mean.low < x.mean.high else "–"
            seeds = f"{x.seeds}" if x.seeds == x.of else f"{x.seeds} of {x.of}"
            stable = f"{x.stable} of {x.of}" + (f" within {short(x.within)}" if x.within >= 0 else "")
            rows.append([x.method, short(x.mean.value), seeds, interval, short(x.spread), stable])
        if result.oracle is not None:
            rows.append(["real examples", short(result.oracle)])
        lines += [*_columns(rows), *(f"  {pair.says}" for pair in result.pairs)]
    rows = [["", "failed", "probability", "95 % interval"]]
    for method, (value, low, high), total, why in comparison.failures:
        rows.append([method, f"{len(why)} of {total}", short(value), f"[{short(low)}, {short(high)}]"])
    lines += ["", "failures", *_columns(rows), *(f"  {line}" for line in comparison.failing)]
    lines += [f"  {seed}: {why}" for failures in comparison.failures for seed, why in failures.why.items()]
    return "\n".join([*lines, "", *(f"warning: {note}" for note in comparison.notes), DEFINITIONS])


def _folders(seeds: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(seed.partition(" seed=")[0] for seed in seeds))


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns a line for each row, with aligned columns."""
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    return ["  " + "  ".join(f"{x:{w}}" for x, w in zip(row, widths, strict=False)).rstrip() for row in rows]
