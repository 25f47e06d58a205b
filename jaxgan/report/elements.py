"""What the parts of the page are made of."""

from collections.abc import Iterable, Sequence
from html import escape

from jaxgan.compare.line import Line
from jaxgan.pictures.chart import Chart, series_style, svg
from jaxgan.pictures.colours import DASHES, VARIABLES
from jaxgan.report.charts import Series
from jaxgan.report.style import BORDERS

SIGNS = {"good": "✓ good", "unknown": "– not known", "look": "! look", "bad": "✗ bad"}


def section(title: str, body: str) -> str:
    """A part of the page under its heading."""
    return f"<section><h2>{title}</h2>{body}</section>"


def lines(lines: Iterable[Line]) -> str:
    """Marks, words and, where there are any, rules."""
    return "".join(
        f'<div class="line"><span class="mark {line.mark}">{SIGNS[line.mark]}</span> '
        f"<p><b>{escape(line.what)}.</b> "
        f"{_coded(line.words)}{f'<small>{escape(line.rule)}</small>' if line.rule else ''}</p></div>"
        for line in lines
    )


def _coded(words: str) -> str:
    """Escaped, and what stands between backquotes as code."""
    parts = escape(words).split("`")
    return "".join(
        f"<code>{part}</code>" if n % 2 and n + 1 < len(parts) else part for n, part in enumerate(parts)
    )


def key(drawn: Sequence[Series]) -> str:
    """Which line is which, where there are several."""
    if len(drawn) < 2:
        return ""
    names = []
    for colour, dash, name in ((*series_style(n), escape(one.name)) for n, one in enumerate(drawn)):
        border = f"{BORDERS[DASHES.index(dash) % len(BORDERS)]} var({VARIABLES[colour]})"
        names.append(f'<span class="key"><i style="border-top: .25em {border}"></i>{name}</span>')
    return f"<p>{''.join(names)}</p>"


def figures(charts: Iterable[Chart]) -> str:
    """Charts side by side, as many as there is room for."""
    shown = (
        f"<figure><h3>{escape(chart.title)}</h3>{svg(chart)}"
        f"<figcaption>{escape(chart.note)}</figcaption></figure>"
        for chart in charts
    )
    return f'<div class="charts">{"".join(shown)}</div>'


def table(label: str, head: Sequence[str], rows: Iterable[Sequence[str]], numbers: bool = False) -> str:
    """A table that scrolls by itself where it is wide; in a cell, what follows a line's end is small.

    Its `label` is for who hears the page.
    """
    kind = ' class="number"' if numbers else ""

    def line(cells: Sequence[str], scope: str = "") -> str:
        """A row, its first cell the head of it; of all cells where they head columns."""
        made = []
        for n, text in enumerate(cells):
            tag, of = ("td", "") if n and not scope else ("th", f' scope="{scope or "row"}"')
            big, _, small = map(escape, text.partition("\n"))
            made.append(f"<{tag}{of}{kind if n else ''}>{big}{small and f'<small>{small}</small>'}</{tag}>")
        return f"<tr>{''.join(made)}</tr>"

    wide = f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}">'
    body = "".join(map(line, rows))
    return f"{wide}<table><thead>{line(head, 'col')}</thead><tbody>{body}</tbody></table></div>"
