"""The report of the benchmark."""

import json

import pytest

from benchmarks import __main__ as command
from benchmarks import table, ways
from benchmarks.losses import standard_errors


def side(images_per_s, flops=0.0, peak=0):
    return {
        "images_per_s": images_per_s,
        "gemm_flops_per_s": [10.0] * len(images_per_s),
        "images": 100,
        "flops": flops,
        "bytes": 3.0,
        "first_update_s": 1.5,
        "import_rss": 2**20,
        "peak_rss": peak * 2**20,
        "device_peak": None,
    }


@pytest.fixture
def report():
    row = {"work": "W9", "what": "a thing", "batch": 100, "precision": "tf32", "torch.compile": "not used"}
    row |= {
        "ours": side([100.0, 200.0], 4.0, 130),
        "eager": side([50.0, 50.0]),
        "tuned": side([100.0, 50.0], 0.0, 100),
    }
    row["peaks"] = {"bytes_per_s": 10.0, "dispatch_s": 0.01}
    return {
        "date": "2000-01-01",
        "device": "A Chip (1)",
        "cores": 2,
        "versions": ["x 1"],
        "load": "",
        "rows": [row],
    }


def test_ratios_are_taken_within_a_round(report):
    row = report["rows"][0]
    # of the means it would be 150 / 75 = 2; the rounds' own ratios are 1 and 4
    assert (
        table.spread(table.ratios(row["ours"]["images_per_s"], row["tuned"]["images_per_s"])) == "2.50 ± 2.12"
    )
    assert "| 150 ± 71 | 50 ± 0 | 75 ± 35 | 3.00 ± 1.41 | 2.50 ± 2.12 |" in table.page(report)


def test_the_terms_are_shares_of_the_time_of_an_update(report):
    # 1.5 updates a second of 4 FLOPs, 3 bytes and a hundredth of a second each; a peak of 10 of either
    shares = table.terms(report["rows"][0])
    assert shares == pytest.approx({"arithmetic": 0.6, "bytes": 0.45, "dispatch": 0.015})


def test_the_report_is_written_as_markdown_and_json(report, tmp_path):
    path = table.write(report, tmp_path)
    assert path.name == "a-chip--1-2000-01-01.md"
    assert "W9 a thing, batch 100, tf32" in path.read_text()
    assert "| 130 (1) |" in path.read_text()
    assert json.loads(path.with_suffix(".json").read_text()) == report


def test_measuring_a_part_again_keeps_the_others(report, tmp_path, monkeypatch):
    row, turns = report["rows"][0], []
    row["eager"]["version"] = "t 1"

    def in_process(function, *arguments):
        if function is command.device:
            return "cpu", "", "jax 1"
        turns.append(function)
        return {"head": ["nth"], "body": [[str(len(turns))]], "words": function.__name__}

    def contest(of, rounds, seconds):
        turns.append(of)
        return row | {"work": of.work.name}

    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    monkeypatch.setattr(command, "in_process", in_process)
    monkeypatch.setattr(command, "contest", contest)
    for only in (("W6", "loop", "start"), ("W4", "start"), ("W6",)):
        command.main(command.Options(only=only, out=tmp_path))
    [path] = tmp_path.glob("*.json")
    saved = json.loads(path.read_text())
    assert [row["work"] for row in saved["rows"]] == ["W4", "W6"]
    assert (saved["run loop"]["body"], saved["start"]["body"]) == ([["2"]], [["5"]])
    assert saved["versions"][-2:] == ["jax 1", "t 1"]
    words = path.with_suffix(".md").read_text()
    assert "before the first turn of W6, loop, start: " in words
    assert "before the first turn of W4, start: " in words


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_any_number_of_processes_trains_all_lanes(processes):
    seeds = [seed for nth in range(processes) for seed in ways.seeds(processes, nth)]
    assert sorted(seeds) == list(range(ways.LANES))


def test_standard_errors_separate_different_distributions():
    assert (
        standard_errors([1.0, 1.1, 0.9, 1.05], [1.02, 0.95, 1.1, 1.0])
        < 3
        < standard_errors([1.0, 1.1, 0.9], [1.5, 1.6, 1.55])
    )
