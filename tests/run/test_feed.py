"""Examples read from files during training: the run is the same as from memory, and no failure is silent."""

import contextlib
import os
import signal
import subprocess
import time
import tracemalloc
from pathlib import Path

import jax
import numpy as np
import pytest
from support import (
    SCRIPTS,
    ended,
    final,
    jaxgan,
    picture_folder,
    pixels,
    play,
    png,
    rows,
    same,
    script,
    start,
)

from jaxgan.data import load
from jaxgan.data.folder import folder
from jaxgan.data.kind import points
from jaxgan.data.source import Source
from jaxgan.data.stream import Steps
from jaxgan.errors import Unreadable
from jaxgan.folder.rows import read
from jaxgan.folder.settings import Settings
from jaxgan.run.feed import Stream, make_feed

FILES = script("files")
PATH = SCRIPTS / "files.py"


@pytest.fixture
def data(tmp_path):
    return picture_folder(tmp_path / "data", 50)  # 32 per step, so epochs end within steps


def test_memory_files_and_processes_give_the_same_run(data, tmp_path):
    runs = {"memory": ("--memory", 10), "files": (), "processes": ("--workers", 2)}
    for name, options in runs.items():
        ended(start(PATH, "--data", data, "--out", tmp_path / name, *options))
    for name in ("files", "processes"):
        same(final(tmp_path / "memory"), final(tmp_path / name))
        assert rows(tmp_path / "memory") == rows(tmp_path / name)
    waits = {name: ["data_wait" in row for row in all_rows(tmp_path / name)] for name in runs}
    assert waits == {"memory": [False] * 4, "files": [True] * 4, "processes": [True] * 4}
    assert all(0 <= row["data_wait"] <= 1 for row in all_rows(tmp_path / "files"))


def all_rows(run: Path) -> list[dict]:
    return [{"step": row.step, **row.numbers} for row in read(run / "metrics.jsonl")]


def test_files_read_into_memory_are_stored_there_once(capsys):
    def read(number):
        return {"x": np.repeat(number[:, None], 256, axis=1)}

    tracemalloc.start()
    source = Source({"x": points(256)}, 2**15 - 1, (), lambda arrays, *_: arrays, read)
    sharding = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    feed_on = make_feed(source, (1, 1, 8), Settings())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.6 * 2**25  # 32 MB, and what is read ahead
    x = feed_on(sharding, sharding).at(jax.random.key(0), 2**15 // 8)["x"]
    assert (x == x[..., :1]).all()
    assert len(np.unique(x)) == 8


@pytest.mark.parametrize("name", ["stacked:", "mirrored:", "mirrored:stacked:", "stacked:mirrored:"])
def test_the_base_examples_of_stacked_and_mirrored_ones_are_read_into_memory(name, tmp_path, capsys):
    for i in range(20):
        (tmp_path / f"{i}.png").write_bytes(png(pixels(i, (8, 8))))
    source, sharding = load(f"{name}{tmp_path}"), jax.sharding.SingleDeviceSharding(jax.devices()[0])
    key = jax.random.split(jax.random.key(0), 2)
    memory, files = (make_feed(source, (2, 1, 8), Settings(memory=m))(sharding, sharding) for m in (1, 0))
    assert f"reading {load(str(tmp_path)).size} examples into memory" in capsys.readouterr().err
    same(memory.at(key, 3), files.at(key, 3))
    same(memory.at(key[0], 3), files.at(key[0], 3))


class Computing:
    """Outputs that a device is still computing."""

    def __init__(self, seconds):
        self.seconds = seconds

    def block_until_ready(self):
        time.sleep(self.seconds)


@pytest.mark.parametrize(("computing", "waiting"), [(0.0, 0.9), (0.1, 0.5), (0.4, 0.0)])
def test_a_step_waits_only_from_when_the_step_before_is_done(computing, waiting):
    """Each read takes 0.2 s."""
    stream = Stream((time.sleep(0.2) for _ in range(5)), files=True)
    for _ in range(5):
        stream.next(Computing(computing))
        time.sleep(max(0.0, computing - 0.2))  # until it is done, as steps are dispatched in turn
    assert abs(stream.wait_metrics()["data_wait"] - waiting) < 0.2
    stream.close()


def test_resuming_is_exact(data, tmp_path):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    assert play(FILES, "--data", data, "--out", whole) == 0
    assert play(FILES, "--data", data, "--out", halves, "--steps", 3) == 0
    assert play(FILES, "--resume", halves, "--steps", 5, "--memory", 10) == 0
    assert play(FILES, "--resume", halves, "--steps", 8, "--memory", 0, "--workers", 1) == 0
    same(final(whole), final(halves))


def test_going_back_after_a_nan_reads_the_examples_of_the_new_random_numbers(data, tmp_path):
    """Compared to the same pictures as arrays, which the compiled update picks itself, by the state's key."""
    source = folder(data)
    read = source.read(np.arange(source.size))
    rest = {"x_test": read["x"][:1], "label_test": read["label"][:1]}
    np.savez(tmp_path / "same.npz", x=read["x"], label=read["label"], **rest)
    nan = ("--nan-at", 5, "--on-nan", "restore")
    finals = {}
    for name, options in {"arrays": (), "files": (), "memory": ("--memory", 10)}.items():
        path = tmp_path / "same.npz" if name == "arrays" else data
        assert play(FILES, "--data", path, "--out", tmp_path / name, *nan, *options) == 0
        finals[name] = final(tmp_path / name)
    same(finals["memory"], finals["files"])
    arrays, files = (dict(finals[name].g.params) for name in ("arrays", "files"))
    for params in (arrays, files):  # the gradient of a bias before BatchNorm is rounding, amplified by Adam
        params["Dense_0"] = params["Dense_0"]["kernel"]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), arrays, files)


