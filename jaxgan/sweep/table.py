"""The cells of a sweep as a table: a row for each setting, with the baseline beside it."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.compare.methods import HOOKS, Measure, Method, read_methods
from jaxgan.compare.profiles import improvement, interquartile_mean
from jaxgan.compare.scores import headlines
from jaxgan.compare.statistics import Difference, holm, mean, paired_t, proportion, welch_t
from jaxgan.errors import Refused
from jaxgan.evaluate import names
from jaxgan.folder.settings import SPLIT
from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import short
from jaxgan.sweep.folder import Sweep, expand, read

Setting = tuple[tuple[str, Any], ...]
SEEDS = frozenset({"seed", *SPLIT})


class Value(NamedTuple):
    """The last value of a cell, or nan, and why it failed, or ""."""

    options: Mapping[str, Any]  # those of the sweep's axes
    value: float
    failed: str
    steps: Mapping[int, float] = {}  # the value at each step where it was measured
    name: str = ""  # its run folder and lane
    unfinished: str = ""  # how it was ended by something else than its training, or ""


class Row(NamedTuple):
    """One setting: `difference`, `p` and `improves` are against the baseline, None of the baseline itself.

    `improves` is the probability that a cell of this setting is better than one of the baseline's, with ties
    counted as one half (Agarwal et al., 2021); `p` has Holm's correction for the number of rows.
    """

    setting: Mapping[str, Any]
    mean: Estimate
    median: float
    iqm: float  # the mean of the middle half
    cells: int
    failed: Estimate
    difference: Difference | None = None
    p: float | None = None
    improves: float | None = None


class Table(NamedTuple):
    """What a sweep says of one metric."""

    metric: str
    better: str | None
    rows: tuple[Row, ...]
    values: Mapping[Setting, Sequence[Value]]


class Cells(NamedTuple):
    """What the cells of a sweep have measured."""

    home: Path
    sweep: Sweep
    methods: Sequence[Method]
    better: Mapping[str, str]  # where evaluations say which way is better
    notes: Sequence[str]  # what the comparison of cells has to know

    @property
    def metrics(self) -> dict[str, int]:
        """The names of what was measured, and in how many cells."""
        counts: dict[str, int] = {}
        for method in self.methods:
            for seed in method.seeds:
                for name in dict.fromkeys(measure.name for measure in seed.values):
                    counts[name] = counts.get(name, 0) + 1
        return dict(sorted(counts.items()))

    def way(self, metric: str) -> str | None:
        """Whether "lower" or "higher" is better, None where that is not known."""
        return self.better.get(metric) or names.better(metric)


def cells(home: Path) -> Cells:
    """Reads the cells of a sweep that were started."""
    methods, metadata = read_methods(expand([home]))
    return Cells(home, read(home), methods, metadata.better, metadata.notes)


def measures(home: Path) -> bool:
    """Returns whether a cell of the sweep has a metric of a hook or an evaluation."""
    return bool(cells(home).metrics)


def headline(measured: Cells) -> str:
    """Returns the metric that hooks measure in most cells: of several, one whose better way is known."""
    counts = dict.fromkeys(measured.metrics, 0)
    for seed in (seed for method in measured.methods for seed in method.seeds):
        for name in {measure.name for measure in seed.values if measure.how.startswith(HOOKS)}:
            counts[name] += 1
    if not counts:
        raise Refused(f"no cell of {measured.home} has measured anything: give the script hooks that measure")
    most = [name for name, count in counts.items() if count == max(counts.values())]
    return (headlines(name for name in most if measured.way(name)) or most)[0]


def table(home: Path, by: Sequence[str] = (), metric: str = "", baseline: str = "") -> Table:
    """Returns the table of a metric by settings of the options `by`, by default of all axes but the seed.

    The other axes are pooled, as seeds are. `baseline` is a setting such as "loss=hinge".
    """
    return table_of(cells(home), by, metric, baseline)


def table_of(measured: Cells, by: Sequence[str] = (), metric: str = "", baseline: str = "") -> Table:
    """Returns the table of cells that were read."""
    home, sweep, methods = measured.home, measured.sweep, measured.methods
    axes = list(dict.fromkeys(name for cell in sweep.cells for name in cell if name not in SEEDS))
    by = list(by) or [name for name in axes if len({str(cell[name]) for cell in sweep.cells}) > 1]
    if unknown := [name for name in by if name not in axes]:
        raise Refused(f"--by {unknown[0]}: the axes of {home} are {', '.join(axes)}")
    measure = _measure(methods, metric, home)
    values: dict[Setting, list[Value]] = {}
    split = {name for method in methods for seed in method.seeds for name in seed.parts}
    for method in methods:
        options = {name: method.options[name] for name in axes}
        for seed in method.seeds:
            steps = seed.values.get(measure, {})
            last = steps[max(steps)] if steps else np.nan
            parts = {name: seed.parts.get(name, seed.number) for name in SPLIT if name in split}
            every = {**options, "seed": seed.number, **parts}
            value = Value(every, last, seed.failed, steps, seed.name, seed.unfinished)
            values.setdefault(tuple((name, options[name]) for name in by), []).append(value)
    better = measured.way(measure.name)
    rows = _rows(values, _chosen(baseline, by, values), better)
    return Table(measure.name, better, rows, values)


def _measure(methods: Sequence[Method], metric: str, home: Path) -> Measure:
    """Returns the metric that most cells have, measured in the way that most have."""
    counts: dict[Measure, int] = {}
    for measure in (measure for method in methods for seed in method.seeds for measure in seed.values):
        counts[measure] = counts.get(measure, 0) + 1
    known = {measure.name for measure in counts}
    if metric and metric not in known:
        raise Refused(
            f"no cell of {home} has a metric {metric}; there are {', '.join(sorted(known)) or 'none'}"
        )
    if not metric and len(known) != 1:
        raise Refused(f"say which metric, by --metric: {', '.join(sorted(known)) or 'no cell has any'}")
    return max((m for m in counts if m.name == (metric or m.name)), key=lambda m: counts[m])


def _chosen(text: str, by: Sequence[str], values: Mapping[Setting, Any]) -> Setting | None:
    """Returns the setting that the baseline names."""
    if not text:
        return None
    asked = dict(part.partition("=")[::2] for part in text.replace(",", " ").split())
    fitting = [s for s in values if {name: str(x) for name, x in s} == asked]
    if not fitting:
        listed = "; ".join(name_of(dict(setting)) for setting in values)
        raise Refused(f"--baseline {text} is none of the settings: {listed}")
    return fitting[0]


def _rows(
    values: Mapping[Setting, Sequence[Value]], base: Setting | None, better: str | None
) -> tuple[Row, ...]:
    rows = []
    for setting, cells in values.items():
        x = _finite(cells)
        failed = proportion(sum(bool(cell.failed) for cell in cells), len(cells))
        median = float(np.median(x)) if len(x) else np.nan
        row = Row(dict(setting), mean(x), median, interquartile_mean(x), len(cells), failed)
        if base is not None and setting != base and len(x) > 1 and len(_finite(values[base])) > 1:
            difference = _difference(values[base], cells)
            row = row._replace(difference=difference, improves=improvement(_finite(values[base]), x, better))
        rows.append(row)
    compared = [n for n, row in enumerate(rows) if row.difference is not None]
    corrected = holm([rows[n].difference.p for n in compared])  # type: ignore[union-attr]
    for n, p in zip(compared, corrected, strict=True):
        rows[n] = rows[n]._replace(p=p)
    return tuple(rows)


def _difference(base: Sequence[Value], cells: Sequence[Value]) -> Difference:
    """Returns the difference to the baseline, paired if three quarters of the cells have a partner."""
    a, b = ({_partner(cell, base, cells): cell.value for cell in group} for group in (base, cells))
    shared = [key for key in a if key in b and np.isfinite(a[key]) and np.isfinite(b[key])]
    if len(shared) > 1 and len(shared) >= 0.75 * max(len(a), len(b)):
        return paired_t(np.array([a[key] for key in shared]), np.array([b[key] for key in shared]))
    return welch_t(_finite(base), _finite(cells))


def _partner(cell: Value, base: Sequence[Value], cells: Sequence[Value]) -> str:
    """Returns what a cell shares with its partner: its seed and the options that vary within both groups."""
    fixed = {
        name
        for name in cell.options
        if all(len({str(c.options[name]) for c in g}) == 1 for g in (base, cells))
    } - SEEDS
    return json.dumps({name: x for name, x in cell.options.items() if name not in fixed}, sort_keys=True)


def _finite(cells: Sequence[Value]) -> np.ndarray:
    x = np.array([cell.value for cell in cells], float)
    return x[np.isfinite(x)]


def name_of(setting: Mapping[str, Any]) -> str:
    """Returns a setting in words, as a baseline is given."""
    return ", ".join(f"{name}={value}" for name, value in setting.items()) or "all"


def grid(table: Table) -> list[list[str]]:
    """Returns the cells of the printed table; columns of the baseline only if there is one."""
    against = any(row.difference for row in table.rows)
    head = ["setting", f"{table.metric}: mean", "95 %", "median", "IQM", "failed", "cells"]
    head += ["difference", "p", "improves", "detectable"] * against
    lines = [head]
    for row in table.rows:
        line = [
            name_of(row.setting),
            short(row.mean.value),
            _interval(row.mean),
            short(row.median),
            short(row.iqm),
        ]
        line += [f"{row.failed.value:.0%} {_interval(row.failed)}", str(row.cells)]
        if row.difference is not None and row.p is not None and row.improves is not None:
            d = row.difference
            line += [f"{short(d.interval.value)} {_interval(d.interval)}", short(row.p)]
            line += [f"{row.improves:.0%}", short(d.shown)]
        lines.append(line + [""] * (len(head) - len(line)))
    return lines


def _interval(x: Estimate) -> str:
    return f"[{short(x.low)}, {short(x.high)}]" if np.isfinite(x.low) and np.isfinite(x.high) else ""


def text(table: Table) -> str:
    """Returns the table for a terminal."""
    lines = grid(table)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    rows = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join(rows)


def markdown(table: Table) -> str:
    """Returns the table for a page in Markdown."""
    head, *lines = grid(table)
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def latex(table: Table) -> str:
    """Returns the table for a paper, as rows between rules of `booktabs`."""
    head, *lines = [[_escaped(cell) for cell in line] for line in grid(table)]
    rows = [" & ".join(line) + r" \\" for line in lines]
    rules = [rf"\begin{{tabular}}{{{'l' * len(head)}}}", r"\toprule", " & ".join(head) + r" \\", r"\midrule"]
    return "\n".join([*rules, *rows, r"\bottomrule", r"\end{tabular}"])


def _escaped(cell: str) -> str:
    for special in "&%_#":
        cell = cell.replace(special, f"\\{special}")
    return cell.replace("−", "$-$").replace("∞", r"$\infty$")


FORMATS: Mapping[str, Callable[[Table], str]] = {
    "text": text,
    "markdown": markdown,
    "latex": latex,
}
