"""A search at a command line: what goes on does so to the bit, and what is asked for wrongly is named."""

import random
import shutil
import sys
import time
from pathlib import Path

import pytest
from run_folders import run_folder
from support import SCRIPTS, ended, play, same, script, start

from jaxgan.folder import rows
from jaxgan.folder.folder import Folder
from jaxgan.folder.manifest import read_manifest
from jaxgan.run.reopen import read_lanes, reopen
from jaxgan.sweep.folder import Paths, Planned, Sweep, progress, read, save
from jaxgan.sweep.plan import Pack
from jaxgan.sweep.search import Goal, scores

PATH = SCRIPTS / "tiny.py"
TINY = script("tiny")
FAR, NEAR = [1e-5, 2e-5, 3e-5, 4e-5, 5e-5, 6e-5, 7e-5, 8e-5], [0.011, 0.012, 0.013, 0.014]
RATES = [FAR[0], NEAR[0], *FAR[1:5], FAR[5], NEAR[1], NEAR[2], FAR[6], NEAR[3], FAR[7]]  # six to a pack
AXES = f"lr={','.join(map(repr, RATES))} seed=5"
SEARCH = (
    "--sweep",
    AXES,
    "--search",
    "halving",
    "--metric",
    "lower:distance",
    "--near",
    0.01,
    "--first-rung",
    2,
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    home = tmp_path_factory.mktemp("search") / "s"
    assert play(TINY, *SEARCH, "--jobs", 1, "--out", home) == 0
    return home


def rates(home):
    return {cell["lr"] for cell in read(home).cells}


def test_the_best_third_goes_on_from_where_it_is(searched):
    one, two = searched / "rung-1", searched / "rung-2"
    assert rates(one) == set(RATES)
    assert rates(two) == set(NEAR)
    assert {(pack.state, pack.step) for pack in progress(two, read(two))} == {("done", 8)}
    names = [planned.name for planned in read(two).packs]
    assert [len(read_manifest(Folder(Paths(two).run(name))).taken.split(", ")) for name in names] == [2, 1]
    for name in names:
        sessions = read_manifest(Folder(Paths(two).run(name))).sessions
        assert [(session.began, session.step) for session in sessions] == [(0, 2), (2, 8)]


def test_a_lane_that_went_on_is_to_the_bit_the_run_it_would_be_alone(searched, tmp_path):
    home = searched / "rung-2"
    run = Paths(home).run(read(home).packs[0].name)
    members = read_lanes(run)
    assert {member.values["lr"] for member in members} == {0.011, 0.012}  # of two packs
    alone = tmp_path / "alone"
    assert (
        play(TINY, "--seeds", 5, "--over", f"lr={members[1].values['lr']!r}", "--near", 0.01, "--out", alone)
        == 0
    )
    same(reopen(run, lane=members[1].name).state, reopen(alone, lane=members[1].name).state)
    logged = [rows.read(Folder(path).metrics, number) for path, number in ((run, 1), (alone, 0))]
    assert _numbers(logged[0]) == _numbers(logged[1])


def _numbers(logged):
    return [
        (
            row.step,
            row.kind,
            {name: x for name, x in row.numbers.items() if "/s" not in name and "_s" not in name},
        )
        for row in logged
    ]


def test_the_same_command_trains_nothing_again_also_if_it_was_killed_between_two_rungs(
    searched, tmp_path, capsys
):
    home = Path(shutil.copytree(searched, tmp_path / "s"))
    before = {path: path.stat().st_mtime_ns for path in home.rglob("_CHECKPOINT_METADATA")}
    planned = read(home / "rung-2").packs
    Paths(home / "rung-2").sweep.unlink()
    assert play(TINY, *SEARCH, "--jobs", 1, "--out", home) == 0
    assert read(home / "rung-2").packs == planned
    assert {path: path.stat().st_mtime_ns for path in home.rglob("_CHECKPOINT_METADATA")} == before
    out = capsys.readouterr().out
    assert "2 steps: 12 settings, best distance 0.0005 with lr=0.011" in out
    assert "8 steps: 4 settings, best distance 0.000125 with lr=0.011" in out


def test_a_search_that_is_another_is_refused(searched, tmp_path, capsys):
    refusals = [
        (("--steps", 9), "rung-1 has 2 steps, not 3: give --steps and --first-rung as before"),
        (("--sweep", "lr=0.1,0.2"), "rung-1 was planned with other cells"),
        (("--metric", "higher:distance"), "rung-2 was planned with other settings or another --metric"),
        (("--metric", "fid"), "has a metric fid; there are distance"),
        (("--width", 9), "was planned with other options: width 8 -> 9"),
    ]
    for options, line in refusals:
        assert play(TINY, *SEARCH, "--jobs", 1, "--out", searched, *options) == 2
        assert line in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert play(TINY, *SEARCH, "--out", tmp_path) == 2
    assert "is not empty, and not a search by halving" in capsys.readouterr().err


RANDOM = ("--sweep", "lr=log(1e-4,1e-2)", "--draws", 3)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--search", "halving", *RANDOM), "--search needs --metric NAME"),
        (("--search", "halving", *RANDOM, "--metric", "width"), "give lower:width or higher:width"),
        (
            ("--search", "halving", "--sweep", "seed=0:3", "--metric", "fid"),
            "--search halving has one setting",
        ),
        (
            ("--search", "optuna", "--sweep", "lr=1,2", "--metric", "fid"),
            "needs an axis to draw from, such as",
        ),
        (("--search", "optuna", *RANDOM[:2], "--metric", "fid"), "--search optuna needs --draws N"),
        (("--search", "halving", *RANDOM, "--metric", "fid", "--plan-only"), "leave out --plan-only"),
        (("--search", "halving", "--sweep", "steps=1,2", "--metric", "fid"), "leave out the axis steps"),
        (("--search", "halving", "--metric", "fid"), "--search is over the axes of a sweep"),
    ],
)
def test_what_is_asked_for_wrongly_is_one_line(options, line, tmp_path, capsys):
    assert play(TINY, *options, "--out", tmp_path / "s") == 2
    err = capsys.readouterr().err
    assert line in err
    assert err.count("\n") == 1
    assert not (tmp_path / "s").exists()