def test_a_broken_picture_ends_the_run_with_its_name_and_a_checkpoint(data, tmp_path, capsys, monkeypatch):
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert play(FILES, "--data", data, "--out", whole, "--save-every", 100) == 0
    source = folder(data)
    numbers = Steps.of(source._replace(read=lambda number: number), 32, jax.random.key(0), 0, 2)
    late = int(next(n for n in numbers[1] if n not in {0, *numbers[0]}))  # 0 is read before the first step
    broken = Path(source.read.files[late])
    good = broken.read_bytes()
    broken.write_bytes(bytes(len(good)))
    capsys.readouterr()
    assert play(FILES, "--data", data, "--out", run, "--save-every", 100) == 1
    *_, hint, line = capsys.readouterr().err.splitlines()
    formats = "PNG, JPEG, WEBP, BMP, PPM or TIFF"
    assert line == f"error: {broken} (example {late}) cannot be read: it is no {formats}, or it is damaged"
    assert f"jaxgan resume {run}" in hint
    assert int(final(run).step) == 1
    assert jaxgan(monkeypatch, "analyze", whole) == 1  # later reads of the data fail alike
    assert capsys.readouterr().err.splitlines()[-1] == line
    broken.write_bytes(good)
    assert play(FILES, "--resume", run, "--force") == 0  # other data than it was started with
    same(final(whole), final(run))


def test_other_pictures_on_resume_are_refused(data, tmp_path, capsys):
    run = tmp_path / "run"
    assert play(FILES, "--data", data, "--out", run, "--steps", 2) == 0
    Path(folder(data).read.files[0]).unlink()
    assert play(FILES, "--resume", run, "--steps", 4) == 2
    assert "the data are not what they were" in capsys.readouterr().err
    assert play(FILES, "--resume", run, "--steps", 4, "--force") == 0


def children(pid: int) -> list[int]:
    """Returns the pids of the processes that a process has spawned to read data."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # of a process that has just ended
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == pid and b"spawn_main" in (entry / "cmdline").read_bytes():
                pids.append(int(entry.name))
    return pids


def start_with_readers(data: Path, run: Path) -> subprocess.Popen:
    """Starts a run with two readers, whose data of a step do not fit into a pipe, and waits for some rows."""
    options = ("--workers", 2, "--size", 64, "--pause", 0.2, "--steps", 1000, "--log-every", 1)
    process = start(PATH, "--data", data, "--out", run, *options)
    for _ in range(600):
        if (run / "metrics.jsonl").exists() and len(all_rows(run)) > 2:
            return process
        time.sleep(0.1)
    process.kill()
    raise AssertionError(process.communicate())


def test_a_killed_reader_ends_the_run_with_a_checkpoint(data, tmp_path):
    process = start_with_readers(data, tmp_path / "run")
    readers = children(process.pid)
    os.kill(readers[0] if readers else process.pid, signal.SIGKILL)
    assert len(readers) == 2
    clock = time.monotonic()
    lines = ended(process, 1).splitlines()
    assert time.monotonic() - clock < 20
    assert "error: a process that reads data ended" in lines[-1]
    assert "Traceback" not in "\n".join(lines)
    reached = all_rows(tmp_path / "run")[-1]["step"]
    assert int(final(tmp_path / "run").step) >= reached


@pytest.mark.parametrize(
    ("signum", "status"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_a_signal_to_the_run_and_its_readers_ends_all_in_good_order(data, tmp_path, signum, status):
    """A terminal sends Ctrl-C to the readers too, and SIGHUP when it closes; a scheduler sends SIGTERM."""
    process = start_with_readers(data, tmp_path / "run")
    readers = children(process.pid)
    for pid in (*readers, process.pid):
        os.kill(pid, signum)
    assert len(readers) == 2
    stderr = ended(process, status)
    assert f"{signum.name}: saved" in stderr
    assert "Traceback" not in stderr
    assert "Exception" not in stderr
    assert not any(Path(f"/proc/{pid}").exists() for pid in readers)


def test_a_reader_that_a_signal_ended_counts_as_that_signal_to_the_run(data, tmp_path, monkeypatch, capsys):
    """The signal may end a reader that has just started, before the reader can ignore it."""

    def end_reader(stream, under_way):
        os.kill(os.getpid(), signal.SIGTERM)
        raise Unreadable("a process that reads data ended by SIGTERM")

    monkeypatch.setattr(Stream, "next", end_reader)
    assert play(FILES, "--data", data, "--out", tmp_path / "run") == 143
    assert "SIGTERM: saved" in capsys.readouterr().err


def test_a_killed_run_leaves_no_readers(data, tmp_path):
    process = start_with_readers(data, tmp_path / "run")
    readers = children(process.pid)
    process.kill()
    process.communicate()
    assert len(readers) == 2
    for _ in range(100):
        if not any(Path(f"/proc/{pid}").exists() for pid in readers):
            return
        time.sleep(0.1)
    raise AssertionError(readers)
