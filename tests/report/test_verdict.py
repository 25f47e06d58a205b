"""The verdict of a report: numbers without marks, and each fault on runs with and without it."""

import json

import pytest
from run_folders import evaluated, lines, logged, measured, run_folder

from jaxgan.compare.line import summary
from jaxgan.compare.record import record
from jaxgan.folder.lock import lock_folder
from jaxgan.report.signs import health_lines
from jaxgan.report.verdict import end_line, verdict


def test_a_good_run(tmp_path):
    run = run_folder(tmp_path / "run", [*measured([1.3, 0.9, 0.95, 0.9]), *logged()])
    evaluated(run, 1000, {"fd_local": 1.0, "coverage": 0.9}, {"fd_local": 0.9, "coverage": 0.95})
    shown = lines(run)
    marks = {what: line.mark for what, line in shown.items()}
    assert marks == {
        "End": "good",
        "Score": "info",
        "Best step": "info",
        "Diversity": "info",
        "Health": "good",
    }
    assert shown["End"].words == "Finished: 1,000 of 1,000 steps in 90 s."
    assert shown["Score"].words == (
        "fd_local 1 [0.9, 1.1] at step 1,000, 10,000 samples (lower is better). "
        "Real examples: 0.9 [0.81, 0.99]."
    )
    assert shown["Diversity"].words == (
        "diversity 0.9, real examples 1; coverage 0.9 [0.81, 0.99], real examples 0.95 [0.855, 1.04]."
    )
    assert shown["Health"].words == "every logged number is finite."
    assert not any(line.fault for line in shown.values())
    assert summary([*shown.values()]) == ("good", "", "No fault found.", "", "")


def test_the_summary_names_every_fault(tmp_path):
    rows = [*measured([1.0, 0.9, 0.0]), *logged(**{"d/acc_real": 1.0, "d/acc_fake": 1.0, "d/adv": "nan"})]
    run = run_folder(tmp_path / "run", rows, ended="OSError: disk full")
    evaluated(run, 1000, {"fd_local": 1.0}).write_text("{")
    faults = "ended by an error, collapsed, not finite, saturated, missing or damaged files"
    assert summary(verdict(record(run)))[:3] == ("bad", "", f"Found: {faults}.")


@pytest.mark.parametrize(
    ("changed", "mark", "words"),
    [
        ({"d/acc_real": 1.0, "d/acc_fake": 1.0}, "bad", "D is right about 100 % of real and 100 % of fake"),
        ({"d/acc_real": 1.0, "d/acc_fake": lambda step: 0.5 if step == 950 else 1.0}, "good", "every logged"),
        ({"d/adv": lambda step: "nan" if step == 500 else 1.0}, "bad", "d/adv was nan at step 500"),
        ({"d/grad": lambda step: "inf" if step == 1000 else 1.0}, "bad", "d/grad was inf at step 1000"),
        ({"skipped": 3.0}, "look", "3 updates were skipped"),
    ],
)
def test_health(changed, mark, words, tmp_path):
    line = lines(run_folder(tmp_path / "run", logged(**changed)))["Health"]
    assert line.mark == mark
    assert bool(line.fault) == (mark != "good")
    assert words in line.words


