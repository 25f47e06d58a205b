"""Edited, truncated or lost files of a run folder are detected, and recovered if possible."""

import contextlib
import os
import re
import shutil
from pathlib import Path

import pytest
from support import jaxgan, play, rows, script, steps

from jaxgan.folder.checkpoint import Checkpoints
from jaxgan.folder.files import write
from jaxgan.folder.folder import find_folder
from jaxgan.folder.manifest import read_manifest
from jaxgan.run import log

TINY = script("tiny")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of 6 steps, with a checkpoint at 4 and 6."""
    run = tmp_path_factory.mktemp("made") / "run"
    assert play(TINY, "--out", run, "--steps", 6) == 0
    return run


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


def stderr(capsys):
    return capsys.readouterr().err


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def at_step(monkeypatch, step, do):
    """Calls `do` during a run, after it has logged a step."""
    original = log.Log.write

    def write(self, logged, *args):
        original(self, logged, *args)
        if logged == step:
            do()

    monkeypatch.setattr(log.Log, "write", write)


def test_an_edited_option_is_refused_unless_forced(run, capsys, monkeypatch):
    edit(run / "config.json", '"lr": 0.001', '"lr": 0.1')
    assert jaxgan(monkeypatch, "info", run) == 0
    assert "edited" in (out := capsys.readouterr().out)
    assert "config.json, not by a session: lr 0.001 -> 0.1" in out
    assert play(TINY, "--resume", run, "--steps", 8) == 2
    way = "undo the edit, or --force resumes with it"
    assert stderr(capsys) == f"error: {run}/config.json was edited: lr 0.001 -> 0.1; {way}\n"
    assert steps(run)[-1] == 6
    assert play(TINY, "--resume", run, "--steps", 8, "--force") == 0
    entry = read_manifest(find_folder(run)).sessions[-1]
    assert entry.changed == {"lr": (0.001, 0.1)}
    assert entry.compiled is not None
    assert play(TINY, "--resume", run, "--steps", 9) == 0


def test_an_edited_seed_is_always_refused(run, capsys):
    edit(run / "config.json", '"seed": 0', '"seed": 7')
    for force in ((), ("--force",)):
        assert play(TINY, "--resume", run, "--steps", 8, *force) == 2
        assert "config.json was edited: seed 0 -> 7, which no resume may change" in stderr(capsys)


def test_an_option_that_may_change_on_resume_may_be_edited(run, capsys):
    edit(run / "config.json", '"steps": 6', '"steps": 8')
    assert play(TINY, "--resume", run, "--log-every", 1) == 0
    assert steps(run)[-1] == 8
    assert play(TINY, "--resume", run, "--steps", 9) == 0
    assert "edited" not in stderr(capsys)


def test_a_process_killed_while_it_writes_config_json_leaves_no_edit(run, monkeypatch):
    from jaxgan.folder import create

    def killed(*_):
        raise KeyboardInterrupt

    for broken in ("write", "write_manifest"):
        copy = shutil.copytree(run, run.with_name(broken))
        original, calls = getattr(create, broken), [0] if broken == "write" else [1, 0]
        monkeypatch.setattr(create, broken, lambda *a, f=original, n=calls: f(*a) if n.pop(0) else killed())
        assert play(TINY, "--resume", copy, "--steps", 8, "--log-every", 1) == 130
        monkeypatch.undo()
        assert play(TINY, "--resume", copy, "--steps", 8) == 0


def test_a_checkpoint_of_another_run_is_skipped(run, tmp_path, capsys):
    other = tmp_path / "other"
    assert play(TINY, "--out", other, "--steps", 8, "--seed", 1) == 0
    shutil.copytree(other / "checkpoints" / "8", run / "checkpoints" / "8")
    capsys.readouterr()
    assert play(TINY, "--resume", run, "--steps", 10) == 0
    assert "warning: checkpoint 8 is damaged (it was saved by another run); it was renamed" in stderr(capsys)
    assert steps(run)[-1] == 10


@pytest.mark.parametrize("harm", ["lost", "empty", "torn", "alien"])
def test_a_lost_manifest_is_recovered_from_a_checkpoint(harm, run, capsys):
    path = run / "manifest.json"
    before, text = read_manifest(find_folder(run)), path.read_text()
    path.unlink() if harm == "lost" else path.write_text(
        {"empty": "", "torn": text[:300], "alien": text.replace('"sessions": [', '"sessions": [3, ')}[harm]
    )
    assert play(TINY, "--resume", run, "--steps", 8) == 0
    assert f"warning: {path} " in (line := stderr(capsys))
    assert "using the copy in checkpoint 6 instead" in line
    after = read_manifest(find_folder(run))
    for name in ("id", "seed", "files", "data"):
        assert getattr(after, name) == getattr(before, name)
    assert [entry.ended for entry in after.sessions] == [None, "finished"]


def test_a_lost_manifest_without_a_copy_is_refused(run, capsys):
    (run / "manifest.json").unlink()
    shutil.rmtree(run / "checkpoints")
    assert play(TINY, "--resume", run) == 2
    assert stderr(capsys) == (
        f"error: {run}/manifest.json is not there, and no checkpoint has a copy of it: restore it\n"
    )


def test_a_manifest_deleted_during_a_run_is_written_again(tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    at_step(monkeypatch, 4, lambda: (run / "manifest.json").unlink())
    assert play(TINY, "--out", run) == 0
    assert f"warning: {run}/manifest.json is not there; it is written again" in stderr(capsys)
    manifest = read_manifest(find_folder(run))
    assert [entry.ended for entry in manifest.sessions] == ["finished"]
    assert "tiny.py" in manifest.files


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """An undisturbed run of 8 steps."""
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    assert play(TINY, "--out", run) == 0
    return run


# before another row, and before the end
@pytest.mark.parametrize(("harm", "step"), [("deleted", 4), ("cut", 8), ("replaced", 4)])
def test_metrics_lost_during_a_run_are_written_again(harm, step, undisturbed, tmp_path, monkeypatch, capsys):
    path = tmp_path / "run" / "metrics.jsonl"

    def do():
        if harm == "cut":
            os.truncate(path, path.stat().st_size // 2)
        else:
            text = path.read_text()
            path.unlink()
            if harm == "replaced":
                path.write_text(text)

    at_step(monkeypatch, step, do)
    assert play(TINY, "--out", path.parent) == 0
    monkeypatch.undo()
    assert f"{path} was deleted or cut while the run went on; it is written again" in stderr(capsys)
    assert rows(path.parent) == rows(undisturbed)


@pytest.mark.parametrize("left", [0, 1])
def test_a_resume_warns_of_lost_metrics(left, run, capsys):
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    assert len(lines) == 3
    (run / "metrics.jsonl").write_text("".join(lines[:left]))
    assert play(TINY, "--resume", run, "--steps", 8) == 0
    line = f"warning: metrics.jsonl has lost {3 - left} of the 3 rows up to step 6\n"
    assert line in stderr(capsys)


def test_a_resume_without_losses_does_not_warn(run, capsys):
    assert play(TINY, "--resume", run, "--steps", 8, "--log-every", 3) == 0
    assert play(TINY, "--resume", run, "--steps", 9, "--log-every", 1) == 0
    assert "warning" not in stderr(capsys)


def test_a_file_is_on_disk_before_it_is_renamed(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, f=original, n=name: (calls.append(n), f(*a)))
    write(tmp_path / "file", "text")
    assert calls == ["fsync", "replace", "fsync"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write(tmp_path / "file", "before")

    def full(*_):
        raise OSError(28, "No space left on device")

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, full)
        with pytest.raises(OSError, match="No space left"):
            write(tmp_path / "file", "after")
        monkeypatch.undo()
        assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("file", "before")]


@pytest.mark.parametrize("way", ["moved", "deleted", "without its checkpoints"])
def test_a_folder_removed_during_a_run_ends_it_with_one_line(way, tmp_path, monkeypatch, capsys):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    ways = {
        "moved": lambda: run.rename(elsewhere),
        "deleted": lambda: shutil.rmtree(run),
        "without its checkpoints": lambda: shutil.rmtree(run / "checkpoints"),
    }

    save = Checkpoints.save

    def save_and_wait(self, *args, **kwargs):
        save(self, *args, **kwargs)
        self.wait()  # Orbax completes a save that has started, wherever the folder is

    monkeypatch.setattr(Checkpoints, "save", save_and_wait)
    at_step(monkeypatch, 5, ways[way])
    assert play(TINY, "--out", run, "--log-every", 1, "--sample-every", 1) == 1
    err, why = stderr(capsys), f"{run}/checkpoints was moved or deleted while the run went on"
    assert re.fullmatch(f"error: checkpoint [46] could not be written: {why}", err.splitlines()[-1])
    assert "Traceback" not in err
    if way == "without its checkpoints":
        assert not (run / "checkpoints").exists()
        return
    assert not run.exists()  # and it is not recreated
    if way == "moved":
        monkeypatch.undo()
        assert play(TINY, "--resume", elsewhere) == 0


def test_a_folder_removed_when_no_checkpoint_is_due(tmp_path, monkeypatch, capsys):
    """Any other write to it, as by a hook, has the same error."""
    run = tmp_path / "run"
    from jaxgan.run import loop

    def remove_and_write(*_):
        shutil.rmtree(run)
        (run / "file").write_text("")

    monkeypatch.setattr(loop, "run_hooks", remove_and_write)
    assert play(TINY, "--out", run) == 1
    assert stderr(capsys).splitlines()[-1] == f"error: {run} was moved or deleted while the run went on"


def test_a_run_goes_on_without_its_pictures(tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"

    def no_pictures():
        shutil.rmtree(run / "samples")
        (run / "samples").write_text("")

    at_step(monkeypatch, 2, no_pictures)
    assert play(TINY, "--out", run, "--sample-every", 1) == 0
    assert steps(run)[-1] == 8
    err = stderr(capsys)
    assert err.count("the run goes on without pictures") == 1
    assert f"warning: {run}/samples/step_000002.png cannot be written: " in err


def test_pictures_go_on_in_a_new_folder(tmp_path, monkeypatch):
    run = tmp_path / "run"
    at_step(monkeypatch, 2, lambda: shutil.rmtree(run / "samples"))
    assert play(TINY, "--out", run, "--sample-every", 4) == 0
    assert [p.name for p in (run / "samples").iterdir()] == ["step_000004.png", "step_000008.png"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("precious")])
def test_an_existing_temporary_file_is_not_written_through(make, tmp_path):
    (tmp_path / "precious").write_text("mine")
    make(tmp_path / "config.json.tmp")
    with contextlib.suppress(OSError):  # a folder is in the way
        write(tmp_path / "config.json", "new")
        assert (tmp_path / "config.json").read_text() == "new"
    assert (tmp_path / "precious").read_text() == "mine"
