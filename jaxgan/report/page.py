"""One page that says how runs went: a single file, to be read offline and on a phone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from jaxgan.compare.record import Record, records
from jaxgan.errors import Refused, probe
from jaxgan.folder.files import write_files
from jaxgan.folder.folder import check_out
from jaxgan.pictures.chart import Chart, files
from jaxgan.report import charts, numbers, sections
from jaxgan.report.curves import names, panels
from jaxgan.report.style import CSS, SCRIPT


def report(
    runs: Sequence[Path],
    out: Path | None = None,
    figures: Path | None = None,
    *,
    rebuild: bool = True,
    trust: bool = False,
) -> Path:
    """Writes the page, by default report.html in the folder of the first run, and returns its path.

    `figures` is a folder for the same charts as SVG and PNG, for papers. A run that still goes on, or whose
    folder lacks something, is told as far as it is known. With `rebuild`, scripts
    of runs are run to see what networks on points have learnt, where they are what they were, or trusted.
    """
    if out is not None and probe(Path.is_dir, out):
        raise Refused(f"--out {out} is a folder: give the name of the page, as {out / 'report.html'}")
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise Refused(f"--out {out} is not called as a page is: give it a name that ends in .html")
    for place in filter(None, (out, figures)):
        check_out(place)
    found = records(runs)
    drawn = charts.series(found)
    logged = panels(names([rows for one in found for rows in one.members]))
    curves = _unlike(c for panel in logged if not panel.of_health and (c := charts.panel(panel, drawn)))
    signals = _unlike(c for panel in logged if panel.of_health and (c := charts.panel(panel, drawn)))
    planes, notes = _planes(found, trust) if rebuild else ([], [])
    parts = [
        sections.verdicts(found),
        sections.curves(curves, drawn),
        sections.samples(found),
        sections.planes(planes),
        numbers.metrics(found),
        sections.health(found, signals, drawn),
        numbers.memorisation(found),
        sections.options(found),
        sections.origins(found, notes),
    ]
    path = out or found[0].path / "report.html"
    title = escape(", ".join(one.name for one in found))
    text = _PAGE.format(title=title, css=CSS, body="\n".join(parts), script=SCRIPT)
    write_files(path.parent, {path.name: text.encode()})
    if figures is not None:
        write_files(figures, files([*curves, *signals, *planes]))
    return path


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
<script>{script}</script>
</body>
</html>
"""


def _planes(found: Sequence[Record], trust: bool) -> tuple[list[Chart], list[str]]:
    """The charts of the plane, of runs that play there; and why some could not be drawn."""
    from jaxgan.report.plane import planes

    charts: list[Chart] = []
    notes: list[str] = []
    for one in found:
        lane = one.lanes[0].name if one.lanes else ""
        try:
            own = planes(one.path, lane, trust)
        except Exception as error:  # the script is the user's, and may need what is not there
            why = str(error) or type(error).__name__
            notes.append(
                f"{one.name} could not be opened again to look at its networks: {why.splitlines()[0]}"
            )
            continue
        many = f"{one.name}: " if len(found) > 1 else ""
        charts += [chart._replace(title=f"{many}{chart.title}") for chart in own]
    return _unlike(charts), notes


def _unlike(found: Iterable[Chart]) -> list[Chart]:
    """The charts, names that two of them share made different."""
    seen: Counter[str] = Counter()
    unlike = []
    for chart in found:
        seen[chart.name] += 1
        unlike.append(
            chart._replace(name=f"{chart.name}-{seen[chart.name]}") if seen[chart.name] > 1 else chart
        )
    return unlike
