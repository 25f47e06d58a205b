"""What a report says of a run first: each rule, on runs that break it and on one that does not."""

import json

import pytest
from run_folders import evaluated, lines, logged, run_folder

from jaxgan.compare.line import summary
from jaxgan.compare.record import record
from jaxgan.compare.scores import scored, scores
from jaxgan.folder.lock import lock_folder
from jaxgan.metrics.metric import Estimate
from jaxgan.report.numbers import metrics
from jaxgan.report.signs import copying, health
from jaxgan.report.verdict import best, ended, verdict


def measured(values, name="diversity", every=100):
    return [{"step": every * n, name: value} for n, value in enumerate(values)]


def test_a_good_run(tmp_path):
    run = run_folder(tmp_path / "run", [*measured([1.3, 0.9, 0.95, 0.9]), *logged()])
    evaluated(run, 1000, {"fd_local": 1.0, "coverage": 0.9}, {"fd_local": 0.9, "coverage": 0.95})
    found = lines(run)
    marks = {what: line.mark for what, line in found.items()}
    assert marks == {
        "End": "good",
        "Score": "good",
        "Best step": "unknown",
        "Diversity": "good",
        "Health": "good",
    }
    assert found["End"].words == "Finished: 1,000 of 1,000 steps in 90 s."
    assert found["Score"].words.startswith("fd_local 1 [0.9, 1.1] at step 1,000 (lower is better).")
    assert "Real examples: 0.9 [0.81, 0.99]." in found["Score"].words
    assert summary(list(found.values())).words == "It went well as far as is known; not known: best step."


@pytest.mark.parametrize(
    ("changed", "mark", "words"),
    [
        ({"d/acc_real": 1.0, "d/acc_fake": 1.0}, "bad", "D is right about 100 % of real and 100 % of fake"),
        ({"d/acc_real": 1.0, "d/acc_fake": lambda step: 0.5 if step == 950 else 1.0}, "good", "No trouble"),
        ({"g/grad": lambda step: 0.3 if step < 900 else 60.0}, "bad", "gradient of G ended at 200 times"),
        ({"d/grad": lambda step: 0.3 if step < 900 else 6.0}, "look", "gradient of D ended at 20 times"),
        ({"d/grad": lambda step: 0.3 if step < 900 else 0.6}, "good", "No trouble"),
        ({"d/grad": lambda step: 1e-3 if step <= 100 else 0.3}, "good", "No trouble"),
        ({"d/adv": lambda step: "nan" if step == 500 else 1.0}, "bad", "d/adv was nan at step 500"),
        ({"d/grad": lambda step: "inf" if step == 1000 else 1.0}, "bad", "d/grad was inf at step 1000"),
        ({"g/update": 0.2}, "look", "G moved by 0.2 of its weights"),
        ({"d/update": 0.0}, "look", "D moved by 0 of its weights"),
        ({"skipped": 3.0}, "look", "3 updates were skipped"),
    ],
)
def test_health(changed, mark, words, tmp_path):
    line = lines(run_folder(tmp_path / "run", logged(**changed)))["Health"]
    assert line.mark == mark
    assert words in line.words


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        ([1.0, 0.9, 0.9, 0.9], "good"),
        ([5.0, 0.9, 0.9, 0.9], "good"),  # noise, before the first tenth
        ([1.0, 0.9, 0.9, 0.6], "look"),
        ([1.0, 0.9, 0.2, 0.2], "bad"),
        ([1.0, 3.0, 1.2, 1.2], "bad"),  # as different as examples, but it was more
    ],
)
def test_diversity(values, mark, tmp_path):
    line = lines(run_folder(tmp_path / "run", measured(values)))["Diversity"]
    assert line.mark == mark


def test_what_ended_in_nan_has_no_finite_numbers(tmp_path):
    ended = run_folder(tmp_path / "ended", ended="NotFinite: step 0: g/adv is nan")
    assert lines(ended)["Health"].mark == "bad"
    assert "step 0: g/adv is nan" in lines(ended)["Health"].words
    assert lines(run_folder(tmp_path / "mute"))["Health"].mark == "unknown"


def test_what_a_hook_measures_may_be_infinite(tmp_path):
    rows = [*logged(), {"step": 1000, "g/noise_scale": "inf", "d/noise_scale": 3.0}]
    line = lines(run_folder(tmp_path / "run", rows))["Health"]
    assert (line.mark, line.words) == ("look", "g/noise_scale was inf at step 1000.")
    mute = lines(run_folder(tmp_path / "mute"))["Health"]
    assert (mute.mark, mute.words) == ("unknown", "nothing was logged.")


