"""Comparisons of runs written by hand: who is compared with whom, at which step, and what is said."""

import json
import re

import numpy as np
import pytest
from scipy import stats

from jaxgan.errors import Refused
from jaxgan.report.compare import compare, compared
from jaxgan.report.record import record
from jaxgan.report.verdict import diversity

MODES = {0: [2, 5, 6], 1: [2, 6, 6], 2: [3, 5, 7], 3: [1, 7, 6], 4: [2, 6, 5], 5: [2, 5, 7]}
MORE = {seed: [2, values[1], values[2] + (2 if seed else 1)] for seed, values in MODES.items()}


def run(path, name="modes", every=100, ended="finished", data="ring", script="s", **config):
    """A folder of one run: `values` holds the numbers measured, of a list of lanes lists."""
    values = config.pop("values")
    still = config.pop("still", {})
    path.mkdir(parents=True)
    rows = [{"step": i * every, name: value} for i, value in enumerate(values)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    steps = every * (len(values) - 1)
    options = {"steps": steps, "seed": 0, "seeds": "", "over": [], "gamma": 0.1, "out": str(path), **config}
    (path / "config.json").write_text(json.dumps(options))
    session = {"ended": ended, "step": steps, "still": still}
    manifest = {"created": "", "script": "s.py", "files": {"s.py": script}, "git": None, "devices": []}
    manifest |= {"versions": {"jax": "1"}, "sessions": [session], "data": {"fingerprint": data}}
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


def evaluation(path, step, value, lane="", **settings):
    said = {"step": step, "lane": lane, "n": 100, "seed": 0, "split": "test", "reference_n": 50, "note": ""}
    said |= {"rows": {"samples": {"fd_local": {"value": value}}, "oracle": {"fd_local": {"value": 0.5}}}}
    said |= {"extractor": {"name": "local", "digest": "ab", "resizer": "none"}, **settings}
    (path / "evaluations").mkdir(exist_ok=True)
    (path / "evaluations" / f"{step}{lane and '-'}{lane}.json").write_text(json.dumps(said))


def two(root, a=MODES, b=MORE, **more):
    """The seeds of two methods, a folder each."""
    of_a = [run(root / f"a-{seed}", seed=seed, values=values, **more) for seed, values in a.items()]
    of_b = [
        run(root / f"b-{seed}", seed=seed, values=values, gamma=1.0, **more) for seed, values in b.items()
    ]
    return [*of_a, *of_b]


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
    """It is finished, but was not finite when it was last measured: it counts by what it was before."""
    broken = run(tmp_path / "b-6", seed=6, values=[2, 5, "nan"], gamma=1.0)
    found = compared([*two(tmp_path), broken])
    assert found.tables[0].when == "at step 200"
    assert found.tables[0].summaries[1].mean.value == np.mean([*(x[-1] for x in MORE.values()), 5])
    assert found.failures[1].why == {"b-6": "not finite"}


def test_failures_of_a_run_that_goes_on_are_of_all_its_seeds(tmp_path):
    """A lane that failed has ended, and the others have not: it is one of four, not one of one."""
    still = {"seed=1": "stands still: step 130: d/adv is nan"}
    values = [[2, 2, 2, 2], [4, 5, 6, 7], [6, None, 6, 0]]
    on = run(tmp_path / "on", seeds="0:4", values=values, still=still, ended=None)
    other = run(tmp_path / "other", seeds="0:4", gamma=1.0, values=[*values[:2], [6, 6, 6, 6]])
    found = compared([on, other])
    assert found.tables[0].when == "at step 200"
    assert found.failures[0].seeds == 4
    assert found.failures[0].why == {"on seed=1": "not finite", "on seed=3": "collapsed"}  # as it stands


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


def test_seeds_that_failed_before_they_were_measured_count(tmp_path):
    """The mean is of the two that are left of eight, and says so; the other six are not stable."""
    broken = {"values": [], "ended": "NotFinite: step 3: d/adv is nan", "gamma": 1.0}
    paths = two(tmp_path, {s: [5, 6, 7] for s in range(8)}, {0: [5, 6, 8], 1: [5, 6, 8]})
    paths += [run(tmp_path / f"b-{seed}", seed=seed, **broken) for seed in range(2, 8)]
    a, b = compared(paths).tables[0].summaries
    assert [(x.seeds, x.stable, x.of) for x in (a, b)] == [(8, 8, 8), (2, 2, 8)]
    words = compare(paths)
    assert re.search(r"gamma=0.1 +7 +8 +– +0 +8 of 8 within 0.7\n", words)
    assert re.search(r"gamma=1.0 +8 +2 of 8 +– +0 +2 of 8 within 0.8\n", words)
    assert "Without 6 of 8 seeds of gamma=1.0, which failed before that." in words
    assert ": without" not in words


def test_a_method_of_which_no_seed_was_left_is_compared(tmp_path):
    broken = {"values": [], "ended": "NotFinite: step 3: d/adv is nan", "gamma": 1.0}
    paths = two(tmp_path, b={}) + [run(tmp_path / f"b-{s}", seed=s, **broken) for s in range(6)]
    assert re.search(r"gamma=1.0 +– +0 of 6 +– +– +0 of 6\n", compare(paths))
    assert compared(paths).failing[0].startswith("gamma=1.0 fails more often than gamma=0.1: 6 of 6")


def test_what_was_not_evaluated_is_not_taken_for_failed(tmp_path):
    """Of B one seed has failed and nobody was evaluated: that says nothing of its Frechet distance."""
    paths = two(tmp_path)
    paths.append(run(tmp_path / "b-6", seed=6, values=[], ended="NotFinite: step 3: d/adv is nan", gamma=1.0))
    for path in paths[:6]:
        evaluation(path, 200, 0.5)
    found = compared(paths)
    assert {table.name for table in found.tables} == {"modes"}
    assert "fd_local: not compared, only gamma=0.1 has that" in found.notes
    evaluation(paths[6], 200, 0.5)
    found = compared(paths, "fd_local")
    assert [(x.seeds, x.of) for x in found.tables[0].summaries] == [(6, 6), (1, 2)]
    (lacking,) = (note for note in found.notes if "not measured so" in note)
    assert lacking.endswith("without b-1, b-2, b-3, b-4, b-5, not measured so")


def test_what_real_examples_score_is_no_measure_but_a_scale(tmp_path):
    """The unbiased energy distance of good samples is about 0; a tenth of that says nothing."""
    paths = two(tmp_path, {0: [1, -0.001], 1: [1, -0.007]}, {0: [1, 0.02], 1: [1, 0.03]}, name="energy")
    for path in paths:
        rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        (path / "metrics.jsonl").write_text(
            "".join(json.dumps({**row, "energy_real": -0.0105}) + "\n" for row in rows)
        )
    found = compared(paths)
    assert {table.name for table in found.tables} == {"energy"}
    assert found.tables[0].oracle == -0.0105
    assert [(x.stable, x.within) for x in found.tables[0].summaries] == [(2, 0.0105), (2, 0.0105)]


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
        ([5, 6, "nan"], "finished", "not finite"),
        ([5, 6], "stopped: coverage has collapsed to 0.1, from 0.9 at step 5", "collapsed"),
        ([5, 6], "stopped: modes has not been better than 6, at step 100, for 200 steps", ""),
        ([5, 6], "NotFinite: step 7: g/adv is nan", "not finite"),
    ],
)
def test_what_a_failure_is(tmp_path, values, ended, why):
    other = run(tmp_path / "b", values=values, gamma=1.0)
    found = compared([run(tmp_path / "a", values=values, ended=ended), other])
    assert list(found.failures[0].why.values()) == ([why] if why else [])


