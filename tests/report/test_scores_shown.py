"""The score of a report's verdict, and which step had it."""

from run_folders import evaluated, lines, logged, measured, run_folder

from jaxgan.compare.record import record
from jaxgan.compare.scores import score_lines, scores
from jaxgan.metrics.metric import Estimate
from jaxgan.report.numbers import metrics
from jaxgan.report.verdict import best_step_line, verdict


def test_the_score_of_a_sweep_is_that_of_the_best_setting(tmp_path):
    """The line names the setting."""
    rows = [
        {"step": 100 * n, "energy": x} for n, x in enumerate(([5.0] * 6, [0.08, 0.12, 4.0, 4.2, "nan", None]))
    ]
    rows = [{**row, "energy_real": [0.1] * 6} for row in rows]
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:2", "over": ["lr=0.1,0.2,0.3"]})
    assert lines(run)["Score"].words == (
        "Of 3 settings the best by energy is lr=0.1, the last is lr=0.3, 5. "
        "energy 0.1 [0.08, 0.12] at step 100, the median of 2 lanes and their range (lower is better). "
        "Real examples: 0.1."
    )


def test_the_best_step(tmp_path):
    run_record = record(run_folder(tmp_path / "run", [*logged(), *measured([0.1, 0.5, 0.2], "coverage")]))
    assert run_record.reached == 1000
    late, early = (
        best_step_line(run_record._replace(best={"": step}), scores(run_record)) for step in (750, 100)
    )
    assert (late.mark, early.mark) == ("info", "info")
    once = record(run_folder(tmp_path / "once", measured([0.1], "coverage")))._replace(best={"": 0})
    words = "Step 0 of 0 scored best: nothing else was measured."
    assert best_step_line(once, scores(once)).words == words
    assert early.words == "Step 100 of 1,000 scored best; coverage ended at 0.2."
    assert best_step_line(run_record, scores(run_record)).words.startswith(
        "No checkpoint was scored: give the experiment"
    )
    assert scores(run_record._replace(best={"": 100}))[0].estimate.value == 0.5
    assert scores(run_record)[0].estimate.value == 0.2
    evaluated(run_record.path, 100, {"coverage": 0.9})
    evaluated(run_record.path, 200, {"coverage": 0.8})
    evaluated_record = record(run_record.path)
    assert scores(evaluated_record)[0].estimate.value == 0.8
    assert scores(evaluated_record._replace(best={"": 100}))[0].estimate.value == 0.9


def test_each_lane_has_a_best_step_of_its_own(tmp_path):
    """A lane that no longer trains has no later numbers, and does not limit the best steps of the others."""
    energies = ([5.0, 6.0, 5.0], [0.5, 2.0, 1.0], [0.4, None, 0.5], [0.3, None, 0.4])
    rows = [{"step": 100 * n, "energy": x} for n, x in enumerate(energies)]
    still = {"seed=1": "stopped: enough"}
    run = run_folder(tmp_path / "run", rows, config={"seeds": "0:3"}, still=still)
    run_record = record(run)._replace(best={"seed=0": 300, "seed=1": 100, "seed=2": 200})
    (score,) = scores(run_record)
    assert (score.estimate, score.lanes) == (Estimate(0.5, 0.3, 2.0), 3)
    assert "at steps 100 to 300, the median of 3 lanes" in score_lines(run_record)[0].words
    words = "Steps 100 to 300, of each lane its own, of 300 scored best; energy ended at 0.35"
    assert best_step_line(run_record, [score])[:3] == ("info", "Best step", f"{words}.")
    first = best_step_line(run_record._replace(best={**run_record.best, "seed=2": 0}), [score])
    assert first.mark == "info"
    assert first.words.endswith("ended at 0.35: seed=2 never improved on the first measurement.")
    page = metrics([run_record])
    assert [f">{x}<small>step {n}<" in page for x, n in ((0.3, 300), (2, 100), (0.5, 200))] == [True] * 3
    evaluated(run, 100, {"fd_local": 2.0}, lane="seed=1")
    evaluated(run, 300, {"fd_local": 3.0}, lane="seed=0")
    evaluated(run, 300, {"fd_local": 9.0}, lane="seed=2")
    evaluated(run, 200, {"fd_local": 4.0}, lane="seed=2")
    evaluated_record = record(run)._replace(best=run_record.best)
    assert scores(evaluated_record)[0].estimate == Estimate(3.0, 2.0, 4.0)


def test_a_run_that_never_improved_says_so_without_a_mark(tmp_path):
    rows = [{"step": 100 * n, "energy": 5.0 + n, "energy_real": 0.0} for n in range(4)]
    run_record = record(run_folder(tmp_path / "run", rows))._replace(best={"": 0})
    shown = {line.what: line for line in verdict(run_record)}
    assert (shown["Score"].mark, shown["Best step"].mark) == ("info", "info")
    assert shown["Score"].words == "energy 5 at step 0 (lower is better). Real examples: 0."
    words = "Step 0 of 300 scored best; energy ended at 8: it never improved on the first measurement."
    assert shown["Best step"].words == words


def test_few_samples_are_shown_with_their_number(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    evaluated(run, 1000, {"fd_local": 0.9, "train_share": 0.0}, {"fd_local": 1.0}, n=3)
    shown = lines(run)
    assert (shown["Score"].mark, shown["Copies"].mark) == ("info", "info")
    assert shown["Score"].words.startswith("fd_local 0.9 [0.81, 0.99] at step 1,000, 3 samples (lower")
    evaluated(run, 1000, {"coverage": 0.0}, {"coverage": 0.9}, n=3)
    assert lines(run)["Diversity"].mark == "info"  # 3 samples are no evidence of a collapse


def test_a_score_that_is_not_finite_is_bad(tmp_path):
    run = run_folder(tmp_path / "run", logged())
    evaluated(run, 1000, {"fd_local": float("nan")}, {"fd_local": 1.0})
    line = lines(run)["Score"]
    assert (line.mark, line.fault) == ("bad", "not finite")
    assert line.words.startswith("fd_local – at step 1,000")
