"""Charts by Matplotlib, for pages and for papers: one way of drawing, without a window or a global state."""

import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxgan.errors import Refused
from jaxgan.pictures.colours import COLOURS, DASHES, FAINT, INK, VARIABLES

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


def style(place: int) -> tuple[str, Any]:
    """The colour and the dash of a series.

    >>> style(1) == (COLOURS[1], "-"), style(7) == (COLOURS[1], DASHES[1])
    (True, True)
    """
    return COLOURS[place % len(COLOURS)], DASHES[place // len(COLOURS) % len(DASHES)]


def square(name: str, title: str, draw: Callable[[Any], str]) -> Chart:
    """A chart of the plane: `draw` is given axes of equal scales and says what stands below."""
    with styled():
        figure, axes = axes_of((3.6, 3.6))
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


def axes_of(size: tuple[float, float] = SIZE) -> tuple["Figure", Any]:
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
