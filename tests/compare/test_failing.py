"""Which seeds of a method count as failed, and how that is reported."""

import re

import pytest
from compare.seeds import evaluation, run, two
from scipy import stats
from support import line

from jaxgan.compare.compare import compare, compare_methods
from jaxgan.compare.record import record
from jaxgan.report.verdict import diversity_line


def test_failures_of_an_unfinished_run_are_of_all_its_seeds(tmp_path):
    """A lane that failed has ended, and the others have not: it is one of four, not one of one."""
    still = {"seed=1": "stands still: step 130: d/adv is nan"}
    values = [[2, 2, 2, 2], [4, 5, 6, 7], [6, None, 6, 0]]
    on = run(tmp_path / "on", seeds="0:4", values=values, still=still, ended=None)
    other = run(tmp_path / "other", seeds="0:4", gamma=1.0, values=[*values[:2], [6, 6, 6, 6]])
    comparison = compare_methods([on, other])
    assert comparison.tables[0].when == "at step 200"
    assert comparison.failures[0].seeds == 4
    assert comparison.failures[0].why == {"on seed=1": "not finite", "on seed=3": "collapsed"}


def test_seeds_that_failed_before_they_were_measured_count(tmp_path):
    """The mean is of the two that are left of eight, and says so; the other six are not stable."""
    broken = {"values": [], "ended": "NotFinite: step 3: d/adv is nan", "gamma": 1.0}
    paths = two(tmp_path, {s: [5, 6, 7] for s in range(8)}, {0: [5, 6, 8], 1: [5, 6, 8]})
    paths += [run(tmp_path / f"b-{seed}", seed=seed, **broken) for seed in range(2, 8)]
    a, b = compare_methods(paths).tables[0].summaries
    assert [(x.seeds, x.stable, x.of) for x in (a, b)] == [(8, 8, 8), (2, 2, 8)]
    words = compare(paths)
    assert re.search(r"gamma=0.1 +7 +8 +– +0 +8 of 8 within 0.7\n", words)
    assert re.search(r"gamma=1.0 +8 +2 of 8 +– +0 +2 of 8 within 0.8\n", words)
    assert "6 of 8 seeds of gamma=1.0 are not included: they failed before they had a value." in words
    assert ": without" not in words


def test_a_method_whose_seeds_all_failed_is_compared(tmp_path):
    broken = {"values": [], "ended": "NotFinite: step 3: d/adv is nan", "gamma": 1.0}
    paths = two(tmp_path, b={}) + [run(tmp_path / f"b-{s}", seed=s, **broken) for s in range(6)]
    assert re.search(r"gamma=1.0 +– +0 of 6 +– +– +0 of 6\n", compare(paths))
    assert compare_methods(paths).failing[0].startswith("gamma=1.0 fails more often than gamma=0.1: 6 of 6")


def test_seeds_that_were_not_evaluated_do_not_count_as_failed(tmp_path):
    """Of B one seed has failed and nobody was evaluated: that says nothing of its Frechet distance."""
    paths = two(tmp_path)
    paths.append(run(tmp_path / "b-6", seed=6, values=[], ended="NotFinite: step 3: d/adv is nan", gamma=1.0))
    for path in paths[:6]:
        evaluation(path, 200, 0.5)
    comparison = compare_methods(paths)
    assert {table.name for table in comparison.tables} == {"modes"}
    assert "fd_local: not compared, only gamma=0.1 has it" in comparison.notes
    evaluation(paths[6], 200, 0.5)
    comparison = compare_methods(paths, "fd_local")
    assert [(x.seeds, x.of) for x in comparison.tables[0].summaries] == [(6, 6), (1, 2)]
    (lacking,) = (note for note in comparison.notes if "not measured in this way" in note)
    assert lacking.endswith("without b-1, b-2, b-3, b-4, b-5, not measured in this way")


@pytest.mark.parametrize(
    ("values", "ended", "why"),
    [
        ([5, 6, 7], "finished", ""),
        ([5, 6, 2, 2], "finished", "collapsed"),
        ([4, 8, 8, 8, 8, 0], "finished", "collapsed"),  # in the last measurement alone
        ([5, 6, 7, 0], "finished", "collapsed"),
        ([5, 6, 7, 3], "finished", "collapsed"),
        ([0, 0, 0], "finished", "collapsed"),
        ([9, 4, 4, 4], "finished", ""),  # it began at what no training has made
        ([5, 6, 2, 6], "finished", ""),
        ([5, 6, "nan"], "finished", ""),  # what hooks measure may be
        ([5, 6], "stopped: coverage has collapsed to 0.1, from 0.9 at step 5", "collapsed"),
        ([5, 6], "stopped: modes has not been better than 6, at step 100, for 200 steps", ""),
        ([5, 6], "NotFinite: step 7: g/adv is nan", "not finite"),
        ([5, 6], "stopped: 9 of 50 samples from number 0 on hold NaN or infinite numbers", "not finite"),
        # words that only look like it
        ([5, 6], "Unreadable: example 7, /data/standard/NaN/collapsed.png, cannot be read", ""),
        ([5, 6], "stopped: modes has reached 6 (beside it: standard_deviation 0.3, collapsed 0)", ""),
    ],
)
def test_which_seeds_count_as_failed(tmp_path, values, ended, why):
    other = run(tmp_path / "b", values=values, gamma=1.0)
    comparison = compare_methods([run(tmp_path / "a", values=values, ended=ended), other])
    assert list(comparison.failures[0].why.values()) == ([why] if why else [])


