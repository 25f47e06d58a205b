"""The parts of the page, each from what it tells of to HTML. Whatever a folder says is escaped."""

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
from jaxgan.report.signs import health as signs
from jaxgan.report.verdict import verdict


def verdicts(found: Sequence[Record]) -> str:
    """How each run went."""
    parts = []
    for one in found:
        notes = dict.fromkeys(note for evaluation in one.evaluations for note in evaluation.notes)
        data = one.manifest.data.note
        if data and not any(data in note for note in notes):
            notes[data] = None
        said = "".join(f"<p class='soft'>Note: {escape(note)}.</p>" for note in notes)
        told = verdict(one)
        whole = summary(told)
        sign = f'<p class="whole {whole.mark}">{SIGNS[whole.mark][0]} {escape(whole.words)}</p>'
        by_rule = dict.fromkeys(f"{line.what}: {line.rule}" for line in told if line.rule)
        rules = "".join(f"<li>{escape(rule)}</li>" for rule in by_rule)
        shown = lines(line._replace(rule="") for line in told)
        by = f"<details><summary>By which rules</summary><ul>{rules}</ul></details>"
        parts.append(f'<div class="verdict">{_heading(one, found)}{sign}{shown}{said}{by}</div>')
    return "".join(parts)


def curves(charts: Sequence[Chart], drawn: Sequence[Series]) -> str:
    """What training logged and hooks measured."""
    words = "Lines are medians over lanes, while they move; bands reach from the lowest lane to the highest."
    bands = f"<p class='soft'>{words}</p>"
    lanes = bands if any(len(one.lanes) > 1 for one in drawn) else ""
    nothing = "<p>Nothing was logged yet: metrics.jsonl is missing or empty.</p>"
    return section("Curves", lanes + key(drawn) + figures(charts) if charts else nothing)


def samples(found: Sequence[Record]) -> str:
    """The sample pictures through time, a film for each lane."""
    films = []
    for one in found:
        for lane in one.names:
            if pictures := one.pictures(lane):
                films.append((" ".join(filter(None, [one.name, lane])), pictures))
    shown = "".join(film(title, pictures, BYTES // len(films)) for title, pictures in films)
    nothing = "<p>There are no pictures: give the run <code>--sample-every</code>.</p>"
    return section("Samples", f'<div class="films">{shown}</div>' if shown else nothing)


def planes(charts: Sequence[Chart]) -> str:
    """Runs on points: where they lie and what D sees, at the newest checkpoint."""
    if not charts:
        return ""
    words = "<p class='soft'>At the newest checkpoint, of the first lane; brighter is denser.</p>"
    return section("The plane", words + figures(charts))


def health(found: Sequence[Record], charts: Sequence[Chart], drawn: Sequence[Series]) -> str:
    """The signs of life, with the rules they were judged by, and their curves."""
    parts = "".join(_heading(one, found) + lines(signs(one)) for one in found)
    return section("Health", parts + (key(drawn) + figures(charts) if charts else ""))


def options(found: Sequence[Record]) -> str:
    """The options of all runs, what differs between them first."""
    every = list(dict.fromkeys(name for one in found for name in one.config))
    values = {name: [_plain(one.config.get(name)) for one in found] for name in every}
    differing = [name for name in every if name != "out" and len(set(values[name])) > 1]
    head = ["option", *(one.name for one in found)]
    whole = table("All options", head, [[name, *values[name]] for name in every])
    more = f"<details><summary>All {len(every)}</summary>{whole}</details>"
    if len(found) == 1:
        return section("Options", more)
    told = table("Options that differ", head, [[name, *values[name]] for name in differing])
    return section("Options that differ", (told if differing else "<p>None do.</p>") + more)


def origins(found: Sequence[Record], notes: Iterable[str]) -> str:
    """Command, commit, versions, devices, sessions; and what could not be read."""
    parts = []
    for one in found:
        manifest = one.manifest
        rows = [
            ["folder", str(one.path)],
            ["command", " ".join(manifest.command)],
            ["script", manifest.script or "none: made by jg.fit"],
            ["begun", manifest.created],
            ["commit", commit(manifest)],
            ["versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())],
            ["devices", devices(manifest.devices)],
        ]
        for n, (entry, end) in enumerate(zip(manifest.sessions, one.ends, strict=True), 1):
            rows.append([f"session {n}", session_line(entry, end)])
        parts.append(table(f"Where {one.name} comes from", [one.name, ""], rows))
    unread = [(one.name, note) for one in found for note in (*one.notes, *one.lost)]
    missing = [f"{name}: {note}" if len(found) > 1 else note for name, note in unread]
    listed = "".join(f"<li>{escape(note)}</li>" for note in (*missing, *notes))
    lacking = f"<h3>Missing</h3><ul>{listed}</ul>" if listed else ""
    return section("Where it comes from", "".join(parts) + lacking)


def _heading(one: Record, found: Sequence[Record]) -> str:
    """Whose part it is, where there are several."""
    return f"<h3>{escape(one.name)}</h3>" if len(found) > 1 else ""


def _plain(x: Any) -> str:
    return x if isinstance(x, str) else json.dumps(x)
