"""The scores of a run: which of its numbers they are, and the real examples that they are shown with."""

import json
import os

import pytest
from run_folders import evaluated, lines, logged, run_folder

from jaxgan.compare.record import record
from jaxgan.compare.scores import scores
from jaxgan.metrics.metric import Estimate
from jaxgan.pictures.words import short


def test_the_numbers_of_real_examples_are_no_scores(tmp_path):
    rows = [{"step": 0, "kd_local_real": 0.1}, {"step": 9, "score_local_real": 0.1}]
    assert not scores(record(run_folder(tmp_path / "run", rows)))


@pytest.mark.parametrize("value", [0.5, 1.0, 5.0, 500.0])
def test_a_score_is_shown_with_its_oracle_and_not_marked_however_far_from_it(value, tmp_path):
    run = run_folder(tmp_path / "run", logged())
    evaluated(run, 1000, {"fd_local": value}, {"fd_local": 1.0})
    line = lines(run)["Score"]
    assert (line.mark, line.rule, line.fault) == ("info", "", "")
    interval = f"[{short(0.9 * value)}, {short(1.1 * value)}]"
    assert line.words.startswith(f"fd_local {short(value)} {interval} at step 1,000")
    assert line.words.endswith("(lower is better). Real examples: 1 [0.9, 1.1].")


