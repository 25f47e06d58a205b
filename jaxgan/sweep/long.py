"""Every number of every cell, one to a line: for a data frame, and for what no table of ours shows."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxgan.compare.methods import read_methods
from jaxgan.compare.record import Record, records
from jaxgan.errors import Refused
from jaxgan.sweep.folder import expand, read

COLUMNS = ("run", "failed", "metric", "how", "step", "value")
"""The columns after those of the axes."""


def lines(home: Path, metric: str = "") -> tuple[list[str], list[list[Any]]]:
    """Returns the names of the columns and the lines: the axes, the run, and a number with its step.

    `how` is "train" for what training logged, "measured" for what hooks measured, and else the words of an
    evaluation. `failed` is why the cell failed, or "". With a `metric`, only that one's lines.
    """
    runs = expand([home])
    methods, _ = read_methods(runs)
    axes = list(dict.fromkeys(name for cell in read(home).cells for name in cell))
    seeds = {(seed.run, seed.lane): seed for method in methods for seed in method.seeds}
    lines = []
    for record in records(runs):
        for number, lane in enumerate(record.names):
            seed = seeds[record.name, lane]
            options = {
                **record.config,
                **(
                    {**record.lanes[number].values, **record.lanes[number].seed_parts} if record.lanes else {}
                ),
            }
            start = [seed.number if name == "seed" else options.get(name) for name in axes]
            start += [seed.name, seed.failed]
            lines += [[*start, *rest] for rest in _numbers(record, number) if metric in ("", rest[0])]
    if not lines:
        about = f" called {metric}" if metric else ""
        raise Refused(f"no cell of {home} has a number{about}")
    return [*axes, *COLUMNS], lines


def _numbers(record: Record, lane: int) -> Iterator[tuple[str, str, int, float]]:
    for row in record.members[lane]:
        for name, value in row.numbers.items():
            yield name, row.kind, row.step, value
    for evaluation in record.evaluations:
        if evaluation.lane == record.names[lane]:
            for name, estimate in evaluation.rows["samples"].items():
                yield name, evaluation.how, evaluation.step, estimate.value


def as_csv(home: Path, metric: str = "") -> str:
    """Returns the lines as CSV."""
    head, rows = lines(home, metric)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return file.getvalue()


def as_parquet(home: Path, metric: str = "") -> bytes:
    """Returns the lines as a Parquet file, whose columns have the types of the options."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise Refused("Parquet needs pyarrow, of the extra `parquet`: install jaxgan[parquet]") from None
    head, rows = lines(home, metric)
    columns = {name: _column([row[n] for row in rows]) for n, name in enumerate(head)}
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def _column(values: list[Any]) -> list[Any]:
    """Returns values of one type: numbers as they are, and anything else of several types as text."""
    types = {type(value) for value in values if value is not None}
    if types == {int, float}:
        return [None if value is None else float(value) for value in values]
    plain = len(types) == 1 and types <= {int, float, bool, str}
    return values if plain or not types else [None if value is None else str(value) for value in values]