@pytest.mark.parametrize(
    ("name", "values", "bad"),
    [
        ("modes", [4, 8, 8, 0], True),
        ("recall", [1.0, 0.45, 0.45, 0.45], False),
        ("diversity", [2.5, 1.1, 1.0, 1.0], False),
        ("diversity", [0.3, 0.4, 0.45, 0.45], True),  # examples have 1
        ("coverage", [0.1, 0.9, 0.2, 0.9], False),
    ],
)
def test_a_failure_is_what_a_report_calls_bad(tmp_path, name, values, bad):
    a = run(tmp_path / "a", name, values=values)
    found = compared([a, run(tmp_path / "b", name, values=values, gamma=1.0)])
    assert (found.failures[0].why == {"a": "collapsed"}) == bad
    assert (diversity(record(a)).mark == "bad") == bad


@pytest.mark.parametrize(
    ("n", "step", "why"), [(100, 200, {"a": "collapsed"}), (2, 200, {}), (100, 100, {"a": "collapsed"})]
)
def test_where_real_examples_are_known_a_failure_is_below_half_of_them(tmp_path, n, step, why):
    a, b = two(tmp_path, {0: [3, 3, 3]}, {0: [8, 8, 8]})
    assert not compared([a, b]).failures[0].why
    modes = {"samples": {"modes": {"value": 3.0}}, "oracle": {"modes": {"value": 8.0}}}
    for path in (a, b):
        evaluation(path, step, 0.0, n=n, rows=modes)
    assert compared([a, b], "modes").failures[0].why == {
        place.replace("a", "a-0"): x for place, x in why.items()
    }


