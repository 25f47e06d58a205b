"""Comparisons of runs written by hand: verdicts, warnings, and what is refused."""

import json
import re

import numpy as np
import pytest
from compare.seeds import MODES, MORE, evaluation, run, two
from scipy import stats
from support import line, rows

from jaxgan.compare.compare import compare, compare_methods
from jaxgan.errors import Refused


def test_runs_that_differ_only_in_the_seed_are_one_method(tmp_path):
    comparison = compare_methods(two(tmp_path))
    assert {name: len(places) for name, places in comparison.methods.items()} == {
        "gamma=0.1": 6,
        "gamma=1.0": 6,
    }
    (last,) = (table for table in comparison.tables if table.when == "at step 200")
    a, b = (np.array([values[-1] for values in seeds.values()]) for seeds in (MODES, MORE))
    t_test = stats.ttest_rel(b, a)
    (pair,) = last.pairs
    np.testing.assert_allclose(pair.difference.interval, (np.mean(b - a), *t_test.confidence_interval()))
    np.testing.assert_allclose((pair.p, pair.difference.p), t_test.pvalue)
    assert pair.says.startswith("gamma=1.0 is better than gamma=0.1: +1.83 [1.4, 2.26], 6 shared seeds")
    assert [summary.mean.value for summary in last.summaries] == [a.mean(), b.mean()]
    np.testing.assert_allclose([summary.spread for summary in last.summaries], [a.std(ddof=1), b.std(ddof=1)])
    np.testing.assert_allclose([summary.within for summary in last.summaries], [0.1 * 7, 0.1 * 9])
    assert [summary.stable for summary in last.summaries] == [2, 2]  # 7 and 7; 9 and 9


def test_lanes_compare_like_folders(tmp_path):
    folders = compare_methods(two(tmp_path / "folders"))
    lanes = [
        run(tmp_path / name, seeds="0:6", gamma=gamma, values=np.transpose([*seeds.values()]).tolist())
        for name, gamma, seeds in (("a", 0.1, MODES), ("b", 1.0, MORE))
    ]
    over = np.transpose([*MODES.values(), *MORE.values()]).tolist()
    both = run(tmp_path / "both", seeds="0:6", over=["gamma=0.1,1.0"], values=over)
    assert compare_methods(lanes).tables == compare_methods([both]).tables == folders.tables


def test_each_seed_has_its_own_best_step(tmp_path):
    comparison = compare_methods(two(tmp_path, {0: [1, 5, 3], 1: [1, 2, 8]}, {0: [1, 2, 3], 1: [7, 2, 3]}))
    best = comparison.tables[1]
    assert best.when == "at the best of 3 steps, each seed's own"
    assert [summary.mean.value for summary in best.summaries] == [(5 + 8) / 2, (3 + 7) / 2]
    lowest = compare_methods(two(tmp_path / "low"), lower=["modes"]).tables[1]
    assert lowest.summaries[0].mean.value == np.mean([min(values) for values in MODES.values()])


def test_different_seeds_are_not_paired(tmp_path):
    others = {seed + 3: values for seed, values in MORE.items()}
    (pair,) = compare_methods(two(tmp_path, b=others)).tables[0].pairs
    a, b = ([values[-1] for values in seeds.values()] for seeds in (MODES, others))
    np.testing.assert_allclose(pair.p, stats.ttest_ind(a, b, equal_var=False).pvalue)
    assert "at least 6 seeds each, not paired" in pair.says


def test_p_values_are_corrected_for_the_number_of_pairs(tmp_path):
    random = np.random.RandomState(0)
    paths = [
        run(tmp_path / f"{gamma}-{seed}", "kid", seed=seed, gamma=gamma, values=[random.normal(gamma)])
        for gamma in (0.0, 1.0, 2.0)
        for seed in range(8)
    ]
    (table,) = compare_methods(paths).tables
    plain = sorted(pair.difference.p for pair in table.pairs)
    corrected = np.maximum.accumulate(np.multiply(plain, [3, 2, 1]))
    np.testing.assert_allclose(sorted(pair.p for pair in table.pairs), corrected)
    assert all("corrected for 3 pairs" in pair.says for pair in table.pairs)


