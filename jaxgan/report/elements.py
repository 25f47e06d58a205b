"""HTML elements of the page."""

from collections.abc import Iterable, Sequence
from html import escape

from jaxgan.compare.line import Line
from jaxgan.pictures.chart import Chart, series_style, svg
from jaxgan.pictures.colours import DASHES, VARIABLES
from jaxgan.report.charts import Series
from jaxgan.report.style import BORDERS

SIGNS = {"info": "– info", "good": "✓ good", "look": "! look", "bad": "✗ bad"}


def section(title: str, body: str) -> str:
    """Returns a section of the page with its heading."""
    return f"<section><h2>{title}</h2>{body}</section>"


def lines(lines: Iterable[Line]) -> str:
    """Returns lines of a verdict: marks, words and rules."""
    return "".join(
        f'<div class="line"><span class="mark {line.mark}">{SIGNS[line.mark]}</span> '
        f"<p><b>{escape(line.what)}.</b> "
        f"{_coded(line.words)}{f'<small>{escape(line.rule)}</small>' if line.rule else ''}</p></div>"
        for line in lines
    )


def _coded(words: str) -> str:
    """Escapes text, and marks what is between backquotes as code."""
    parts = escape(words).split("`")
    return "".join(
        f"<code>{part}</code>" if n % 2 and n + 1 < len(parts) else part for n, part in enumerate(parts)
    )


def key(series: Sequence[Series]) -> str:
    """Returns the key of the colours and dashes of several series."""
    return names_key([one.name for one in series])


def names_key(series: Sequence[str]) -> str:
    """Returns the key of the colours and dashes of several series, given by name."""
    if len(series) < 2:
        return ""
    names = []
    for number, name in enumerate(series):
        colour, dash = series_style(number)
        border = f"{BORDERS[DASHES.index(dash) % len(BORDERS)]} var({VARIABLES[colour]})"
        names.append(f'<span class="key"><i style="border-top: .25em {border}"></i>{escape(name)}</span>')
    return f"<p>{''.join(names)}</p>"


def figures(charts: Iterable[Chart]) -> str:
    """Returns charts in a grid."""
    shown = (
        f"<figure><h3>{escape(chart.title)}</h3>{svg(chart)}"
        f"<figcaption>{escape(chart.note)}</figcaption></figure>"
        for chart in charts
    )
    return f'<div class="charts">{"".join(shown)}</div>'


def table(label: str, head: Sequence[str], rows: Iterable[Sequence[str]], numbers: bool = False) -> str:
    """Returns a table that scrolls sideways if it is wide; in a cell, text after a line break is small.

    `label` is for screen readers.
    """
    kind = ' class="number"' if numbers else ""

    def table_row(cells: Sequence[str], scope: str = "") -> str:
        """Returns a row whose first cell is a heading; with a scope, all cells are."""
        elements = []
        for n, text in enumerate(cells):
            tag, scoped = ("td", "") if n and not scope else ("th", f' scope="{scope or "row"}"')
            big, _, small = map(escape, text.partition("\n"))
            content = f"{big}{small and f'<small>{small}</small>'}"
            elements.append(f"<{tag}{scoped}{kind if n else ''}>{content}</{tag}>")
        return f"<tr>{''.join(elements)}</tr>"

    region = f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}">'
    body = "".join(map(table_row, rows))
    return f"{region}<table><thead>{table_row(head, 'col')}</thead><tbody>{body}</tbody></table></div>"
