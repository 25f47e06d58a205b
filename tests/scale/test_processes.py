"""Several processes train one run: they agree on signals and errors, and none waits for ever for another."""

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
from jaxgan.run.reopen import reopen
from jaxgan.scale import processes

SHARED = script("shared")
PATH = SCRIPTS / "shared.py"
LIMIT = 120
"""Seconds after which a process counts as hanging."""


def coordinator():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return f"localhost:{free.getsockname()[1]}"


@contextlib.contextmanager
def started(*commands):
    """Starts processes, and kills those that are still running at the end."""
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(start(PATH, *command)) for command in commands]
        for process in processes:
            stack.callback(process.kill)
        yield processes


def together(*args):
    """Starts two processes that train one run."""
    options = ("--coordinator", coordinator(), "--processes", 2, "--process")
    return started(*[(*args, *options, i) for i in range(2)])


def wait(pair, *statuses):
    """Waits until both have ended with these statuses; returns their output."""
    output = [process.communicate(timeout=LIMIT) for process in pair]
    assert [process.returncode for process in pair] == list(statuses), output
    return output


def until(condition):
    limit = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def close(a, b):
    """Asserts that two states agree up to rounding."""

    def compare(x, y):
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=1e-5, atol=1e-5)

    jax.tree.map(compare, a, b)


def read_by(path):
    """Returns the examples that a process has read for its batches, with their counts."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return Counter(number for line in lines if len(line) > 1 for number in line)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A run of one process and the same run of two, on pictures that are read from files."""
    home = tmp_path_factory.mktemp("processes")
    data = picture_folder(home / "data", 50)
    options = ("--data", data, "--noted", home / "read")
    with together("--out", home / "shared", *options) as pair:
        output = wait(pair, 0, 0)
    (home / "output").write_text(json.dumps(output))
    for i in range(2):
        (home / f"read-{i}").rename(home / f"read-shared-{i}")
    assert play(SHARED, "--out", home / "alone", *options) == 0
    return home


def test_two_processes_agree_with_one(home):
    close(final(home / "alone"), final(home / "shared"))
    single, shared = rows(home / "alone"), rows(home / "shared")
    assert [row["step"] for row in single] == [5, 10, 15, 20]
    for a, b in zip(single, shared, strict=True):
        assert a == pytest.approx(b, rel=1e-5, abs=1e-5)


def test_each_process_reads_its_own_examples(home):
    first, second = (read_by(home / f"read-shared-{i}") for i in range(2))
    assert first.total() == second.total()
    assert first + second == read_by(home / "read-0")


def test_process_0_prints_for_both(home):
    (out, err), (other_out, other_err) = json.loads((home / "output").read_text())
    assert "finished at step 20" in err
    assert "step" not in other_err
    assert out == other_out == ""  # Gloo would write to stdout
    (session,) = json.loads((home / "shared" / "manifest.json").read_text())["sessions"]
    assert (session["ended"], session["step"], len(session["devices"])) == ("finished", 20, 2)


def kill_one(which, home, run, at):
    """Starts two processes, kills one at a step after a checkpoint, and checks that the other ends."""
    options = ("--data", home / "data", "--pause", 0.05, "--save-every", 5, "--out", run)
    with together(*options) as pair:
        until(lambda: (run / "metrics.jsonl").exists() and rows(run) and rows(run)[-1]["step"] >= at)
        pair[which].kill()
        pair[which].wait()
        start_time = time.monotonic()
        _, err = pair[1 - which].communicate(timeout=LIMIT)
        assert time.monotonic() - start_time < 60
        assert pair[1 - which].returncode != 0
        # the message is jaxgan's or, if it was not waiting for the other at that moment, JAX's
        assert "another process of this run has ended" in err or "another task died" in err, err
    assert max(steps(run)) < 20


def signal_one(signum, which, run):
    """Resumes with two processes and sends a signal to one: both save the same step."""
    before = steps(run)[-1]
    (run / "metrics.jsonl").unlink()
    with together("--resume", run, "--save-every", 100) as pair:
        until(lambda: (run / "metrics.jsonl").exists() and rows(run))
        pair[which].send_signal(signum)
        statuses = [143, 143]
        statuses[which] = 128 + signum
        output = wait(pair, *statuses)
    assert all(": saved; go on" in err for _, err in output)
    assert before < steps(run)[-1] == rows(run)[-1]["step"] < 20
    assert {row["asked"] for row in rows(run) if "asked" in row} == {0}


