"""Charts of the settings of a sweep: every cell a point, and maps of two options."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from jaxgan.pictures.chart import Chart, chart_style, new_axes, slug
from jaxgan.pictures.colours import COLOURS, INK
from jaxgan.pictures.words import count, short
from jaxgan.report.scale import Scale, scale
from jaxgan.sweep.sensitivity import MANY, is_number, ordered
from jaxgan.sweep.table import Row, Setting, Table, Value

SHOWN = 60
"""The most settings of a chart; of more, the best and the worst are drawn."""
MAPS = 6
"""The most maps of a page."""


def ranked(table: Table) -> list[tuple[Setting, Row]]:
    """Returns the settings, that with the best median first and those without a value last."""
    sign = 1 if table.better == "lower" else -1
    pairs = list(zip(table.values, table.rows, strict=True))
    return sorted(pairs, key=lambda pair: np.nan_to_num(sign * pair[1].median, nan=np.inf))


def metric_scale(table: Table) -> Scale:
    """Returns the axis of the metric, the same in all charts of a page."""
    values = [cell.value for cells in table.values.values() for cell in cells]
    return scale(values, table.better == "higher")


def points(table: Table, axis: Scale) -> Chart:
    """Draws every cell as a point, a line for each setting, with its mean, interval and median."""
    order = ranked(table)
    shown = order if len(order) <= SHOWN else [*order[: SHOWN * 2 // 3], *order[-(SHOWN // 3) :]]
    labels, what = _labels([setting for setting, _ in order])
    small = len(shown) > 20
    with chart_style():
        figure, axes = new_axes((4.4, 0.75 + (0.155 if small else 0.26) * len(shown)))
        notes: dict[str, None] = {}
        for n, (setting, row) in enumerate(shown):
            notes |= dict.fromkeys(_row(axes, -n, table.values[setting], row, axis, table.better, small))
        axis.apply(axes, "x")
        axes.set_ylim(0.7 - len(shown), 0.7)
        names = [labels[setting] for setting, _ in shown]
        axes.set_yticks([-n for n in range(len(shown))], names, fontsize=8 if small else 10)
        axes.tick_params("y", length=0)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(f"{table.metric}{_arrow(table.better)}")
    words = [what] if what else []
    if len(shown) < len(order):
        words.append(f"the {SHOWN * 2 // 3} best and the {SHOWN // 3} worst of {len(order)} settings")
    return Chart("settings", "Every cell", figure, "; ".join([*words, *notes, *filter(None, [axis.words])]))


def _row(
    axes: Any, y: float, cells: Sequence[Value], row: Row, axis: Scale, better: str | None, small: bool
) -> list[str]:
    """Draws the cells of one setting, and returns notes on its marks."""
    notes: list[str] = []
    look: dict[str, Any]
    size, width = (11, 1.2) if small else (16, 1.8)
    ordered_cells = sorted(cells, key=lambda cell: cell.value)
    heights = y + 0.12 * (np.arange(len(cells)) % 3 - 1)
    for cell, height in zip(ordered_cells, heights, strict=True):
        if not np.isfinite(cell.value):
            edge = axis.low if better == "higher" else axis.high
            axes.scatter(
                edge, height, s=2 * size, marker="x", color=COLOURS[1], lw=1, zorder=3, clip_on=False
            )
            notes.append("a cross at the worse edge: a cell without a value")
            continue
        marker = (
            "x" if cell.failed else "<" if cell.value < axis.low else ">" if cell.value > axis.high else "o"
        )
        if cell.failed:
            notes.append("a cross: a cell that failed, at its last value")
        colour = COLOURS[1] if cell.failed else COLOURS[0]
        look = {"lw": 1} if marker == "x" else {"lw": 0, "alpha": 0.8}
        axes.scatter(axis.clipped(cell.value), height, s=size, marker=marker, color=colour, zorder=3, **look)
    if np.isfinite(row.mean.low):
        ends = axis.clipped(row.mean[1:])
        axes.plot(ends, [y, y], color=INK, lw=width, alpha=0.35 if small else 0.5)
        if (ends != row.mean[1:]).any():
            notes.append("bars end at the axis")
    if np.isfinite(row.mean.value) and len(cells) > 1:
        axes.plot(axis.clipped(row.mean.value), y, "D", color=INK, ms=3 if small else 4.5, mew=0, alpha=0.75)
        axes.plot(axis.clipped(row.median), y, "|", color=INK, ms=7 if small else 11, mew=width)
    return notes


def _labels(settings: Sequence[Setting]) -> tuple[dict[Setting, str], str]:
    """Returns short names of settings, and what they are if they are not whole: values, or ranks."""
    named = {s: ", ".join(f"{name}={plain(value)}" for name, value in s) or "all" for s in settings}
    if max(map(len, named.values())) <= 22:
        return named, ""
    values = {s: ", ".join(plain(value) for _, value in s) for s in settings}
    if max(map(len, values.values())) <= 28:
        return values, f"rows: {', '.join(name for name, _ in settings[0])}"
    return {s: f"{n}" for n, s in enumerate(settings, 1)}, "rows: the ranks of the table"


def plain(value: Any) -> str:
    """Returns the value of an option in a few characters.

    >>> plain(0.000123456), plain("hinge"), plain(3)
    ('0.000123', 'hinge', '3')
    """
    return short(value) if isinstance(value, float) else str(value)


def _arrow(better: str | None) -> str:
    return {"lower": " (lower is better)", "higher": " (higher is better)"}.get(better or "", "")


def maps(table: Table, options: Sequence[str], axis: Scale) -> list[Chart]:
    """Draws the mean by every two options, others pooled: a heat map, or of ranges a map of points."""
    cells = [cell for group in table.values.values() for cell in group]
    charts = []
    for a, b in list(combinations(options, 2))[:MAPS]:
        values = {name: ordered({cell.options[name] for cell in cells}) for name in (a, b)}
        if all(len(x) <= MANY for x in values.values()):
            charts.append(_heat_map(table, cells, values, axis))
        elif all(is_number(x) for listed in values.values() for x in listed):
            charts.append(_scatter_map(table, cells, (a, b), axis))
    return charts


def _heat_map(table: Table, cells: Sequence[Value], values: dict[str, list[Any]], axis: Scale) -> Chart:
    (a, rows), (b, columns) = sorted(values.items(), key=lambda item: len(item[1]), reverse=True)
    groups: dict[tuple[int, int], list[Value]] = {}
    for cell in cells:
        place = rows.index(cell.options[a]), columns.index(cell.options[b])
        groups.setdefault(place, []).append(cell)
    sizes = {len(group) for group in groups.values()}
    with chart_style():
        figure, axes = new_axes((4.4, 0.9 + 0.36 * len(rows)))
        colours = _colours(table.better)
        for (y, x), group in groups.items():
            finite = [cell.value for cell in group if np.isfinite(cell.value)]
            failed = sum(bool(cell.failed) or not np.isfinite(cell.value) for cell in group)
            value = float(np.mean(finite)) if finite else np.nan
            colour = colours(axis.share(value)) if finite else "none"
            axes.fill([x - 0.48, x + 0.48, x + 0.48, x - 0.48], [y - 0.46] * 2 + [y + 0.46] * 2, fc=colour)
            bright = finite and sum(w * c for w, c in zip((0.3, 0.59, 0.11), colour, strict=False)) > 0.5
            ink = INK if not finite else "#000000" if bright else "#ffffff"
            words = short(value) + (f" ×{failed}" if failed else "")
            size = 10 if len(columns) <= 6 else 7
            axes.text(x, y, words, ha="center", va="center", color=ink, fontsize=size)
        axes.set_xticks(range(len(columns)), [plain(x) for x in columns])
        axes.set_yticks(range(len(rows)), [plain(x) for x in rows])
        if sum(len(plain(x)) for x in columns) > 36:
            axes.tick_params("x", rotation=30)
        axes.set_xlim(-0.5, len(columns) - 0.5)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(False)
        axes.tick_params(length=0)
        axes.set_xlabel(b)
        axes.set_ylabel(a)
    each = f"{count(min(sizes))}" if len(sizes) == 1 else f"{min(sizes)} to {max(sizes)}"
    note = f"mean of {each} cells; brighter is {'higher' if table.better is None else 'better'}"
    if any(cell.failed or not np.isfinite(cell.value) for cell in cells):
        note += "; ×: how many of them failed"
    return Chart(f"map-{slug(a)}-{slug(b)}", f"{table.metric} by {a} and {b}", figure, note)


def _scatter_map(table: Table, cells: Sequence[Value], options: tuple[str, str], axis: Scale) -> Chart:
    a, b = options
    places: dict[tuple[float, float], list[float]] = {}
    for cell in cells:
        places.setdefault((cell.options[a], cell.options[b]), []).append(cell.value)
    means = {place: float(np.mean(x)) for place, values in places.items() if (x := _finite(values))}
    with chart_style():
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LogNorm, Normalize

        figure, axes = new_axes((4.4, 3.4))
        norm = (LogNorm if axis.logarithmic else Normalize)(axis.low, axis.high)
        colours = _colours(table.better)
        for place, value in means.items():
            axes.scatter(*place, s=36, color=colours(axis.share(value)), edgecolors=INK, linewidths=0.5)
        for place in places.keys() - means.keys():
            axes.scatter(*place, s=36, marker="x", color=COLOURS[1])
        for name, which in ((a, "x"), (b, "y")):
            if spans_decades([cell.options[name] for cell in cells]):
                getattr(axes, f"set_{which}scale")("log")
        axes.set_xlabel(a)
        axes.set_ylabel(b)
        bar = figure.colorbar(ScalarMappable(norm, colours), ax=axes, aspect=30)
        bar.outline.set_visible(False)
    note = f"the mean at each pair of values; brighter is {'higher' if table.better is None else 'better'}"
    note += "; ×: no value" if len(means) < len(places) else ""
    return Chart(f"map-{slug(a)}-{slug(b)}", f"{table.metric} by {a} and {b}", figure, note)


def spans_decades(values: Sequence[Any]) -> bool:
    """Whether numbers are better shown on a logarithmic axis.

    One small number among many does not count, as uniform draws have it.

    >>> spans_decades([1e-5, 1e-2]), spans_decades([0.1, 0.9])
    (True, False)
    """
    low, high = np.quantile(values, [0.1, 0.9], method="nearest")
    return min(values) > 0 and bool(high > 20 * low)


def _colours(better: str | None) -> Any:
    """Returns a scale of colours that the colour-blind can read, from dark (worse) to bright (better)."""
    import matplotlib

    return matplotlib.colormaps["cividis_r" if better == "lower" else "cividis"]


def _finite(values: Sequence[float]) -> list[float]:
    return [x for x in values if np.isfinite(x)]
