"""The rows of metrics.jsonl: what a step was found to be, by training itself or by what hooks measured."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from jaxgan import reading
from jaxgan.errors import Refused

Kind = Literal["train", "measured"]


class Row(NamedTuple):
    """Numbers of a step by name: metrics of the update that led to it ("train"), or what hooks measured.

    In a run with lanes each is a list, a number to each of them, None where there is none. `scheduled` is
    False where the row is there only because a session ended: a resumed run does not have it, so rules are
    not shown it.

    >>> Row(50, "train", {"d/adv": 0.5}).numbers["d/adv"]
    0.5
    """

    step: int
    kind: Kind
    numbers: Mapping[str, Any]
    scheduled: bool = True


_Number = float | Literal["nan", "inf", "-inf"]


class _Line(msgspec.Struct):
    step: Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
    kind: Kind
    numbers: dict[str, _Number | list[_Number | None]]
    scheduled: bool = True


_DECODER = msgspec.json.Decoder(_Line)


def encode(row: Row) -> str:
    """A row as a line of JSON.

    >>> encoded(Row(50, "measured", {"x": math.nan, "y": [1.0, None]}))
    '{"step": 50, "kind": "measured", "numbers": {"x": "nan", "y": [1.0, null]}}'
    """
    numbers = {name: to_json(value) for name, value in row.numbers.items()}
    said = {"step": row.step, "kind": row.kind, "numbers": numbers}
    return json.dumps(said if row.scheduled else {**said, "scheduled": False})


def decode(line: str | bytes) -> Row | None:
    """The row of a line, None where a crash or the disk has damaged it.

    >>> row = Row(50, "measured", {"x": [math.inf, None]}, scheduled=False)
    >>> decoded(encoded(row)) == row, decoded('{"step": 50, "kind": "mea')
    (True, None)
    """
    try:
        said = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # of what has another type too
        return None
    numbers = {name: from_json(value) for name, value in said.numbers.items()}
    return Row(said.step, said.kind, numbers, said.scheduled)


def to_json(value: Any) -> Any:
    """Numbers as JSON can hold them: what is not finite becomes a word.

    >>> to_json([0.5, math.nan, None])
    [0.5, 'nan', None]
    """
    if isinstance(value, list):
        return [to_json(x) for x in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def from_json(value: Any) -> Any:
    """The numbers again.

    >>> from_json([0.5, "inf", None])
    [0.5, inf, None]
    """
    if isinstance(value, list):
        return [from_json(x) for x in value]
    return None if value is None else float(value)


def select_lane(row: Row, lane: int) -> Row:
    """What one lane alone would have of a row.

    >>> of_lane(Row(50, "train", {"x": [1.0, 2.0], "y": [3.0, None]}), 1).numbers
    {'x': 2.0}
    """
    own = {name: _of(value, lane) for name, value in row.numbers.items()}
    return row._replace(numbers={name: value for name, value in own.items() if value is not None})


def _of(value: Any, lane: int) -> Any:
    if not isinstance(value, list):
        return value
    return value[lane] if lane < len(value) else None


def read(path: Path, lane: int | None = None) -> list[Row]:
    """The rows of metrics.jsonl, or what one lane alone would have written of them; none where it is missing.

    A line that a crash or the disk has damaged is passed over, and so is what is there once more.
    """
    try:
        lines = reading.content(path).splitlines()
    except FileNotFoundError:
        lines = []
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None
    told = {(row.step, row.kind, tuple(row.numbers)): row for line in lines if (row := decode(line))}
    rows = list(told.values())
    return rows if lane is None else [select_lane(row, lane) for row in rows]


def read_single(path: Path) -> list[Row]:
    """The rows of a single run: lists, as only lanes have them, are damage and passed over.

    >>> alone(Path("nowhere"))
    []
    """
    return [
        row._replace(numbers={name: x for name, x in row.numbers.items() if not isinstance(x, list)})
        for row in read(path)
    ]
