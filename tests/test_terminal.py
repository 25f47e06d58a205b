"""A run goes on where nobody reads what it says any more, and so does a command, without a traceback."""

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
IT_RUNS = "import os, sys; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
ITS_OWN = f"import fcntl, termios; fcntl.ioctl(1, termios.TIOCSCTTY, 0); {IT_RUNS}"


def shell(line, *args):
    """A line of bash, of which $python is this Python and $1, $2, ... are the arguments."""
    env = {name: value for name, value in os.environ.items() if name != "JAX_NUM_CPU_DEVICES"}
    line = f"set -o pipefail; {line}"
    command = ["bash", "-c", line, "bash", *map(str, args)]
    return subprocess.run(
        command, env={**env, "python": sys.executable}, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize(
    "where", ["2>&1 | head -n 1", "2>&-", ">&- 2>&- <&-", "2>/dev/full"], ids=["head", "2", "all", "full"]
)
def test_a_run_goes_on_without_its_reader(where, tmp_path):
    run = tmp_path / "run"
    done = shell(f'"$python" "$1" --out "$2" --steps 6 --log-every 1 {where}', TINY, run)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert json.loads((run / "manifest.json").read_text())["sessions"][0]["ended"] == "finished"
    assert len((run / "metrics.jsonl").read_text().splitlines()) >= 6
    assert steps(run)[-1] == 6


@pytest.mark.parametrize(("own", "status"), [(True, 129), (False, 0)], ids=["hangup", "error"])
def test_a_terminal_that_is_closed(own, status, tmp_path):
    """Its own hangs up on the run, which is saved; of another it hears when it writes there, and goes on."""
    run, options = tmp_path / "run", ("--steps", "200", "--log-every", "1", "--pause", "0.05")
    here, there = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ITS_OWN if own else IT_RUNS, TINY, "--out", run, *options],
        stdin=subprocess.DEVNULL,
        stdout=there,
        stderr=there,
        start_new_session=True,
    )
    os.close(there)
    shown, rows = b"", run / "metrics.jsonl"
    while not (rows.exists() and rows.read_text().count("\n") > 3):
        shown += os.read(here, 1000) if select.select([here], [], [], 0.1)[0] else b""
        assert process.poll() is None, shown
    os.close(here)
    assert process.wait(timeout=300) == status
    assert b"compiling ..." in shown
    session = json.loads((run / "manifest.json").read_text())["sessions"][0]
    assert session["ended"] == ("Interrupted: SIGHUP" if own else "finished")
    assert steps(run)[-1] == session["step"] > 0


@pytest.mark.parametrize("command", ['"$1" --help', "-m jaxgan.cli --help", "-m jaxgan.cli resume --help"])
def test_help_into_a_pipe_that_closes(command):
    """Closed before a word is written, whatever the pipe could hold."""
    done = shell(f'"$python" {command} | true; echo "${{PIPESTATUS[0]}}"', TINY)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_words_that_a_full_disk_loses_are_missed():
    done = shell('"$python" -m jaxgan.cli --help > /dev/full')
    assert done.returncode == 1
    assert done.stderr == "error: stdout cannot be written: No space left on device\n"


def test_files_never_take_the_place_of_a_closed_stream(tmp_path):
    code = (
        "from jaxgan import terminal\n"
        "with terminal.lasting():\n    file = open('mine', 'w')\n    file.write(str(file.fileno()))"
    )
    done = shell('cd "$1"; "$python" -c "$2" >&- 2>&- <&-', tmp_path, code)
    assert done.returncode == 0
    assert int((tmp_path / "mine").read_text()) > 2


@pytest.mark.parametrize("kind", ["none", "full", "closed"])
def test_fit_goes_on_without_its_reader(kind, monkeypatch):
    with open("/dev/full", "w", buffering=1) as stderr:
        if kind == "closed":
            stderr.close()
        there = None if kind == "none" else stderr
        monkeypatch.setattr(sys, "stderr", there)
        assert int(fit(experiment(), steps=2, log_every=1).state.step) == 2
        assert sys.stderr is there


def test_streams_are_put_back(capsys):
    before = sys.stdout, sys.stderr
    with terminal.command(), terminal.command():
        print("a line")
        print("another", file=sys.stderr)
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr() == ("a line\n", "another\n")


def sent(*signals):
    """What is asked of a run that gets these signals, in this order; None where they end it at once."""
    code = (
        "import os, signal\nfrom jaxgan.run.interrupt import signals\nwith signals() as asked:\n"
        f"    for number in {[int(one) for one in signals]}: os.kill(os.getpid(), number)\n    print(asked())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return int(done.stdout) if done.stdout else None


def test_which_signals_ask_and_which_insist():
    """A terminal that closes sends SIGHUP twice, and a session that ends SIGTERM beside it."""
    hup, term, interrupt = signal.SIGHUP, signal.SIGTERM, signal.SIGINT
    assert sent(hup, hup, term, hup) == hup
    assert sent(term, hup) == term
    assert sent(hup, interrupt, interrupt) is None


def test_a_hangup_that_is_ignored_stays_so():
    """As by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals() as asked:
            os.kill(os.getpid(), signal.SIGHUP)
            assert asked() == 0
    finally:
        signal.signal(signal.SIGHUP, before)
