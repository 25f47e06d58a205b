"""Learning curves of a sweep: a line for each setting, with a band over its cells."""

from collections.abc import Sequence

from jaxgan.pictures.chart import Chart, chart_style, new_axes, series_style
from jaxgan.pictures.colours import FAINT
from jaxgan.pictures.words import count
from jaxgan.report.charts import set_scale
from jaxgan.report.curves import Curve, Panel, curve_of
from jaxgan.report.profiles import best_settings
from jaxgan.sweep.table import Table, Value, name_of


def learning(table: Table) -> Chart | None:
    """Draws the median over cells with a band from the lowest to the highest; None of a single step."""
    best = best_settings(table)
    others = [cells for setting, cells in table.values.items() if name_of(dict(setting)) not in best]
    faint = [line for cells in others if (line := _curve(cells))]
    lines = {name: line for name, cells in best.items() if (line := _curve(cells))}
    last = max((int(line.steps[-1]) for line in [*lines.values(), *faint]), default=0)
    if all(len(line.steps) < 2 for line in [*lines.values(), *faint]):
        return None
    with chart_style():
        figure, axes = new_axes()
        for line in faint:
            axes.plot(line.steps, line.median, color=FAINT, lw=0.8)
        for name, line in lines.items():
            colour, dash = series_style(list(best).index(name))
            axes.plot(line.steps, line.median, color=colour, ls=dash, zorder=3)
            axes.fill_between(line.steps, line.low, line.high, color=colour, alpha=0.15, lw=0)
        panel = Panel(table.metric, (table.metric,))
        notes = set_scale(axes, panel, [*lines.values(), *faint], None, {})
        axes.set_xlabel("step")
        axes.set_ylabel(table.metric)
    if faint:
        notes.insert(0, f"grey: the medians of {count(len(faint))} other settings")
    ended = [cell for cells in table.values.values() for cell in cells if max(cell.steps, default=0) < last]
    if ended:
        notes.append(
            f"{count(len(ended))} cells end before step {count(last)}, and the lines go on without them"
        )
    key = tuple((name, *series_style(n)) for n, name in enumerate(best))
    return Chart("learning-curves", f"{table.metric} while training", figure, "; ".join(notes), key)


def _curve(cells: Sequence[Value]) -> Curve | None:
    values: dict[int, list[float]] = {}
    for cell in cells:
        for step, x in cell.steps.items():
            values.setdefault(step, []).append(x)
    return curve_of(values, len(cells)) if values else None
