"""The report: one HTML file about runs, readable offline and on a phone."""

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

    `figures` is a folder for the same charts as SVG and PNG, for papers. Of a run that is not finished, or
    whose folder lacks files, the page shows what is known. With `rebuild`, the scripts of the runs are run to
    draw what networks on points have learnt, if they are unchanged, or with `trust`.
    """
    check_page(out, figures)
    run_records = records(runs)
    series = charts.series(run_records)
    logged = panels(names([rows for record in run_records for rows in record.members]))
    quality, health = (
        _with_unique_names(
            chart
            for panel in logged
            if panel.is_health == is_health and (chart := charts.panel_chart(panel, series))
        )
        for is_health in (False, True)
    )
    planes, notes = _planes(run_records, trust) if rebuild else ([], [])
    parts = [
        sections.verdicts(run_records),
        sections.curves(quality, series),
        sections.samples(run_records),
        sections.planes(planes),
        numbers.metrics(run_records),
        sections.health(run_records, health, series),
        numbers.memorisation(run_records),
        sections.options(run_records),
        sections.origins(run_records, notes),
    ]
    path = out or run_records[0].path / "report.html"
    write_page(path, ", ".join(record.name for record in run_records), parts)
    if figures is not None:
        write_files(figures, files([*quality, *health, *planes]))
    return path


def check_page(out: Path | None, figures: Path | None) -> None:
    """Refuses places to which no page, or none of its figures, can be written."""
    if out is not None and probe(Path.is_dir, out):
        raise Refused(f"--out {out} is a folder: give the name of the page, as {out / 'report.html'}")
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise Refused(f"--out {out} is not an HTML file: give it a name that ends in .html")
    for place in filter(None, (out, figures)):
        check_out(place)


def write_page(path: Path, title: str, sections: Sequence[str]) -> None:
    """Writes a page of these sections."""
    text = _PAGE.format(title=escape(title), css=CSS, body="\n".join(sections), script=SCRIPT)
    write_files(path.parent, {path.name: text.encode()})


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


def _planes(records: Sequence[Record], trust: bool) -> tuple[list[Chart], list[str]]:
    """Returns the charts of runs on points in the plane, and why those of some runs could not be drawn."""
    from jaxgan.report.plane import planes

    charts: list[Chart] = []
    notes: list[str] = []
    for record in records:
        try:
            run_charts = planes(record.path, record.names[0], trust)
        except Exception as error:  # the script is the user's, and may fail in any way
            why = str(error) or type(error).__name__
            notes.append(f"the networks of {record.name} could not be loaded: {why.splitlines()[0]}")
            continue
        prefix = f"{record.name}: " if len(records) > 1 else ""
        charts += [chart._replace(title=f"{prefix}{chart.title}") for chart in run_charts]
    return _with_unique_names(charts), notes


def _with_unique_names(charts: Iterable[Chart]) -> list[Chart]:
    """Numbers the charts whose names repeat an earlier one."""
    times: Counter[str] = Counter()
    unique = []
    for chart in charts:
        times[chart.name] += 1
        number = f"-{times[chart.name]}" if times[chart.name] > 1 else ""
        unique.append(chart._replace(name=f"{chart.name}{number}"))
    return unique