@pytest.mark.parametrize(
    ("changed", "what", "words"),
    [
        ({}, "Accuracy of D", "D is right about 70 % of real and 60 % of generated examples"),
        (
            {"g/grad": lambda step: 0.3 if step < 900 else 60.0},
            "Gradient of G",
            "the gradient of G ended at 200 times what it began at",
        ),
        (
            {"d/grad": lambda step: 1e-3 if step <= 50 else 0.3},
            "Gradient of D",
            "the gradient of D ended at 1 times what it began at",
        ),
        ({"g/update": 0.2}, "Steps of G", "G moved by 0.2 of its weights in a step, in the last 3 lines"),
        ({"d/update": 0.0}, "Steps of D", "D moved by 0 of its weights in a step, in the last 3 lines"),
    ],
)
def test_sizes_of_gradients_and_steps_are_shown_and_not_marked(changed, what, words, tmp_path):
    (line,) = (
        line
        for line in health_lines(record(run_folder(tmp_path / "run", logged(**changed))))
        if line.what == what
    )
    assert (line.mark, line.fault, line.words) == ("info", "", words)


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        ([1.0, 0.9, 0.9, 0.9], "info"),
        ([5.0, 0.9, 0.9, 0.9], "info"),  # noise, before the first tenth
        ([1.0, 0.9, 0.9, 0.6], "info"),
        ([0.1, 0.1, 0.1, 0.1], "info"),  # far below real examples, but it has not fallen
        ([1.0, 0.9, 0.2, 0.2], "bad"),
        ([1.0, 3.0, 1.2, 1.2], "bad"),  # more than real examples, but less than half of its best
        ([0.0, 0.0], "bad"),
    ],
)
def test_diversity_is_marked_only_where_it_has_collapsed(values, mark, tmp_path):
    line = lines(run_folder(tmp_path / "run", measured(values)))["Diversity"]
    assert (line.mark, line.fault) == (mark, "collapsed" if mark == "bad" else "")
    assert "below half of the best after the first tenth of the run" in line.rule
    if mark == "info":
        assert line.words == f"diversity {values[-1]}, real examples 1."


def test_what_ended_in_nan_has_no_finite_numbers(tmp_path):
    ended = run_folder(tmp_path / "ended", ended="NotFinite: step 0: g/adv is nan")
    assert lines(ended)["Health"].mark == "bad"
    assert "step 0: g/adv is nan" in lines(ended)["Health"].words
    assert lines(run_folder(tmp_path / "mute"))["Health"].mark == "info"


def test_what_a_hook_measures_may_be_infinite(tmp_path):
    rows = [*logged(), {"step": 1000, "g/noise_scale": "inf", "d/noise_scale": 3.0}]
    line = lines(run_folder(tmp_path / "run", rows))["Health"]
    assert (line.mark, line.words) == ("look", "g/noise_scale was inf at step 1000.")
    mute = lines(run_folder(tmp_path / "mute"))["Health"]
    assert (mute.mark, mute.words) == ("info", "nothing was logged.")


def test_diversity_without_a_measure_is_said(tmp_path):
    line = lines(run_folder(tmp_path / "run", measured([5, 6, 7], "modes")))["Diversity"]
    assert (line.mark, line.words) == ("info", "modes 7, real examples not known.")
    rows = measured([5, 6, 7], "modes") + measured([0.9, 0.9, 0.9])
    words = "modes 7, real examples not known; diversity 0.9, real examples 1."
    assert lines(run_folder(tmp_path / "both", rows))["Diversity"].words == words
    assert lines(run_folder(tmp_path / "none"))["Diversity"].words.startswith("Not measured: give the")


