"""The rows of metrics.jsonl: metrics of training, and measurements of hooks."""

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
    """Numbers of a step by name: metrics of the update that led to it ("train"), or hooks' measurements.

    In a run with lanes each is a list with a number per lane, None if it has none. `scheduled` is False for
    a row that was logged only because a session ended: a resumed run does not have it, so stop rules do not
    get it.

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
    """Returns a row as a line of JSON.

    >>> encode(Row(50, "measured", {"x": math.nan, "y": [1.0, None]}))
    '{"step": 50, "kind": "measured", "numbers": {"x": "nan", "y": [1.0, null]}}'
    """
    numbers = {name: to_json(value) for name, value in row.numbers.items()}
    content = {"step": row.step, "kind": row.kind, "numbers": numbers}
    return json.dumps(content if row.scheduled else {**content, "scheduled": False})


def decode(line: str | bytes) -> Row | None:
    """Returns the row of a line, None if the line is damaged.

    >>> row = Row(50, "measured", {"x": [math.inf, None]}, scheduled=False)
    >>> decode(encode(row)) == row, decode('{"step": 50, "kind": "mea')
    (True, None)
    """
    try:
        content = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # ValidationError is a DecodeError
        return None
    numbers = {name: from_json(value) for name, value in content.numbers.items()}
    return Row(content.step, content.kind, numbers, content.scheduled)


def to_json(value: Any) -> Any:
    """Returns numbers as JSON can hold them: those that are not finite become text.

    >>> to_json([0.5, math.nan, None])
    [0.5, 'nan', None]
    """
    if isinstance(value, list):
        return [to_json(x) for x in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def from_json(value: Any) -> Any:
    """Returns the numbers that `to_json` was given.

    >>> from_json([0.5, "inf", None])
    [0.5, inf, None]
    """
    if isinstance(value, list):
        return [from_json(x) for x in value]
    return None if value is None else float(value)


def select_lane(row: Row, lane: int) -> Row:
    """Returns the row of a single lane.

    >>> select_lane(Row(50, "train", {"x": [1.0, 2.0], "y": [3.0, None]}), 1).numbers
    {'x': 2.0}
    """
    numbers = {name: _lane_value(value, lane) for name, value in row.numbers.items()}
    return row._replace(numbers={name: value for name, value in numbers.items() if value is not None})


def _lane_value(value: Any, lane: int) -> Any:
    if not isinstance(value, list):
        return value
    return value[lane] if lane < len(value) else None


def read(path: Path, lane: int | None = None) -> list[Row]:
    """Returns the rows of metrics.jsonl, or those of a single lane; none if the file is missing.

    Damaged lines and duplicates are skipped.
    """
    try:
        lines = reading.content(path).splitlines()
    except FileNotFoundError:
        lines = []
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None
    unique = {(row.step, row.kind, tuple(row.numbers)): row for line in lines if (row := decode(line))}
    rows = list(unique.values())
    return rows if lane is None else [select_lane(row, lane) for row in rows]


def read_single(path: Path) -> list[Row]:
    """Returns the rows of a run without lanes: lists are damage and are skipped.

    >>> read_single(Path("nowhere"))
    []
    """
    return [
        row._replace(numbers={name: x for name, x in row.numbers.items() if not isinstance(x, list)})
        for row in read(path)
    ]
