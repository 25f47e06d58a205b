"""Rows of metrics.jsonl, also damaged ones."""

import math

import pytest

from jaxgan.folder.rows import Row, decode, encode, read, select_lane

ROW = Row(4, "measured", {"x": [math.inf, None], "y": math.nan, "z": 0.25}, scheduled=False)


def test_round_trip():
    assert str(decode(encode(ROW))) == str(ROW)  # NaN is not equal to itself


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "{}",
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"step": "4", "kind": "train", "numbers": {}}',
        '{"step": -4, "kind": "train", "numbers": {}}',
        '{"step": 4, "kind": "strange", "numbers": {}}',
        '{"step": 4, "kind": "train", "numbers": {"x": "far"}}',
        '{"step": 4, "kind": "train", "numbers": {"x": true}}',
        '{"step": 4, "kind": "train", "numbers": {"x": [[1]]}}',
        '{"step": 4, "kind": "train", "numbers": {"x": ' + "9" * 400 + "}}",
        '{"step": ' + "9" * 400 + ', "kind": "train", "numbers": {}}',
    ],
)
def test_a_damaged_line_is_none(line):
    assert decode(line) is None


def test_a_list_that_is_too_short_has_no_number_for_a_lane():
    assert select_lane(Row(1, "train", {"x": [1.0], "y": [1.0, 2.0]}), 1).numbers == {"y": 2.0}


def test_duplicate_rows_are_read_once(tmp_path):
    rows = [Row(n, "train", {"x": float(n)}) for n in range(3)]
    rows += [Row(2, "measured", {"a": 1.0}), Row(2, "measured", {"b": 1.0})]
    text = "".join(encode(row) + "\n" for row in rows)
    (tmp_path / "metrics.jsonl").write_text(text + text)
    assert read(tmp_path / "metrics.jsonl") == rows
