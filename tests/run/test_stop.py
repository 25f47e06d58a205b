"""A run stops when a rule says so, and only then; it records why and keeps its best checkpoint."""

import json

import pytest
from support import final, jaxgan, play, rows, same, script, steps

from jaxgan.errors import Refused
from jaxgan.folder.manifest import update_session
from jaxgan.folder.rows import Row, encode, read
from jaxgan.run.reopen import reopen
from jaxgan.run.stop import StopRule, collapsed, reached, saturated, stalled


def ended(run):
    return json.loads((run / "manifest.json").read_text())["sessions"][-1]["ended"]


def test_a_collapse_stops_the_run_and_the_best_checkpoint_is_kept(tmp_path, capsys):
    run = tmp_path / "run"
    assert play(script("stopping"), "--out", run, "--collapse-at", 20, "--log-every", 8) == 0
    last = rows(run)[-1]["step"]
    assert 25 <= last <= 40
    assert last % 5 == 0  # hooks are due then, and lines of the log are not
    assert ended(run).startswith("stopped: diversity has collapsed to ")
    assert "beside it: g/average" in ended(run)  # the numbers that the rule does not read
    scores = {row["step"]: row["diversity"] for row in rows(run) if "diversity" in row}
    best = max(scores, key=scores.get)
    assert {best, last} <= set(steps(run))
    assert f"the best checkpoint is of step {best}" in capsys.readouterr().err


def test_a_healthy_run_is_not_stopped(tmp_path):
    assert play(script("stopping"), "--out", tmp_path / "run") == 0
    assert ended(tmp_path / "run") == "finished"


@pytest.mark.parametrize("layout", ["loop", pytest.param("vmap", marks=pytest.mark.slow)])
def test_only_the_lane_that_collapses_is_stopped(layout, tmp_path, capsys):
    run = tmp_path / "run"
    options = ("--seeds", "0:2", "--collapse-at", 20, "--collapse-seed", 1)
    assert play(script("stopping"), "--out", run, *options, "--lanes", layout, "--devices", 1) == 0
    err = capsys.readouterr().err
    assert "seed=1 stopped: diversity has collapsed" in err
    assert "seed=0 stopped" not in err
    assert "1 of 2 lanes stand still" in err
    assert rows(run)[-1]["step"] == 60
    assert int(reopen(run, lane="seed=0").state.step) == 60
    assert int(reopen(run, lane="seed=1").state.step) < 60


@pytest.mark.slow
def test_the_best_checkpoint_of_a_lane_is_that_of_its_single_run(tmp_path, monkeypatch):
    """And not that of all lanes, one of which had collapsed by then. `jaxgan take` copies it."""
    options, run = ("--collapse-at", 16, "--collapse-seed", 0, "--keep", 1), tmp_path / "run"
    assert play(script("stopping"), "--out", run, *options, "--seeds", "0:2") == 0
    for seed in (0, 1):
        single = tmp_path / str(seed)
        assert play(script("stopping"), "--out", single, *options, "--seed", seed) == 0
        best, taken = reopen(single, "best").state, tmp_path / f"taken-{seed}"
        same(reopen(run, "best", f"seed={seed}").state, best)
        assert jaxgan(monkeypatch, "take", run, f"seed={seed}", "--out", taken) == 0
        same(reopen(taken, "best").state, best)
        assert steps(taken) == steps(single)


def test_why_a_lane_was_stopped_is_recorded_at_once_and_kept(tmp_path, monkeypatch):
    run, records = tmp_path / "run", []

    def halted_lanes():
        return json.loads((run / "manifest.json").read_text())["sessions"][-1].get("still", {})

    def note_and_read(folder, entry):
        update_session(folder, entry)
        records.append(halted_lanes())  # while the run goes on

    monkeypatch.setattr("jaxgan.run.halted.update_session", note_and_read)
    options = ("--seeds", "0:2", "--collapse-at", 20, "--collapse-seed", 1)
    assert play(script("stopping"), "--out", run, *options, "--steps", 40) == 0
    (first,) = records
    assert first["seed=1"].startswith("stopped: diversity has collapsed")
    assert play(script("stopping"), "--resume", run, "--steps", 45) == 0
    assert halted_lanes() == first


