"""The page's tables of numbers."""

from collections.abc import Sequence
from html import escape
from shlex import quote

from jaxgan import reading
from jaxgan.compare.line import with_interval
from jaxgan.compare.record import Evaluation, Record, measured
from jaxgan.compare.scores import better
from jaxgan.metrics.memorisation import FRESH
from jaxgan.metrics.metric import INTERVALS, Estimate
from jaxgan.pictures.words import count, short
from jaxgan.report.elements import lines, section, table
from jaxgan.report.film import embedded
from jaxgan.report.signs import copying

ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}


def metrics(found: Sequence[Record]) -> str:
    """Evaluations with their intervals and the oracle row, a table for each way of measuring."""
    ways: dict[str, list[tuple[Record, Evaluation]]] = {}
    for one in found:
        for evaluation in one.evaluations:
            ways.setdefault(evaluation.how, []).append((one, evaluation))
    missing = [quote(str(one.path)) for one in found if not one.evaluations]
    parts = [_evaluated(how, columns, len(found) > 1) for how, columns in ways.items()]
    if missing:
        command = "; ".join(f"<code>jaxgan evaluate {escape(path)}</code>" for path in missing)
        parts.append(f"<p>No evaluation yet, so no intervals: run {command}</p>")
    parts += [_while_training(one, len(found) > 1) for one in found]
    return section("Metrics", "".join(parts))


def memorisation(found: Sequence[Record]) -> str:
    """Whether samples are copies: what was measured of it, and the samples nearest to training examples."""
    parts = []
    for one in found:
        newest = one.newest
        names = [name for name in FRESH if any(name in each.rows["samples"] for each in newest)]
        pictures = [
            (each.lane, each.neighbours)
            for each in newest
            if each.neighbours and reading.is_file_in(one.path, each.neighbours)
        ]
        if names or pictures:
            parts.append(f"<h3>{escape(one.name)}, step {count(newest[-1].step)}</h3>")
        if line := copying(one):
            parts.append(lines([line]))
        if names:
            head = ["", *(each.lane or "samples" for each in newest), "fresh draws"]
            rows = [
                [name, *(_interval(each.rows["samples"].get(name)) for each in newest), short(FRESH[name])]
                for name in names
            ]
            parts.append(table(f"Memorisation of {one.name}", head, rows, numbers=True))
        for lane, path in pictures:
            words = "Samples, each beside the training examples nearest to it; the nearest pairs first."
            words = f"{escape(lane)}: {words}" if lane else words
            picture = f'<img alt="samples and their neighbours" src="{embedded(path)}">'
            parts.append(f"<figure>{picture}<figcaption>{words}</figcaption></figure>")
    nothing = "<p>Nothing was measured of copies: <code>jaxgan evaluate</code> does.</p>"
    if any(one.evaluations for one in found):
        nothing = "<p>Nothing was measured of copies: that takes images, and some that are held out.</p>"
    return section("Memorisation", "".join(parts) or nothing)


def _evaluated(how: str, columns: Sequence[tuple[Record, Evaluation]], many: bool) -> str:
    """What was measured alike: a column for each evaluation, one for real examples, one for the floor."""
    names = list(dict.fromkeys(name for _, one in columns for name in one.rows["samples"]))
    heads, samples = [], []
    for record, one in columns:
        step = f"step {count(one.step)}"
        heads.append(f"{record.name}\n{step} {one.lane}" if many else f"{step}\n{one.lane}")
        samples.append(one.rows["samples"])
        if fair := one.rows.get("alike"):
            heads.append(f"its first\n{count(one.oracle_n or 0)}")
            samples.append(fair)
    oracle = {name: x for _, one in columns for name, x in one.rows.get("oracle", {}).items()}
    floor = {name: x for _, one in columns for name, x in one.floor.items()}
    evaluations = [one for _, one in columns]
    rows = []
    for name in names:
        row = [name + ARROWS[better(name, evaluations)]]
        row += [_interval(column.get(name)) for column in samples]
        row += [_interval(oracle.get(name))] if oracle else []
        row += [short(floor[name]) if name in floor else ""] if floor else []
        rows.append(row)
    many_real = next((f"\n{count(one.oracle_n)}" for one in evaluations if oracle and one.oracle_n), "")
    head = ["", *heads, *([f"real examples{many_real}"] if oracle else []), *(["floor"] if floor else [])]
    words = f"In small: {INTERVALS}. ↓ lower is better, ↑ higher. Floor: a perfect sampler's."
    return f"<h3>{escape(how)}</h3>{table(how, head, rows, numbers=True)}<small>{words}</small>"


def _interval(x: Estimate | None) -> str:
    if x is None:
        return ""
    value, _, interval = with_interval(x).partition(" ")
    return f"{value}\n{interval}" if interval else value


def _while_training(record: Record, many: bool) -> str:
    """What hooks measured at its best step and the last, a line for each lane; nothing where none did."""
    rows = []
    steps = set(record.best.values())
    every = [measured(own) for own in record.members]
    names = list(dict.fromkeys(name for own in every for row in own for name in row.numbers if better(name)))
    for lane, own in zip(record.names, every, strict=True):
        best = record.best.get(lane)
        for name in names:
            found = {row.step: row.numbers[name] for row in own if name in row.numbers}
            if found:
                at_best = short(found[best]) if best in found else ""
                at_best += f"\nstep {count(best)}" if at_best and best is not None and len(steps) > 1 else ""
                real = [row.numbers[f"{name}_real"] for row in own if f"{name}_real" in row.numbers]
                ending = short(found[max(found)])
                cells = [at_best, ending, short(real[-1]) if real else ""]
                rows.append([f"{name}{ARROWS[better(name)]}" + (f"\n{lane}" if lane else ""), *cells])
    step = f", {count(*steps)}" if len(steps) == 1 else ""
    head = ["", f"best step{step}", "last", "real examples"]
    title = f"{record.name}, measured while training" if many else "Measured while training"
    return f"<h3>{escape(title)}</h3>{table(title, head, rows, numbers=True)}" if rows else ""
