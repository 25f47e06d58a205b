"""TensorBoard and Weights & Biases get the numbers of metrics.jsonl, once; their errors do not end a run."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import SCRIPTS, ended, play, rows, script, start, steps
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from jaxgan.errors import Refused
from jaxgan.folder.rows import read
from jaxgan.folder.settings import Settings
from jaxgan.run import sinks

TINY = script("tiny")
TENSORBOARD = ("--tensorboard", "--sample-every", 4)


def board(run, lane=""):
    """Returns what TensorBoard itself reads of a run, or of one of its lanes."""
    read = EventAccumulator(str(run / "tensorboard" / lane), size_guidance={"scalars": 0, "images": 0})
    return read.Reload()


def scalars(run, lane=""):
    """Returns {(step, name): value} of TensorBoard; asserts that none is there twice."""
    read = board(run, lane)
    pairs = [((e.step, tag), e.value) for tag in read.Tags()["scalars"] for e in read.Scalars(tag)]
    assert len(dict(pairs)) == len(pairs)
    return {key: value for key, value in pairs if key[1] != "images_per_s"}


def agree(run):
    """Asserts that TensorBoard has the numbers of metrics.jsonl, all of them and no others."""
    logged = {(r["step"], name): float(v) for r in rows(run) for name, v in r.items() if name != "step"}
    assert scalars(run) == pytest.approx(logged, rel=1e-6, nan_ok=True)  # it keeps 32 bits
    assert logged


def test_tensorboard_has_the_numbers_and_pictures_of_all_sessions(tmp_path):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--steps", 4, "--best-at", 2, *TENSORBOARD) == 0
    agree(run)
    assert play(TINY, "--resume", run, "--steps", 8) == 0
    agree(run)
    shown = board(run).Images("samples")
    assert [image.step for image in shown] == [0, 4, 8]
    for image in shown:
        assert image.encoded_image_string == (run / "samples" / f"step_{image.step:06d}.png").read_bytes()
        assert (image.width, image.height) == (512, 512)


def test_each_lane_is_a_run_of_its_own_in_tensorboard(tmp_path):
    """Its numbers and pictures have the names of a single run, and repeated steps are there once."""
    run, lanes = tmp_path / "run", ["seed=0,lr=0.001", "seed=3,lr=0.001", "seed=0,lr=0.01", "seed=3,lr=0.01"]
    over = ("--seeds", "0,3", "--over", "lr=1e-3,1e-2", "--keep", 9, "--nan-at", 6, "--on-nan", "skip")
    assert play(TINY, "--out", run, *over, *TENSORBOARD) == 0
    shutil.rmtree(run / "checkpoints" / "8")
    assert play(TINY, "--resume", run, "--steps", 10) == 0
    assert sorted(path.name for path in (run / "tensorboard").iterdir()) == sorted(lanes)
    for number, lane in enumerate(lanes):
        logged = {
            (row.step, name): x
            for row in read(run / "metrics.jsonl", number)
            for name, x in row.numbers.items()
            if name != "images_per_s"
        }
        assert scalars(run, lane) == pytest.approx(logged, rel=1e-6, nan_ok=True)
        assert {step for step, _ in logged} == {2, 4, 6, 8, 10}
        shown = board(run, lane).Images("samples")
        assert [image.step for image in shown] == [0, 4, 8, 10]
        for image in shown:
            path = run / "samples" / lane / f"step_{image.step:06d}.png"
            assert image.encoded_image_string == path.read_bytes()
    first, *others = (scalars(run, lane) for lane in lanes)
    assert all(other.keys() == first.keys() and other != first for other in others)


def test_steps_that_a_resume_repeats_are_there_once(tmp_path):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, *TENSORBOARD) == 0
    shutil.rmtree(run / "checkpoints" / "8")
    (events,) = (run / "tensorboard").iterdir()
    events.write_bytes(events.read_bytes()[:-7])  # cut, as by a kill
    assert steps(run)[-1] == 6
    assert play(TINY, "--resume", run, "--steps", 10) == 0
    agree(run)
    assert [image.step for image in board(run).Images("samples")] == [0, 4, 8, 10]


def test_a_run_that_goes_back_removes_its_rows(tmp_path):
    run = tmp_path / "run"
    options = ("--on-nan", "restore", "--nan-at", 7, "--save-every", 4, "--log-every", 1)
    assert play(TINY, "--out", run, "--steps", 10, *options, *TENSORBOARD) == 0
    assert [row["step"] for row in rows(run)] == list(range(1, 11))
    agree(run)


def test_tensorflow_and_torch_are_not_loaded(tmp_path):
    for name in ("tensorflow", "torch"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('loaded')\n")
    process = subprocess.Popen(
        [
            sys.executable,
            "-W",
            "error",
            SCRIPTS / "tiny.py",
            "--steps",
            "2",
            "--out",
            tmp_path / "run",
            "--tensorboard",
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "warning" not in ended(process)
    agree(tmp_path / "run")


def test_a_sink_that_fails_or_cannot_be_opened_is_warned_about_once(tmp_path, capsys, monkeypatch):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--steps", 2) == 0
    (run / "tensorboard").write_text("in the way")
    capsys.readouterr()
    assert play(TINY, "--resume", run, "--steps", 4, "--tensorboard") == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: tensorboard is closed for this run: ")

    closed = []

    def full_disk(folder, last):
        def fail(*row):
            raise OSError(28, "No space left on device")

        return sinks.Sink(fail, fail, lambda step: None, lambda: closed.append(True))

    monkeypatch.setattr(sinks, "tensorboard", full_disk)
    assert play(TINY, "--resume", run, "--steps", 8) == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert warnings == ["warning: tensorboard is closed for this run: [Errno 28] No space left on device"]
    assert closed == [True]
    assert [row["step"] for row in rows(run)] == [2, 4, 6, 8]


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_missing_extra_is_refused_before_anything_is_written(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    assert play(TINY, "--out", tmp_path / "run", f"--{name}") == 2
    expected = f"error: --{name} needs the extra `{name}`: install jaxgan[{name}], or leave it out\n"
    assert capsys.readouterr().err == expected
    assert not (tmp_path / "run").exists()


def test_a_folder_with_that_name_does_not_count_as_the_library(tmp_path, monkeypatch):
    (tmp_path / "wandb").mkdir()
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    importlib.invalidate_caches()
    with pytest.raises(Refused, match="needs the extra `wandb`"):
        sinks.check(Settings(wandb=True))


FAKE = """
import json, os, types
from pathlib import Path

