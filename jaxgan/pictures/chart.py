"""Matplotlib charts for HTML pages and papers, drawn without a window or global state."""

import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

from jaxgan.errors import Refused
from jaxgan.pictures.colours import COLOURS, DASHES, FAINT, INK, VARIABLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (4.4, 2.7)  # inches: small enough that the labels are readable at the width of a phone
LINE = 0.22  # inches: the height of one line of a legend


class Chart(NamedTuple):
    """A figure with its title, the note below it, and the name of its file."""

    name: str
    title: str
    figure: "Figure"
    note: str = ""
    key: tuple[tuple[str, str, Any], ...] = ()  # name, colour and dash of each series, if several


def series_style(number: int) -> tuple[str, Any]:
    """Returns the colour and the dash of a series.

    >>> series_style(1) == (COLOURS[1], "-"), series_style(7) == (COLOURS[1], DASHES[1])
    (True, True)
    """
    return COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]


def plane_chart(name: str, title: str, draw: Callable[[Any], str]) -> Chart:
    """Returns a chart of the plane: `draw` is given axes of equal scale and returns the note below it."""
    with chart_style():
        figure, axes = new_axes((3.6, 3.6))
        axes.set_aspect("equal")
        axes.grid(False)
        note = draw(axes)
    return Chart(name, title, figure, note)


def chart(name: str, title: str, size: tuple[float, float], draw: Callable[[Any], str]) -> Chart:
    """Returns a chart of any axes: `draw` is given a figure and returns the note below it."""
    with chart_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        figure.suptitle(title, fontsize=11)
        note = draw(figure)
        figure.supxlabel(note, fontsize=8, color=INK)
    return Chart(name, title, figure, note)


def slug(title: str) -> str:
    """Returns a title as part of a file name.

    >>> slug("Update / weight")
    'update-weight'
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "chart"


def svg(chart: Chart) -> str:
    """Returns the chart as an element of an HTML page.

    Labels stay text in the font of the page, colours are the page's CSS variables, and ids begin with the
    name of the chart, so that they are unique in the page.
    """
    with chart_style():
        file = io.BytesIO()
        no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        chart.figure.savefig(file, format="svg", transparent=True, metadata=no_metadata)
    root = ElementTree.fromstring(file.getvalue())
    for definitions in root.findall("{*}defs"):
        for style in definitions.findall("{*}style"):  # the page has these rules
            definitions.remove(style)
    for element in root.iter():  # HTML has no namespaces
        element.tag = element.tag.rpartition("}")[2]
        attributes = [(name.rpartition("}")[2], value) for name, value in element.items()]
        element.attrib.clear()
        element.attrib.update((name, _page_value(name, value, chart.name)) for name, value in attributes)
    view_box = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update({"role": "img", "aria-label": chart.title, "viewBox": view_box})
    return ElementTree.tostring(root, encoding="unicode")


def _page_value(name: str, value: str, prefix: str) -> str:
    """Returns the value of an SVG attribute as it is in a page: ids with a prefix, colours as variables.

    >>> _page_value("style", "font-family: 'Arial'; fill: #1f2328", "losses")
    'fill: var(--ink)'
    >>> _page_value("clip-path", "url(#a)", "losses"), _page_value("href", "#b", "losses")
    ('url(#losses-a)', '#losses-b')
    """
    if name == "id":
        return f"{prefix}-{value}"
    if name == "href":
        # parsing has made line breaks of embedded images spaces
        return f"#{prefix}-{value[1:]}" if value.startswith("#") else value.replace(" ", "")
    if name == "style":
        value = "; ".join(part for part in value.split("; ") if not part.startswith("font-family:"))
    for colour, variable in VARIABLES.items():
        value = value.replace(colour, f"var({variable})")
    return value.replace("url(#", f"url(#{prefix}-")


def files(charts: Iterable[Chart]) -> dict[str, bytes]:
    """Returns charts for a paper, by file name: SVG and PNG, on white, with a legend of the series."""
    contents = {}
    with chart_style():
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
                metadata = {"Date": None} if suffix == "svg" else {}
                chart.figure.savefig(file, format=suffix, dpi=200, metadata=metadata)
                contents[f"{chart.name}.{suffix}"] = file.getvalue()
    return contents


def new_axes(size: tuple[float, float] = SIZE) -> tuple["Figure", Any]:
    """Returns a figure with one pair of axes, and the axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.add_subplot()


@contextmanager
def chart_style() -> Iterator[None]:
    """Sets the style of charts; raises Refused where Matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise Refused("charts need Matplotlib, of the extra `report`: install jaxgan[report]") from None
    faint = ("axes.edgecolor", "grid.color", "xtick.color", "ytick.color")
    ink = ("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor")
    sizes = ("axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize")
    settings: dict[Any, Any] = {
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
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "jaxgan",  # the same chart is the same file
    }
    with matplotlib.rc_context(settings):
        yield
