"""Performance profiles of a sweep: which share of the cells is better than each value of the metric."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxgan.compare.profiles import profile
from jaxgan.pictures.chart import Chart, chart_style, new_axes, series_style, slug
from jaxgan.report.scale import Scale
from jaxgan.report.settings import plain, ranked
from jaxgan.sweep.sensitivity import ordered
from jaxgan.sweep.table import Table, Value, name_of

LINES = 5
"""The most lines with bands in a chart: of more settings, the best are drawn."""
FEW = 10
"""Of fewer cells than this, bootstrap intervals are too narrow."""


def best_settings(table: Table) -> dict[str, Sequence[Value]]:
    """Returns the cells of the settings to be drawn, by name: all if they are few, else the best."""
    order = [setting for setting, _ in ranked(table)]
    chosen = set(order[:LINES]) if len(order) > LINES + 1 else set(order)
    kept = order if len(order) > LINES + 1 else list(table.values)
    return {name_of(dict(setting)): table.values[setting] for setting in kept if setting in chosen}


def profiles(table: Table, axis: Scale) -> Chart:
    """Draws the profile of each setting, or of the best ones."""
    strata = {name: [_values(cells)] for name, cells in best_settings(table).items()}
    note = (
        f"the best {len(strata)} of {len(table.values)} settings" if len(strata) < len(table.values) else ""
    )
    return _chart(table, "profiles", "Profiles of settings", strata, axis, note, keyed=True)


def option_profiles(table: Table, options: Sequence[str], axis: Scale) -> list[Chart]:
    """Draws the profiles of each option's values, others pooled: each setting of those is a stratum."""
    cells = [cell for group in table.values.values() for cell in group]
    charts = []
    for option in options:
        values = ordered({cell.options[option] for cell in cells})
        if len(values) > LINES + 1 or len(options) < 2:
            continue
        strata = {}
        for value in values:
            groups: dict[str, list[Value]] = {}
            for cell in cells:
                if cell.options[option] == value:
                    others = name_of({name: cell.options[name] for name in options if name != option})
                    groups.setdefault(others, []).append(cell)
            strata[plain(value)] = _strata(list(groups.values()))
        name, title = f"profiles-{slug(option)}", f"Profiles by {option} alone"
        charts.append(_chart(table, name, title, strata, axis, "", keyed=False))
    return charts


def _chart(
    table: Table,
    name: str,
    title: str,
    strata: Mapping[str, Sequence[np.ndarray]],
    axis: Scale,
    note: str,
    keyed: bool,
) -> Chart:
    low, high = axis.low, axis.high
    thresholds = np.geomspace(low, high, 200) if axis.logarithmic else np.linspace(low, high, 200)
    with chart_style():
        figure, axes = new_axes()
        for n, (label, runs) in enumerate(strata.items()):
            colour, dash = series_style(n)
            line = profile(runs, thresholds, table.better)
            axes.plot(thresholds, line.share, color=colour, ls=dash, label="" if keyed else label)
            if sum(map(len, runs)) > 1:  # one cell says nothing of others
                axes.fill_between(thresholds, line.low, line.high, color=colour, alpha=0.15, lw=0)
        axis.apply(axes, "x")
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel(table.metric)
        axes.set_ylabel("share " + ("below" if table.better == "lower" else "above"))
        if not keyed:
            axes.legend(fontsize=9)
    smallest = min(sum(map(len, runs)) for runs in strata.values())
    few = "of a single cell there is no band" if smallest == 1 else ""
    few = f"of as few as {smallest} cells, the bands are too narrow" if 1 < smallest < FEW else few
    key = tuple((label, *series_style(n)) for n, label in enumerate(strata)) if keyed else ()
    return Chart(name, title, figure, "; ".join(filter(None, [note, few])), key)


def _strata(groups: Sequence[Sequence[Value]]) -> list[np.ndarray]:
    """Returns the cells of each setting as a stratum; as one, if a setting has one cell and so no spread."""
    if min(map(len, groups)) < 2:
        return [_values([cell for group in groups for cell in group])]
    return [_values(group) for group in groups]


def _values(cells: Sequence[Value]) -> np.ndarray:
    return np.array([cell.value for cell in cells], float)
