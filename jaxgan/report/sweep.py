"""The report of a sweep: one page by setting, about one metric."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from jaxgan.compare.line import Line, summary, with_interval
from jaxgan.folder.files import write_files
from jaxgan.pictures.chart import Chart, files
from jaxgan.pictures.words import count, first_three, short
from jaxgan.report.elements import SIGNS, figures, lines, names_key, section
from jaxgan.report.elements import table as html_table
from jaxgan.report.learning import learning
from jaxgan.report.page import check_page, write_page
from jaxgan.report.profiles import FEW, option_profiles, profiles
from jaxgan.report.sensitivity import sensitivity
from jaxgan.report.settings import maps, metric_scale, points, ranked
from jaxgan.sweep import table as tables
from jaxgan.sweep.folder import Progress, progress
from jaxgan.sweep.spread import spreads
from jaxgan.sweep.spread import words as words_of
from jaxgan.sweep.table import Cells, Table, Value, name_of

FOLDED = 30
"""A table of more rows than this is folded on the page."""


def report_sweep(
    home: Path,
    out: Path | None = None,
    figures: Path | None = None,
    metric: str = "",
    by: Sequence[str] = (),
    baseline: str = "",
) -> Path:
    """Writes the page, by default report.html in the folder of the sweep, and returns its path.

    It is about one metric, by default the one that hooks measure in most cells. `by` and `baseline` are as in
    `jaxgan table`. Cells that are not finished count with what they have measured, and the page says so.
    """
    check_page(out, figures)
    measured = tables.cells(home)
    table = tables.table_of(measured, by, metric or tables.headline(measured), baseline)
    packs = progress(home, measured.sweep)
    axis, options = metric_scale(table), _varied(table)
    by_option, means = sensitivity(table, options, axis)
    settings = [points(table, axis), *maps(table, options, axis)]
    shares = [profiles(table, axis), *option_profiles(table, options, axis)]
    curves = learning(table)
    parts = [
        _verdict(measured, table, packs, metric),
        _settings(table, settings, options),
        _table(table, baseline),
        _sensitivity(table, by_option, means),
        _profiles(table, shares),
        _spread(table),
        _learning(curves),
        _failures(table, packs),
        _origin(measured, packs),
    ]
    path = out or home / "report.html"
    write_page(path, f"{home.absolute().name}: {table.metric}", parts)
    if figures is not None:
        write_files(figures, files([*settings, *by_option, *shares, *([curves] if curves else [])]))
    return path


def _varied(table: Table) -> list[str]:
    """Returns the options of the sweep that differ between cells, without those that are seeds."""
    cells = _all(table)
    return [
        name
        for name in cells[0].options
        if name not in tables.SEEDS and len({str(cell.options[name]) for cell in cells}) > 1
    ]


def _all(table: Table) -> list[Value]:
    return [cell for cells in table.values.values() for cell in cells]


def _verdict(measured: Cells, table: Table, packs: Sequence[Progress], asked: str) -> str:
    """Returns what is known at a glance: the metric, how many cells there are, the best setting, failures."""
    cells = _all(table)
    others = [name for name in measured.metrics if name != table.metric]
    way = f"{table.better} is better" if table.better else "which way is better is not known"
    words = f"This page is about {table.metric} at the last step of each cell ({way})."
    if others and not asked:
        words += " None was named, and this is the one that hooks measure in most cells."
    if others:
        words += f" For another, give `--metric`: {', '.join(others)}."
    total = sum(pack.cells for pack in packs)
    done = sum(pack.cells for pack in packs if pack.state == "done")
    facts = [
        Line("info", "Metric", words),
        Line("good" if done == total else "look", "Cells", *_progress(packs, done, total)),
        Line("info", "Best", _best(table)),
    ]
    failed = [cell for cell in cells if cell.failed]
    rule = "bad: a cell that was not finite or collapsed, or whose process ended by an error"
    lost = [pack for pack in packs if pack.state == "failed"]
    if failed or lost:
        named = [f"{pack.planned.name}: {_why(pack)}" for pack in lost]
        named += [f"{_name(cell)}: {cell.failed}" for cell in failed]
        number = len(failed) + sum(pack.cells for pack in lost)
        words = f"{count(number)} of {count(total)} cells failed: {first_three(named)}."
        facts.append(Line("bad", "Failures", words, rule, "failed cells"))
    else:
        facts.append(Line("good", "Failures", "No cell failed.", rule))
    top = summary(facts)
    head = f'<p class="total {top.mark}">{SIGNS[top.mark][0]} {escape(top.words)}</p>'
    return f'<div class="verdict">{head}{lines(facts)}</div>'


def _progress(packs: Sequence[Progress], done: int, total: int) -> tuple[str, str, str]:
    """Returns the words, the rule and the fault of the line about progress."""
    if done == total:
        return f"All {count(total)} cells are done.", "", ""
    states = dict.fromkeys(pack.state for pack in packs if pack.state != "done")
    counts = [f"{sum(p.cells for p in packs if p.state == state)} {state}" for state in states]
    words = f"{count(done)} of {count(total)} cells are done, {', '.join(counts)}."
    return f"{words} Cells that are not done count with what they have measured so far.", "", "unfinished"


def _best(table: Table) -> str:
    (setting, row), *rest = ranked(table)
    if table.better is None:
        return f"Not known: whether a low or a high {table.metric} is better."
    if not np.isfinite(row.median):
        return "No cell has a value."
    words = f"{name_of(dict(setting))}: median {short(row.median)}, mean {with_interval(row.mean)}"
    words += f", of {count(row.cells)} cells"
    if not rest:
        return f"{words}."
    return (
        f"{words}. It is the best median of {count(len(rest) + 1)} settings, and looks better than it is, "
        "being chosen by it: train it with other seeds before you report it."
    )


def _settings(table: Table, charts: Sequence[Chart], options: Sequence[str]) -> str:
    words = (
        f"Each point is one cell, at the {table.metric} of its last step. The diamond is the mean of a "
        "setting, the bar its 95 % interval (Student's t), the tick its median."
    )
    if len(charts) > 1:
        words += " A map shows the mean by two options; options that it does not name are pooled."
    return section("Settings", f"<p class='soft'>{escape(words)}</p>{figures(charts)}")


def _table(table: Table, baseline: str) -> str:
    grid = tables.grid(table._replace(rows=tuple(row for _, row in ranked(table))))
    head, *rows = grid
    rows = [[f"{n}.\N{NO-BREAK SPACE}{setting}", *row] for n, (setting, *row) in enumerate(rows, 1)]
    shown = html_table("The table of settings", head, rows, numbers=True)
    words = (
        "The settings, the best median first. Mean and 95 % interval by Student's t, median, mean of the "
        "middle half (IQM), share of failed cells with its exact interval, and number of cells."
    )
    if baseline:
        words += (
            f" Against the baseline {baseline}: difference of means with its interval, p with Holm's "
            "correction for the number of rows, probability that a cell is better than one of the baseline, "
            "and the smallest true difference that would be detected four times in five."
        )
    if len(rows) > FOLDED:
        shown = f"<details><summary>All {count(len(rows))} settings</summary>{shown}</details>"
    return section("Table", f"<p class='soft'>{escape(words)}</p>{shown}")


def _sensitivity(table: Table, charts: Sequence[Chart], means: str) -> str:
    if not charts:
        return ""
    words = (
        "How the metric moves with one option, all others pooled. Each point is a cell, the line the mean at "
        "a value of the option, the shade its 95 % interval (Student's t), which is the wider the more the "
        "others matter. Where a sweep has not every combination, a chart may show what several options do."
    )
    details = f"<details><summary>The same means as a table</summary>{means}</details>"
    return section("Sensitivity", f"<p class='soft'>{escape(words)}</p>{figures(charts)}{details}")


def _profiles(table: Table, charts: Sequence[Chart]) -> str:
    side = {"lower": "below", "higher": "above"}.get(table.better or "", "above")
    words = (
        f"The share of cells with {table.metric} {side} each value. A line that is higher "
        "everywhere is of the better setting; where lines cross, it depends on what is good enough. Cells "
        "without a value are never better. Bands are 95 % intervals of each point, by stratified bootstrap "
        f"over cells (Agarwal et al., 2021); they are too narrow for fewer than {FEW} cells."
    )
    names = names_key([name for name, *_ in charts[0].key])
    return section("Performance profiles", f"<p class='soft'>{escape(words)}</p>{names}{figures(charts)}")


def _spread(table: Table) -> str:
    """Returns the shares of each part of the seed in the spread, "" where no setting's seeds are split."""
    shares = spreads(table)
    if not shares:
        return ""
    words = (
        "The seed was split, and every value of a part was trained with every value of the others. A part's "
        "share of the variance: alone, by its mean effect, and with its interactions, which is what remains "
        "on average if the others are fixed. Intervals are at 95 % (generalised, Weerahandi, 1993)."
    )
    rows = [
        [setting, part, words_of(share.alone), words_of(share.total)]
        for setting, parts in shares.items()
        for part, share in parts.items()
    ]
    head = ["setting", "part of the seed", "alone", "with interactions"]
    shown = html_table("Shares of the variance over seeds", head, rows)
    return section("Spread over seeds", f"<p class='soft'>{escape(words)}</p>{shown}")


