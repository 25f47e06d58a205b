"""Charts of how a metric moves with each option of a sweep, all others pooled."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.compare.line import with_interval
from jaxgan.pictures.chart import Chart, chart_style, new_axes, slug
from jaxgan.pictures.colours import COLOURS, INK
from jaxgan.pictures.words import count
from jaxgan.report.elements import table as html_table
from jaxgan.report.scale import Scale
from jaxgan.report.settings import plain, spans_decades
from jaxgan.sweep.sensitivity import Level, levels
from jaxgan.sweep.table import Table, Value


def sensitivity(table: Table, options: Sequence[str], axis: Scale) -> tuple[list[Chart], str]:
    """Returns a chart for each option, and the same means as a table."""
    cells = [cell for group in table.values.values() for cell in group]
    charts, rows = [], []
    for option in options:
        option_levels = levels(cells, option)
        charts.append(_chart(table, option, option_levels, axis))
        rows += [
            [f"{option}={name(level)}", with_interval(level.mean), count(len(level.cells))]
            for level in option_levels
        ]
    head = ["option", f"{table.metric}: mean [95 %]", "cells"]
    return charts, html_table("Sensitivity to each option", head, rows, numbers=True)


def name(level: Level) -> str:
    """Returns the value of a level, or the ends of its values.

    >>> from jaxgan.metrics.metric import Estimate
    >>> name(Level((0.1, 0.2, 0.5), (), Estimate(0.0, 0.0, 0.0)))
    '0.1 to 0.5'
    """
    ends = dict.fromkeys(plain(value) for value in (level.values[0], level.values[-1]))
    return " to ".join(ends)


def _chart(table: Table, option: str, option_levels: Sequence[Level], axis: Scale) -> Chart:
    ranges = any(len(level.values) > 1 for level in option_levels)
    notes = [axis.words] if axis.words else []
    without = sum(not np.isfinite(cell.value) for level in option_levels for cell in level.cells)
    if without:
        notes.append(f"{without} cells without a value are not drawn")
    with chart_style():
        figure, axes = new_axes()
        for n, level in enumerate(option_levels):
            if ranges:
                _points(axes, [cell.options[option] for cell in level.cells], level.cells, axis)
                _mean(axes, [level.values[0], level.values[-1]], level, axis)
            else:
                places = n + 0.16 * ((np.arange(len(level.cells)) * 0.618) % 1 - 0.5)
                _points(axes, places, level.cells, axis)
                _mean(axes, [n - 0.22, n + 0.22], level, axis)
        if ranges and spans_decades([value for level in option_levels for value in level.values]):
            axes.set_xscale("log")
        if not ranges:
            labels = [name(level) for level in option_levels]
            long = sum(map(len, labels)) > 38
            axes.set_xticks(range(len(option_levels)), labels, rotation=25 if long else 0)
            axes.set_xlim(-0.5, len(option_levels) - 0.5)
            axes.grid(axis="x", visible=False)
        axis.apply(axes, "y")
        axes.set_xlabel(option)
        axes.set_ylabel(table.metric)
    if ranges:
        notes.insert(0, f"means over {len(option_levels)} ranges of values")
    return Chart(f"sensitivity-{slug(option)}", f"{table.metric} by {option} alone", figure, "; ".join(notes))


def _points(axes: Any, x: Any, cells: Sequence[Value], axis: Scale) -> None:
    for failed, marker, colour in ((False, "o", COLOURS[0]), (True, "x", COLOURS[1])):
        pairs = [(a, c.value) for a, c in zip(x, cells, strict=True) if bool(c.failed) == failed]
        kept = np.array([pair for pair in pairs if np.isfinite(pair[1])], float).reshape(-1, 2)
        for shape, inside in (
            (marker, (kept[:, 1] >= axis.low) & (kept[:, 1] <= axis.high)),
            ("^", kept[:, 1] > axis.high),
            ("v", kept[:, 1] < axis.low),
        ):
            some = kept[inside]
            axes.scatter(
                some[:, 0], axis.clipped(some[:, 1]), s=10, marker=shape, color=colour, alpha=0.5, lw=1
            )


def _mean(axes: Any, ends: Sequence[float], level: Level, axis: Scale) -> None:
    if not np.isfinite(level.mean.value):
        return
    axes.plot(ends, axis.clipped([level.mean.value] * 2), color=INK, lw=2)
    if np.isfinite(level.mean.low):
        axes.fill_between(
            ends, *axis.clipped([[level.mean.low] * 2, [level.mean.high] * 2]), color=INK, alpha=0.15, lw=0
        )
