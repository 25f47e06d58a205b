"""The charts of a report: logged numbers as curves of medians with bands."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.compare.record import Record, hook_rows
from jaxgan.compare.scores import better
from jaxgan.pictures.chart import Chart, chart_style, new_axes, series_style, slug
from jaxgan.pictures.colours import COLOURS, DASHES, INK
from jaxgan.pictures.words import short
from jaxgan.report.curves import Curve, Panel, axis_limits, curve, missing_lanes


class Series(NamedTuple):
    """Lanes that are drawn as one line with a band."""

    name: str
    record: Record
    lanes: tuple[int, ...]


def series(records: Sequence[Record]) -> list[Series]:
    """Returns a series for each run, or for each of the options that its lanes were trained with."""
    return [
        Series(f"{record.name if len(records) > 1 or not group else ''} {group}".strip(), record, lanes)
        for record in records
        for group, lanes in record.groups.items()
    ]


def panel_chart(panel: Panel, all_series: Sequence[Series]) -> Chart | None:
    """Draws the numbers of a panel, one colour for each series; None where none of them was logged.

    A line is the median over lanes, its band the range from the lowest to the highest lane. Dashes
    distinguish numbers where colours distinguish series, and series that share a colour. A dotted line is the
    score of real examples.
    """
    many, layers = len(all_series) > 1, panel.is_health and len(panel.names) > 2
    rounds = 1 + (len(all_series) - 1) // len(COLOURS)  # how often the series use each colour
    curves: list[tuple[Curve, str, Any, str]] = []
    ended: dict[str, None] = {}
    labelled: set[str] = set()  # a number is in the legend once, for the first series that has it
    for number, one in enumerate(all_series):
        members = [one.record.members[lane] for lane in one.lanes]
        for nth, name in enumerate(panel.names):
            line = curve(members, name)
            if line is not None:
                colour = COLOURS[(number if many or layers else nth) % len(COLOURS)]
                dash = DASHES[(number // len(COLOURS) + (0 if layers else rounds * nth)) % len(DASHES)]
                curves.append((line, colour, dash, "" if name in labelled else name))
                labelled.add(name)
                if words := missing_lanes(members, name):
                    ended[f"{one.name}: {words}" if many else words] = None
    if not curves:
        return None
    with chart_style():
        figure, axes = new_axes()
        for line, colour, dash, name in curves:
            marker = "o" if len(line.steps) < 8 else None
            drawn = axes.plot(line.steps, line.median, color=colour, ls=dash, marker=marker, ms=3)[0]
            if name and len(panel.names) > 1 and not layers:
                drawn.set_label(name)
            if (line.high > line.low).any():
                axes.fill_between(line.steps, line.low, line.high, color=colour, alpha=0.18, lw=0)
        oracle, guesses = _oracle(panel, all_series), _guesses(panel, all_series)
        notes = set_scale(axes, panel, [line for line, *_ in curves], oracle, guesses)
        if axes.get_legend_handles_labels()[1]:  # above the axes, on the right: the left has a power of ten
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderpad=0)
        axes.set_xlabel("step")
    if layers:
        notes = [f"a line for each of {len(panel.names)} layers", *notes]
    key = tuple((one.name, *series_style(n)) for n, one in enumerate(all_series)) if many else ()
    return Chart(slug(panel.title), panel.title, figure, "; ".join([*notes, *ended]), key)


def set_scale(
    axes: Any, panel: Panel, curves: Sequence[Curve], oracle: float | None, guesses: Mapping[str, float]
) -> list[str]:
    """Draws the scores of real examples and of guesses without a GAN, scales the y-axis; returns notes."""
    notes, oracles = [], [] if oracle is None else [oracle]
    for y in oracles:
        axes.axhline(y, color=INK, lw=1, ls=":")
        notes.append(f"dotted: real examples, {short(y)}")
    for y in guesses.values():
        axes.axhline(y, color=INK, lw=0.8, ls="-.", alpha=0.6)
    if guesses:
        listed = ", ".join(f"{name.replace('_', ' ')} {short(y)}" for name, y in guesses.items())
        notes.append(f"dash-dotted, without a GAN: {listed}")
    oracles += guesses.values()
    values = np.concatenate([*((c.low, c.high) for c in curves)], axis=None)
    values = values[np.isfinite(values)]
    shown = np.append(values, oracles)
    is_share = any(better(name) == "higher" for name in panel.names)  # a share has a linear scale
    if not is_share and len(shown) and shown.min() > 0 and shown.max() > 100 * shown.min():
        axes.set_yscale("log")
    elif (limits := axis_limits(curves)) is not None:
        low, high = limits
        margin = (high - low) / 20
        axes.set_ylim(min([low, *(y - margin for y in oracles)]), max([high, *(y + margin for y in oracles)]))
        farthest = max(values, key=lambda y: max(low - y, y - high))
        notes.append(f"the beginning, up to {short(farthest)}, is cut off")
    return notes


def _oracle(panel: Panel, all_series: Sequence[Series]) -> float | None:
    """Returns the score of real examples if the panel has one number and all logged scores agree."""
    if len(panel.names) > 1:
        return None
    (name,) = panel.names
    oracles = set()
    for rows in (one.record.members[lane] for one in all_series for lane in one.lanes):
        both = [row.numbers for row in hook_rows(rows) if {name, f"{name}_real"} <= row.numbers.keys()]
        oracles |= {numbers[f"{name}_real"] for numbers in both[-1:]}
    return oracles.pop() if len(oracles) == 1 else None


def _guesses(panel: Panel, all_series: Sequence[Series]) -> dict[str, float]:
    """Returns what answers that are no GAN's score, by name, if the panel has one number and all agree."""
    if len(panel.names) > 1:
        return {}
    prefix = f"{panel.names[0]}_of_"
    found: dict[str, set[float]] = {}
    for rows in (one.record.members[lane] for one in all_series for lane in one.lanes):
        for row in hook_rows(rows):
            for name, value in row.numbers.items():
                if name.startswith(prefix):
                    found.setdefault(name.removeprefix(prefix), set()).add(value)
    return {name: values.pop() for name, values in found.items() if len(values) == 1}