def _learning(chart: Chart | None) -> str:
    if chart is None:
        return section("Learning curves", "<p>The metric was measured at one step only.</p>")
    words = "Lines are medians over the cells of a setting; bands reach from the lowest cell to the highest."
    names = names_key([name for name, *_ in chart.key])
    return section("Learning curves", f"<p class='soft'>{words}</p>{names}{figures([chart])}")


def _failures(table: Table, packs: Sequence[Progress]) -> str:
    """Returns every cell that failed or is not finished, and every pack that no cell has come from."""
    rows = [[_name(cell), f"failed: {cell.failed}", _last_step(cell)] for cell in _all(table) if cell.failed]
    rows += [
        [_name(cell), f"not finished: {cell.unfinished}", _last_step(cell)]
        for cell in _all(table)
        if cell.unfinished and not cell.failed
    ]
    rows += [
        [
            f"{pack.planned.name} ({pack.cells} cells)",
            f"{pack.state}: {_why(pack)}".rstrip(": "),
            count(pack.step),
        ]
        for pack in packs
        if pack.state != "done"
    ]
    if not rows:
        return section("Failures", "<p>Every cell is done, and none failed.</p>")
    return section(
        "Failures", html_table("Cells that failed", ["cell or pack", "what happened", "step"], rows)
    )


def _why(pack: Progress) -> str:
    return pack.outcomes[-1].line if pack.outcomes else ""


def _last_step(cell: Value) -> str:
    return count(max(cell.steps)) if cell.steps else "–"


def _name(cell: Value) -> str:
    return name_of(cell.options)


def _origin(measured: Cells, packs: Sequence[Progress]) -> str:
    sweep = measured.sweep
    rows = [
        ["folder", str(measured.home.absolute())],
        ["script", sweep.script],
        *[["axes", axes] for axes in sweep.axes],
        ["cells", f"{count(len(sweep.cells))} in {count(len(packs))} packs"],
        ["its runs", f"jaxgan report {measured.home}/packs/NAME"],
    ]
    options = [[name, str(value)] for name, value in sweep.options.items()]
    shared = html_table("Options of all cells", ["option", "value"], options)
    notes = "".join(f"<li>{escape(note)}</li>" for note in measured.notes)
    listed = f"<h3>Notes</h3><ul>{notes}</ul>" if notes else ""
    details = f"<details><summary>Options of all cells, where they name no other</summary>{shared}</details>"
    return section("Where it comes from", html_table("Origin", ["sweep", ""], rows) + details + listed)