def test_diversity_without_a_measure_is_said(tmp_path):
    line = lines(run_folder(tmp_path / "run", measured([5, 6, 7], "modes")))["Diversity"]
    assert (line.mark, line.words) == ("unknown", "modes 7; what real examples score is not known.")
    rows = measured([5, 6, 7], "modes") + measured([0.9, 0.9, 0.9])
    assert lines(run_folder(tmp_path / "both", rows))["Diversity"].mark == "good"


def test_sessions_that_were_killed_are_not_counted(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["sessions"].insert(0, {"started": "2026-11-20T10:00:00+00:00", "ended": None})
    (run / "manifest.json").write_text(json.dumps(manifest))
    words = "Finished: 1,000 of 1,000 steps in 90 s, sessions that were killed not counted."
    assert lines(run)["End"].words == words


def test_the_least_diverse_lane_counts(tmp_path):
    run = run_folder(tmp_path / "run", [{"step": 9, "diversity": [0.9, 0.3]}], config={"seeds": "0:2"})
    assert lines(run)["Diversity"].words == "seed=1: samples lie 30 % as far apart as examples do."


def test_diversity_is_read_off_an_evaluation_too(tmp_path):
    run = run_folder(tmp_path / "run")
    assert lines(run)["Diversity"].mark == "unknown"
    evaluated(run, 1000, {"coverage": 0.3}, {"coverage": 0.9})
    assert lines(run)["Diversity"] == lines(run)["Diversity"]._replace(
        mark="bad", words="coverage 0.3, of real examples 0.9."
    )


def test_diversity_is_held_against_as_many_real_examples(tmp_path):
    run = run_folder(tmp_path / "run")
    path = evaluated(run, 1000, {"coverage": 0.9}, {"coverage": 0.9}, oracle_n=297)
    said = json.loads(path.read_text())
    said["rows"]["alike"] = {"coverage": {"value": 0.3, "low": 0.2, "high": 0.4}}
    path.write_text(json.dumps(said))
    assert lines(run)["Diversity"].words == "coverage 0.3, of real examples 0.9."


def test_modes_are_held_against_what_as_many_real_examples_show(tmp_path):
    """Of a thousand modes 500 examples show no more than 393.6 on average; without n all are expected."""
    run = run_folder(tmp_path / "run", measured([100, 300, 380], "modes"))
    evaluated(run, 100, {"modes": 950.0}, {"modes": 999.96})
    assert lines(run)["Diversity"].words == "modes 380, of real examples 1,000."
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["sessions"][0]["hooks"] = {"evaluated by local": {"n": 500, "names": ["fd_local", "modes"]}}
    path.write_text(json.dumps(manifest))
    line = lines(run)["Diversity"]
    assert (line.mark, line.words) == ("good", "modes 380, of real examples 394.")


@pytest.mark.parametrize(
    ("ended", "mark", "words"),
    [
        (None, "look", "Killed after 200 of 1,000 steps: no process holds the folder"),
        (
            "stopped: x has collapsed to 1 (beside it: y 3)",
            "look",
            "Stopped: x has collapsed to 1, after 200",
        ),
        ("stopped: modes has reached 8", "good", "Stopped: modes has reached 8, after 200 of 1,000 steps."),
        ("Interrupted: SIGTERM", "look", "Interrupted after 200 of 1,000 steps"),
        ("NotFinite: step 7: d/adv is nan", "bad", "NotFinite: step 7: d/adv is nan"),
        ("OSError: disk full", "bad", "OSError: disk full"),
    ],
)
def test_how_it_ended(ended, mark, words, tmp_path):
    line = lines(run_folder(tmp_path / "run", logged(4), ended=ended))["End"]
    assert line.mark == mark
    assert words in line.words


def test_a_run_that_is_held_is_running(tmp_path):
    run = run_folder(tmp_path / "run", logged(4), ended=None)
    with lock_folder(run):
        assert lines(run)["End"].words == "Still running: 200 of 1,000 steps."


def test_lanes_that_stand_still_are_named(tmp_path):
    rows = [{"step": 50, "d/adv": [0.5, None], "images_per_s": 9.0}]
    still = {"seed=1": "stands still: step 7: d/adv is nan"}
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:2"}, still=still)
    line = lines(run)["End"]
    assert line.mark == "bad"
    assert "1 of 2 lanes stand still: seed=1 stands still: step 7: d/adv is nan" in line.words


def test_lanes_that_failed_are_no_finite_numbers(tmp_path):
    """Theirs end before the one that was not finite is logged."""
    still = {"seed=1": "stands still: step 1: d/grad is inf", "seed=2": "stopped: enough"}
    run = run_folder(tmp_path / "run", logged(), config={"seeds": "0:3"}, still=still)
    line = lines(run)["Health"]
    assert (line.mark, line.words) == ("bad", "seed=1 stands still: step 1: d/grad is inf.")


def test_accuracy_is_not_known_of_two_lines(tmp_path):
    always = {"d/acc_real": 1.0, "d/acc_fake": 1.0}
    marks = [
        {line.what: line.mark for line in health(record(run_folder(tmp_path / str(n), logged(n, **always))))}
        for n in (2, 3)
    ]
    assert [mark["Accuracy of D"] for mark in marks] == ["unknown", "bad"]


def test_where_a_killed_run_goes_on(tmp_path):
    found = record(run_folder(tmp_path / "run", logged(4), ended=None))
    assert ended(found).words.endswith("; `jaxgan resume` goes on.")
    saved = ended(found._replace(saved=150))
    assert saved.words.endswith("; `jaxgan resume` goes on from step 150, its newest checkpoint.")


def test_of_many_lanes_in_trouble_three_are_named(tmp_path):
    rows = [{"step": 100 * n, "diversity": [x] * 8} for n, x in enumerate((1.0, 0.9, 0.2))]
    line = lines(run_folder(tmp_path / "run", rows, config={"seeds": "0:8"}))["Diversity"]
    assert line.mark == "bad"
    assert line.words.count("diversity has collapsed") == 3
    assert line.words.endswith("; and 5 more.")


def test_of_several_settings_the_best_speaks(tmp_path):
    """A sweep went well where one of its values does, and the report says which."""
    rows = [
        {"step": 100 * n, "energy": x} for n, x in enumerate(([5.0] * 6, [0.08, 0.12, 4.0, 4.2, "nan", None]))
    ]
    rows = [{**row, "energy_real": [0.1] * 6} for row in rows]
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:2", "over": ["lr=0.1,0.2,0.3"]})
    line = lines(run)["Score"]
    assert line.mark == "good"
    assert line.words.startswith(
        "Of 3 settings the best by energy is lr=0.1, the last is lr=0.3, 5. "
        "energy 0.1 [0.08, 0.12] at step 100, the median of 2 lanes and their range"
    )


def test_a_lane_in_trouble_is_named(tmp_path):
    rows = [{**row, "d/grad": [0.5, "nan"], "d/adv": [0.5, 0.5]} for row in logged()]
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:2"})
    assert lines(run)["Health"].words == "seed=1: d/grad was nan at step 50."


def test_the_best_step(tmp_path):
    found = record(run_folder(tmp_path / "run", [*logged(), *measured([0.1, 0.5, 0.2], "coverage")]))
    assert found.reached == 1000
    late, early = (best(found._replace(best={"": step}), scores(found)) for step in (750, 100))
    assert (late.mark, early.mark) == ("good", "look")
    assert late.rule.endswith("look: sooner; bad: never better than it began")
    once = record(run_folder(tmp_path / "once", measured([0.1], "coverage")))._replace(best={"": 0})
    assert best(once, scores(once)).words == "Step 0 of 0 scored best: nothing else was measured."
    assert early.words == "Step 100 of 1,000 scored best; coverage ended at 0.2: what came after was in vain."
    assert scores(found._replace(best={"": 100}))[0].found.value == 0.5
    assert scores(found)[0].found.value == 0.2
    evaluated(found.path, 100, {"coverage": 0.9})
    evaluated(found.path, 200, {"coverage": 0.8})
    again = record(found.path)
    assert scores(again)[0].found.value == 0.8
    assert scores(again._replace(best={"": 100}))[0].found.value == 0.9


def test_each_lane_has_a_best_step_of_its_own(tmp_path):
    """One that stands still has no numbers later on, and neither keeps the others' best back nor is late."""
    energies = ([5.0, 6.0, 5.0], [0.5, 2.0, 1.0], [0.4, None, 0.5], [0.3, None, 0.4])
    rows = [{"step": 100 * n, "energy": x} for n, x in enumerate(energies)]
    still = {"seed=1": "stopped: enough"}
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:3"}, still=still)
    found = record(run)._replace(best={"seed=0": 300, "seed=1": 100, "seed=2": 200})
    (score,) = scores(found)
    assert (score.found, score.lanes) == (Estimate(0.5, 0.3, 2.0), 3)
    assert "at steps 100 to 300, the median of 3 lanes" in scored(found)[0].words
    line = best(found, [score])
    assert line.words.startswith("Steps 100 to 300, of each lane its own, of 300 scored best")
    assert line.mark == "good"
    assert best(found._replace(best={**found.best, "seed=0": 100, "seed=2": 100}), [score]).mark == "look"
    most = best(found._replace(best={**found.best, "seed=2": 100}), [score])
    assert (most.mark, most.words.endswith("scored best, in most when last measured or near it.")) == (
        "good",
        True,
    )
    bad = best(found._replace(best={**found.best, "seed=2": 0}), [score])
    assert bad.mark == "bad"
    assert bad.words.endswith(": seed=2 never got better than it began.")
    page = metrics([found])
    assert [f">{x}<small>step {n}<" in page for x, n in ((0.3, 300), (2, 100), (0.5, 200))] == [True] * 3
    evaluated(run, 100, {"fd_local": 2.0}, lane="seed=1")
    evaluated(run, 300, {"fd_local": 3.0}, lane="seed=0")
    evaluated(run, 300, {"fd_local": 9.0}, lane="seed=2")
    evaluated(run, 200, {"fd_local": 4.0}, lane="seed=2")
    again = record(run)._replace(best=found.best)
    assert scores(again)[0].found == Estimate(3.0, 2.0, 4.0)


@pytest.mark.parametrize(
    ("share", "copies", "mark"),
    [(0.5, -0.01, "good"), (0.65, 0.0, "good"), (0.7, 0.0, "look"), (0.5, 0.05, "look"), (0.9, 0.0, "bad")],
)
def test_copies(share, copies, mark, tmp_path):
    run = run_folder(tmp_path / "run", lanes=[])
    assert "Copies" not in lines(run)
    evaluated(run, 10, {"train_share": 0.5, "copies": 0.5}, lane="a")  # an older one does not count
    evaluated(run, 20, {"train_share": 0.5, "copies": 0.0}, lane="a")
    evaluated(run, 20, {"train_share": share, "copies": copies}, lane="b")
    assert lines(run)["Copies"].mark == mark
    unsure = {"value": 0.9, "low": 0.3, "high": 1.0}
    path = evaluated(run, 30, {"train_share": 0.5, "copies": 0.0}, lane="a")
    said = json.loads(path.read_text())
    said["rows"]["samples"]["train_share"] = unsure
    path.write_text(json.dumps(said))
    assert copying(record(run)._replace(evaluations=record(run).evaluations[-1:])).mark == "unknown"


def test_what_never_beat_its_start_is_bad(tmp_path):
    rows = [{"step": 100 * n, "energy": 5.0 + n, "energy_real": 0.0} for n in range(4)]
    found = record(run_folder(tmp_path / "run", rows))._replace(best={"": 0})
    marks = {line.what: line.mark for line in verdict(found)}
    assert (marks["Score"], marks["Best step"]) == ("bad", "bad")


def test_what_a_hook_and_an_evaluation_agree_on_is_said_once(tmp_path):
    run = run_folder(tmp_path / "run", measured([2, 8, 8, 8], "modes"))
    evaluated(run, 300, {"modes": 8.0}, {"modes": 8.0})
    assert lines(run)["Diversity"].words == "modes 8, of real examples 8."
    evaluated(run, 300, {"modes": 3.0}, {"modes": 8.0})
    assert lines(run)["Diversity"].words == "modes 3, of real examples 8."
    evaluated(run, 200, {"modes": 3.0}, {"modes": 8.0}, n=500)
    (run / "evaluations" / "300.json").unlink()
    assert lines(run)["Diversity"].mark == "good"  # the hook looked later


def test_no_mode_at_the_end_is_bad(tmp_path):
    line = lines(run_folder(tmp_path / "run", measured([1, 0, 0, 0], "modes")))["Diversity"]
    assert (line.mark, line.words) == ("bad", "modes ended at 0.")


def test_few_samples_say_nothing(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    evaluated(run, 1000, {"fd_local": 0.9, "train_share": 0.0}, {"fd_local": 1.0}, n=3)
    found = lines(run)
    assert (found["Score"].mark, found["Copies"].mark) == ("unknown", "unknown")
    assert "3 samples are too few to say" in found["Score"].words