def test_without_optuna_the_extra_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert play(TINY, "--search", "optuna", *RANDOM, "--metric", "fid", "--out", tmp_path / "s") == 2
    assert "--search optuna needs Optuna: install jaxgan[search]" in capsys.readouterr().err


def test_a_dry_run_says_who_gets_how_many_steps(tmp_path, capsys):
    assert play(TINY, *SEARCH, "--steps", 90, "--first-rung", 10, "--dry-run", "--out", tmp_path / "s") == 0
    lines = ["12 settings to 10 steps", "4 settings to 30 steps", "1 settings to 90 steps"]
    assert capsys.readouterr().out.splitlines() == [*lines, "260 updates over all seeds"]
    assert not (tmp_path / "s").exists()


def test_a_score_is_the_mean_over_seeds_and_nan_if_one_failed_or_is_missing(tmp_path):
    packs = [Pack({"width": width}, ({},), (0, 1)) for width in (4, 8, 16)]
    planned = [
        Planned(name=p.name, program=p.program, shared=dict(p.shared), values=[{}], seeds=[0, 1])
        for p in packs
    ]
    save(tmp_path, Sweep(script="s.py", files={}, options={"steps": 9}, packs=planned))
    for pack in planned[:2]:  # the last was never begun
        width = pack.shared["width"]
        numbers = [{"step": step, "modes": [width + step, width + step + 3.0]} for step in (0, 9)]
        still = {"seed=1": "stands still: NaN"} if width == 8 else None
        run_folder(
            Paths(tmp_path).run(pack.name),
            numbers,
            config={"seeds": "0:2", "width": width, "steps": 9},
            still=still,
        )
    settings = [{"width": width} for width in (16, 8, 4)]
    assert str(scores(tmp_path, settings, Goal("modes", "higher"))) == "[nan, nan, -14.5]"
    assert scores(tmp_path, settings[2:], Goal("modes", "lower")) == [14.5]


@pytest.mark.slow
def test_optuna_at_a_command_line(tmp_path, capsys):
    pytest.importorskip("optuna")
    home = tmp_path / "s"
    axes = ("--sweep", "lr=log(1e-4,1e-1) seed=0:2", "--search", "optuna", "--metric", "lower:distance")
    command = (*axes, "--near", 0.01, "--ask", 3, "--steps", 2, "--jobs", 1, "--out", home)
    assert play(TINY, *command, "--draws", 3) == 0
    first = capsys.readouterr().out
    assert "2 steps: 3 settings, best distance" in first
    assert len(read(home).cells) == 6
    assert play(TINY, *command, "--draws", 3) == 0
    assert capsys.readouterr().out == first
    assert {pack.claim.number for pack in progress(home, read(home))} == {1}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kills_of_a_search_cost_no_setting_and_change_no_bit(searched, tmp_path):
    home, choose = tmp_path / "s", random.Random(0)
    command = (PATH, *SEARCH, "--jobs", 2, "--out", home)
    for _ in range(6):
        process = start(*command)
        time.sleep(choose.uniform(3, 15))
        process.kill()
        process.communicate()
    ended(start(*command))
    assert rates(home / "rung-2") == set(NEAR)
    whole = dict(_states(searched / "rung-2"))
    for cell, state in _states(home / "rung-2"):
        same(state, whole.pop(cell))
    assert not whole


def _states(home):
    for planned in read(home).packs:
        run = Paths(home).run(planned.name)
        for member in read_lanes(run):
            yield member.name, reopen(run, lane=member.name).state