def test_which_way_is_better(tmp_path):
    paths = two(tmp_path, name="mine")
    words = compare(paths)
    assert "better is unknown: give --lower or --higher" in words
    assert "gamma=1.0 is higher than gamma=0.1: +1.83" in words
    assert "gamma=0.1 is better than gamma=1.0: −1.83 [−2.26, −1.4]" in compare(paths, lower=["mine"])
    assert "gamma=1.0 is better than gamma=0.1: +1.83" in compare(paths, higher=["mine"])
    for path in paths:  # options override evaluations
        evaluation(path, 200, 1.0, better={"fd_local": "higher"})
    for options, way in (({}, "higher"), ({"lower": ["fd_local"]}, "lower")):
        assert compare_methods(paths, "fd_local", **options).tables[0].better == way


def test_no_significant_difference_states_what_would_be_detected(tmp_path):
    shuffled = {seed: MODES[(seed * 5 + 1) % 6] for seed in MODES}
    (pair,) = compare_methods(two(tmp_path, b=shuffled), "modes").tables[0].pairs
    assert pair.p > 0.05
    assert pair.says.startswith("No significant difference: gamma=1.0 - gamma=0.1 is ")
    assert "a true difference of " in pair.says
    (same,) = compare_methods(two(tmp_path / "same", b=MODES)).tables[0].pairs
    assert same.says == "No difference: gamma=1.0 and gamma=0.1 are equal, 6 shared seeds."


def test_a_difference_of_spread_is_reported(tmp_path):
    random = np.random.RandomState(0)
    wide, narrow = ({s: [x] for s, x in enumerate(random.normal(0, sd, 12))} for sd in (9.0, 0.1))
    (pair,) = compare_methods(two(tmp_path, wide, narrow)).tables[0].pairs
    np.testing.assert_allclose(
        pair.p_spread, stats.levene(*map(np.ravel, map(list, (wide.values(), narrow.values())))).pvalue
    )
    assert "The seeds of gamma=0.1 spread more about their median than those of gamma=1.0" in pair.says


def test_the_score_of_real_examples_is_a_scale_and_not_a_measure(tmp_path):
    """The unbiased energy distance of good samples is about 0: a tenth of that is no distance."""
    paths = two(tmp_path, {0: [1, -0.001], 1: [1, -0.007]}, {0: [1, 0.02], 1: [1, 0.03]}, name="energy")
    for path in paths:
        (path / "metrics.jsonl").write_text(
            "".join(line({**row, "energy_real": -0.0105}) for row in rows(path))
        )
    comparison = compare_methods(paths)
    assert {table.name for table in comparison.tables} == {"energy"}
    assert comparison.tables[0].oracle == -0.0105
    assert [(x.stable, x.within) for x in comparison.tables[0].summaries] == [(2, 0.0105), (2, 0.0105)]


def evaluated_runs(root, **settings):
    paths = two(root)
    for number, path in enumerate(paths):
        evaluation(path, 200, number % 6 + 0.1 * number, **(settings if number > 5 else {}))
    return paths


def test_evaluations_are_compared(tmp_path):
    table = compare_methods(evaluated_runs(tmp_path, better={"fd_local": "higher"}), "fd_local").tables[0]
    assert table.how == ("100 samples of seed 0, against 50 examples of the test split, extractor local ab")
    assert (table.better, table.oracle) == ("higher", 0.5)
    assert table.pairs[0].says.startswith("gamma=1.0 is better than gamma=0.1: +0.6")


@pytest.mark.parametrize(("oracle_n", "oracle"), [(None, 0.5), (100, 0.5), (50, None)])
def test_the_oracle_counts_only_with_as_many_real_examples_as_samples(tmp_path, oracle_n, oracle):
    a, b = two(tmp_path, {0: [1]}, {0: [2]})
    for path in (a, b):
        evaluation(path, 200, 1.0, oracle_n=oracle_n)
    assert compare_methods([a, b], "fd_local").tables[0].oracle == oracle
    assert ("  real examples  0.5\n" in compare([a, b], "fd_local")) == bool(oracle)


