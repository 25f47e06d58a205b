"""A run continues if stdout or stderr is closed, and a command ends without a traceback."""

import json
import os
import select
import signal
import subprocess
import sys

import pytest
from support import SCRIPTS, experiment, steps

from jaxgan import terminal
from jaxgan.run.fit import fit
from jaxgan.run.interrupt import signals

TINY = SCRIPTS / "tiny.py"
RUN = "import os, sys; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
RUN_IN_TERMINAL = f"import fcntl, termios; fcntl.ioctl(1, termios.TIOCSCTTY, 0); {RUN}"


def shell(line, *args):
    """Runs a line of bash, with this Python as $python and the arguments as $1, $2, ..."""
    env = {name: value for name, value in os.environ.items() if name != "JAX_NUM_CPU_DEVICES"}
    line = f"set -o pipefail; {line}"
    command = ["bash", "-c", line, "bash", *map(str, args)]
    return subprocess.run(
        command, env={**env, "python": sys.executable}, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize(
    "where",
    [
        "2>&1 | head -n 1",
        *(pytest.param(where, marks=pytest.mark.slow) for where in ("2>&-", ">&- 2>&- <&-", "2>/dev/full")),
    ],
    ids=["head", "2", "all", "full"],
)
def test_a_run_continues_without_a_reader(where, tmp_path):
    run = tmp_path / "run"
    done = shell(f'"$python" "$1" --out "$2" --steps 6 --log-every 1 {where}', TINY, run)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert json.loads((run / "manifest.json").read_text())["sessions"][0]["ended"] == "finished"
    assert len((run / "metrics.jsonl").read_text().splitlines()) >= 6
    assert steps(run)[-1] == 6


@pytest.mark.parametrize(
    ("controlling", "status"),
    [(True, 129), pytest.param(False, 0, marks=pytest.mark.slow)],
    ids=["hangup", "error"],
)
def test_a_closed_terminal(controlling, status, tmp_path):
    """The controlling terminal sends SIGHUP, which saves the run; failed writes to another are ignored."""
    run, options = tmp_path / "run", ("--steps", "200", "--log-every", "1", "--pause", "0.05")
    here, terminal_fd = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", RUN_IN_TERMINAL if controlling else RUN, TINY, "--out", run, *options],
        stdin=subprocess.DEVNULL,
        stdout=terminal_fd,
        stderr=terminal_fd,
        start_new_session=True,
    )
    os.close(terminal_fd)
    shown, rows = b"", run / "metrics.jsonl"
    while not (rows.exists() and rows.read_text().count("\n") > 3):
        shown += os.read(here, 1000) if select.select([here], [], [], 0.1)[0] else b""
        assert process.poll() is None, shown
    os.close(here)
    assert process.wait(timeout=300) == status
    assert b"compiling ..." in shown
    session = json.loads((run / "manifest.json").read_text())["sessions"][0]
    assert session["ended"] == ("Interrupted: SIGHUP" if controlling else "finished")
    assert steps(run)[-1] == session["step"] > 0


@pytest.mark.parametrize("command", ['"$1" --help', "-m jaxgan.cli --help", "-m jaxgan.cli resume --help"])
def test_help_into_a_closed_pipe(command):
    """It is closed before anything is written."""
    done = shell(f'"$python" {command} | true; echo "${{PIPESTATUS[0]}}"', TINY)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_output_lost_on_a_full_disk_is_an_error():
    done = shell('"$python" -m jaxgan.cli --help > /dev/full')
    assert done.returncode == 1
    assert done.stderr == "error: stdout cannot be written: No space left on device\n"


def test_a_file_never_gets_the_number_of_a_closed_stream(tmp_path):
    code = (
        "from jaxgan import terminal\n"
        "with terminal.tolerant_streams():\n    file = open('mine', 'w')\n    file.write(str(file.fileno()))"
    )
    done = shell('cd "$1"; "$python" -c "$2" >&- 2>&- <&-', tmp_path, code)
    assert done.returncode == 0
    assert int((tmp_path / "mine").read_text()) > 2


@pytest.mark.parametrize("kind", ["none", "full", "closed"])
def test_fit_continues_without_a_reader(kind, monkeypatch):
    with open("/dev/full", "w", buffering=1) as stderr:
        if kind == "closed":
            stderr.close()
        stream = None if kind == "none" else stderr
        monkeypatch.setattr(sys, "stderr", stream)
        assert int(fit(experiment(), steps=2, log_every=1).state.step) == 2
        assert sys.stderr is stream


def test_streams_are_restored(capsys):
    before = sys.stdout, sys.stderr
    with terminal.command(), terminal.command():
        print("a line")
        print("another", file=sys.stderr)
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr() == ("a line\n", "another\n")


def requested(*signals):
    """Returns the request of a run that gets these signals in this order; None if they end it at once."""
    code = (
        "import os, signal\nfrom jaxgan.run.interrupt import signals\nwith signals() as asked:\n"
        f"    for number in {[int(s) for s in signals]}: os.kill(os.getpid(), number)\n    print(asked())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return int(done.stdout) if done.stdout else None


def test_which_signals_request_a_stop_and_which_end_the_process():
    """A terminal that closes sends SIGHUP twice, and a session that ends also sends SIGTERM."""
    hup, term, interrupt = signal.SIGHUP, signal.SIGTERM, signal.SIGINT
    assert requested(hup, hup, term, hup) == hup
    assert requested(term, hup) == term
    assert requested(hup, interrupt, interrupt) is None


def test_an_ignored_hangup_stays_ignored():
    """As by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals() as asked:
            os.kill(os.getpid(), signal.SIGHUP)
            assert asked() == 0
    finally:
        signal.signal(signal.SIGHUP, before)