calls = Path(os.environ["FAKE_WANDB"])
settings = types.SimpleNamespace(mode=os.environ.get("WANDB_MODE", "online"))

def note(*call):
    with calls.open("a") as file:
        print(json.dumps(call), file=file)

def setup():
    return types.SimpleNamespace(settings=settings)

def login(prompt, verify):
    assert not prompt and not verify  # asks neither the user nor a server
    return bool(os.environ.get("FAKE_LOGIN"))

def Settings(**options):
    return options

def Image(path):
    return "picture of " + Path(path).name

class Run:
    step = int(os.environ.get("FAKE_STEP", 0))
    def log(self, values, step):
        note("log", step, sorted(values), values.get("samples"))
    def finish(self):
        note("finish")

def init(project, name, group, id, resume, dir, config, reinit, settings):
    from wandb import settings as shared
    seeds = config["seed"], config["seeds"]
    note("init", project, name, id, resume, str(dir), config["lr"], shared.mode, group, *seeds)
    return Run()
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Replaces wandb, which takes 87 MB, by a fake; returns a function that returns its calls so far."""
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "wandb.py").write_text(FAKE)
    monkeypatch.syspath_prepend(tmp_path / "fake")
    monkeypatch.setenv("FAKE_WANDB", str(tmp_path / "calls"))
    for name in ("WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)

    def recorded_calls():
        monkeypatch.delitem(sys.modules, "wandb", raising=False)
        calls = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
        (tmp_path / "calls").unlink()
        return calls

    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    yield recorded_calls
    sys.modules.pop("wandb", None)


def test_wandb_is_offline_without_a_login_and_resumes_the_same_run(fake, tmp_path, monkeypatch):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--steps", 4, "--wandb") == 0
    first, *logged, last = fake()
    name = (run / "wandb" / "id").read_text()
    about = ["tiny", 0, ""]
    assert first == ["init", "jaxgan", "run", name, None, str(run), 1e-3, "offline", *about]
    assert [call[1] for call in logged] == [2, 4, 4]  # the picture with the last
    assert logged[0][2] == sorted([*rows(run)[0].keys() - {"step"}, "images_per_s"])
    assert logged[2][3] == "picture of step_000004.png"
    assert last == ["finish"]

    monkeypatch.setenv("FAKE_LOGIN", "yes")
    monkeypatch.setenv("FAKE_STEP", "7")  # the newest step on the server: those up to it are not sent again
    assert play(TINY, "--resume", run, "--steps", 8) == 0
    first, *logged, last = fake()
    assert first == ["init", "jaxgan", "run", name, "allow", str(run), 1e-3, "online", *about]
    assert [call[1] for call in logged] == [8, 8]


def test_each_lane_is_a_run_of_its_own_in_wandb_grouped_by_setting(fake, tmp_path):
    run, lanes = tmp_path / "run", ["seed=0,lr=0.001", "seed=1,lr=0.001", "seed=0,lr=0.01", "seed=1,lr=0.01"]
    over = ("--seeds", "0:2", "--over", "lr=1e-3,1e-2", "--width", 4)
    assert play(TINY, "--out", run, "--steps", 2, "--wandb", *over, "--sample-every", 2) == 0
    calls = fake()
    opened = [call for call in calls if call[0] == "init"]
    assert [call[2] for call in opened] == [f"run {lane}" for lane in lanes]
    names = [(run / "wandb" / lane / "id").read_text() for lane in lanes]
    assert [call[3] for call in opened] == names
    assert len(set(names)) == 4
    assert [call[8] for call in opened] == ["tiny width=4"] * 2 + ["tiny lr=0.01,width=4"] * 2
    assert [(call[6], call[9], call[10]) for call in opened] == [
        (1e-3, 0, ""),
        (1e-3, 1, ""),
        (1e-2, 0, ""),
        (1e-2, 1, ""),
    ]
    assert [call[1] for call in calls if call[0] == "log"] == [0] * 4 + [2] * 8
    assert sum(call == ["finish"] for call in calls) == 4
    assert play(TINY, "--resume", run, "--steps", 4) == 0
    assert [call[3] for call in fake() if call[0] == "init"] == names


def test_wandb_in_offline_mode_does_not_log_in(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_PROJECT", "thesis")
    options = ("--on-nan", "restore", "--nan-at", 5, "--save-every", 4, "--log-every", 1)
    assert play(TINY, "--out", tmp_path / "run", "--wandb", *options) == 0
    first, *logged, _ = fake()
    assert (first[1], first[7]) == ("thesis", "offline")
    steps_logged = [call[1] for call in logged]
    assert steps_logged == sorted(steps_logged)  # wandb accepts no earlier step


@pytest.mark.slow
def test_wandb_itself_offline_with_lanes(tmp_path):
    pytest.importorskip("wandb", reason="the extra `wandb` is not installed")
    run = tmp_path / "run"
    err = ended(start(SCRIPTS / "tiny.py", "--out", run, "--steps", 4, "--seeds", "0:3", "--wandb"))
    assert "warning" not in err
    for lane in ("seed=0", "seed=1", "seed=2"):
        (record,) = (run / "wandb").glob(f"offline-run-*-{(run / 'wandb' / lane / 'id').read_text()}/*.wandb")
        content = record.read_bytes()
        assert b"d/adv" in content
        assert b"d/adv/" not in content
        assert f"run {lane}".encode() in content
        assert len(list(record.parent.glob("files/media/images/samples_*.png"))) == 1


@pytest.mark.slow
def test_wandb_itself_offline(tmp_path):
    pytest.importorskip("wandb", reason="the extra `wandb` is not installed")
    run = tmp_path / "run"
    ended(start(SCRIPTS / "tiny.py", "--out", run, "--steps", 4, "--wandb"))
    err = ended(start("-m", "jaxgan.cli", "resume", run, "--steps", 8))
    assert "warning" not in err
    sessions = [path.name for path in (run / "wandb").glob("offline-run-*")]
    assert len(sessions) == 2
    assert {name.split("-")[-1] for name in sessions} == {(run / "wandb" / "id").read_text()}
    for session in (run / "wandb").glob("offline-run-*"):
        (record,) = session.glob("*.wandb")
        assert b"d/adv" in record.read_bytes()
        assert list(Path(session / "files" / "media" / "images").glob("samples_*.png"))
