"""Comparisons of runs written by hand: which is better, what is said of it, and what is refused."""

import json
import re

import numpy as np
import pytest
from compare.seeds import MODES, MORE, evaluation, run, two
from scipy import stats
from support import line, rows

from jaxgan.compare.compare import compare, compared
from jaxgan.errors import Refused


def test_folders_with_other_seeds_are_one_method(tmp_path):
    found = compared(two(tmp_path))
    assert {name: len(places) for name, places in found.methods.items()} == {"gamma=0.1": 6, "gamma=1.0": 6}
    (last,) = (table for table in found.tables if table.when == "at step 200")
    a, b = (np.array([values[-1] for values in seeds.values()]) for seeds in (MODES, MORE))
    theirs = stats.ttest_rel(b, a)
    (pair,) = last.pairs
    np.testing.assert_allclose(pair.difference.interval, (np.mean(b - a), *theirs.confidence_interval()))
    np.testing.assert_allclose((pair.p, pair.difference.p), theirs.pvalue)
    assert pair.says.startswith(
        "gamma=1.0 is better than gamma=0.1: +1.83 [1.4, 2.26], 6 seeds, the same in both"
    )
    assert [summary.mean.value for summary in last.summaries] == [a.mean(), b.mean()]
    np.testing.assert_allclose([summary.spread for summary in last.summaries], [a.std(ddof=1), b.std(ddof=1)])
    np.testing.assert_allclose([summary.within for summary in last.summaries], [0.1 * 7, 0.1 * 9])
    assert [summary.stable for summary in last.summaries] == [2, 2]  # 7 and 7; 9 and 9


def test_lanes_say_the_same_as_folders(tmp_path):
    alone = compared(two(tmp_path / "alone"))
    lanes = [
        run(tmp_path / name, seeds="0:6", gamma=gamma, values=np.transpose([*seeds.values()]).tolist())
        for name, gamma, seeds in (("a", 0.1, MODES), ("b", 1.0, MORE))
    ]
    over = np.transpose([*MODES.values(), *MORE.values()]).tolist()
    one = run(tmp_path / "one", seeds="0:6", over=["gamma=0.1,1.0"], values=over)
    assert compared(lanes).tables == compared([one]).tables == alone.tables


def test_the_best_step_is_each_seeds_own(tmp_path):
    found = compared(two(tmp_path, {0: [1, 5, 3], 1: [1, 2, 8]}, {0: [1, 2, 3], 1: [7, 2, 3]}))
    best = found.tables[1]
    assert best.when == "at the best of 3 steps, each seed's own"
    assert [summary.mean.value for summary in best.summaries] == [(5 + 8) / 2, (3 + 7) / 2]
    lowest = compared(two(tmp_path / "low"), lower=["modes"]).tables[1]
    assert lowest.summaries[0].mean.value == np.mean([min(values) for values in MODES.values()])


def test_other_seeds_are_two_groups(tmp_path):
    moved = {seed + 3: values for seed, values in MORE.items()}
    (pair,) = compared(two(tmp_path, b=moved)).tables[0].pairs
    a, b = ([values[-1] for values in seeds.values()] for seeds in (MODES, moved))
    np.testing.assert_allclose(pair.p, stats.ttest_ind(a, b, equal_var=False).pvalue)
    assert "or more, not the same" in pair.says


def test_several_methods_are_corrected_for(tmp_path):
    random = np.random.RandomState(0)
    paths = [
        run(tmp_path / f"{gamma}-{seed}", "kid", seed=seed, gamma=gamma, values=[random.normal(gamma)])
        for gamma in (0.0, 1.0, 2.0)
        for seed in range(8)
    ]
    (table,) = compared(paths).tables
    plain = sorted(pair.difference.p for pair in table.pairs)
    corrected = np.maximum.accumulate(np.multiply(plain, [3, 2, 1]))
    np.testing.assert_allclose(sorted(pair.p for pair in table.pairs), corrected)
    assert all("among 3 pairs" in pair.says for pair in table.pairs)


def test_which_way_is_better(tmp_path):
    paths = two(tmp_path, name="mine")
    words = compare(paths)
    assert "which way is better is not known" in words
    assert "gamma=1.0 is higher than gamma=0.1: +1.83" in words
    assert "gamma=0.1 is better than gamma=1.0: −1.83 [−2.26, −1.4]" in compare(paths, lower=["mine"])
    assert "gamma=1.0 is better than gamma=0.1: +1.83" in compare(paths, higher=["mine"])
    for path in paths:  # who asks knows better than who has evaluated
        evaluation(path, 200, 1.0, better={"fd_local": "higher"})
    for asked, way in (({}, "higher"), ({"lower": ["fd_local"]}, "lower")):
        assert compared(paths, "fd_local", **asked).tables[0].better == way