def test_a_rule_is_called_when_one_of_its_numbers_is_new(tmp_path):
    calls = {"diversity": 0, "": 0}

    def counting(*reads):
        def why(rows):
            calls["".join(reads)] += 1

        return StopRule(reads, why)

    module = script("stopping")
    build = module.build
    module.build = lambda config, source: build(config, source)._replace(
        stops=[counting("diversity"), counting()]
    )
    assert play(module, "--out", tmp_path / "run", "--log-every", 1, "--steps", 20) == 0
    assert calls == {"diversity": 5, "": 21}


@pytest.mark.parametrize(
    ("collapse", "first", "second"), [(16, 17, 18), pytest.param(20, 25, 60, marks=pytest.mark.slow)]
)
def test_a_resumed_run_stops_where_an_uninterrupted_one_does(collapse, first, second, tmp_path):
    """Even if sessions end off schedule, each with a measurement that the uninterrupted run does not make."""
    uninterrupted, parts = tmp_path / "uninterrupted", tmp_path / "parts"
    options = ("--collapse-at", collapse)
    assert play(script("stopping"), "--out", uninterrupted, *options) == 0
    assert play(script("stopping"), "--out", parts, *options, "--steps", first) == 0
    assert play(script("stopping"), "--resume", parts, "--steps", second) == 0
    if second != 60:
        assert ended(parts) == "finished"
        assert [row["step"] for row in rows(parts) if "diversity" in row][-1] == second
        assert play(script("stopping"), "--resume", parts, "--steps", 60) == 0
    assert ended(parts) == ended(uninterrupted)
    assert int(final(parts).step) == int(final(uninterrupted).step)


def test_a_run_that_was_killed_when_about_to_stop_stops_when_resumed(tmp_path, capsys):
    """Its last checkpoint is of the step at which the rule fired; resumed once more, it goes on."""
    run = tmp_path / "run"
    assert play(script("stopping"), "--out", run, "--collapse-at", 16) == 0
    reason, step = ended(run), int(final(run).step)
    assert reason.startswith("stopped: diversity has collapsed")
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["sessions"][-1] |= {"ended": None}
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert play(script("stopping"), "--resume", run) == 0
    assert (ended(run), int(final(run).step)) == (reason, step)
    assert play(script("stopping"), "--resume", run, "--steps", step + 3) == 0
    assert int(final(run).step) == step + 3


@pytest.mark.parametrize("further", [0, 1])
def test_a_run_that_was_resumed_after_it_stopped_goes_on_even_if_killed(further, tmp_path):
    """At once, or a step later, for which no rule has been called."""
    run = tmp_path / "run"
    assert play(script("stopping"), "--out", run, "--collapse-at", 16) == 0
    step = int(final(run).step)
    if further:
        assert play(script("stopping"), "--resume", run, "--steps", step + further) == 0
    manifest = json.loads((run / "manifest.json").read_text())
    again = [] if further else [{**manifest["sessions"][-1], "from": step}]
    manifest["sessions"] += again
    manifest["sessions"][-1] |= {"ended": None}
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert play(script("stopping"), "--resume", run, "--steps", step + 3) == 0
    assert int(final(run).step) == step + 3


def measured(name, values, every=10):
    return [Row(every * i, "measured", {name: value}) for i, value in enumerate(values)]


def test_rules_use_only_the_numbers_they_read():
    rows = measured("x", [1, 2, 3])
    for rule in (reached("y", at_least=0), stalled("y", 0, "lower"), collapsed("y"), saturated()):
        assert rule.why(rows) is None
        assert rule.why([]) is None


