"""Which seeds are compared, and at which steps."""

import numpy as np
import pytest
from compare.seeds import MODES, MORE, evaluation, run, two
from support import line

from jaxgan.compare.compare import compare_methods
from jaxgan.errors import Refused


def test_runs_of_different_length_are_compared_at_the_last_common_step(tmp_path):
    paths = two(tmp_path, b={seed: [*values, 99] for seed, values in MORE.items()})
    comparison = compare_methods(paths)
    assert comparison.tables[0].when == "at step 200"
    assert max(summary.mean.value for summary in comparison.tables[0].summaries) < 9
    assert "modes: measured to steps 200, 300, compared at 200" in comparison.notes
    odd = two(tmp_path / "odd", every=100)[:6] + two(tmp_path / "even", every=150)[6:]
    with pytest.raises(Refused, match="modes: not compared, step 0 is the last at which all have it"):
        compare_methods(odd)  # 0, 100, 200 and 0, 150, 300


def test_an_unfinished_seed_is_left_out_if_it_would_cost_the_others_a_step(tmp_path):
    paths = two(tmp_path)
    killed = run(tmp_path / "b-6", seed=6, values=[2], ended=None, gamma=1.0)
    late = run(tmp_path / "b-7", seed=7, values=[2, 5, 9], ended="Interrupted: SIGTERM", gamma=1.0)
    comparison = compare_methods([*paths, killed, late])
    assert comparison.tables[0].when == "at step 200"
    assert [(x.seeds, x.of) for x in comparison.tables[0].summaries] == [(6, 6), (7, 7)]
    assert "modes: without b-6, killed, measured to step 0" in comparison.notes
    assert "b-6 made 0 of 0 steps: killed" in comparison.notes
    assert [(len(x.why), x.seeds) for x in comparison.failures] == [(0, 6), (0, 6)]  # of those that ended


def test_unfinished_methods_are_compared_as_far_as_they_went(tmp_path):
    """No seed of B is finished: two reached step 100, and one that was killed before is left out."""
    paths = two(tmp_path, b={})
    paths += two(tmp_path / "on", {}, {0: [2, 5], 1: [2, 9], 2: [2]}, ended=None)
    comparison = compare_methods(paths)
    assert comparison.tables[0].when.startswith("at step 100")
    assert [x.seeds for x in comparison.tables[0].summaries] == [6, 2]
    assert [(len(x.why), x.seeds) for x in comparison.failures] == [(0, 6), (0, 3)]


def test_a_seed_that_ended_in_nan_does_not_shorten_the_comparison(tmp_path):
    """It finished, but its training was not finite at the end: it counts with its last finite value."""
    broken = run(tmp_path / "b-6", seed=6, values=[2, 5, "nan"], gamma=1.0)
    with (broken / "metrics.jsonl").open("a") as log:
        log.write(line({"step": 200, "d/adv": "nan", "images_per_s": 1.0}))
    comparison = compare_methods([*two(tmp_path), broken])
    assert comparison.tables[0].when == "at step 200"
    assert comparison.tables[0].summaries[1].mean.value == np.mean([*(x[-1] for x in MORE.values()), 5])
    assert comparison.failures[1].why == {"b-6": "not finite"}


def test_a_seed_that_was_measured_only_later_is_named_in_a_note(tmp_path):
    """It ended early and so would count with its last value, but that is of a later step."""
    late = run(tmp_path / "b-6", seed=6, values=[None, None, None, 8], gamma=1.0, ended="stopped: enough")
    rows = (late / "metrics.jsonl").read_text().splitlines()
    (late / "metrics.jsonl").write_text(rows[-1] + "\n")
    both = run(tmp_path / "b-7", seed=7, values=[0, None, None, 8], gamma=1.0, ended="stopped: enough")
    rows = (both / "metrics.jsonl").read_text().splitlines()
    # its value at step 0 is not its last
    (both / "metrics.jsonl").write_text(f"{rows[0]}\n{rows[-1]}\n")
    comparison = compare_methods([*two(tmp_path), late, both])
    assert [x.seeds for x in comparison.tables[0].summaries] == [6, 6]
    assert "modes: without b-6, b-7, not measured at step 200" in comparison.notes


def test_lanes_that_were_killed_together_share_a_note(tmp_path):
    killed = run(tmp_path / "b-6", seeds="7:9", values=[[2, 2]], ended=None, gamma=1.0)
    comparison = compare_methods([*two(tmp_path), killed])
    assert "modes: without b-6 seed=7, b-6 seed=8, killed, measured to step 0" in comparison.notes
    only_a = two(tmp_path / "a", b={})
    with pytest.raises(Refused, match=r"step 0 is the last at which all have it \(b-6 seed=7, b-6 seed=8\)"):
        compare_methods([*only_a, killed])


def test_untrained_methods_are_not_called_equal(tmp_path):
    paths = two(tmp_path, {0: [2], 1: [3]}, {0: [2], 1: [3]})
    pair = compare_methods(paths).tables[0].pairs[0]
    assert pair.says.startswith("Before the first step: No difference: gamma=1.0 and gamma=0.1 are equal")


def test_without_a_common_step_the_refusal_lists_the_steps(tmp_path):
    a, b = run(tmp_path / "a", values=[]), run(tmp_path / "b", values=[], gamma=1.0)
    for path, step in ((a, 60), (a, 80), (b, 40)):
        evaluation(path, step, 0.5)
    with pytest.raises(Refused, match=r"no step at which all have it \(a at 60, 80; b at 40\)"):
        compare_methods([a, b])


def test_later_steps_of_one_seed_do_not_count(tmp_path):
    ended = "stopped: modes has reached 99"
    later = run(tmp_path / "b-6", seed=6, values=[2, 5, 6, 99], gamma=1.0, ended=ended)
    table = compare_methods([*two(tmp_path), later]).tables[0]
    assert table.when == "at step 200"
    assert table.summaries[1].mean.value == np.mean([*(values[-1] for values in MORE.values()), 6])


def test_a_seed_that_ended_early_counts_with_its_last_value(tmp_path):
    paths = two(tmp_path)
    early = run(tmp_path / "a-6", seed=6, values=[2, 4], every=130, ended="NotFinite: step 150: d/adv is nan")
    reached = run(tmp_path / "b-6", seed=6, values=[2, 8], gamma=1.0, ended="stopped: modes has reached 8")
    comparison = compare_methods([*paths, early, reached])
    a, b = comparison.tables[0].summaries
    assert comparison.tables[0].when == "at step 200"
    assert a.mean.value == np.mean([*(values[-1] for values in MODES.values()), 4])
    assert b.mean.value == np.mean([*(values[-1] for values in MORE.values()), 8])
    assert comparison.failures[0].why == {early.name: "not finite"}
    assert not comparison.failures[1].why
    assert comparison.failing == (
        "No significant difference: 1 of 7 seeds of gamma=0.1, 0 of 7 seeds of gamma=1.0 (p 1).",
    )