def test_no_difference_is_said_with_what_could_have_been_seen(tmp_path):
    shuffled = {seed: MODES[(seed * 5 + 1) % 6] for seed in MODES}
    (pair,) = compared(two(tmp_path, b=shuffled), "modes").tables[0].pairs
    assert pair.p > 0.05
    assert pair.says.startswith("No difference can be told: gamma=1.0 - gamma=0.1 is ")
    assert "a true difference of " in pair.says
    (same,) = compared(two(tmp_path / "same", b=MODES)).tables[0].pairs
    assert (
        same.says
        == "No difference was seen: gamma=1.0 and gamma=0.1 are the same, 6 seeds, the same in both."
    )


def test_steadier_is_said(tmp_path):
    random = np.random.RandomState(0)
    wild, calm = ({s: [x] for s, x in enumerate(random.normal(0, sd, 12))} for sd in (9.0, 0.1))
    (pair,) = compared(two(tmp_path, wild, calm)).tables[0].pairs
    np.testing.assert_allclose(
        pair.p_spread, stats.levene(*map(np.ravel, map(list, (wild.values(), calm.values())))).pvalue
    )
    assert "Over seeds gamma=0.1 spreads more about its median than gamma=1.0" in pair.says


def test_what_real_examples_score_is_no_measure_but_a_scale(tmp_path):
    """The unbiased energy distance of good samples is about 0; a tenth of that says nothing."""
    paths = two(tmp_path, {0: [1, -0.001], 1: [1, -0.007]}, {0: [1, 0.02], 1: [1, 0.03]}, name="energy")
    for path in paths:
        (path / "metrics.jsonl").write_text(
            "".join(line({**row, "energy_real": -0.0105}) for row in rows(path))
        )
    found = compared(paths)
    assert {table.name for table in found.tables} == {"energy"}
    assert found.tables[0].oracle == -0.0105
    assert [(x.stable, x.within) for x in found.tables[0].summaries] == [(2, 0.0105), (2, 0.0105)]


def evaluated(root, **settings):
    paths = two(root)
    for number, path in enumerate(paths):
        evaluation(path, 200, number % 6 + 0.1 * number, **(settings if number > 5 else {}))
    return paths


def test_evaluations_are_compared(tmp_path):
    table = compared(evaluated(tmp_path, better={"fd_local": "higher"}), "fd_local").tables[0]
    assert table.how == ("100 samples of seed 0, against 50 examples of the test split, extractor local ab")
    assert (table.better, table.oracle) == ("higher", 0.5)
    assert table.pairs[0].says.startswith("gamma=1.0 is better than gamma=0.1: +0.6")


@pytest.mark.parametrize(("oracle_n", "oracle"), [(None, 0.5), (100, 0.5), (50, None)])
def test_real_examples_are_held_against_as_many_samples(tmp_path, oracle_n, oracle):
    a, b = two(tmp_path, {0: [1]}, {0: [2]})
    for path in (a, b):
        evaluation(path, 200, 1.0, oracle_n=oracle_n)
    assert compared([a, b], "fd_local").tables[0].oracle == oracle
    assert ("  real examples  0.5\n" in compare([a, b], "fd_local")) == bool(oracle)


def test_an_evaluation_is_of_its_lane(tmp_path):
    one = run(tmp_path / "r", seeds="0:2", over=["gamma=0.1,1.0"], values=[[1, 1, 1, 1]])
    for number, gamma in enumerate((0.1, 1.0)):
        for seed in range(2):
            evaluation(one, 0, 10.0 * number + seed, lane=f"seed={seed},gamma={gamma}")
    means = [summary.mean.value for summary in compared([one], "fd_local").tables[0].summaries]
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
def test_what_was_evaluated_otherwise_is_not_compared(tmp_path, settings):
    paths = evaluated(tmp_path, **settings)
    found = compared(paths)
    assert {table.name for table in found.tables} == {"modes"}
    assert any("fd_local: not compared, no two methods have that measured alike" in x for x in found.notes)
    with pytest.raises(Refused, match="nothing can be compared: fd_local: not compared"):
        compared(paths, "fd_local")


def test_a_method_that_is_left_out_is_named(tmp_path):
    paths = evaluated(tmp_path)
    third = run(tmp_path / "c", values=[1, 2, 3], gamma=2.0)
    evaluation(third, 200, 9.9, n=200)
    found = compared([*paths, third], "fd_local")
    assert {summary.method for summary in found.tables[0].summaries} == {"gamma=0.1", "gamma=1.0"}
    assert any(re.match(r"fd_local \(100 samples.*\): without c, not measured so", x) for x in found.notes)


