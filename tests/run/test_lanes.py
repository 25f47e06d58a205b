"""Lanes: each is the single run that it would have been, and one that fails leaves the others alone."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from support import SCRIPTS, built, final, jaxgan, play, rows, same, script, steps

import jaxgan as jg
from jaxgan.compare.record import record
from jaxgan.errors import Refused
from jaxgan.folder.checkpoint import Checkpoints, SaveFailed
from jaxgan.run.devices import check_memory, choose_devices
from jaxgan.run.lane import lane_index, lanes
from jaxgan.run.reopen import reopen

EVERYTHING, TINY, FILES = script("everything"), script("tiny"), script("files")
SEEDS = ("--seeds", "0:3")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    run = tmp_path_factory.mktemp("lanes") / "many"
    assert play(EVERYTHING, "--out", run, *SEEDS) == 0
    return run


def test_hooks_are_not_called_for_a_lane_that_a_hook_has_stopped(tmp_path, capsys):
    calls = []

    def build(config, source):
        experiment = TINY.build(config, source)

        def stop(moment):
            if (moment.step, moment.lane) == (4, "seed=1"):
                raise jg.Stop("enough")

        def record_call(moment):
            calls.append((moment.step, moment.lane))
            return {}

        return experiment._replace(hooks=[*experiment.hooks, jg.Hook(2, stop), jg.Hook(2, record_call)])

    build.__module__ = TINY.build.__module__
    run = tmp_path / "run"
    assert play(SimpleNamespace(Config=TINY.Config, build=build), "--out", run, *SEEDS, "--best-at", 4) == 0
    assert {(2, "seed=1"), (4, "seed=0"), (6, "seed=2")} <= set(calls)
    assert (4, "seed=1") not in calls
    with Checkpoints(run / "checkpoints") as checkpoints:
        assert 4 in checkpoints.scores("seed=0")
        assert 4 not in checkpoints.scores("seed=1")
    assert record(run).best == {"seed=0": 4, "seed=1": 2, "seed=2": 4}  # the other lanes go on
    assert "the best checkpoints, one for each lane, are of steps 2 to 4" in capsys.readouterr().err


def test_a_lane_equals_its_single_run_bit_for_bit(many, tmp_path, monkeypatch):
    alone, taken = tmp_path / "alone", tmp_path / "taken"
    assert play(EVERYTHING, "--out", alone, "--seed", 1) == 0
    same(final(alone), reopen(many, lane="seed=1").state)
    assert jaxgan(monkeypatch, "take", many, "seed=1", "--out", taken) == 0
    same(final(alone), final(taken))
    assert rows(taken) == rows(alone)
    assert (record(taken).ends, record(taken).reached) == (("finished",), 10)
    for name in ("step_000000.png", "step_000010.png"):
        assert (taken / "samples" / name).read_bytes() == (alone / "samples" / name).read_bytes()

    for run in (alone, taken):  # and resumes as such
        assert jaxgan(monkeypatch, "resume", run, "--steps", 13) == 0
    same(final(alone), final(taken))
    assert json.loads((taken / "config.json").read_text())["seed"] == 1


def test_a_lane_is_taken_completely_or_not_at_all(many, tmp_path, monkeypatch, capsys):
    def disk_full(*_, **__):
        raise SaveFailed("checkpoint 10 could not be written: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", disk_full)
        assert jaxgan(patch, "take", many, "seed=1", "--out", tmp_path / "taken") == 2
    assert "No space left on device" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert jaxgan(monkeypatch, "take", many, "seed=1", "--out", tmp_path / "taken") == 0


def test_resuming_lanes_is_exact(many, tmp_path):
    halves = tmp_path / "halves"
    assert play(EVERYTHING, "--out", halves, *SEEDS, "--steps", 5) == 0
    assert play(EVERYTHING, "--resume", halves, "--steps", 10) == 0
    for name in ("seed=0", "seed=2"):
        same(reopen(many, lane=name).state, reopen(halves, lane=name).state)


@pytest.mark.slow  # tests/scale/test_lanes.py has the update alone
def test_lanes_side_by_side_are_close_to_lanes_in_turn(many, tmp_path):
    """Compared after one step, as Adam amplifies rounding; tests/scale compares many steps of SGD."""
    near = tmp_path / "near"
    assert play(EVERYTHING, "--out", near, *SEEDS, "--lanes", "vmap", "--devices", 1, "--steps", 1) == 0
    assert play(EVERYTHING, "--out", tmp_path / "one", *SEEDS, "--steps", 1) == 0
    for name in ("seed=0", "seed=2"):
        mine, yours = (reopen(run, lane=name).state for run in (near, tmp_path / "one"))
        for a, b in zip(jax.tree.leaves(mine.d), jax.tree.leaves(yours.d), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)
    assert play(EVERYTHING, "--resume", near, "--steps", 3, "--lanes", "loop") == 0  # same format


def test_a_row_has_every_lane_and_a_line_the_median_and_the_worst(many, capsys):
    assert [set(map(len, lists(row))) for row in rows(many)[1:]] == [{3}] * len(rows(many)[1:])
    assert play(TINY, "--out", many.parent / "tiny", *SEEDS, "--steps", 2) == 0
    row = next(row for row in rows(many.parent / "tiny") if "d/adv" in row)
    low, median, high = sorted(row["d/adv"])
    far = high if high - median > median - low else low
    line = f"d/adv {median:.3g} (seed={row['d/adv'].index(far)}: {far:.3g})"
    assert line in capsys.readouterr().err


def lists(row):
    return [value for value in row.values() if isinstance(value, list)]


@pytest.mark.parametrize("how", ["loop", pytest.param("vmap", marks=pytest.mark.slow)])
def test_a_lane_that_fails_stands_still_and_the_others_go_on(how, tmp_path, capsys, monkeypatch):
    """--nan-at of tiny.py affects seed 0 only."""
    run, whole, taken = tmp_path / "run", tmp_path / "whole", tmp_path / "taken"
    options = (*SEEDS, "--lanes", how, "--devices", 1)
    assert play(TINY, "--out", run, *options, "--nan-at", 5, "--log-every", 1, "--best-at", 4) == 0
    stderr = capsys.readouterr().err
    assert "warning: seed=0 stands still: step 5: d/adv is nan" in stderr
    assert "finished at step 8, 1 of 3 lanes stand still" in stderr
    assert play(TINY, "--out", whole, *options) == 0
    for name in ("seed=1", "seed=2"):
        same(reopen(run, lane=name).state, reopen(whole, lane=name).state)
    row = rows(run)[-1]
    assert row["score"][0] is None
    assert None not in row["score"][1:]
    assert json.loads((run / "manifest.json").read_text())["sessions"][0]["still"].keys() == {"seed=0"}

    assert int(reopen(run, lane="seed=0").state.step) == 5  # not the step of the other lanes
    assert int(reopen(run, lane="seed=1").state.step) == 8
    assert record(run).best == dict.fromkeys(("seed=0", "seed=1", "seed=2"), 4)
    assert [int(reopen(run, "best", f"seed={n}").state.step) for n in range(3)] == [4, 4, 4]

    assert play(TINY, "--resume", run, "--steps", 10) == 0  # it stands still for good
    assert "warning: seed=0 stands still: step 5: d/adv is nan" in capsys.readouterr().err
    assert jaxgan(monkeypatch, "take", run, "seed=0", "--out", taken) == 0  # but it can be taken out
    assert steps(taken) == [4, 5]  # the best and the newest
    assert record(taken).end == "stands still: step 5: d/adv is nan"
    assert record(run).halted.keys() == {"seed=0"}
    capsys.readouterr()
    assert jaxgan(monkeypatch, "info", run) == 0
    assert re.search(r"halted lanes +seed=0 stands still: step 5: d/adv is nan\n", capsys.readouterr().out)
    assert play(TINY, "--resume", taken, "--steps", 8, "--on-nan", "skip") == 0
    assert int(final(taken).rule.skipped) == 1


def test_a_run_ends_when_every_lane_stands_still(tmp_path, capsys):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--over", "lr=1e38,2e38", "--steps", 50) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: no lane moves any more"
    assert max(steps(run)) < 50


def test_a_run_whose_lanes_all_stand_still_cannot_be_resumed(tmp_path, capsys):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--over", "lr=1e38,2e38", "--steps", 4) == 1
    assert play(TINY, "--resume", run, "--steps", 9) == 2
    assert "all lanes of this run stand still; `jaxgan take`" in capsys.readouterr().err


def test_over_refuses_an_option_that_samples_depend_on(tmp_path, capsys):
    """The generator is sampled with the options of one lane only."""

    def build(config, source):
        experiment = TINY.build(config, source)
        sample = experiment.game.sample
        game = experiment.game._replace(sample=lambda *given: config.lr * sample(*given))
        return experiment._replace(rule=experiment.rule._replace(game=game))

    build.__module__ = TINY.build.__module__
    module = SimpleNamespace(Config=TINY.Config, build=build)
    assert play(module, "--out", tmp_path / "run", "--over", "lr=1e-3,1e-2") == 2
    assert "samples depend on it, and not only through the parameters" in capsys.readouterr().err


def test_over_refuses_an_option_that_no_update_depends_on(tmp_path, capsys):
    def build(config, source):
        return TINY.build(replace(config, lr=1e-3), source)

    build.__module__ = TINY.build.__module__
    module = SimpleNamespace(Config=TINY.Config, build=build)
    assert play(module, "--out", tmp_path / "run", "--over", "lr=1e-3,1e-2") == 2
    assert "--over lr: no update depends on it, so its lanes would be the same run" in capsys.readouterr().err


def test_over_refuses_a_value_that_the_script_refuses(tmp_path, capsys):
    """The script can check plain numbers, but not the tracers that `build` is called with later."""

    def build(config, source):
        if isinstance(config.lr, float) and config.lr <= 0:
            raise Refused("a rate is above 0")
        return TINY.build(config, source)

    build.__module__ = TINY.build.__module__
    module = SimpleNamespace(Config=TINY.Config, build=build)
    assert play(module, "--out", tmp_path / "run", "--seeds", "0:2", "--over", "lr=1e-3,0") == 2
    assert "--over lr=0.0: a rate is above 0" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_hook_can_stop_every_lane(tmp_path, capsys):
    assert play(TINY, "--out", tmp_path / "run", *SEEDS, "--stop-at", 3) == 0
    assert "stopped: no lane moves any more" in capsys.readouterr().err
    assert steps(tmp_path / "run")[-1] == 3


@pytest.mark.slow
def test_over_and_seeds_combine(tmp_path):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--seeds", "0:2", "--over", "lr=1e-3,1e-2", "--steps", 2) == 0
    assert play(TINY, "--out", tmp_path / "alone", "--seed", 1, "--lr", 1e-2, "--steps", 2) == 0
    again, alone = reopen(run, lane="seed=1,lr=0.01"), reopen(tmp_path / "alone")
    assert (again.config.lr, again.config.seed) == (1e-2, 1)
    for a, b in zip(jax.tree.leaves(again.state.d), jax.tree.leaves(alone.state.d), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    other = reopen(run, lane="seed=1,lr=0.001").state
    assert not np.allclose(other.g.params["Dense_0"]["bias"], alone.state.g.params["Dense_0"]["bias"])
    assert jax.tree.structure(again.state) == jax.tree.structure(alone.state)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["loop", pytest.param("vmap", marks=pytest.mark.slow)])
def test_each_lane_reads_its_own_files(how, tmp_path):
    from support import picture_folder

    data = picture_folder(tmp_path / "data", 50)
    common = ("--data", data, "--steps", 3)
    assert play(FILES, "--out", tmp_path / "lanes", *common, *SEEDS, "--lanes", how, "--devices", 1) == 0
    assert play(FILES, "--out", tmp_path / "alone", *common, "--seed", 2) == 0
    mine, alone = reopen(tmp_path / "lanes", lane="seed=2").state, final(tmp_path / "alone")
    for a, b in zip(jax.tree.leaves(mine.d), jax.tree.leaves(alone.d), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)
    if how == "loop":
        same(mine, alone)


def test_files_are_read_into_memory_once_for_all_devices(tmp_path, capsys):
    from support import picture_folder

    data = ("--data", picture_folder(tmp_path / "data", 50), "--memory", 100)
    assert play(FILES, "--out", tmp_path / "run", *data, *SEEDS, "--devices", 2, "--steps", 1) == 0
    assert capsys.readouterr().err.count(" examples into memory") == 1


def test_one_lane_can_be_sampled_and_exported(many, tmp_path, monkeypatch):
    for name in ("a", "b"):
        out = tmp_path / f"{name}.png"
        assert jaxgan(monkeypatch, "sample", many, "--lane", "seed=1", "--n", 4, "--out", out) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert jaxgan(monkeypatch, "export", many, "--lane", "seed=1", "--out", tmp_path / "out") == 0
    assert "| step_again | 10.0 |" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--seeds", "a"), "--seeds a is not a list of seeds: give 0:8 for 0 to 7, or 1,4,9"),
        (("--seeds", "5:2"), "--seeds 5:2 is not a list of seeds: give 0:8 for 0 to 7, or 1,4,9"),
        (("--seeds", "1,1"), "--seeds 1,1 names a seed twice"),
        (("--seeds", "0:400000000"), "--seeds 0:400000000 is 400,000,000 seeds: give at most 100,000"),
        (("--seeds=-1:3",), "--seeds -1:3 is not a list of seeds: give 0:8 for 0 to 7, or 1,4,9"),
        (
            ("--over", "lr"),
            "--over lr: give NAME=A,B,... with an option that is a number (lr, pause, near); for seeds",
        ),
        (
            ("--over", "seed=1,2"),
            "--over seed=1,2: give NAME=A,B,... with an option that is a number (lr, pause, near); for seeds",
        ),
        (("--over", "lr=1,x"), "--over lr=1,x: 1,x is not a list of numbers like 0.001"),
        (("--over", "batch_size=8,16"), "--over batch_size=8,16: all lanes share --batch-size; train these"),
        (("--over", "steps=4,8", "lr=1,2"), "--over steps=4,8: all lanes share --steps; train these as"),
        (("--over", "lr=1,1"), "--over lr=1,1 names a value twice"),
        (("--over", "lr=1,nan"), "--over lr=1,nan: nan is not a finite number of 32 bits"),
        (("--over", "lr=1,1e39"), "--over lr=1,1e39: 1e+39 is not a finite number of 32 bits"),
        (
            ("--over", "nan_at=1,3000000000"),
            "--over nan_at=1,3000000000: 3000000000 is not a finite number",
        ),
        (("--over", "lr=1", "lr=2"), "--over names an option twice: lr=1 lr=2"),
        (
            ("--over", "width=4,8"),
            "--over width: the experiment cannot be built with a traced value (",
        ),
        (
            ("--seeds", "0:2", "--on-nan", "restore"),
            "--on-nan restore is for single runs, since lanes",
        ),
        (("--devices", 9), "--devices 9: there are 8 (cpu)"),
        (
            ("--devices", 3),
            "a batch of 16 does not divide evenly over 3 devices: use a batch of 15 or 18, or 2 devices",
        ),
        (("--devices", 4, "--data-devices", 3, *SEEDS), "--data-devices 3 does not divide 4 devices"),
        (
            ("--devices", 4, "--data-devices", 2),
            "--data-devices 2: without lanes all 4 devices share each batch",
        ),
        (
            ("--devices", 4, "--data-devices", 2, *SEEDS, "--lanes", "vmap"),
            "3 lanes do not divide evenly over 2 rows of 2 of the 4 devices: use --data-devices 4",
        ),
        (
            ("--parallel", "pmap", *SEEDS, "--lanes", "vmap"),
            "--parallel pmap needs one process, and no lanes side by side: use jit",
        ),
    ],
)
def test_impossible_options_are_refused_in_one_line(options, line, tmp_path, capsys):
    assert play(TINY, "--out", tmp_path / "run", *options) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {line}")
    assert not (tmp_path / "run").exists()


def test_over_refuses_a_build_that_fails_on_tracers(tmp_path, capsys):
    def build(config, source):
        return TINY.build(replace(config, width=8 if config.lr.is_integer() else 4), source)

    build.__module__ = TINY.build.__module__
    module = SimpleNamespace(Config=TINY.Config, build=build)
    assert play(module, "--out", tmp_path / "run", "--over", "lr=1,2") == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: --over lr: the experiment cannot be built with a traced value (")


def test_lanes_in_turn_need_not_divide_evenly_over_devices(monkeypatch):
    config = replace(TINY.Config(), seeds="0:2", lanes="loop", ballast=100_000)  # 400 kB of each state
    devices, data = choose_devices(replace(config, devices=5), 2)
    assert (len(devices), data) == (5, 1)
    monkeypatch.setattr("jaxgan.scale.memory.limit", lambda device: 4_000_000)
    experiment = built(TINY, config)
    check_memory(
        experiment, replace(config, devices=8, data_devices=1), lanes(config), lambda values: experiment.rule
    )


@pytest.mark.parametrize("how", ["loop", pytest.param("vmap", marks=pytest.mark.slow)])
def test_more_lanes_than_fit_into_memory_are_refused(how, tmp_path, capsys, monkeypatch):
    """Memory for the program of two lanes side by side, or for two states, but not for eight."""
    from jaxgan.scale import memory

    sizes = []
    needs = memory.needs
    monkeypatch.setattr(memory, "needs", lambda compiled: sizes.append(needs(compiled)) or sizes[-1])
    options = ("--out", tmp_path / "run", "--lanes", how, "--devices", 1, "--steps", 1)
    if how == "vmap":
        assert play(TINY, "--seeds", "0:2", *options) == 0
        limit = sizes[0]
    else:
        options = (*options, "--ballast", 100_000)  # 400 kB of each state
        limit = 4_000_000
    monkeypatch.setattr(memory, "limit", lambda device: limit)
    capsys.readouterr()
    more = ("--out", tmp_path / "more", *options[2:])
    assert play(TINY, "--seeds", "0:8", *more) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: 8 lanes do not fit into 0.0 GiB of cpu: ")
    most = int(line.split()[-2])
    assert 2 <= most < 8
    assert play(TINY, "--seeds", f"0:{most}", *more) == 0


def test_a_lane_has_one_name():
    """Its rows and pictures are stored under this name; other spellings of the values are refused."""
    members = lanes(replace(TINY.Config(), seeds="0:2", over=("lr=1e-4,2e-4",)))
    assert members[lane_index(members, "seed=1,lr=0.0001", "run")].name == "seed=1,lr=0.0001"
    with pytest.raises(Refused, match=r"run has no lane seed=1,lr=1e-4: give one of .*seed=1,lr=0\.0001"):
        lane_index(members, "seed=1,lr=1e-4", "run")


def test_a_lane_is_chosen_by_name(many, tmp_path, monkeypatch, capsys):
    assert play(TINY, "--out", tmp_path / "one", "--steps", 1) == 0
    capsys.readouterr()
    out = ("--out", tmp_path / "grid.png")
    assert jaxgan(monkeypatch, "sample", many, *out) == 2
    assert "has 3 lanes: give --lane with one of seed=0 seed=1 seed=2" in capsys.readouterr().err
    assert jaxgan(monkeypatch, "take", many, "seed=7", "--out", tmp_path / "taken") == 2
    assert "has no lane seed=7: give one of seed=0 seed=1 seed=2" in capsys.readouterr().err
    assert jaxgan(monkeypatch, "sample", tmp_path / "one", "--lane", "seed=0", *out) == 2
    assert "is a single run, without lanes" in capsys.readouterr().err
    assert (SCRIPTS / "tiny.py").exists()
