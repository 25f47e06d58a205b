"""What is edited, cut, lost or taken away of a run folder is noticed, and made again where that can be."""

import contextlib
import os
import re
import shutil
from pathlib import Path

import pytest
from support import jaxgan, play, rows, script, steps

from jaxgan.folder.checkpoint import Checkpoints
from jaxgan.folder.files import write
from jaxgan.folder.folder import existing
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


def said(capsys):
    return capsys.readouterr().err


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def at_step(monkeypatch, step, do):
    """Does this while a run is at work, when it has logged a step."""
    kept = log.Log.write

    def write(self, at, *given):
        kept(self, at, *given)
        if at == step:
            do()

    monkeypatch.setattr(log.Log, "write", write)


def test_an_edited_option_is_noticed(run, capsys, monkeypatch):
    edit(run / "config.json", '"lr": 0.001', '"lr": 0.1')
    assert jaxgan(monkeypatch, "info", run) == 0
    assert "edited" in (out := capsys.readouterr().out)
    assert "config.json, not by a session: lr 0.001 -> 0.1" in out
    assert play(TINY, "--resume", run, "--steps", 8) == 2
    way = "put it back, or --force goes on with what it says"
    assert said(capsys) == f"error: {run}/config.json was edited: lr 0.001 -> 0.1; {way}\n"
    assert steps(run)[-1] == 6
    assert play(TINY, "--resume", run, "--steps", 8, "--force") == 0
    assert read_manifest(existing(run)).sessions[-1].changed == {"lr": (0.001, 0.1)}
    assert play(TINY, "--resume", run, "--steps", 9) == 0


def test_an_edited_seed_is_never_gone_on_with(run, capsys):
    edit(run / "config.json", '"seed": 0', '"seed": 7')
    for force in ((), ("--force",)):
        assert play(TINY, "--resume", run, "--steps", 8, *force) == 2
        assert "config.json was edited: seed 0 -> 7, which cannot change" in said(capsys)


def test_what_may_change_on_a_resume_may_be_edited_too(run, capsys):
    edit(run / "config.json", '"steps": 6', '"steps": 8')
    assert play(TINY, "--resume", run, "--log-every", 1) == 0
    assert steps(run)[-1] == 8
    assert play(TINY, "--resume", run, "--steps", 9) == 0
    assert "edited" not in said(capsys)


def test_a_process_killed_while_it_writes_the_options_has_edited_nothing(run, monkeypatch):
    from jaxgan.folder import create

    def killed(*_):
        raise KeyboardInterrupt

    for broken in ("write", "write_manifest"):
        copy = shutil.copytree(run, run.with_name(broken))
        kept, left = getattr(create, broken), [0] if broken == "write" else [1, 0]
        monkeypatch.setattr(create, broken, lambda *a, k=kept, n=left: k(*a) if n.pop(0) else killed())
        assert play(TINY, "--resume", copy, "--steps", 8, "--log-every", 1) == 130
        monkeypatch.undo()
        assert play(TINY, "--resume", copy, "--steps", 8) == 0


def test_another_runs_checkpoint_is_stepped_over(run, tmp_path, capsys):
    other = tmp_path / "other"
    assert play(TINY, "--out", other, "--steps", 8, "--seed", 1) == 0
    shutil.copytree(other / "checkpoints" / "8", run / "checkpoints" / "8")
    capsys.readouterr()
    assert play(TINY, "--resume", run, "--steps", 10) == 0
    assert "warning: checkpoint 8 is damaged (it was saved by another run); it was set aside" in said(capsys)
    assert steps(run)[-1] == 10


@pytest.mark.parametrize("harm", ["lost", "empty", "torn", "alien"])
def test_a_lost_manifest_is_made_again(harm, run, capsys):
    path = run / "manifest.json"
    before, text = read_manifest(existing(run)), path.read_text()
    path.unlink() if harm == "lost" else path.write_text(
        {"empty": "", "torn": text[:300], "alien": text.replace('"sessions": [', '"sessions": [3, ')}[harm]
    )
    assert play(TINY, "--resume", run, "--steps", 8) == 0
    assert f"warning: {path} " in (line := said(capsys))
    assert "taken in its place is what it was at checkpoint 6" in line
    after = read_manifest(existing(run))
    for name in ("id", "seed", "files", "data"):
        assert getattr(after, name) == getattr(before, name)
    assert [entry.ended for entry in after.sessions] == [None, "finished"]


def test_a_lost_manifest_and_no_copy_of_it_is_said(run, capsys):
    (run / "manifest.json").unlink()
    shutil.rmtree(run / "checkpoints")
    assert play(TINY, "--resume", run) == 2
    assert said(capsys) == (
        f"error: {run}/manifest.json is not there, and no checkpoint has a copy of it: put it back\n"
    )