def noted(path, n, **facts):
    manifest = json.loads((path / "manifest.json").read_text())
    extractor = {"name": "local", "digest": "ab", "weights": str(path)}  # these differ by rounding alone
    facts |= {"n": n, "seed": 0, "extractor": extractor, "warnings": [str(path)]}
    manifest["sessions"][0]["hooks"] = {"evaluated by local": facts}
    (path / "manifest.json").write_text(json.dumps(manifest))


def test_what_hooks_measured_otherwise_is_not_compared(tmp_path):
    paths = two(tmp_path)
    for path in paths:
        noted(path, 500)
    how = "while training, evaluated by local: extractor local ab, n 500, seed 0"
    assert compared(paths).tables[0].how == how
    for path in paths[:6]:
        noted(path, 5000)
    with pytest.raises(Refused, match="modes: not compared, no two methods have that measured alike"):
        compared(paths)
    for path in paths:
        noted(path, 5000 if path in paths[:6] else 500, names=["fd_local"])
    assert compared(paths).tables[0].how == "while training"


def test_what_says_most_comes_first(tmp_path):
    """However its name begins."""
    a, b = (run(tmp_path / name, values=[None], gamma=n) for n, name in enumerate("ab"))
    for path in (a, b):
        row = {"step": 100, "copies": 0.1, "coverage": 0.5, "fd_local": 3.0}
        (path / "metrics.jsonl").write_text(line(row))
    assert [table.name for table in compared([a, b]).tables] == ["fd_local", "copies", "coverage"]


def test_few_seeds_are_warned_of(tmp_path):
    one = {0: MODES[0]}
    found = compared(two(tmp_path / "one", one, one))
    assert "modes: with one seed of a method nothing can be said" in found.notes[0]
    assert not found.tables[0].pairs
    uneven = compared(two(tmp_path / "uneven", b=one))
    assert "modes: with one seed of a method nothing can be said" in uneven.notes[0]
    assert "modes: 3 seeds are few" in compare(
        two(tmp_path / "three", *({s: MODES[s] for s in range(3)},) * 2)
    )
    six = two(tmp_path / "six")
    assert "are few" not in compare(six)
    for path in six[:2] + six[6:8]:
        evaluation(path, 200, 0.5)
    assert "fd_local: 2 seeds are few" in compare(six)


def test_what_else_differs_is_said(tmp_path):
    a = run(tmp_path / "a", values=[1])
    b = run(tmp_path / "b", values=[2], gamma=1.0, data="grid", ended=None)
    manifest = json.loads((b / "manifest.json").read_text())
    manifest["sessions"][0] |= {"from": 7, "changed": {"lr": [0.1, 0.2]}}
    (b / "manifest.json").write_text(json.dumps({**manifest, "versions": {"jax": "2"}}))
    evaluation(a, 0, 1.0, note="procedural: beware")
    evaluation(b, 0, 1.0)
    (b / "evaluations" / "0.json").write_text("{")
    notes = "\n".join(compared([a, b]).notes)
    for words in (
        "b: evaluations/0.json is damaged",
        "different data",
        "other versions: jax 1 and 2",
        "b has made 0 of its 0 steps: killed",
        "a: procedural: beware",
        "b: lr was 0.1 up to step 7, and is 0.2 only from there on",
    ):
        assert words in notes


def test_checkpoints_are_not_asked_for(tmp_path):
    assert "checkpoints" not in " ".join(compared(two(tmp_path)).notes)


def test_what_was_measured_otherwise_is_said_once(tmp_path):
    """Of two data sets nothing can be compared, in a line that names each number and each way once."""
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
        "nothing can be compared: energy: not compared, only b has that; "
        "fd_local, kd_local, recall: not compared, no two methods have that measured alike "
        f"(a: 100 {how} and 8 more ways; b: 200 {how} and 8 more ways); "
        "modes: not compared, only a has that"
    )


def test_other_data_are_other_tasks(tmp_path):
    runs = [run(tmp_path / str(k), data="", size=8 * k, seed=0, values=[2, 5]) for k in (1, 2)]
    assert any("learned from different data" in note for note in compared(runs).notes)


def test_another_script_is_another_method(tmp_path):
    paths = [run(tmp_path / name, values=[1], script=name) for name in ("a", "b")]
    found = compared(paths)
    assert list(found.methods) == ["a", "b"]
    assert "a and b differ in no option but in s.py: two methods" in found.notes