def test_sessions_that_were_killed_are_not_counted(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["sessions"].insert(0, {"started": "2026-11-20T10:00:00+00:00", "ended": None})
    (run / "manifest.json").write_text(json.dumps(manifest))
    words = "Finished: 1,000 of 1,000 steps in 90 s, not counting sessions that were killed."
    assert lines(run)["End"].words == words


def test_the_diversity_of_lanes_is_their_median_and_range(tmp_path):
    run = run_folder(tmp_path / "run", [{"step": 9, "diversity": [0.9, 0.3]}], config={"seeds": "0:2"})
    words = "diversity 0.6 [0.3, 0.9], the median of 2 lanes and their range, real examples 1."
    assert lines(run)["Diversity"].words == words


def test_diversity_is_read_off_an_evaluation_too(tmp_path):
    run = run_folder(tmp_path / "run")
    evaluated(run, 1000, {"coverage": 0.3}, {"coverage": 0.9})
    line = lines(run)["Diversity"]
    assert line.mark == "info"
    assert line.words == "coverage 0.3 [0.27, 0.33], real examples 0.9 [0.81, 0.99]."
    evaluated(run, 2000, {"coverage": 0.1}, {"coverage": 0.9})
    line = lines(run)["Diversity"]
    assert (line.mark, line.words) == ("bad", "coverage has collapsed to 0.1, from 0.3 at step 1000.")


def test_diversity_is_compared_with_that_of_as_many_real_examples(tmp_path):
    run = run_folder(tmp_path / "run")
    path = evaluated(run, 1000, {"coverage": 0.9}, {"coverage": 0.9}, oracle_n=297)
    content = json.loads(path.read_text())
    content["rows"]["alike"] = {"coverage": {"value": 0.3, "low": 0.2, "high": 0.4}}
    path.write_text(json.dumps(content))
    assert lines(run)["Diversity"].words == "coverage 0.3 [0.2, 0.4], real examples 0.9 [0.81, 0.99]."


def test_modes_are_compared_with_those_of_as_many_real_examples(tmp_path):
    """Of a thousand modes 500 examples show no more than 393.6 on average; without n all are expected."""
    run = run_folder(tmp_path / "run", measured([100, 300, 380], "modes"))
    evaluated(run, 100, {"modes": 950.0}, {"modes": 999.96})
    assert lines(run)["Diversity"].words == "modes 380, real examples 1,000."
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["sessions"][0]["hooks"] = {"evaluated by local": {"n": 500, "names": ["fd_local", "modes"]}}
    path.write_text(json.dumps(manifest))
    assert lines(run)["Diversity"].words == "modes 380, real examples 394."


@pytest.mark.parametrize(
    ("ended", "mark", "fault", "words"),
    [
        (None, "look", "unfinished", "Killed after 200 of 1,000 steps: no process is running it"),
        (
            "stopped: x has collapsed to 1 (beside it: y 3)",
            "look",
            "unfinished",
            "Stopped: x has collapsed to 1, after 200",
        ),
        (
            "stopped: modes has reached 8",
            "good",
            "",
            "Stopped: modes has reached 8, after 200 of 1,000 steps.",
        ),
        ("Interrupted: SIGTERM", "look", "unfinished", "Interrupted after 200 of 1,000 steps"),
        ("NotFinite: step 7: d/adv is nan", "bad", "ended by an error", "NotFinite: step 7: d/adv is nan"),
        ("OSError: disk full", "bad", "ended by an error", "OSError: disk full"),
    ],
)
def test_how_it_ended(ended, mark, fault, words, tmp_path):
    line = lines(run_folder(tmp_path / "run", logged(4), ended=ended))["End"]
    assert (line.mark, line.fault) == (mark, fault)
    assert words in line.words


def test_a_run_whose_folder_is_locked_is_running(tmp_path):
    run = run_folder(tmp_path / "run", logged(4), ended=None)
    with lock_folder(run):
        assert lines(run)["End"].words == "Still running: 200 of 1,000 steps."


def test_lanes_that_no_longer_train_are_named(tmp_path):
    rows = [{"step": 50, "d/adv": [0.5, None], "images_per_s": 9.0}]
    still = {"seed=1": "stands still: step 7: d/adv is nan"}
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:2"}, still=still)
    line = lines(run)["End"]
    assert (line.mark, line.fault) == ("bad", "failed lanes")
    assert "1 of 2 lanes no longer train: seed=1 stands still: step 7: d/adv is nan" in line.words
    stopped = run_folder(
        tmp_path / "error", rows, config={"seeds": "0:2"}, ended="OSError: x", still={"seed=1": "stopped: y"}
    )
    assert lines(stopped)["End"][::4] == ("bad", "ended by an error, stopped lanes")


def test_lanes_that_failed_are_no_finite_numbers(tmp_path):
    """Their rows end before the one that was not finite is logged."""
    still = {"seed=1": "stands still: step 1: d/grad is inf", "seed=2": "stopped: enough"}
    run = run_folder(tmp_path / "run", logged(), config={"seeds": "0:3"}, still=still)
    line = lines(run)["Health"]
    assert (line.mark, line.words) == ("bad", "seed=1 stands still: step 1: d/grad is inf.")


def test_accuracy_is_not_known_of_two_lines(tmp_path):
    always = {"d/acc_real": 1.0, "d/acc_fake": 1.0}
    marks = [
        {
            line.what: line.mark
            for line in health_lines(record(run_folder(tmp_path / str(n), logged(n, **always))))
        }
        for n in (2, 3)
    ]
    assert [mark["Accuracy of D"] for mark in marks] == ["info", "bad"]


def test_where_a_killed_run_continues(tmp_path):
    killed = record(run_folder(tmp_path / "run", logged(4), ended=None))
    assert end_line(killed).words.endswith("; `jaxgan resume` continues it.")
    saved = end_line(killed._replace(saved=150))
    assert saved.words.endswith("; `jaxgan resume` continues it from step 150, its newest checkpoint.")


def test_three_of_many_collapsed_lanes_are_named(tmp_path):
    rows = [{"step": 100 * n, "diversity": [x] * 8} for n, x in enumerate((1.0, 0.9, 0.2))]
    line = lines(run_folder(tmp_path / "run", rows, config={"seeds": "0:8"}))["Diversity"]
    assert line.mark == "bad"
    assert line.words.count("diversity has collapsed") == 3
    assert line.words.endswith("; and 5 more.")


def test_a_lane_that_is_not_finite_is_named(tmp_path):
    rows = [{**row, "d/grad": [0.5, "nan"], "d/adv": [0.5, 0.5]} for row in logged()]
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:2"})
    assert lines(run)["Health"].words == "seed=1: d/grad was nan at step 50."


def test_measures_of_copies_are_shown_and_not_marked(tmp_path):
    run = run_folder(tmp_path / "run", config={"seeds": "0:2"})
    assert "Copies" not in lines(run)
    evaluated(run, 10, {"train_share": 0.5, "copies": 0.5}, lane="seed=0")  # replaced by a newer one
    evaluated(run, 20, {"train_share": 0.9, "copies": 0.0}, lane="seed=0")
    words = "train_share 0.9 [0.81, 0.99] (fresh draws: 0.5), copies 0 (fresh draws: 0), of 1 of 2 lanes."
    assert lines(run)["Copies"][:3] == ("info", "Copies", words)
    evaluated(run, 20, {"train_share": 0.7, "copies": 0.4}, lane="seed=1")
    words = "train_share 0.8 [0.7, 0.9] (fresh draws: 0.5), copies 0.2 [0, 0.4] (fresh draws: 0)"
    assert lines(run)["Copies"].words == f"{words}, the median of 2 lanes and their range."
    assert not lines(run)["Copies"].fault


def test_an_evaluation_replaces_what_a_hook_measured_no_later(tmp_path):
    run = run_folder(tmp_path / "run", measured([2, 8, 8, 8], "modes"))
    evaluated(run, 300, {"modes": 8.0}, {"modes": 8.0})
    assert lines(run)["Diversity"].words == "modes 8 [7.2, 8.8], real examples 8 [7.2, 8.8]."
    evaluated(run, 300, {"modes": 3.0}, {"modes": 8.0})
    assert lines(run)["Diversity"].words == "modes 3 [2.7, 3.3], real examples 8 [7.2, 8.8]."
    evaluated(run, 200, {"modes": 3.0}, {"modes": 8.0}, n=500)
    (run / "evaluations" / "300.json").unlink()
    assert lines(run)["Diversity"].words == "modes 8, real examples 8."  # the hook measured later


def test_no_mode_at_the_end_is_bad(tmp_path):
    line = lines(run_folder(tmp_path / "run", measured([1, 0, 0, 0], "modes")))["Diversity"]
    assert (line.mark, line.words) == ("bad", "modes ended at 0.")


def test_damaged_files_are_a_fault(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    assert "Files" not in lines(run)
    evaluated(run, 1000, {"fd_local": 1.0}).write_text("{")
    words = "evaluations/1000.json is damaged; `jaxgan evaluate` writes it again."
    assert lines(run)["Files"] == ("look", "Files", words, "", "missing or damaged files")
