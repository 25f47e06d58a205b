"""What the parts of the page are made of."""

from collections.abc import Iterable, Sequence
from html import escape

from jaxgan.report.charts import Chart, Series, svg
from jaxgan.report.line import Line
from jaxgan.report.style import COLOURS

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
    """Which colour is which, where there are several."""
    if len(drawn) < 2:
        return ""
    names = (
        f'<span class="key"><i style="background: var(--c{n % len(COLOURS)})"></i>{escape(one.name)}</span>'
        for n, one in enumerate(drawn)
    )
    return f"<p>{''.join(names)}</p>"


def figures(charts: Iterable[Chart]) -> str:
    """Charts side by side, as many as there is room for."""
    shown = (
        f"<figure><h3>{escape(chart.title)}</h3>{svg(chart)}"
        f"<figcaption>{escape(chart.note)}</figcaption></figure>"
        for chart in charts
    )
    return f'<div class="charts">{"".join(shown)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: bool = False) -> str:
    """A table that scrolls by itself where it is wide; in a cell, what follows a line's end is small."""
    kind = ' class="number"' if numbers else ""

    def cell(tag: str, n: int, text: str) -> str:
        big, _, small = map(escape, text.partition("\n"))
        return f"<{tag}{kind if n else ''}>{big}{f'<small>{small}</small>' if small else ''}</{tag}>"

    top = "".join(cell("th", n, text) for n, text in enumerate(head))
    lines = "".join(f"<tr>{''.join(cell('td', n, text) for n, text in enumerate(row))}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>'