def test_reached_uses_the_newest_value():
    assert reached("x", at_most=0.5).why(measured("x", [2, 0.4, 0.6])) is None
    assert reached("x", at_most=0.5).why(measured("x", [2, 0.5])) == "x has reached 0.5"
    assert reached("x", at_least=2).why(measured("x", [2, 1.9])) is None


def test_stalled_counts_steps_from_the_best():
    rule = stalled("x", 20, "lower")
    assert rule.why(measured("x", [5, 3, 4])) is None
    assert rule.why(measured("x", [5, 3, 4, 3])) == "x has not been better than 3, at step 10, for 20 steps"
    assert rule.why(measured("x", [5, 3, 4, 2.9])) is None
    assert (
        rule.why([*measured("x", [3, 4]), Row(500, "train", {"d/adv": 1.0})]) is None
    )  # x was not measured since
    assert rule.why(measured("x", [float("nan"), 3, 4, 4])) == rule.why(measured("x", [5, 3, 4, 3]))


def test_collapsed_needs_several_bad_measurements_in_a_row():
    rule = collapsed("x", share=0.5, times=2)
    assert rule.why(measured("x", [1, 1, 0.1])) is None
    assert rule.why(measured("x", [1, 1, 0.1, 0.9, 0.1])) is None
    assert rule.why(measured("x", [1, 1, 0.1, 0.1])) == "x has collapsed to 0.1, from 1 at step 0"
    assert collapsed("x", after=20).why(measured("x", [9, 9, 1, 1, 1])) is None


def test_saturated_needs_real_and_fake_for_ten_lines():
    sure = {"d/acc_real": 1.0, "d/acc_fake": 0.995}
    rows = [Row(i, "train", sure) for i in range(10)]
    assert saturated().why(rows) == "D is right about 100 % of real and 99.5 % of fake examples"
    assert saturated().why(rows[:9]) is None
    for side in sure:
        assert saturated().why([row._replace(numbers={**sure, side: 0.5}) for row in rows]) is None
    assert saturated().why([*rows, Row(11, "train", {**sure, "d/acc_fake": 0.5})]) is None


def test_a_number_that_is_not_finite_is_never_the_best(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(map(encode, measured("x", [3.0, float("nan"), 4.0]))).replace("}{", "}\n{"))
    assert stalled("x", 20, "lower").why(read(path)) is not None


def test_rules_that_could_never_stop_are_refused():
    with pytest.raises(Refused, match="give at_least, or at_most"):
        reached("x")
    with pytest.raises(Refused, match='"higher" or "lower" for x, not \'max\''):
        stalled("x", 10, "max")


def test_nan_does_not_count_as_progress():
    rule = stalled("x", 20, "lower")
    nan = float("nan")
    assert rule.why(measured("x", [5, 3, nan])) is None
    assert rule.why(measured("x", [5, 3, nan, nan])) is not None


def test_a_rule_that_reads_what_nothing_measures_is_warned_about(tmp_path, capsys):
    module = script("stopping")
    build = module.build
    module.build = lambda config, source: build(config, source)._replace(
        stops=[reached("coverge", at_least=1), saturated()]
    )
    assert play(module, "--out", tmp_path / "run", "--steps", 10) == 0
    err = capsys.readouterr().err
    assert err.count("warning: a stop rule reads coverge, which nothing has measured so far") == 1
    assert "reads d/acc" not in err


def test_a_best_that_asks_for_what_is_not_measured_is_refused_in_one_line(tmp_path, capsys):
    module = script("stopping")
    build = module.build
    module.build = lambda config, source: build(config, source)._replace(
        best=lambda measured: -measured["fd_raw"]
    )
    assert play(module, "--out", tmp_path / "run", "--steps", 10) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(
        "error: `best` asks for 'fd_raw', which no hook has measured; there are d/spectral/"
    )