@pytest.mark.parametrize(
    ("name", "values", "failed", "mark"),
    [
        ("modes", [4, 8, 8, 0], True, "bad"),
        ("recall", [1.0, 0.45, 0.45, 0.45], False, "info"),
        ("diversity", [2.5, 1.1, 1.0, 1.0], False, "info"),
        ("diversity", [0.3, 0.4, 0.45, 0.45], True, "info"),  # below half of real examples, which have 1
        ("coverage", [0.1, 0.9, 0.2, 0.9], False, "info"),
    ],
)
def test_what_a_report_calls_collapsed_is_a_failure(tmp_path, name, values, failed, mark):
    """So is, but in a comparison alone, what ended below half of real examples."""
    a = run(tmp_path / "a", name, values=values)
    comparison = compare_methods([a, run(tmp_path / "b", name, values=values, gamma=1.0)])
    assert (comparison.failures[0].why == {"a": "collapsed"}) == failed
    assert diversity_line(record(a)).mark == mark


@pytest.mark.parametrize(
    ("n", "step", "why"), [(100, 200, {"a": "collapsed"}), (2, 200, {}), (100, 100, {"a": "collapsed"})]
)
def test_below_half_of_real_examples_is_a_failure(tmp_path, n, step, why):
    a, b = two(tmp_path, {0: [3, 3, 3]}, {0: [8, 8, 8]})
    assert not compare_methods([a, b]).failures[0].why
    modes = {"samples": {"modes": {"value": 3.0}}, "oracle": {"modes": {"value": 8.0}}}
    for path in (a, b):
        evaluation(path, step, 0.0, n=n, rows=modes)
    assert compare_methods([a, b], "modes").failures[0].why == {
        place.replace("a", "a-0"): x for place, x in why.items()
    }


def test_lanes_that_no_longer_train_have_failed(tmp_path):
    values = [[2, 2, 2, 2], [4, 5, 6, 7], [6, None, 6, 7]]
    still = {"seed=1,gamma=0.1": "stands still: step 130: d/adv is nan"}
    one = run(tmp_path / "r", seeds="0:2", over=["gamma=0.1,1.0"], values=values, still=still)
    comparison = compare_methods([one])
    assert comparison.failures[0].why == {"r seed=1,gamma=0.1": "not finite"}
    assert comparison.tables[0].summaries[0].mean.value == (6 + 5) / 2


def test_p_values_of_failures_are_corrected_for_several_pairs(tmp_path):
    """Four of four against none of four, in two pairs of three: p 0.029, and 0.086 among them."""
    bad, good = ({seed: [2, 8, x, x] for seed in range(4)} for x in (1, 8))
    third = [run(tmp_path / f"c-{seed}", seed=seed, gamma=2.0, values=good[seed]) for seed in good]
    comparison = compare_methods([*two(tmp_path, bad, good), *third]).failing
    assert len(comparison) == 2
    assert all(line.startswith("No significant difference") for line in comparison)


def test_a_last_row_of_training_that_is_not_finite_is_a_failure(tmp_path):
    a, b = run(tmp_path / "a", values=[5, 6]), run(tmp_path / "b", values=[5, 6], gamma=1.0)
    with (a / "metrics.jsonl").open("a") as log:
        log.write(line({"step": 100, "d/adv": "nan", "images_per_s": 1.0}))
    assert compare_methods([a, b]).failures[0].why == {"a": "not finite"}


def test_failures_that_differ_are_reported(tmp_path):
    bad = {seed: [2, 8, 1, 1] for seed in range(8)}
    good = {seed: [2, 8, 8, 8] for seed in range(8)}
    comparison = compare_methods(two(tmp_path, bad, good))
    p = stats.fisher_exact([[8, 0], [0, 8]]).pvalue
    assert comparison.failing == (
        "gamma=0.1 fails more often than gamma=1.0: "
        f"8 of 8 seeds of gamma=0.1, 0 of 8 seeds of gamma=1.0 (p {p:.3g}).",
    )
    assert (
        compare_methods(two(tmp_path / "turned", good, bad))
        .failing[0]
        .startswith("gamma=1.0 fails more often")
    )
    assert "8 of 8  1            [0.631, 1]" in compare(two(tmp_path / "again", bad, good))