def test_the_same_data_elsewhere_are_the_same_method(tmp_path):
    places = {0: "/home/a/faces", 1: "/scratch/faces"}
    for seed, data in places.items():
        for gamma, folder in ((0.1, "a"), (1.0, "b")):
            runs = {"seed": seed, "gamma": gamma, "values": [2, 5 + seed + gamma]}
            one = run(tmp_path / f"{folder}{seed}", **runs)
            options = json.loads((one / "config.json").read_text())
            (one / "config.json").write_text(json.dumps({**options, "data": data}))
            evaluation(one, 100, 1.0 + seed + gamma, data=f"{data} at 8 px")
    folders = [tmp_path / name for name in ("a0", "a1", "b1", "b0")]
    found = compared(folders)
    assert {name: len(seeds) for name, seeds in found.methods.items()} == {"gamma=0.1": 2, "gamma=1.0": 2}
    assert not [note for note in found.notes if "different data" in note]
    assert {
        summary.seeds for table in compared(folders, "fd_local").tables for summary in table.summaries
    } == {2}
    manifest = json.loads((folders[0] / "manifest.json").read_text())
    (folders[0] / "manifest.json").write_text(json.dumps({**manifest, "data": {"fingerprint": "other"}}))
    assert len(compared(folders).methods) == 3


def test_a_run_that_began_with_trained_weights_is_another_method(tmp_path):
    a, b = (run(tmp_path / name, seed=0, values=[2, 5]) for name in "ab")
    manifest = json.loads((b / "manifest.json").read_text())
    weights = {"path": "/exports/a/weights.safetensors", "sha256": "12ab"}
    (b / "manifest.json").write_text(json.dumps({**manifest, "weights": weights}))
    found = compared([a, b])
    assert len(found.methods) == 2
    assert "b did not begin anew, but with the weights /exports/a/weights.safetensors" in found.notes


def test_one_script_is_not_said_to_be_two(tmp_path):
    assert "two methods" not in " ".join(compared(two(tmp_path)).notes)


def test_methods_whose_folders_end_alike_are_all_there(tmp_path):
    paths = [run(tmp_path / at / "runs" / "digits", values=[1, 2], script=at) for at in ("old", "new")]
    found = compared(paths)
    assert list(found.methods) == ["old/runs/digits", "new/runs/digits"]
    assert len(found.tables[0].summaries) == 2


def test_numbers_with_a_slash_are_compared_when_asked_for(tmp_path):
    paths = two(tmp_path, name="d/spectral")
    with pytest.raises(Refused, match="nothing can be compared"):
        compared(paths)
    assert compared(paths, "d/spectral").tables


def test_json_holds_what_is_said(tmp_path):
    paths = two(tmp_path, {0: [1]}, {0: [2]})
    said = json.loads(compare(paths, as_json=True))
    assert said["tables"][0]["summaries"][0]["mean"] == {"value": 1.0, "low": None, "high": None}
    assert said["failures"][0]["seeds"] == 1


def bad_inputs(root):
    a, b = run(root / "a", values=[1]), run(root / "b", values=[2], gamma=1.0)
    twin = run(root / "twin", values=[1])
    evaluation(b, 0, 1.0)
    broken = run(root / "broken", values=[1])
    (broken / "config.json").write_text("{")
    return {
        "is not a run folder": [[a, root / "none"]],
        "have the same options but for the seed: to compare, give": [[a]],
        "are the same seed of the same options": [[a, b, twin]],
        "no run has measured 'mode'; there is fd_local, modes": [[a, b], "mode"],
        "config.json is damaged": [[a, broken]],
    }


def test_bad_input_is_one_clear_line(tmp_path):
    for words, arguments in bad_inputs(tmp_path).items():
        with pytest.raises(Refused, match=re.escape(words)) as refusal:
            compare(*arguments)
        assert "\n" not in str(refusal.value)
    a, b = (run(tmp_path / f"of {k}", name="d/adv", values=[2], gamma=k) for k in (2.0, 3.0))
    with pytest.raises(Refused, match="the runs have no number in common: run `jaxgan evaluate`"):
        compare([a, b])
    for way in ("lower", "higher"):
        with pytest.raises(Refused, match="no run has measured 'd/adw'; there is d/adv"):
            compare([a, b], "d/adv", **{way: ["d/adw"]})
    with pytest.raises(Refused, match="modes cannot be better both lower and higher"):
        compare([a, b], lower=["modes"], higher=["modes"])
    with pytest.raises(Refused, match="give a distance"):
        compare([a, b], within=-1.0)