@pytest.mark.slow
def test_a_signal_or_kill_of_one_ends_both_and_one_process_can_resume(home, tmp_path):
    kill_one(1, home, tmp_path / "run", 8)
    signal_one(signal.SIGTERM, 1, tmp_path / "run")
    assert play(SHARED, "--resume", tmp_path / "run") == 0
    close(final(home / "alone"), final(tmp_path / "run"))


@pytest.mark.slow
def test_a_resume_with_two_processes_is_bit_exact(home, tmp_path):
    """Process 0 is killed, usually during a save, and later gets Ctrl-C."""
    kill_one(0, home, tmp_path / "run", 10)
    signal_one(signal.SIGINT, 0, tmp_path / "run")
    signal_one(signal.SIGHUP, 1, tmp_path / "run")
    with together("--resume", tmp_path / "run") as pair:
        wait(pair, 0, 0)
    same(final(home / "shared"), final(tmp_path / "run"))


@pytest.mark.slow
def test_runs_resume_with_one_and_with_two_processes(home, tmp_path):
    options = ("--data", home / "data", "--out", tmp_path / "run")
    with together(*options, "--steps", 7) as pair:
        wait(pair, 0, 0)
    assert play(SHARED, "--resume", tmp_path / "run", "--steps", 12) == 0
    with together("--resume", tmp_path / "run", "--steps", 20) as pair:
        wait(pair, 0, 0)
    assert steps(tmp_path / "run") == [12, 20]
    close(final(home / "alone"), final(tmp_path / "run"))


def test_a_refusal_on_process_0_is_raised_on_all(home, tmp_path):
    run = tmp_path / "run"
    with lock_folder(run), together("--data", home / "data", "--out", run) as pair:
        output = wait(pair, 2, 2)
    for _, err in output:
        assert f"error: {run} is in use by process" in err


@pytest.mark.slow
def test_an_error_or_stop_of_process_0_ends_all(home, tmp_path):
    with together("--data", home / "data", "--raise-at", 2, "--out", tmp_path / "error") as pair:
        (_, err), (_, other) = wait(pair, 1, 1)
    assert "RuntimeError: as ordered" in err
    assert "error: process 0 has ended: RuntimeError: as ordered" in other
    with together("--data", home / "data", "--stop-at", 2, "--out", tmp_path / "stop") as pair:
        wait(pair, 0, 0)
    assert steps(tmp_path / "stop") == [0, 2]


@pytest.mark.slow
def test_lanes_on_two_processes(home, tmp_path):
    options = ("--data", home / "data", "--seeds", "0:2")
    with together(*options, "--out", tmp_path / "shared") as pair:
        wait(pair, 0, 0)
    assert play(SHARED, *options, "--lanes", "loop", "--out", tmp_path / "alone") == 0
    for lane in ("seed=0", "seed=1"):
        close(*(reopen(tmp_path / run, lane=lane).state for run in ("alone", "shared")))


def test_an_error_is_broadcast_if_the_value_cannot_be_pickled(monkeypatch):
    sent = []
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(processes, "_exchange", sent.append)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        processes.broadcast(lambda: lambda: None)
    ((value, trouble, refused),) = map(pickle.loads, sent)
    assert (value, refused) == (None, False)
    assert "pickle" in trouble


def test_a_process_that_never_connects():
    waiting, options = (coordinator(), coordinator()), ("--processes", 2, "--join-within", 2)
    with started(
        *[("--coordinator", where, "--process", i, *options) for i, where in enumerate(waiting)]
    ) as each:
        for (_, err), where in zip(wait(each, 2, 2), waiting, strict=True):
            assert err == f"error: not all processes have connected to {where} within 2 s\n"


@pytest.mark.parametrize(
    "options",
    [
        ("--coordinator", "here"),
        ("--coordinator", "here:1234", "--processes", 2, "--process", 2),
        ("--processes", 2),
    ],
)
def test_incomplete_process_options_are_refused(options, capfd):
    assert play(SHARED, *options) == 2
    assert "give HOST:PORT of process 0" in capfd.readouterr().err