def test_lanes_that_stand_still_have_failed(tmp_path):
    values = [[2, 2, 2, 2], [4, 5, 6, 7], [6, None, 6, 7]]
    still = {"seed=1,gamma=0.1": "stands still: step 130: d/adv is nan"}
    one = run(tmp_path / "r", seeds="0:2", over=["gamma=0.1,1.0"], values=values, still=still)
    found = compared([one])
    assert found.failures[0].why == {"r seed=1,gamma=0.1": "not finite"}
    assert found.tables[0].summaries[0].mean.value == (6 + 5) / 2


def test_failures_that_differ_are_told(tmp_path):
    bad = {seed: [2, 8, 1, 1] for seed in range(8)}
    good = {seed: [2, 8, 8, 8] for seed in range(8)}
    found = compared(two(tmp_path, bad, good))
    p = stats.fisher_exact([[8, 0], [0, 8]]).pvalue
    assert found.failing == (
        "gamma=0.1 fails more often than gamma=1.0: "
        f"8 of 8 seeds of gamma=0.1, 0 of 8 seeds of gamma=1.0 (p {p:.3g}).",
    )
    assert compared(two(tmp_path / "turned", good, bad)).failing[0].startswith("gamma=1.0 fails more often")
    assert "8 of 8  1            [0.631, 1]" in compare(two(tmp_path / "again", bad, good))


def evaluated(root, **settings):
    paths = two(root)
    for number, path in enumerate(paths):
        evaluation(path, 200, number % 6 + 0.1 * number, **(settings if number > 5 else {}))
    return paths


def test_evaluations_are_compared(tmp_path):
    table = compared(evaluated(tmp_path, better={"fd_local": "higher"}), "fd_local").tables[0]
    assert table.how == (
        "100 samples of seed 0, against 50 examples of the test split, extractor local ab, resizer none"
    )
    assert (table.better, table.oracle) == ("higher", 0.5)
    assert table.pairs[0].says.startswith("gamma=1.0 is better than gamma=0.1: +0.6")


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


def test_few_seeds_are_warned_of(tmp_path):
    one = {0: MODES[0]}
    found = compared(two(tmp_path / "one", one, one))
    assert "modes: with one seed of a method nothing can be said" in found.notes[0]
    assert not found.tables[0].pairs
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
        "procedural: beware",
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
    how = "samples of seed 0, against 50 examples of the test split, extractor local ab, resizer none"
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
    assert list(compared(paths).methods) == ["a", "b"]


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
    with pytest.raises(Refused, match="modes cannot be better both lower and higher"):
        compare([a, b], lower=["modes"], higher=["modes"])
    with pytest.raises(Refused, match="give a distance"):
        compare([a, b], within=-1.0)
