"""Charts by Matplotlib, for pages and for papers: one way of drawing, without a window or a global state."""

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxgan.errors import Refused
from jaxgan.report.curves import Curve, Panel, curve, cut, fewer
from jaxgan.report.record import Record, measured
from jaxgan.report.scores import better
from jaxgan.report.style import COLOURS, DASHES, FAINT, INK, VARIABLES
from jaxgan.report.words import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (4.4, 2.7)  # inches: at the width of a phone its letters are still as large as text
LINE = 0.22  # of a legend


class Chart(NamedTuple):
    """A figure, what stands over it and under it, and the name of its file."""

    name: str
    title: str
    figure: "Figure"
    note: str = ""
    key: tuple[tuple[str, str, Any], ...] = ()  # names, colours and dashes of its series, if it has several


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
    with styled():
        figure, axes = _axes()
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
    key = tuple((one.name, *style(n)) for n, one in enumerate(drawn)) if many else ()
    return Chart(slug(panel.title), panel.title, figure, "; ".join([*notes, *left]), key)


def style(place: int) -> tuple[str, Any]:
    """The colour and the dash of a series.

    >>> style(1) == (COLOURS[1], "-"), style(7) == (COLOURS[1], DASHES[1])
    (True, True)
    """
    return COLOURS[place % len(COLOURS)], DASHES[place // len(COLOURS) % len(DASHES)]


def square(name: str, title: str, draw: Callable[[Any], str]) -> Chart:
    """A chart of the plane: `draw` is given axes of equal scales and says what stands below."""
    with styled():
        figure, axes = _axes((3.6, 3.6))
        axes.set_aspect("equal")
        axes.grid(False)
        note = draw(axes)
    return Chart(name, title, figure, note)


def chart(name: str, title: str, size: tuple[float, float], draw: Callable[[Any], str]) -> Chart:
    """A chart of its own axes: `draw` is given a figure and says what stands below it."""
    with styled():
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        figure.suptitle(title, fontsize=11)
        note = draw(figure)
        figure.supxlabel(note, fontsize=8, color=INK)
    return Chart(name, title, figure, note)


def slug(title: str) -> str:
    """A title as part of a file's name.

    >>> slug("Update / weight")
    'update-weight'
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "chart"


def svg(chart: Chart) -> str:
    """The chart as an element of a page: letters are text, and colours are the page's variables."""
    with styled():
        file = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        chart.figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    text = file.getvalue()
    text = text[text.index("<svg") :].strip()
    head, rest = text.split(">", 1)
    view = re.search(r'viewBox="[^"]*"', head)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", rest, count=1, flags=re.DOTALL)
    text = re.sub(r"font-family: [^;\"]*; ", "", text)  # the page's own
    text = text.replace("xlink:href=", "href=")
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{chart.name}-", text)  # ids are of the whole page
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return f'<svg role="img" aria-label="{escape(chart.title)}" {view[0] if view else ""}>{text}'


def files(charts: Iterable[Chart]) -> dict[str, bytes]:
    """Charts for a paper, by file name: SVG and PNG, on white, with the key that a page has above."""
    found = {}
    with styled():
        from matplotlib.lines import Line2D

        for chart in charts:
            if not chart.figure.get_suptitle():
                chart.figure.suptitle(chart.title, fontsize=11)
            if chart.key:
                handles = [Line2D([], [], color=colour, ls=ls, label=name) for name, colour, ls in chart.key]
                ncols = 2 if max(len(name) for name, *_ in chart.key) < 20 else 1
                width, height = chart.figure.get_size_inches()
                chart.figure.set_size_inches(width, height + LINE * -(-len(handles) // ncols))
                chart.figure.legend(handles=handles, loc="outside lower center", ncols=ncols)
            for suffix in ("svg", "png"):
                file = io.BytesIO()
                dated = {"Date": None} if suffix == "svg" else {}
                chart.figure.savefig(file, format=suffix, dpi=200, metadata=dated)
                found[f"{chart.name}.{suffix}"] = file.getvalue()
    return found


def _axes(size: tuple[float, float] = SIZE) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.add_subplot()


@contextmanager
def styled() -> Iterator[None]:
    try:
        import matplotlib
    except ImportError:
        raise Refused("charts need Matplotlib, of the extra `report`: install jaxgan[report]") from None
    faint = ("axes.edgecolor", "grid.color", "xtick.color", "ytick.color")
    ink = ("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor")
    sizes = ("axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize")
    look: dict[Any, Any] = {
        **dict.fromkeys(faint, FAINT),
        **dict.fromkeys(ink, INK),
        **dict.fromkeys(sizes, 11),
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.linewidth": 0.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.formatter.useoffset": False,
        "lines.linewidth": 1.6,
        "legend.frameon": False,
        "font.family": ["sans-serif"],
        "svg.fonttype": "none",  # letters stay letters
        "svg.hashsalt": "jaxgan",  # the same chart is the same file
    }
    with matplotlib.rc_context(look):
        yield


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