def test_an_evaluation_belongs_to_its_lane(tmp_path):
    path = run(tmp_path / "r", seeds="0:2", over=["gamma=0.1,1.0"], values=[[1, 1, 1, 1]])
    for number, gamma in enumerate((0.1, 1.0)):
        for seed in range(2):
            evaluation(path, 0, 10.0 * number + seed, lane=f"seed={seed},gamma={gamma}")
    means = [summary.mean.value for summary in compare_methods([path], "fd_local").tables[0].summaries]
    assert means == [0.5, 10.5]


@pytest.mark.parametrize(
    "settings",
    [
        {"n": 200},
        {"seed": 1},
        {"split": "train"},
        {"reference_n": 60},
        {"extractor": {"name": "local", "digest": "cd", "resizer": "none"}},
    ],
)
def test_different_evaluations_are_not_compared(tmp_path, settings):
    paths = evaluated_runs(tmp_path, **settings)
    comparison = compare_methods(paths)
    assert {table.name for table in comparison.tables} == {"modes"}
    words = "fd_local: not compared, no two methods measured it in the same way"
    assert any(words in note for note in comparison.notes)
    with pytest.raises(Refused, match="nothing can be compared: fd_local: not compared"):
        compare_methods(paths, "fd_local")


def test_a_method_that_is_left_out_is_named_in_a_note(tmp_path):
    paths = evaluated_runs(tmp_path)
    third = run(tmp_path / "c", values=[1, 2, 3], gamma=2.0)
    evaluation(third, 200, 9.9, n=200)
    comparison = compare_methods([*paths, third], "fd_local")
    assert {summary.method for summary in comparison.tables[0].summaries} == {"gamma=0.1", "gamma=1.0"}
    pattern = r"fd_local \(100 samples.*\): without c, not measured in this way"
    assert any(re.match(pattern, note) for note in comparison.notes)


def add_hook_notes(path, n, **facts):
    manifest = json.loads((path / "manifest.json").read_text())
    extractor = {"name": "local", "digest": "ab", "weights": str(path)}  # weights differ only by rounding
    facts |= {"n": n, "seed": 0, "extractor": extractor, "warnings": [str(path)]}
    manifest["sessions"][0]["hooks"] = {"evaluated by local": facts}
    (path / "manifest.json").write_text(json.dumps(manifest))


def test_numbers_that_hooks_measured_differently_are_not_compared(tmp_path):
    paths = two(tmp_path)
    for path in paths:
        add_hook_notes(path, 500)
    how = "while training, evaluated by local: extractor local ab, n 500, seed 0"
    assert compare_methods(paths).tables[0].how == how
    for path in paths[:6]:
        add_hook_notes(path, 5000)
    with pytest.raises(Refused, match="modes: not compared, no two methods measured it in the same way"):
        compare_methods(paths)
    for path in paths:
        add_hook_notes(path, 5000 if path in paths[:6] else 500, names=["fd_local"])
    assert compare_methods(paths).tables[0].how == "while training"


def test_the_headline_number_comes_first_whatever_its_name(tmp_path):
    a, b = (run(tmp_path / name, values=[None], gamma=n) for n, name in enumerate("ab"))
    for path in (a, b):
        row = {"step": 100, "copies": 0.1, "coverage": 0.5, "fd_local": 3.0}
        (path / "metrics.jsonl").write_text(line(row))
    assert [table.name for table in compare_methods([a, b]).tables] == ["fd_local", "copies", "coverage"]