def test_an_unknown_oracle_is_said(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    evaluated(run, 1000, {"fd_local": 1.0})
    line = lines(run)["Score"]
    assert line.mark == "info"
    assert line.words.endswith("What real examples score is not known: run `jaxgan evaluate`.")


def test_lanes_evaluated_at_their_own_best_steps_are_one_score(tmp_path):
    run = run_folder(tmp_path / "run", config={"seeds": "0:2"})
    evaluated(run, 100, {"fd_local": 1.0}, {"fd_local": 1.0}, lane="seed=0")
    evaluated(run, 900, {"fd_local": 9.0}, {"fd_local": 1.0}, lane="seed=1")
    (score,) = scores(record(run))
    assert (score.estimate.value, score.lanes) == (5.0, 2)
    assert "at steps 100 to 900" in lines(run)["Score"].words


def test_scores_while_training_are_the_median_over_lanes(tmp_path):
    rows = [
        {"step": 0, "energy": [5.0, 7.0, 6.0], "energy_real": [0.0] * 3},
        {"step": 900, "energy": [0.1, 0.3, "nan"], "energy_real": [0.0] * 3},
    ]
    (score,) = scores(record(run_folder(tmp_path / "run", rows, config={"seeds": "0:3"})))
    assert score.estimate == Estimate(pytest.approx(0.2), 0.1, 0.3)
    assert (score.steps, score.oracle.value, score.lanes) == ((900, 900), 0.0, 2)


def test_toy_data_have_three_scores(tmp_path):
    rows = [{"step": 10, "modes": 8.0, "high_quality": 0.9, "reverse_kl": 0.1, "energy": 1.0}]
    toy_scores = scores(record(run_folder(tmp_path / "run", rows)))
    assert [score.name for score in toy_scores] == ["modes", "high_quality", "reverse_kl"]


def test_measures_of_memorisation_are_no_scores(tmp_path):
    run = run_folder(tmp_path / "run")
    evaluated(run, 10, {"copies": 0.0, "coverage": 0.9, "train_share": 0.5})
    assert [score.name for score in scores(record(run))] == ["coverage"]


def test_the_fid_goes_before_other_extractors(tmp_path):
    run = run_folder(tmp_path / "run")
    evaluated(run, 10, {"fd_local": 1.0}).rename(run / "evaluations" / "10a.json")
    evaluated(run, 10, {"fid": 9.0}, extractor={"name": "inception", "digest": "a", "resizer": "clean"})
    assert [one.rows["samples"].keys() for one in record(run).evaluations] == [{"fid"}, {"fd_local"}]
    assert [score.name for score in scores(record(run))] == ["fid"]


def test_the_range_shows_the_worst_lane(tmp_path):
    rows = [
        {"step": 0, "energy": [5.0, 5.0, 5.0], "energy_real": [0.0] * 3},
        {"step": 900, "energy": [0.01, 0.01, 4.0], "energy_real": [0.0] * 3},
    ]
    line = lines(run_folder(tmp_path / "run", rows, config={"seeds": "0:3"}))["Score"]
    assert line.words == (
        "energy 0.01 [0.01, 4] at step 900, the median of 3 lanes and their range (lower is better). "
        "Real examples: 0."
    )


def test_a_score_of_some_lanes_says_of_how_many(tmp_path):
    run = run_folder(tmp_path / "run", config={"seeds": "0:8"})
    for lane, words in (
        (3, "of 1 of 8 lanes"),
        (5, "the median of 2 of 8 lanes and their range"),
        (6, "the median of 3 of 8 lanes and their range"),
    ):
        evaluated(run, 100, {"fd_local": 1.0 + lane}, {"fd_local": 1.0}, lane=f"seed={lane}")
        line = lines(run)["Score"]
        assert line.mark == "info"
        assert f" at step 100, {words}, 10,000 samples (lower is better)" in line.words


def test_the_default_evaluation_goes_before_others(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    path = evaluated(run, 1000, {"coverage": 0.9})
    path.rename(path.with_name("1000-local.json"))
    for name, other in (
        ("n=200", {"n": 200}),
        ("evaluation-seed=1", {"seed": 1}),
        ("train", {"split": "train"}),
    ):
        path = evaluated(run, 1000, {"coverage": 0.1}, **other, usual=False)
        path.rename(path.with_name(f"1000-local-{name}.json"))
    ((newest,), (score,)) = record(run).newest_evaluations, scores(record(run))
    assert newest.n == 10_000
    assert score.estimate.value == 0.9


def test_evaluations_by_pixels_come_last(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    path = evaluated(run, 1000, {"fd_local": 1.0, "coverage": 0.9, "copies": 0.0}, {"coverage": 0.9})
    path.rename(path.with_name("1000-local.json"))
    pixels = {"name": "raw", "digest": "raw", "resizer": "none"}
    path = evaluated(
        run, 1000, {"fd_raw": 1.0, "coverage": 0.1, "copies": 0.9}, {"coverage": 0.9}, extractor=pixels
    )
    path.rename(path.with_name("1000-raw.json"))
    shown = lines(run)
    assert shown["Score"].words.startswith("fd_local 1 ")
    assert shown["Diversity"].words.startswith("coverage 0.9 ")
    assert shown["Copies"].words.startswith("copies 0 ")
    by_channel = {"name": "local by channel", "digest": "ab", "resizer": "none"}
    evaluated(run, 2000, {"fd_raw": 1.0}, extractor=pixels).rename(run / "evaluations" / "2000-raw.json")
    evaluated(run, 2000, {"fd_local_by_channel": 1.0}, extractor=by_channel)
    assert lines(run)["Score"].words.startswith("fd_local_by_channel 1 ")


def test_the_same_evaluation_twice_is_one_lane(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    noisy, real = {"fd_local": 30.0, "coverage": 0.9}, {"fd_local": 29.0, "coverage": 0.9}
    (first,) = scores(record(evaluated(run, 1000, noisy, real).parents[1]))
    path = evaluated(run, 1000, noisy, real)
    again = path.with_name("1000-again.json")
    path.rename(again)
    os.utime(again, ns=(1, 1))
    evaluated(run, 1000, noisy | {"fd_local": 30.5}, real)
    (score,) = scores(record(run))
    assert len(record(run).evaluations) == 1
    assert (score.lanes, score.estimate.value) == (1, 30.5)  # the newer of both
    os.utime(again)
    assert scores(record(run)) == [first]


def test_samples_are_compared_with_as_many_real_examples(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    samples, real = {"fd_local": 0.48, "coverage": 0.953}, {"fd_local": 0.687, "coverage": 0.608}
    path = evaluated(run, 4000, samples, real, n=1500, oracle_n=297, split="train")
    words = lines(run)["Score"].words
    assert words.startswith("fd_local 0.48 [0.432, 0.528] at step 4,000, 1,500 samples (lower is better).")
    again = "The numbers must be equal to compare: run `jaxgan evaluate` again."
    assert words.endswith(f"Real examples, 297 of them: 0.687 [0.618, 0.756]. {again}")
    content = json.loads(path.read_text())
    content["rows"]["alike"] = {"fd_local": {"value": 1.6, "low": 1.5, "high": 1.7}}
    path.write_text(json.dumps(content))
    (score,) = scores(record(run))
    assert (score.estimate.value, score.all_samples.value, score.n, score.oracle_n) == (1.6, 0.48, 297, 297)
    words = lines(run)["Score"].words
    assert words.startswith("fd_local 0.48 [0.432, 0.528] at step 4,000 (lower is better).")
    assert "Of 297 samples 1.6 [1.5, 1.7], of 297 real examples 0.687 [0.618, 0.756]." in words
    content["oracle_n"] = None  # older evaluations do not have it
    del content["rows"]["alike"]
    path.write_text(json.dumps(content))
    assert (
        f"Real examples, their number is not known: 0.687 [0.618, 0.756]. {again}"
        in lines(run)["Score"].words
    )
