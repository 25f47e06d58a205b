"""Faults during a run: signals, a full disk, a second run in the folder, exceptions."""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time

import pytest
from support import SCRIPTS, ended, final, line, play, rows, same, script, start, steps

TINY = script("tiny")
PATH = SCRIPTS / "tiny.py"
ENDLESS = ("--steps", 100_000, "--save-every", 1000, "--log-every", 1, "--pause", 0.01)


def logged(process, run, row=3):
    """Waits until a run has logged some steps."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if len((run / "metrics.jsonl").read_text().splitlines()) >= row:
                return
        time.sleep(0.01)
    raise AssertionError(process.communicate())


def last_session(run):
    return json.loads((run / "manifest.json").read_text())["sessions"][-1]


@pytest.mark.parametrize(
    ("signum", "status"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_a_signal_saves_the_step_and_prints_how_to_resume(signum, status, tmp_path):
    run = tmp_path / "run"
    process = start(PATH, "--out", run, *ENDLESS)
    logged(process, run)
    process.send_signal(signum)
    err = ended(process, status)
    assert err.splitlines()[-1] == f"{signum.name}: saved; go on with `jaxgan resume {run}`"
    assert "Traceback" not in err
    reached = steps(run)[-1]
    assert reached > 0
    assert last_session(run)["ended"] == f"Interrupted: {signum.name}"
    assert last_session(run)["step"] == reached
    assert int(final(run).step) == reached


def test_a_run_stopped_by_a_signal_resumes_bit_exactly(tmp_path, monkeypatch):
    run, undisturbed = tmp_path / "run", tmp_path / "undisturbed"
    assert play(TINY, "--out", undisturbed) == 0
    module = script("tiny")
    from jaxgan.run import log

    write = log.Log.write

    def interrupted(self, step, *given):
        write(self, step, *given)
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(log.Log, "write", interrupted)
    assert play(module, "--out", run, "--save-every", 100) == 143
    monkeypatch.undo()
    assert steps(run) == [0, 5]
    assert play(module, "--resume", run) == 0
    same(final(run), final(undisturbed))
    assert rows(run) == rows(undisturbed)


def test_a_signal_at_the_end_changes_nothing(tmp_path, monkeypatch):
    run = tmp_path / "run"
    module = script("tiny")
    from jaxgan.run import log

    write = log.Log.write

    def interrupted(self, step, *given):
        write(self, step, *given)
        if step == 7:  # handled at 8, the last
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(log.Log, "write", interrupted)
    assert play(module, "--out", run, "--log-every", 1) == 0
    assert (last_session(run)["ended"], last_session(run)["step"]) == ("finished", 8)


def test_a_second_ctrl_c_ends_it_at_once(tmp_path):
    run = tmp_path / "run"
    process = start(PATH, "--out", run, "--best-at", 0, "--pause", 60)
    logged(process, run, 1)  # one hook has run; the next one sleeps
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None  # it waits for the hook to end
    for _ in range(40):  # on a loaded machine two signals may arrive as one
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        if process.poll() is not None:
            break
    ended(process, 130)
    assert steps(run) == []


def test_a_second_run_in_a_folder_is_refused_until_the_first_ends(tmp_path, capsys):
    run = tmp_path / "run"
    first = start(PATH, "--out", run, *ENDLESS, "--save-every", 5)
    logged(first, run, 12)
    for way in ("--resume", "--out"):
        assert play(TINY, way, run) == 2
        assert capsys.readouterr().err == f"error: {run} is in use by process {first.pid}\n"
    first.kill()
    first.communicate()
    at = steps(run)[-1]
    assert play(TINY, "--resume", run, "--steps", at + 3, "--pause", 0, "--force") == 0
    assert steps(run)[-1] == at + 3


@contextlib.contextmanager
def small_disk(path, size, inodes=0):
    path.mkdir()
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes={inodes}", "tmpfs", str(path)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_a_run_on_a_full_disk_can_resume(tmp_path, capsys):
    disk = tmp_path / "disk"
    with small_disk(disk, "7m"):
        run = disk / "run"
        assert play(TINY, "--out", run, "--ballast", 500_000, "--keep", 9) == 1  # 2 MB each
        err = capsys.readouterr().err
        last = err.splitlines()[-1]
        assert re.fullmatch(r"error: (checkpoint \d could not be written: )?the disk is full", last)
        assert "Traceback" not in err
        saved = steps(run)
        assert saved

        # with space freed, it resumes to the same final state
        for path in (run / "checkpoints").iterdir():
            if path.name != str(saved[-1]):
                shutil.rmtree(path)
        assert play(TINY, "--resume", run, "--keep", 1) == 0
        undisturbed = tmp_path / "undisturbed"
        assert play(TINY, "--out", undisturbed, "--ballast", 500_000, "--keep", 1) == 0
        same(final(run), final(undisturbed))


@pytest.mark.parametrize("limits", [("7m", 0), pytest.param(("99m", 75), marks=pytest.mark.slow)])
def test_a_full_disk_ends_a_process_with_one_line(limits, tmp_path):
    """Without space or inodes: libraries print nothing, and no incomplete file is left."""
    disk = tmp_path / "disk"
    with small_disk(disk, *limits):
        run = disk / "run"
        err = ended(start(PATH, "--out", run, "--ballast", 500_000, "--keep", 9, "--sample-every", 1), 1)
        last = err.splitlines()[-1]
        assert re.fullmatch(r"error: (checkpoint \d could not be written: )?the disk is full", last), err
        assert not [word for word in ("Traceback", "absl", "orbax") if word in err], err
        assert not list(run.rglob("*.tmp"))
        assert not list(run.rglob("*-tmp"))


def test_a_checkpoint_that_cannot_be_written_ends_the_run(tmp_path, capsys):
    """As on a full disk, but without root: by a limit on the size of files."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--ballast", 500_000, "--steps", 4) == 0
    capsys.readouterr()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        assert play(TINY, "--resume", run, "--steps", 8) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("error: checkpoint 6 could not be written: ")
    assert "Traceback" not in err
    assert steps(run)[-1] == 4
    assert "SaveFailed: checkpoint 6" in last_session(run)["ended"]
    assert play(TINY, "--resume", run, "--steps", 8) == 0


