"""The charts of a report: what was logged, as curves of medians with bands."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.compare.record import Record, measured
from jaxgan.compare.scores import better
from jaxgan.pictures.chart import Chart, chart_style, new_axes, series_style, slug
from jaxgan.pictures.colours import COLOURS, DASHES, INK
from jaxgan.pictures.words import short
from jaxgan.report.curves import Curve, Panel, curve, cut, fewer


class Series(NamedTuple):
    """Lanes to be drawn as one line with a band."""

    name: str
    record: Record
    lanes: tuple[int, ...]


def series(records: Sequence[Record]) -> list[Series]:
    """One for each run, or for each of the options that its lanes were trained with."""
    found = []
    for record in records:
        for group, lanes in record.groups.items():
            parts = [record.name if len(records) > 1 or not group else "", group]
            found.append(Series(" ".join(part for part in parts if part), record, lanes))
    return found


def panel(panel: Panel, drawn: Sequence[Series]) -> Chart | None:
    """The curves of these numbers, one colour for each series; None where nothing was logged.

    A line is the median over lanes, its band reaches from the lowest to the highest. Dashes tell the numbers
    apart where colours tell the series, and those series too that share a colour. A dotted line is what real
    examples score.
    """
    many, layers = len(drawn) > 1, panel.of_health and len(panel.names) > 2
    rounds = 1 + (len(drawn) - 1) // len(COLOURS)  # through all the colours
    curves: list[tuple[Curve, str, Any, str]] = []
    left: dict[str, None] = {}
    named: set[str] = set()  # in the legend once, by the first that has it
    for place, one in enumerate(drawn):
        members = [one.record.members[lane] for lane in one.lanes]
        for nth, name in enumerate(panel.names):
            found = curve(members, name)
            if found is not None:
                colour = COLOURS[(place if many or layers else nth) % len(COLOURS)]
                again = place // len(COLOURS) + (0 if layers else rounds * nth)
                curves.append((found, colour, DASHES[again % len(DASHES)], "" if name in named else name))
                named.add(name)
                if words := fewer(members, name):
                    left[f"{one.name}: {words}" if many else words] = None
    if not curves:
        return None
    with chart_style():
        figure, axes = new_axes()
        for found, colour, dash, name in curves:
            dot = "o" if len(found.steps) < 8 else None
            line = axes.plot(found.steps, found.middle, color=colour, ls=dash, marker=dot, ms=3)[0]
            if name and len(panel.names) > 1 and not layers:
                line.set_label(name)
            if (found.high > found.low).any():
                axes.fill_between(found.steps, found.low, found.high, color=colour, alpha=0.18, lw=0)
        real = _oracle(panel, drawn)
        notes = _scaled(axes, panel, [found for found, *_ in curves], real)
        if axes.get_legend_handles_labels()[
            1
        ]:  # above, where it hides nothing: on the left stands a power of ten
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderpad=0)
        axes.set_xlabel("step")
    if layers:
        notes = [f"a line for each of {len(panel.names)} layers", *notes]
    key = tuple((one.name, *series_style(n)) for n, one in enumerate(drawn)) if many else ()
    return Chart(slug(panel.title), panel.title, figure, "; ".join([*notes, *left]), key)


def _scaled(axes: Any, panel: Panel, curves: Sequence[Curve], real: float | None) -> list[str]:
    """Draws what real examples score, chooses the scale that shows most, and says what it leaves out."""
    notes, reals = [], [] if real is None else [real]
    for y in reals:
        axes.axhline(y, color=INK, lw=1, ls=":")
        notes.append(f"dotted: real examples, {short(y)}")
    every = np.concatenate([*((c.low, c.high) for c in curves)], axis=None)
    drawn = every[np.isfinite(every)]
    every = np.append(drawn, reals)
    share = any(better(name) == "higher" for name in panel.names)  # whose scale is not one of powers
    if not share and len(every) and every.min() > 0 and every.max() > 100 * every.min():
        axes.set_yscale("log")
    elif (ends := cut(curves)) is not None:
        low, high = ends
        room = (high - low) / 20
        axes.set_ylim(min([low, *(y - room for y in reals)]), max([high, *(y + room for y in reals)]))
        far = max(drawn, key=lambda y: max(low - y, y - high))
        notes.append(f"the beginning, up to {short(far)}, is cut off")
    return notes


def _oracle(panel: Panel, drawn: Sequence[Series]) -> float | None:
    """What real examples score, of one number that was logged beside it by the same hook, for all series."""
    if len(panel.names) > 1:
        return None
    (name,) = panel.names
    real = set()
    for members in ([one.record.members[lane] for lane in one.lanes] for one in drawn):
        for rows in members:
            beside = [row.numbers for row in measured(rows) if {name, f"{name}_real"} <= row.numbers.keys()]
            real |= {numbers[f"{name}_real"] for numbers in beside[-1:]}
    return real.pop() if len(real) == 1 else None