def test_a_manifest_lost_under_a_run_is_written_again(tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    at_step(monkeypatch, 4, lambda: (run / "manifest.json").unlink())
    assert play(TINY, "--out", run) == 0
    assert f"warning: {run}/manifest.json is not there; it is written again" in said(capsys)
    manifest = read_manifest(existing(run))
    assert [entry.ended for entry in manifest.sessions] == ["finished"]
    assert "tiny.py" in manifest.files


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of 8 steps that nothing happened to."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert play(TINY, "--out", run) == 0
    return run


# before another row, and before the end
@pytest.mark.parametrize(("harm", "step"), [("deleted", 4), ("cut", 8), ("replaced", 4)])
def test_metrics_lost_under_a_run_are_written_again(harm, step, whole, tmp_path, monkeypatch, capsys):
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
    assert f"{path} was deleted or cut while the run went on; it is written again" in said(capsys)
    assert rows(path.parent) == rows(whole)


@pytest.mark.parametrize("left", [0, 1])
def test_metrics_lost_before_a_resume_are_said(left, run, capsys):
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    assert len(lines) == 3
    (run / "metrics.jsonl").write_text("".join(lines[:left]))
    assert play(TINY, "--resume", run, "--steps", 8) == 0
    line = f"warning: metrics.jsonl has lost {3 - left} of the 3 rows up to step 6\n"
    assert line in said(capsys)


def test_whole_metrics_and_options_are_not_remarked_on(run, capsys):
    assert play(TINY, "--resume", run, "--steps", 8, "--log-every", 3) == 0
    assert play(TINY, "--resume", run, "--steps", 9, "--log-every", 1) == 0
    assert "warning" not in said(capsys)


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        kept = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, k=kept, n=name: (done.append(n), k(*a)))
    write(tmp_path / "file", "text")
    assert done == ["fsync", "replace", "fsync"]


def test_what_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
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
def test_a_folder_taken_away_under_a_run_ends_it_in_one_line(way, tmp_path, monkeypatch, capsys):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    ways = {
        "moved": lambda: run.rename(elsewhere),
        "deleted": lambda: shutil.rmtree(run),
        "without its checkpoints": lambda: shutil.rmtree(run / "checkpoints"),
    }

    save = Checkpoints.save

    def saved(self, *args, **more):
        save(self, *args, **more)
        self.wait()  # Orbax writes to the end what it has begun, wherever that is

    monkeypatch.setattr(Checkpoints, "save", saved)
    at_step(monkeypatch, 5, ways[way])
    assert play(TINY, "--out", run, "--log-every", 1, "--sample-every", 1) == 1
    err, why = said(capsys), f"{run}/checkpoints was moved or deleted while the run went on"
    assert re.fullmatch(f"error: checkpoint [46] could not be written: {why}", err.splitlines()[-1])
    assert "Traceback" not in err
    if way == "without its checkpoints":
        assert not (run / "checkpoints").exists()
        return
    assert not run.exists()  # and nothing is begun in its place
    if way == "moved":
        monkeypatch.undo()
        assert play(TINY, "--resume", elsewhere) == 0


def test_a_folder_taken_away_where_no_checkpoint_is_due(tmp_path, monkeypatch, capsys):
    """What else is written there, as what a hook notes, finds out as well."""
    run = tmp_path / "run"
    from jaxgan.run import loop

    def gone(*_):
        shutil.rmtree(run)
        (run / "file").write_text("")

    monkeypatch.setattr(loop, "run_hooks", gone)
    assert play(TINY, "--out", run) == 1
    assert said(capsys).splitlines()[-1] == f"error: {run} was moved or deleted while the run went on"


def test_a_run_goes_on_without_its_pictures(tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"

    def no_pictures():
        shutil.rmtree(run / "samples")
        (run / "samples").write_text("")

    at_step(monkeypatch, 2, no_pictures)
    assert play(TINY, "--out", run, "--sample-every", 1) == 0
    assert steps(run)[-1] == 8
    err = said(capsys)
    assert err.count("the run goes on without pictures") == 1
    assert f"warning: {run}/samples/step_000002.png cannot be written: " in err


def test_pictures_go_on_in_a_new_folder(tmp_path, monkeypatch):
    run = tmp_path / "run"
    at_step(monkeypatch, 2, lambda: shutil.rmtree(run / "samples"))
    assert play(TINY, "--out", run, "--sample-every", 4) == 0
    assert [p.name for p in (run / "samples").iterdir()] == ["step_000004.png", "step_000008.png"]


@pytest.mark.parametrize("there", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("precious")])
def test_what_lies_where_a_file_is_written_aside_is_not_written_through(there, tmp_path):
    (tmp_path / "precious").write_text("mine")
    there(tmp_path / "config.json.tmp")
    with contextlib.suppress(OSError):  # a folder is in the way
        write(tmp_path / "config.json", "new")
        assert (tmp_path / "config.json").read_text() == "new"
    assert (tmp_path / "precious").read_text() == "mine"
