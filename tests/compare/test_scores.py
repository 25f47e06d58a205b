"""How good a run is said to be: which of its numbers are its scores, and what they are held against."""

import json
import os

import pytest
from run_folders import evaluated, lines, logged, run_folder

from jaxgan.compare.record import record
from jaxgan.compare.scores import Score, judged, scores
from jaxgan.metrics.metric import Estimate


def test_what_real_examples_score_is_no_score(tmp_path):
    rows = [{"step": 0, "kd_local_real": 0.1}, {"step": 9, "score_local_real": 0.1}]
    assert not scores(record(run_folder(tmp_path / "run", rows)))


def exact(x):
    return Estimate(x, x, x)


@pytest.mark.parametrize(
    ("value", "oracle", "start", "way", "mark"),
    [
        (1.0, 1.0, None, "lower", "good"),
        (1.9, 1.0, None, "lower", "good"),
        (5.0, 1.0, None, "lower", "look"),
        (11.0, 1.0, None, "lower", "bad"),
        (0.1, -0.01, None, "lower", "look"),
        (0.1, -0.01, 100.0, "lower", "good"),
        (0.4, 0.0, 100.0, "lower", "good"),
        (1.5, 0.0, 100.0, "lower", "look"),
        (10.0, 0.0, 100.0, "lower", "look"),
        (30.0, 0.0, 100.0, "lower", "bad"),
        (8.0, 8.0, None, "higher", "good"),
        (7.0, 8.0, None, "higher", "look"),
        (3.0, 8.0, None, "higher", "bad"),
        (7.0, 8.0, 2.0, "higher", "look"),
    ],
)
def test_scores_are_judged_by_the_oracle(value, oracle, start, way, mark):
    score = Score("x", (9, 9), exact(value), exact(oracle), start, 1)
    assert judged(score, way)[0] == mark


def test_intervals_that_touch_count_as_equal_but_ranges_of_lanes_do_not():
    score = Score("fid", (9, 9), Estimate(30.0, 1.0, 59.0), Estimate(2.0, 1.0, 3.0), None, 1)
    assert judged(score, "lower")[0] == "good"
    assert judged(score._replace(lanes=3), "lower")[0] == "bad"
    assert judged(score._replace(oracle=None), "lower")[0] == "look"


def test_lanes_evaluated_at_their_own_best_steps_are_judged_together(tmp_path):
    run = run_folder(tmp_path / "run", config={"seeds": "0:2"})
    evaluated(run, 100, {"fd_local": 1.0}, {"fd_local": 1.0}, lane="seed=0")
    evaluated(run, 900, {"fd_local": 9.0}, {"fd_local": 1.0}, lane="seed=1")
    (score,) = scores(record(run))
    assert (score.found.value, score.lanes) == (5.0, 2)
    assert "at steps 100 to 900" in lines(run)["Score"].words


def test_scores_while_training_are_the_median_over_lanes(tmp_path):
    rows = [
        {"step": 0, "energy": [5.0, 7.0, 6.0], "energy_real": [0.0] * 3},
        {"step": 900, "energy": [0.1, 0.3, "nan"], "energy_real": [0.0] * 3},
    ]
    (score,) = scores(record(run_folder(tmp_path / "run", rows, config={"seeds": "0:3"})))
    assert score.found == Estimate(pytest.approx(0.2), 0.1, 0.3)
    assert (score.steps, score.oracle.value, score.start, score.lanes) == ((900, 900), 0.0, 6.0, 2)


def test_what_began_with_trained_weights_has_no_way_from_the_start(tmp_path):
    rows = [
        *logged(),
        *({"step": step, "energy": x, "energy_real": 1.0} for step, x in ((0, 2.0), (1000, 1.9))),
    ]
    run = run_folder(tmp_path / "run", rows)
    assert "10 % of the way from the start" in lines(run)["Score"].words
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "weights": {"path": "x", "sha256": "y"}}))
    assert "1.9 times that of real examples" in lines(run)["Score"].words


def test_of_toy_data_three_scores_are_told(tmp_path):
    rows = [{"step": 10, "modes": 8.0, "high_quality": 0.9, "reverse_kl": 0.1, "energy": 1.0}]
    found = scores(record(run_folder(tmp_path / "run", rows)))
    assert [score.name for score in found] == ["modes", "high_quality", "reverse_kl"]


def test_what_memorisation_measures_is_no_headline(tmp_path):
    run = run_folder(tmp_path / "run")
    evaluated(run, 10, {"copies": 0.0, "coverage": 0.9, "train_share": 0.5})
    assert [score.name for score in scores(record(run))] == ["coverage"]


def test_the_fid_goes_before_other_extractors(tmp_path):
    run = run_folder(tmp_path / "run")
    evaluated(run, 10, {"fd_local": 1.0}).rename(run / "evaluations" / "10a.json")
    evaluated(run, 10, {"fid": 9.0}, extractor={"name": "inception", "digest": "a", "resizer": "clean"})
    assert [one.rows["samples"].keys() for one in record(run).evaluations] == [{"fid"}, {"fd_local"}]
    assert [score.name for score in scores(record(run))] == ["fid"]


