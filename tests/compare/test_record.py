"""The record of a run folder: evaluations, lost rows, and names."""

import json

from run_folders import evaluated, logged, run_folder

from jaxgan.compare.record import record, records


def test_an_evaluation_of_a_step_that_was_repeated_is_left_out(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    for step in (500, 1000):
        evaluated(run, step, {"fd_local": step})
    assert [one.step for one in record(run).evaluations] == [500, 1000]
    manifest = json.loads((run / "manifest.json").read_text())
    again = {**manifest["sessions"][0], "started": "2999-01-01T00:00:00+00:00", "from": 500}
    (run / "manifest.json").write_text(json.dumps({**manifest, "sessions": [*manifest["sessions"], again]}))
    assert [one.step for one in record(run).evaluations] == [500]
    note = "evaluations/1000.json is of a step that was repeated since: evaluate it again"
    assert note in record(run).notes


def test_options_may_be_groups(tmp_path):
    run = run_folder(tmp_path / "run", logged(), config={"optim": {"lr": 1e-3, "betas": [0.5, 0.9]}})
    assert record(run).config["optim"] == {"lr": 1e-3, "betas": [0.5, 0.9]}


def test_metrics_that_end_too_soon_are_noted(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    assert not record(run).notes
    metrics = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(metrics[:10]))
    assert record(run).notes == ("metrics.jsonl ends at step 500: later rows are lost",)


def test_evaluations_are_in_the_order_of_lanes(tmp_path):
    run = run_folder(tmp_path / "run", config={"seeds": "0:11"})
    for lane in ("seed=10", "seed=2", "seed=1"):
        evaluated(run, 100, {"fd_local": 1.0}, lane=lane)
    assert [one.lane for one in record(run).evaluations] == ["seed=1", "seed=2", "seed=10"]


def test_folders_of_the_same_name_have_unique_names(tmp_path):
    runs = [run_folder(tmp_path / place / "run") for place in ("a", "b")]
    assert [one.name for one in records([*runs, runs[0]])] == ["a/run", "b/run"]
    deep = [run_folder(tmp_path / place / "a" / "run") for place in ("old", "new")]
    assert [one.name for one in records([*deep, runs[1]])] == ["old/a/run", "new/a/run", "b/run"]
