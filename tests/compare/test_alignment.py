"""Which seeds methods are compared over, and at which steps."""

import numpy as np
import pytest
from compare.seeds import MODES, MORE, evaluation, run, two
from support import line

from jaxgan.compare.compare import compared
from jaxgan.errors import Refused


def test_runs_of_different_length_are_compared_where_all_have_measured(tmp_path):
    paths = two(tmp_path, b={seed: [*values, 99] for seed, values in MORE.items()})
    found = compared(paths)
    assert found.tables[0].when == "at step 200"
    assert max(summary.mean.value for summary in found.tables[0].summaries) < 9
    assert "modes: measured to steps 200, 300, compared at 200" in found.notes
    odd = two(tmp_path / "odd", every=100)[:6] + two(tmp_path / "even", every=150)[6:]
    with pytest.raises(Refused, match="modes: not compared, step 0 is the last at which all have it"):
        compared(odd)  # 0, 100, 200 and 0, 150, 300


def test_a_seed_that_is_not_finished_is_left_out_where_it_would_cost_the_others(tmp_path):
    paths = two(tmp_path)
    killed = run(tmp_path / "b-6", seed=6, values=[2], ended=None, gamma=1.0)
    late = run(tmp_path / "b-7", seed=7, values=[2, 5, 9], ended="Interrupted: SIGTERM", gamma=1.0)
    found = compared([*paths, killed, late])
    assert found.tables[0].when == "at step 200"
    assert [(x.seeds, x.of) for x in found.tables[0].summaries] == [(6, 6), (7, 7)]
    assert "modes: without b-6, killed, measured to step 0" in found.notes
    assert "b-6 has made 0 of its 0 steps: killed" in found.notes
    assert [(len(x.why), x.seeds) for x in found.failures] == [(0, 6), (0, 6)]  # of those that ended


def test_what_goes_on_is_compared_where_it_stands(tmp_path):
    """No seed of B is finished: two have come to step 100, and one that was killed costs them nothing."""
    paths = two(tmp_path, b={})
    paths += two(tmp_path / "on", {}, {0: [2, 5], 1: [2, 9], 2: [2]}, ended=None)
    found = compared(paths)
    assert found.tables[0].when.startswith("at step 100")
    assert [x.seeds for x in found.tables[0].summaries] == [6, 2]
    assert [(len(x.why), x.seeds) for x in found.failures] == [(0, 6), (0, 3)]


def test_a_seed_that_ended_in_nan_costs_the_others_nothing(tmp_path):
    """It is finished, but its training was not finite at the end: it counts by what it was before."""
    broken = run(tmp_path / "b-6", seed=6, values=[2, 5, "nan"], gamma=1.0)
    with (broken / "metrics.jsonl").open("a") as log:
        log.write(line({"step": 200, "d/adv": "nan", "images_per_s": 1.0}))
    found = compared([*two(tmp_path), broken])
    assert found.tables[0].when == "at step 200"
    assert found.tables[0].summaries[1].mean.value == np.mean([*(x[-1] for x in MORE.values()), 5])
    assert found.failures[1].why == {"b-6": "not finite"}


def test_a_seed_that_was_measured_only_later_is_named(tmp_path):
    """It ended by itself, and so would be taken as it stands: but that is not how it stood then."""
    late = run(tmp_path / "b-6", seed=6, values=[None, None, None, 8], gamma=1.0, ended="stopped: enough")
    rows = (late / "metrics.jsonl").read_text().splitlines()
    (late / "metrics.jsonl").write_text(rows[-1] + "\n")
    both = run(tmp_path / "b-7", seed=7, values=[0, None, None, 8], gamma=1.0, ended="stopped: enough")
    rows = (both / "metrics.jsonl").read_text().splitlines()
    (both / "metrics.jsonl").write_text(
        f"{rows[0]}\n{rows[-1]}\n"
    )  # its number before a step is not its last
    found = compared([*two(tmp_path), late, both])
    assert [x.seeds for x in found.tables[0].summaries] == [6, 6]
    assert "modes: without b-6, b-7, not measured at step 200" in found.notes


def test_lanes_that_were_killed_together_are_named_together(tmp_path):
    killed = run(tmp_path / "b-6", seeds="7:9", values=[[2, 2]], ended=None, gamma=1.0)
    found = compared([*two(tmp_path), killed])
    assert "modes: without b-6 seed=7, b-6 seed=8, killed, measured to step 0" in found.notes
    alone = two(tmp_path / "alone", b={})
    with pytest.raises(Refused, match=r"step 0 is the last at which all have it \(b-6 seed=7, b-6 seed=8\)"):
        compared([*alone, killed])


def test_what_was_not_trained_is_not_called_the_same(tmp_path):
    paths = two(tmp_path, {0: [2], 1: [3]}, {0: [2], 1: [3]})
    assert compared(paths).tables[0].pairs[0].says.startswith("Before the first step: No difference was seen")


def test_where_no_step_is_shared_it_says_who_has_been_measured_where(tmp_path):
    a, b = run(tmp_path / "a", values=[]), run(tmp_path / "b", values=[], gamma=1.0)
    for path, step in ((a, 60), (a, 80), (b, 40)):
        evaluation(path, step, 0.5)
    with pytest.raises(Refused, match=r"no step at which all have it \(a at 60, 80; b at 40\)"):
        compared([a, b])


def test_what_a_seed_has_beyond_the_others_does_not_count(tmp_path):
    ended = "stopped: modes has reached 99"
    later = run(tmp_path / "b-6", seed=6, values=[2, 5, 6, 99], gamma=1.0, ended=ended)
    table = compared([*two(tmp_path), later]).tables[0]
    assert table.when == "at step 200"
    assert table.summaries[1].mean.value == np.mean([*(values[-1] for values in MORE.values()), 6])


def test_a_seed_that_ended_early_counts_by_its_last_number(tmp_path):
    paths = two(tmp_path)
    early = run(tmp_path / "a-6", seed=6, values=[2, 4], every=130, ended="NotFinite: step 150: d/adv is nan")
    reached = run(tmp_path / "b-6", seed=6, values=[2, 8], gamma=1.0, ended="stopped: modes has reached 8")
    found = compared([*paths, early, reached])
    a, b = found.tables[0].summaries
    assert found.tables[0].when == "at step 200"
    assert a.mean.value == np.mean([*(values[-1] for values in MODES.values()), 4])
    assert b.mean.value == np.mean([*(values[-1] for values in MORE.values()), 8])
    assert found.failures[0].why == {early.name: "not finite"}
    assert not found.failures[1].why
    assert found.failing == (
        "No difference can be told: 1 of 7 seeds of gamma=0.1, 0 of 7 seeds of gamma=1.0 (p 1).",
    )
