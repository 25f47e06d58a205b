"""Sweeps at a command line: planned, worked on, killed, extended, and refused in one line."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support import SCRIPTS, ended, jaxgan, play, same, script, start

from jaxgan.run.reopen import reopen
from jaxgan.sweep.folder import Paths, progress, read

PATH = SCRIPTS / "tiny.py"
TINY = script("tiny")
AXES = "lr=1e-3,1e-2 seed=0:2"


def states(home):
    return [pack.state for pack in progress(home, read(home))]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    home = tmp_path_factory.mktemp("sweep") / "s"
    assert play(TINY, "--sweep", AXES, "--out", home, "--jobs", 1) == 0
    return home


def test_a_sweep_is_one_command_and_every_pack_a_run_folder(swept):
    assert states(swept) == ["done", "done"]
    cells = [{"lr": lr, "seed": seed} for lr in (1e-3, 1e-2) for seed in range(2)]
    assert sorted(map(str, read(swept).cells)) == sorted(map(str, cells))


def test_a_cell_is_to_the_bit_the_run_it_would_be_alone(swept, tmp_path):
    planned = read(swept).packs[0]
    (cell, *_) = planned.pack.cells
    alone = tmp_path / "alone"
    assert play(TINY, "--seeds", cell["seed"], "--over", f"lr={cell['lr']}", "--out", alone) == 0
    lane = f"seed={cell['seed']},lr={cell['lr']}"
    same(reopen(Paths(swept).run(planned.name), lane=lane).state, reopen(alone, lane=lane).state)


def test_the_same_command_trains_nothing_again_and_more_seeds_only_what_is_new(swept, tmp_path):
    home = Path(shutil.copytree(swept, tmp_path / "s"))
    before = {path: path.stat().st_mtime_ns for path in home.rglob("checkpoints/*/_CHECKPOINT_METADATA")}
    names = {planned.name for planned in read(home).packs}
    assert play(TINY, "--sweep", AXES, "--out", home) == 0
    assert {planned.name for planned in read(home).packs} == names
    assert play(TINY, "--sweep", AXES.replace("0:2", "0:3"), "--out", home, "--jobs", 1, "--pack", 64) == 0
    sweep = read(home)
    assert len(sweep.cells) == 6
    new = [planned for planned in sweep.packs if planned.name not in names]
    assert {cell["seed"] for planned in new for cell in planned.pack.cells} == {2}
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    assert set(states(home)) == {"done"}


def test_a_run_that_completed_after_its_worker_died_is_done(swept, tmp_path):
    home = Path(shutil.copytree(swept, tmp_path / "s"))
    (end,) = Paths(home).claims(read(home).packs[0].name).glob("*.end")
    end.unlink()
    claim = end.with_suffix("")
    claim.write_text(json.dumps(json.loads(claim.read_text()) | {"process": 2**22 - 1}))
    assert sorted(states(home)) == ["done", "waiting"]
    assert play(TINY, "--sweep", AXES, "--out", home, "--jobs", 1) == 0
    assert states(home) == ["done", "done"]


def test_more_steps_go_on_from_the_checkpoints(swept, tmp_path):
    home = Path(shutil.copytree(swept, tmp_path / "s"))
    assert play(TINY, "--sweep", AXES, "--out", home, "--steps", 12, "--jobs", 2) == 0
    assert {pack.step for pack in progress(home, read(home))} == {12}
    run = Paths(home).run(read(home).packs[0].name)
    assert len(json.loads((run / "manifest.json").read_text())["sessions"]) == 2


def test_a_dry_run_prints_the_plan_and_writes_nothing(tmp_path, capsys):
    """A width, by which the script builds, makes another program; a rate does not."""
    home = tmp_path / "s"
    axes = f"{AXES} width=4,8"
    assert play(TINY, "--sweep", axes, "--out", home, "--jobs", 2, "--dry-run") == 0
    first, *packs, last = capsys.readouterr().out.splitlines()
    assert first == "8 cells in 4 packs of 2 programs"
    assert len(packs) == 4
    cost = r" 2 lanes  waiting  [\d.]+ MB and [\d.]+ ms per update of a lane$"
    assert all(re.search(cost, pack) for pack in packs)
    assert re.fullmatch(r"about \d+ (s|min) on 2 workers, without compiling", last)
    assert not home.exists()


def test_what_fails_is_named_and_the_rest_goes_on(tmp_path, capsys):
    home = tmp_path / "s"
    options = ("--out", home, "--jobs", 2, "--sweep-retries", 0, "--steps", 4)
    assert play(TINY, "--sweep", "raise_at=-1,3", *options) == 1
    err = capsys.readouterr().err
    assert "1 of 2 cells done, 1 failed" in err
    assert "RuntimeError: as ordered" in err
    failed = [pack for pack in progress(home, read(home)) if pack.state == "failed"]
    assert {pack.planned.shared["raise_at"] for pack in failed} == {3}
    assert "Traceback" in Paths(home).log(failed[0].planned.name, 1).read_text()


def test_a_program_that_is_refused_is_found_by_its_first_pack_alone(tmp_path, capsys):
    home = tmp_path / "s"
    options = ("--out", home, "--jobs", 1, "--sweep-retries", 0, "--pack", 1)
    assert play(TINY, "--sweep", "data=nowhere seed=0:6", *options) == 1
    assert "0 of 6 cells done, 5 waiting, 1 failed" in capsys.readouterr().err
    assert sum(pack.claim is not None for pack in progress(home, read(home))) == 1
    assert play(TINY, "--sweep", "data=nowhere seed=0:6", *options) == 1  # tried once more by a new command
    assert [pack.claim.number for pack in progress(home, read(home)) if pack.claim] == [2]


def test_a_run_that_is_not_finite_is_a_result_and_not_tried_again(tmp_path):
    home = tmp_path / "s"
    assert play(TINY, "--sweep", "nan_at=3", "--nan-always", "--out", home) == 0
    assert [pack.claim.number for pack in progress(home, read(home))] == [1]


def test_options_of_another_sweep_and_a_changed_script_are_refused(swept, tmp_path, capsys):
    home = Path(shutil.copytree(swept, tmp_path / "s"))
    refusals = [
        (("--batch-size", 8), "was planned with other options: batch_size 16 -> 8; make them axes"),
        (("--seeds", "0:2"), "--sweep plans lanes by itself"),
        (("--resume", home), "--sweep starts runs of its own"),
    ]
    for options, line in refusals:
        assert play(TINY, "--sweep", AXES, "--out", home, *options) == 2
        assert line in capsys.readouterr().err
    sweep = json.loads((home / "sweep.json").read_text())
    (home / "sweep.json").write_text(json.dumps(sweep | {"files": {"tiny.py": "0"}}))
    assert play(TINY, "--sweep", AXES, "--out", home) == 2
    assert "tiny.py changed since the sweep" in capsys.readouterr().err
    (home / "sweep.json").write_text(json.dumps(sweep | {"script": "/other/tiny.py"}))
    assert play(TINY, "--sweep", AXES, "--out", home) == 2
    assert "is a sweep of /other/tiny.py" in capsys.readouterr().err
    assert play(TINY, "--sweep", AXES, "--out", home.parent) == 2
    assert "is not empty, and not a sweep" in capsys.readouterr().err


def test_the_commands_of_a_sweep(swept, tmp_path, monkeypatch, capsys):
    assert jaxgan(monkeypatch, "sweep", "status", swept) == 0
    assert "4 of 4 cells done" in capsys.readouterr().out
    assert jaxgan(monkeypatch, "work", swept) == 0
    assert jaxgan(monkeypatch, "sweep", "cancel", swept) == 0
    assert jaxgan(monkeypatch, "sweep", "resume", swept) == 0
    assert not Paths(swept).cancelled.exists()
    assert jaxgan(monkeypatch, "sweep", "status", tmp_path) == 2
    assert "is not the folder of a sweep" in capsys.readouterr().err
    assert jaxgan(monkeypatch, "report", swept, "--no-rebuild") == 0
    assert (swept / "report.html").read_text().count("lr=0.01") > 1


@pytest.mark.slow
def test_ctrl_c_and_cancel_save_every_run_and_the_same_command_goes_on(tmp_path, monkeypatch):
    home = tmp_path / "s"
    command = (PATH, "--sweep", "seed=0:2", "--out", home, "--steps", 300, "--pause", 0.2, "--jobs", 2)

    def training(process, attempt):
        """Waits until both packs make steps in this attempt."""
        while sum("/300" in log.read_text() for log in home.glob(f"logs/*-{attempt}.txt")) < 2:
            assert process.poll() is None
            time.sleep(0.1)
        return process

    process = training(start(*command), 1)
    process.send_signal(signal.SIGINT)
    assert "the same command goes on" in ended(process, 130)
    assert "done" not in states(home)
    process = training(start(*command), 2)
    assert jaxgan(monkeypatch, "sweep", "cancel", home) == 0
    ended(process, 1)
    assert "running" not in states(home)
    ended(start(*command))
    assert set(states(home)) == {"done"}


@pytest.mark.slow
def test_a_pack_that_is_killed_again_and_again_at_one_step_counts_as_failed(tmp_path):
    home = tmp_path / "s"
    text = "import os, signal\n" + PATH.read_text()
    path = tmp_path / "killed.py"
    path.write_text(text.replace("    import time\n", "    os.kill(os.getpid(), signal.SIGKILL)\n", 1))
    err = ended(start(path, "--sweep", "width=4", "--out", home, "--sweep-retries", 0), 1)
    assert "was killed 3 times at step 0: is there memory enough?" in err


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_twenty_kills_of_anything_cost_no_cell_and_change_no_bit(tmp_path):
    home, whole = tmp_path / "s", tmp_path / "whole"
    command = (
        PATH,
        "--sweep",
        "width=4,8 lr=1e-3,1e-2 seed=0:3",
        "--jobs",
        2,
        "--steps",
        600,
        "--pause",
        0.05,
    )
    ended(start(*command, "--out", whole), seconds=1200)
    choose = random.Random(0)
    kills = 0
    process = start(*command, "--out", home)
    while not (home / "sweep.json").exists():  # before which there is nothing that a kill could harm
        assert process.poll() is None
        time.sleep(0.1)
    while kills < 20:
        time.sleep(choose.uniform(1, 6))
        if process.poll() is not None:
            process.communicate()
            process = start(*command, "--out", home)
            continue
        children = subprocess.run(["pgrep", "-f", str(home / "options")], capture_output=True, text=True)
        victims = [*map(int, children.stdout.split()), process.pid]
        os.kill(choose.choice(victims), signal.SIGKILL)
        kills += 1
    process.kill()
    process.communicate()
    while "done" not in (result := set(states(home))) or len(result) > 1:
        process = start(*command, "--out", home)
        process.communicate()
    assert [planned.name for planned in read(home).packs] == [planned.name for planned in read(whole).packs]
    for planned in read(home).packs:
        for cell in planned.pack.cells:
            lane = f"seed={cell['seed']},lr={cell['lr']}"
            runs = [Paths(place).run(planned.name) for place in (home, whole)]
            same(*(reopen(run, lane=lane).state for run in runs))
