"""Several processes are one run: of one mind about what happens, and none waits for ever for another."""

import contextlib
import json
import pickle
import signal
import socket
import time
from collections import Counter

import jax
import numpy as np
import pytest
from support import SCRIPTS, final, picture_folder, play, rows, same, script, start, steps

from jaxgan.folder.lock import lock_folder
from jaxgan.run.reopen import reopened
from jaxgan.scale import processes

SHARED = script("shared")
PATH = SCRIPTS / "shared.py"
LIMIT = 120
"""Seconds after which a process that still lives is one that hangs."""


def coordinator():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return f"localhost:{free.getsockname()[1]}"


@contextlib.contextmanager
def started(*commands):
    """Real processes; killed where a test leaves them alive."""
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(start(PATH, *command)) for command in commands]
        for process in processes:
            stack.callback(process.kill)
        yield processes


def together(*args):
    """Two processes that play one run."""
    options = ("--coordinator", coordinator(), "--processes", 2, "--process")
    return started(*[(*args, *options, i) for i in range(2)])


def left(pair, *statuses):
    """Waits until both have ended with these statuses; what they wrote."""
    said = [process.communicate(timeout=LIMIT) for process in pair]
    assert [process.returncode for process in pair] == list(statuses), said
    return said


def until(there):
    limit = time.monotonic() + LIMIT
    while not there():
        assert time.monotonic() < limit
        time.sleep(0.01)


def close(a, b):
    """Two states agree to rounding."""

    def compare(x, y):
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=1e-5, atol=1e-5)

    jax.tree.map(compare, a, b)


def read_by(path):
    """The examples that a process has read for its batches."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return Counter(number for line in lines if len(line) > 1 for number in line)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A run of one process and the same run of two, over pictures that are read as they are needed."""
    home = tmp_path_factory.mktemp("processes")
    data = picture_folder(home / "data", 50)
    options = ("--data", data, "--noted", home / "read")
    with together("--out", home / "shared", *options) as pair:
        said = left(pair, 0, 0)
    (home / "said").write_text(json.dumps(said))
    for i in range(2):
        (home / f"read-{i}").rename(home / f"read-shared-{i}")
    assert play(SHARED, "--out", home / "alone", *options) == 0
    return home


def test_two_processes_are_one_run(home):
    close(final(home / "alone"), final(home / "shared"))
    alone, shared = rows(home / "alone"), rows(home / "shared")
    assert [row["step"] for row in alone] == [5, 10, 15, 20]
    for one, two in zip(alone, shared, strict=True):
        assert one == pytest.approx(two, rel=1e-5, abs=1e-5)


def test_each_reads_its_own_share(home):
    mine, other = (read_by(home / f"read-shared-{i}") for i in range(2))
    assert mine.total() == other.total()
    assert mine + other == read_by(home / "read-0")


def test_the_first_speaks_for_both(home):
    (out, err), (other_out, other_err) = json.loads((home / "said").read_text())
    assert "finished at step 20" in err
    assert "step" not in other_err
    assert out == other_out == ""  # Gloo writes to stdout by itself
    (session,) = json.loads((home / "shared" / "manifest.json").read_text())["sessions"]
    assert (session["ended"], session["step"], len(session["devices"])) == ("finished", 20, 2)


def killed(which, home, run, at):
    """A run of two processes of which one is killed at a step after a checkpoint, and the other notices."""
    options = ("--data", home / "data", "--pause", 0.05, "--save-every", 5, "--out", run)
    with together(*options) as pair:
        until(lambda: (run / "metrics.jsonl").exists() and rows(run) and rows(run)[-1]["step"] >= at)
        pair[which].kill()
        pair[which].wait()
        begun = time.monotonic()
        _, err = pair[1 - which].communicate(timeout=LIMIT)
        assert time.monotonic() - begun < 60
        assert pair[1 - which].returncode != 0
        # what it says comes from here or, where it was not waiting for the other at that moment, from JAX
        assert "another process of this run has ended" in err or "another task died" in err, err
    assert max(steps(run)) < 20