def test_the_worst_lane_counts(tmp_path):
    rows = [
        {"step": 0, "energy": [5.0, 5.0, 5.0], "energy_real": [0.0] * 3},
        {"step": 900, "energy": [0.01, 0.01, 4.0], "energy_real": [0.0] * 3},
    ]
    line = lines(run_folder(tmp_path / "run", rows, config={"seeds": "0:3"}))["Score"]
    assert line.mark == "bad"
    assert "The worst of them: 20 % of the way from the start, 5, to real examples." in line.words


def test_one_lane_does_not_speak_for_all(tmp_path):
    run = run_folder(tmp_path / "run", config={"seeds": "0:8"})
    for lane, value, of, mark in (
        (3, 1.0, "1 of 8", "look"),
        (5, 1.0, "2 of 8", "look"),
        (6, 99.0, "3", "bad"),
    ):
        evaluated(run, 100, {"fd_local": value}, {"fd_local": 1.0}, lane=f"seed={lane}")
        line = lines(run)["Score"]
        assert line.mark == mark
        assert f"at step 100, {'the median ' * (lane > 3)}of {of}" in line.words
        assert line.words.endswith(", but the other lanes were not measured so.") == (mark == "look")


def test_of_evaluations_made_otherwise_the_usual_one_is_looked_at(tmp_path):
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
    ((newest,), (score,)) = record(run).newest, scores(record(run))
    assert newest.n == 10_000
    assert score.found.value == 0.9


def test_what_pixels_say_is_not_what_a_run_is_judged_by(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    path = evaluated(run, 1000, {"fd_local": 1.0, "coverage": 0.9, "copies": 0.0}, {"coverage": 0.9})
    path.rename(path.with_name("1000-local.json"))
    pixels = {"name": "raw", "digest": "raw", "resizer": "none"}
    path = evaluated(
        run, 1000, {"fd_raw": 1.0, "coverage": 0.1, "copies": 0.9}, {"coverage": 0.9}, extractor=pixels
    )
    path.rename(path.with_name("1000-raw.json"))
    found = lines(run)
    assert found["Score"].words.startswith("fd_local 1 ")
    assert (found["Diversity"].mark, found["Copies"].mark) == ("good", "good")
    by_channel = {"name": "local by channel", "digest": "ab", "resizer": "none"}
    evaluated(run, 2000, {"fd_raw": 1.0}, extractor=pixels).rename(run / "evaluations" / "2000-raw.json")
    evaluated(run, 2000, {"fd_local_by_channel": 1.0}, extractor=by_channel)
    assert lines(run)["Score"].words.startswith("fd_local_by_channel 1 ")


def test_the_same_evaluation_twice_is_one_lane(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    noisy, real = {"fd_local": 30.0, "coverage": 0.9}, {"fd_local": 29.0, "coverage": 0.9}
    (one,) = scores(record(evaluated(run, 1000, noisy, real).parents[1]))
    path = evaluated(run, 1000, noisy, real)
    again = path.with_name("1000-again.json")
    path.rename(again)
    os.utime(again, ns=(1, 1))
    evaluated(run, 1000, noisy | {"fd_local": 30.5}, real)
    (score,) = scores(record(run))
    assert len(record(run).evaluations) == 1
    assert (score.lanes, score.found.value) == (1, 30.5)  # the newer of both
    assert (
        judged(one, "lower")
        == judged(score, "lower")
        == ("good", "its interval reaches that of real examples")
    )
    os.utime(again)
    assert scores(record(run)) == [one]


def test_samples_are_held_against_as_many_real_examples(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    samples, real = {"fd_local": 0.48, "coverage": 0.953}, {"fd_local": 0.687, "coverage": 0.608}
    path = evaluated(run, 4000, samples, real, n=1500, oracle_n=297, split="train")
    line = lines(run)["Score"]
    assert line.mark == "look"
    assert "No worse" not in line.words
    assert "Real examples were fewer, or nobody said how many: run `jaxgan evaluate` again." in line.words
    said = json.loads(path.read_text())
    said["rows"]["alike"] = {"fd_local": {"value": 1.6, "low": 1.5, "high": 1.7}}
    path.write_text(json.dumps(said))
    (score,) = scores(record(run))
    assert (score.found.value, score.whole.value, score.n, score.oracle_n) == (1.6, 0.48, 297, 297)
    words = lines(run)["Score"].words
    assert words.startswith("fd_local 0.48 [0.432, 0.528] at step 4,000 (lower is better).")
    assert "Of 297 samples 1.6 [1.5, 1.7], of 297 real examples 0.687 [0.618, 0.756]." in words
    assert "2.33 times that of real examples" in words
    said["oracle_n"] = None  # of an evaluation that did not say
    del said["rows"]["alike"]
    path.write_text(json.dumps(said))
    assert lines(run)["Score"].mark == "look"
    said["rows"]["samples"]["fd_local"] = {"value": 30.0, "low": 29.0, "high": 31.0}
    path.write_text(json.dumps(said))
    assert lines(run)["Score"].mark == "bad"  # which more samples do not excuse
