"""The tables of numbers on the page."""

from collections.abc import Sequence
from html import escape
from shlex import quote

from jaxgan import reading
from jaxgan.compare.line import with_interval
from jaxgan.compare.record import Evaluation, Record, hook_rows
from jaxgan.compare.scores import better
from jaxgan.metrics.memorisation import FRESH
from jaxgan.metrics.metric import INTERVALS, Estimate
from jaxgan.pictures.words import count, short
from jaxgan.report.elements import lines, section, table
from jaxgan.report.film import data_url
from jaxgan.report.signs import copies_line

ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}


def metrics(records: Sequence[Record]) -> str:
    """Returns the evaluations with intervals and real examples, a table for each way of measuring."""
    ways: dict[str, list[tuple[Record, Evaluation]]] = {}
    for record in records:
        for evaluation in record.evaluations:
            ways.setdefault(evaluation.how, []).append((record, evaluation))
    missing = [quote(str(record.path)) for record in records if not record.evaluations]
    parts = [_evaluation_table(how, columns, len(records) > 1) for how, columns in ways.items()]
    parts += [_answers_table(record, len(records) > 1) for record in records]
    if missing:
        command = "; ".join(f"<code>jaxgan evaluate {escape(path)}</code>" for path in missing)
        parts.append(f"<p>No evaluation yet, so no intervals: run {command}</p>")
    parts += [_training_table(record, len(records) > 1) for record in records]
    return section("Metrics", "".join(parts))


def memorisation(records: Sequence[Record]) -> str:
    """Returns the measures of copied training examples, and the samples nearest to training examples."""
    parts = []
    for record in records:
        newest = record.newest_evaluations
        names = [name for name in FRESH if any(name in each.rows["samples"] for each in newest)]
        pictures = [
            (each.lane, each.neighbours)
            for each in newest
            if each.neighbours and reading.is_file_in(record.path, each.neighbours)
        ]
        if names or pictures:
            parts.append(f"<h3>{escape(record.name)}, step {count(newest[-1].step)}</h3>")
        if line := copies_line(record):
            parts.append(lines([line]))
        if names:
            head = ["", *(each.lane or "samples" for each in newest), "fresh draws"]
            rows = [
                [name, *(_cell(each.rows["samples"].get(name)) for each in newest), short(FRESH[name])]
                for name in names
            ]
            parts.append(table(f"Memorisation of {record.name}", head, rows, numbers=True))
        for lane, path in pictures:
            words = "Samples, each beside the training examples nearest to it; the nearest pairs first."
            words = f"{escape(lane)}: {words}" if lane else words
            picture = f'<img alt="samples and their neighbours" src="{data_url(path)}">'
            parts.append(f"<figure>{picture}<figcaption>{words}</figcaption></figure>")
    nothing = "<p>Nothing was measured of copies: <code>jaxgan evaluate</code> does.</p>"
    if any(record.evaluations for record in records):
        nothing = "<p>Nothing was measured of copies: that needs images, some of them held out.</p>"
    return section("Memorisation", "".join(parts) or nothing)


def _evaluation_table(how: str, columns: Sequence[tuple[Record, Evaluation]], many: bool) -> str:
    """Returns evaluations measured in the same way: columns of samples, real examples and the floor."""
    heads, samples = [], []
    for record, evaluation in columns:
        step = f"step {count(evaluation.step)}"
        lane = evaluation.lane
        heads.append(f"{record.name}\n{step} {lane}" if many else f"{step}\n{lane}")
        samples.append(evaluation.rows["samples"])
        if equal := evaluation.rows.get("alike"):
            heads.append(f"its first\n{count(evaluation.oracle_n or 0)}")
            samples.append(equal)
    evaluations = [evaluation for _, evaluation in columns]
    oracle = {name: x for one in evaluations for name, x in one.rows.get("oracle", {}).items()}
    floor = {name: x for one in evaluations for name, x in one.floor.items()}
    rows = []
    for name in dict.fromkeys(name for one in evaluations for name in one.rows["samples"]):
        row = [name + ARROWS[better(name, evaluations)]]
        row += [_cell(column.get(name)) for column in samples]
        row += [_cell(oracle.get(name))] if oracle else []
        row += [short(floor[name]) if name in floor else ""] if floor else []
        rows.append(row)
    oracle_n = next((f"\n{count(one.oracle_n)}" for one in evaluations if oracle and one.oracle_n), "")
    head = ["", *heads, *([f"real examples{oracle_n}"] if oracle else []), *(["floor"] if floor else [])]
    words = f"In small: {INTERVALS}. ↓ lower is better, ↑ higher. Floor: a perfect sampler's."
    return f"<h3>{escape(how)}</h3>{table(how, head, rows, numbers=True)}<small>{words}</small>"


def _answers_table(record: Record, many: bool) -> str:
    """Returns the newest samples beside the true answers and what is no GAN's; empty without these."""
    rows: list[list[str]] = []
    names: dict[str, None] = {}
    for evaluation in record.newest_evaluations:
        guesses = {row: x for row, x in evaluation.rows.items() if row not in ("samples", "oracle", "alike")}
        names |= dict.fromkeys(name for numbers in guesses.values() for name in numbers)
        shown = {"samples": evaluation.rows["samples"]}
        if not rows:  # the same for all lanes
            oracle = evaluation.rows.get("oracle", {})
            shown |= {**({"the true answers": oracle} if names.keys() & oracle.keys() else {}), **guesses}
        for row, numbers in shown.items() if guesses else ():
            title = evaluation.lane or row if row == "samples" else row.replace("_", " ")
            rows.append([title, *(_cell(numbers.get(name)) for name in names)])
    if not rows:
        return ""
    what = "the true answers" if any(row[0] == "the true answers" for row in rows) else "what needs no GAN"
    title = f"{record.name} beside {what}" if many else f"Beside {what}"
    head = ["", *(name + ARROWS[better(name, record.newest_evaluations)] for name in names)]
    return f"<h3>{escape(title)}</h3>{table(title, head, rows, numbers=True)}"


def _cell(x: Estimate | None) -> str:
    return "" if x is None else with_interval(x).replace(" ", "\n", 1)


def _training_table(record: Record, many: bool) -> str:
    """Returns what hooks measured at the best step and the last, a row for each lane; empty if nothing."""
    rows = []
    steps = set(record.best.values())
    members = [hook_rows(member) for member in record.members]
    names = dict.fromkeys(
        name for member in members for row in member for name in row.numbers if better(name)
    )
    for lane, member in zip(record.names, members, strict=True):
        best = record.best.get(lane)
        for name in names:
            values = {row.step: row.numbers[name] for row in member if name in row.numbers}
            if values:
                at_best = short(values[best]) if best in values else ""
                at_best += f"\nstep {count(best)}" if at_best and best is not None and len(steps) > 1 else ""
                real = [row.numbers[f"{name}_real"] for row in member if f"{name}_real" in row.numbers]
                cells = [at_best, short(values[max(values)]), short(real[-1]) if real else ""]
                rows.append([f"{name}{ARROWS[better(name)]}" + (f"\n{lane}" if lane else ""), *cells])
    step = f", {count(*steps)}" if len(steps) == 1 else ""
    head = ["", f"best step{step}", "last", "real examples"]
    title = f"{record.name}, measured while training" if many else "Measured while training"
    return f"<h3>{escape(title)}</h3>{table(title, head, rows, numbers=True)}" if rows else ""
