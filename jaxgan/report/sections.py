"""The sections of the page as HTML; all text from a run folder is escaped."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from jaxgan.compare.line import summary
from jaxgan.compare.record import Record
from jaxgan.folder.manifest import commit, devices, session_line
from jaxgan.pictures.chart import Chart
from jaxgan.report.charts import Series
from jaxgan.report.elements import SIGNS, figures, key, lines, section, table
from jaxgan.report.film import BYTES, film
from jaxgan.report.signs import health_lines
from jaxgan.report.verdict import verdict


def verdicts(records: Sequence[Record]) -> str:
    """Returns the verdict on each run."""
    parts = []
    for record in records:
        notes = dict.fromkeys(note for evaluation in record.evaluations for note in evaluation.notes)
        data = record.manifest.data.note
        if data and not any(data in note for note in notes):
            notes[data] = None
        remarks = "".join(f"<p class='soft'>Note: {escape(note)}.</p>" for note in notes)
        verdict_lines = verdict(record)
        total = summary(verdict_lines)
        top = f'<p class="total {total.mark}">{SIGNS[total.mark][0]} {escape(total.words)}</p>'
        body = f"{_heading(record, records)}{top}{lines(verdict_lines)}{remarks}"
        parts.append(f'<div class="verdict">{body}</div>')
    return "".join(parts)


def curves(charts: Sequence[Chart], series: Sequence[Series]) -> str:
    """Returns the curves of what training logged and hooks measured."""
    words = "Lines are medians over the lanes that train; bands reach from the lowest lane to the highest."
    bands = f"<p class='soft'>{words}</p>" if any(len(one.lanes) > 1 for one in series) else ""
    nothing = "<p>Nothing was logged yet: metrics.jsonl is missing or empty.</p>"
    return section("Curves", bands + key(series) + figures(charts) if charts else nothing)


def samples(records: Sequence[Record]) -> str:
    """Returns the sample pictures over the steps, a film for each lane."""
    films = [
        (f"{record.name} {lane}".strip(), pictures)
        for record in records
        for lane in record.names
        if (pictures := record.pictures(lane))
    ]
    shown = "".join(film(title, pictures, BYTES // len(films)) for title, pictures in films)
    nothing = "<p>There are no pictures: give the run <code>--sample-every</code>.</p>"
    return section("Samples", f'<div class="films">{shown}</div>' if shown else nothing)


def planes(charts: Sequence[Chart]) -> str:
    """Returns the charts of runs on points in the plane, at the newest checkpoint."""
    if not charts:
        return ""
    words = "<p class='soft'>At the newest checkpoint, of the first lane; brighter is denser.</p>"
    return section("The plane", words + figures(charts))


def health(records: Sequence[Record], charts: Sequence[Chart], series: Sequence[Series]) -> str:
    """Returns the signs of health with their rules, and their curves."""
    parts = "".join(_heading(record, records) + lines(health_lines(record)) for record in records)
    return section("Health", parts + (key(series) + figures(charts) if charts else ""))


def options(records: Sequence[Record]) -> str:
    """Returns the options of all runs, those that differ first."""
    names = list(dict.fromkeys(name for record in records for name in record.config))
    values = {name: [_plain(record.config.get(name)) for record in records] for name in names}
    differing = [name for name in names if name != "out" and len(set(values[name])) > 1]
    head = ["option", *(record.name for record in records)]
    all_options = table("All options", head, [[name, *values[name]] for name in names])
    details = f"<details><summary>All {len(names)}</summary>{all_options}</details>"
    if len(records) == 1:
        return section("Options", details)
    differences = table("Options that differ", head, [[name, *values[name]] for name in differing])
    return section("Options that differ", (differences if differing else "<p>None do.</p>") + details)


def origins(records: Sequence[Record], notes: Iterable[str]) -> str:
    """Returns command, commit, versions, devices and sessions of each run, and what could not be read."""
    parts = []
    for record in records:
        manifest = record.manifest
        rows = [
            ["folder", str(record.path)],
            ["command", " ".join(manifest.command)],
            ["script", manifest.script or "none: made by jg.fit"],
            ["created", manifest.created],
            ["commit", commit(manifest)],
            ["versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())],
            ["devices", devices(manifest.devices)],
        ]
        for n, (entry, end) in enumerate(zip(manifest.sessions, record.ends, strict=True), 1):
            rows.append([f"session {n}", session_line(entry, end)])
        parts.append(table(f"Where {record.name} comes from", [record.name, ""], rows))
    unread = [(record.name, note) for record in records for note in (*record.notes, *record.checkpoint_notes)]
    missing = [f"{name}: {note}" if len(records) > 1 else note for name, note in unread]
    items = "".join(f"<li>{escape(note)}</li>" for note in (*missing, *notes))
    missing_list = f"<h3>Missing</h3><ul>{items}</ul>" if items else ""
    return section("Where it comes from", "".join(parts) + missing_list)


def _heading(record: Record, records: Sequence[Record]) -> str:
    """Returns the name of the run as a heading, nothing if it is the only one."""
    return f"<h3>{escape(record.name)}</h3>" if len(records) > 1 else ""


def _plain(x: Any) -> str:
    return x if isinstance(x, str) else json.dumps(x)