def test_few_seeds_cause_a_warning(tmp_path):
    single = {0: MODES[0]}
    comparison = compare_methods(two(tmp_path / "single", single, single))
    assert "modes: one seed says nothing about a method" in comparison.notes[0]
    assert not comparison.tables[0].pairs
    uneven = compare_methods(two(tmp_path / "uneven", b=single))
    assert "modes: one seed says nothing about a method" in uneven.notes[0]
    assert "modes: with only 3 seeds" in compare(
        two(tmp_path / "three", *({s: MODES[s] for s in range(3)},) * 2)
    )
    six = two(tmp_path / "six")
    assert "with only" not in compare(six)
    for path in six[:2] + six[6:8]:
        evaluation(path, 200, 0.5)
    assert "fd_local: with only 2 seeds" in compare(six)


def test_other_differences_between_runs_are_noted(tmp_path):
    a = run(tmp_path / "a", values=[1])
    b = run(tmp_path / "b", values=[2], gamma=1.0, data="grid", ended=None)
    manifest = json.loads((b / "manifest.json").read_text())
    manifest["sessions"][0] |= {"from": 7, "changed": {"lr": [0.1, 0.2]}}
    (b / "manifest.json").write_text(json.dumps({**manifest, "versions": {"jax": "2"}}))
    evaluation(a, 0, 1.0, note="procedural: beware")
    evaluation(b, 0, 1.0)
    (b / "evaluations" / "0.json").write_text("{")
    notes = "\n".join(compare_methods([a, b]).notes)
    for words in (
        "b: evaluations/0.json is damaged",
        "different data",
        "different versions: jax 1 and 2",
        "b made 0 of 0 steps: killed",
        "a: procedural: beware",
        "b: lr was 0.1 up to step 7, and is 0.2 only from there on",
    ):
        assert words in notes


def test_missing_checkpoints_are_not_noted(tmp_path):
    assert "checkpoints" not in " ".join(compare_methods(two(tmp_path)).notes)


def test_numbers_that_cannot_be_compared_are_listed_once(tmp_path):
    """The refusal names each number and each way of measuring once."""
    a, b = run(tmp_path / "a", values=[1]), run(tmp_path / "b", "energy", values=[2], gamma=1.0)
    for number in range(9):
        for path, n in ((a, 100), (b, 200)):
            rows = {"samples": {name: {"value": 1.0} for name in ("fd_local", "kd_local", "recall")}}
            evaluation(path, 0, 1.0, n=n + number, lane="", rows=rows)
            (path / "evaluations" / "0.json").rename(path / "evaluations" / f"{number}-.json")
    with pytest.raises(Refused) as refusal:
        compare([a, b])
    how = "samples of seed 0, against 50 examples of the test split, extractor local ab"
    assert str(refusal.value) == (
        "nothing can be compared: energy: not compared, only b has it; "
        "fd_local, kd_local, recall: not compared, no two methods measured it in the same way "
        f"(a: 100 {how} and 8 more ways; b: 200 {how} and 8 more ways); "
        "modes: not compared, only a has it"
    )


def test_different_data_are_noted(tmp_path):
    runs = [run(tmp_path / str(k), data="", size=8 * k, seed=0, values=[2, 5]) for k in (1, 2)]
    assert any("trained on different data" in note for note in compare_methods(runs).notes)


def test_runs_of_different_scripts_are_different_methods(tmp_path):
    paths = [run(tmp_path / name, values=[1], script=name) for name in ("a", "b")]
    comparison = compare_methods(paths)
    assert list(comparison.methods) == ["a", "b"]
    assert "a and b have the same options, but differ in s.py: they are two methods" in comparison.notes


def test_the_path_of_the_data_does_not_make_another_method(tmp_path):
    paths = {0: "/home/a/faces", 1: "/scratch/faces"}
    for seed, data in paths.items():
        for gamma, folder in ((0.1, "a"), (1.0, "b")):
            values = [2, 5 + seed + gamma]
            path = run(tmp_path / f"{folder}{seed}", seed=seed, gamma=gamma, values=values)
            options = json.loads((path / "config.json").read_text())
            (path / "config.json").write_text(json.dumps({**options, "data": data}))
            evaluation(path, 100, 1.0 + seed + gamma, data=f"{data} at 8 px")
    folders = [tmp_path / name for name in ("a0", "a1", "b1", "b0")]
    comparison = compare_methods(folders)
    assert {name: len(seeds) for name, seeds in comparison.methods.items()} == {
        "gamma=0.1": 2,
        "gamma=1.0": 2,
    }
    assert not [note for note in comparison.notes if "different data" in note]
    assert {
        summary.seeds for table in compare_methods(folders, "fd_local").tables for summary in table.summaries
    } == {2}
    manifest = json.loads((folders[0] / "manifest.json").read_text())
    (folders[0] / "manifest.json").write_text(json.dumps({**manifest, "data": {"fingerprint": "other"}}))
    assert len(compare_methods(folders).methods) == 3