def stopped(signum, which, run):
    """A run of two processes goes on, and one gets a signal: both save the step that they are at."""
    before = steps(run)[-1]
    (run / "metrics.jsonl").unlink()
    with together("--resume", run, "--save-every", 100) as pair:
        until(lambda: (run / "metrics.jsonl").exists() and rows(run))
        pair[which].send_signal(signum)
        statuses = [143, 143]
        statuses[which] = 128 + signum
        said = left(pair, *statuses)
    assert all(": saved; go on" in err for _, err in said)
    assert before < steps(run)[-1] == rows(run)[-1]["step"] < 20
    assert {row["asked"] for row in rows(run) if "asked" in row} == {0}


def test_two_notice_what_happens_to_one_and_one_goes_on_alone(home, tmp_path):
    killed(1, home, tmp_path / "run", 8)
    stopped(signal.SIGTERM, 1, tmp_path / "run")
    assert play(SHARED, "--resume", tmp_path / "run") == 0
    close(final(home / "alone"), final(tmp_path / "run"))


@pytest.mark.slow
def test_two_go_on_bit_for_bit(home, tmp_path):
    """The first is killed, in the middle of a save most often, and then gets Ctrl-C."""
    killed(0, home, tmp_path / "run", 10)
    stopped(signal.SIGINT, 0, tmp_path / "run")
    stopped(signal.SIGHUP, 1, tmp_path / "run")
    with together("--resume", tmp_path / "run") as pair:
        left(pair, 0, 0)
    same(final(home / "shared"), final(tmp_path / "run"))


@pytest.mark.slow
def test_two_go_on_where_one_has_been(home, tmp_path):
    options = ("--data", home / "data", "--out", tmp_path / "run")
    with together(*options, "--steps", 7) as pair:
        left(pair, 0, 0)
    assert play(SHARED, "--resume", tmp_path / "run", "--steps", 12) == 0
    with together("--resume", tmp_path / "run", "--steps", 20) as pair:
        left(pair, 0, 0)
    assert steps(tmp_path / "run") == [12, 20]
    close(final(home / "alone"), final(tmp_path / "run"))


def test_what_the_first_refuses_all_do(home, tmp_path):
    run = tmp_path / "run"
    with lock_folder(run), together("--data", home / "data", "--out", run) as pair:
        said = left(pair, 2, 2)
    for _, err in said:
        assert f"error: {run} is in use by process" in err


@pytest.mark.slow
def test_what_ends_the_first_ends_all(home, tmp_path):
    with together("--data", home / "data", "--raise-at", 2, "--out", tmp_path / "error") as pair:
        (_, err), (_, other) = left(pair, 1, 1)
    assert "RuntimeError: as ordered" in err
    assert "error: process 0 has ended: RuntimeError: as ordered" in other
    with together("--data", home / "data", "--stop-at", 2, "--out", tmp_path / "stop") as pair:
        left(pair, 0, 0)
    assert steps(tmp_path / "stop") == [0, 2]


@pytest.mark.slow
def test_lanes_lie_on_two_processes(home, tmp_path):
    options = ("--data", home / "data", "--seeds", "0:2")
    with together(*options, "--out", tmp_path / "shared") as pair:
        left(pair, 0, 0)
    assert play(SHARED, *options, "--lanes", "loop", "--out", tmp_path / "alone") == 0
    for lane in ("seed=0", "seed=1"):
        close(*(reopened(tmp_path / run, lane=lane).state for run in ("alone", "shared")))


def test_what_the_first_cannot_send_is_told_all_the_same(monkeypatch):
    said = []
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(processes, "_exchanged", said.append)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        processes.broadcast(lambda: lambda: None)
    ((value, trouble, refused),) = map(pickle.loads, said)
    assert (value, refused) == (None, False)
    assert "pickle" in trouble


def test_a_process_that_never_comes():
    waiting, options = (coordinator(), coordinator()), ("--processes", 2, "--join-within", 2)
    with started(
        *[("--coordinator", where, "--process", i, *options) for i, where in enumerate(waiting)]
    ) as each:
        for (_, err), where in zip(left(each, 2, 2), waiting, strict=True):
            assert err == f"error: 2 processes have not met at {where} within 2 s\n"


@pytest.mark.parametrize(
    "options",
    [
        ("--coordinator", "here"),
        ("--coordinator", "here:1234", "--processes", 2, "--process", 2),
        ("--processes", 2),
    ],
)
def test_who_is_who_must_be_said(options, capfd):
    assert play(SHARED, *options) == 2
    assert "give HOST:PORT of process 0" in capfd.readouterr().err