def test_an_exception_in_a_hook_keeps_the_last_checkpoint(tmp_path):
    run = tmp_path / "run"
    with pytest.raises(RuntimeError, match="as ordered"):
        play(TINY, "--out", run, "--raise-at", 5, "--ballast", 500_000)
    assert steps(run)[-1] == 4
    assert last_session(run)["ended"] == "RuntimeError: as ordered"
    assert last_session(run)["step"] == 4
    assert int(final(run).step) == 4


def test_an_exception_in_a_process_waits_for_the_save(tmp_path):
    err = ended(start(PATH, "--out", tmp_path / "run", "--raise-at", 5, "--ballast", 3_000_000), 1)
    assert err.splitlines()[-1] == "RuntimeError: as ordered"
    assert steps(tmp_path / "run")[-1] == 4


def test_a_hook_can_stop_a_run(tmp_path, capsys):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--stop-at", 5) == 0
    assert steps(run)[-1] == 5
    assert last_session(run)["ended"] == "stopped: good enough"
    assert "stopped: good enough at step 5" in capsys.readouterr().err


def test_rows_after_the_last_save_are_dropped(tmp_path):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--steps", 4) == 0
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(
            line({"step": 6, "d/adv": 1.0}).encode() + b'{"step": 8, "d/a\xff'
        )  # after the last save; the second is incomplete
    assert play(TINY, "--resume", run, "--steps", 8) == 0
    assert [row["step"] for row in rows(run)] == [2, 4, 6, 8]


@pytest.mark.parametrize("name", ["r[1]", pytest.param("back\\slash", marks=pytest.mark.slow)])
def test_a_run_in_a_folder_of_any_name(name, tmp_path):
    run = tmp_path / name / "run"
    assert play(TINY, "--out", run, "--steps", 4) == 0
    assert play(TINY, "--resume", run, "--steps", 6) == 0
    assert int(final(run).step) == 6