def test_a_run_that_started_from_weights_is_another_method(tmp_path):
    a, b = (run(tmp_path / name, seed=0, values=[2, 5]) for name in "ab")
    manifest = json.loads((b / "manifest.json").read_text())
    weights = {"path": "/exports/a/weights.safetensors", "sha256": "12ab"}
    (b / "manifest.json").write_text(json.dumps({**manifest, "weights": weights}))
    comparison = compare_methods([a, b])
    assert len(comparison.methods) == 2
    assert (
        "b did not start from scratch, but from the weights /exports/a/weights.safetensors"
        in comparison.notes
    )


def test_runs_of_one_script_have_no_note_about_scripts(tmp_path):
    assert "two methods" not in " ".join(compare_methods(two(tmp_path)).notes)


def test_methods_whose_folders_have_the_same_name_are_kept_apart(tmp_path):
    paths = [run(tmp_path / at / "runs" / "digits", values=[1, 2], script=at) for at in ("old", "new")]
    comparison = compare_methods(paths)
    assert list(comparison.methods) == ["old/runs/digits", "new/runs/digits"]
    assert len(comparison.tables[0].summaries) == 2


def test_numbers_with_a_slash_are_compared_only_on_request(tmp_path):
    paths = two(tmp_path, name="d/spectral")
    with pytest.raises(Refused, match="nothing can be compared"):
        compare_methods(paths)
    assert compare_methods(paths, "d/spectral").tables


def test_json_has_the_numbers(tmp_path):
    paths = two(tmp_path, {0: [1]}, {0: [2]})
    content = json.loads(compare(paths, as_json=True))
    assert content["tables"][0]["summaries"][0]["mean"] == {"value": 1.0, "low": None, "high": None}
    assert content["failures"][0]["seeds"] == 1


def bad_inputs(root):
    a, b = run(root / "a", values=[1]), run(root / "b", values=[2], gamma=1.0)
    twin = run(root / "twin", values=[1])
    evaluation(b, 0, 1.0)
    broken = run(root / "broken", values=[1])
    (broken / "config.json").write_text("{")
    return {
        "is not a run folder": [[a, root / "none"]],
        "differ only in the seed: to compare, give": [[a]],
        "are the same seed of the same options": [[a, b, twin]],
        "no run has measured 'mode'; measured: fd_local, modes": [[a, b], "mode"],
        "config.json is damaged": [[a, broken]],
    }


def test_bad_input_is_refused_in_one_line(tmp_path):
    for words, arguments in bad_inputs(tmp_path).items():
        with pytest.raises(Refused, match=re.escape(words)) as refusal:
            compare(*arguments)
        assert "\n" not in str(refusal.value)
    a, b = (run(tmp_path / f"of {k}", name="d/adv", values=[2], gamma=k) for k in (2.0, 3.0))
    with pytest.raises(Refused, match="the runs have no number in common: run `jaxgan evaluate`"):
        compare([a, b])
    for way in ("lower", "higher"):
        with pytest.raises(Refused, match="no run has measured 'd/adw'; measured: d/adv"):
            compare([a, b], "d/adv", **{way: ["d/adw"]})
    with pytest.raises(Refused, match="modes cannot be better both lower and higher"):
        compare([a, b], lower=["modes"], higher=["modes"])
    with pytest.raises(Refused, match=r"--within must be a distance of 0 or more, not -1\.0"):
        compare([a, b], within=-1.0)
