"""Workers on a Slurm cluster: the script of a job, what is refused, and a cluster whose nodes fail."""

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support import jaxgan, script
from sweep_folders import every, plan

from jaxgan.folder.folder import find_folder
from jaxgan.folder.manifest import read_manifest
from jaxgan.sweep import claims, slurm
from jaxgan.sweep.claims import Outcome
from jaxgan.sweep.folder import Paths, Progress, read

TINY = script("tiny")
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "scancel", "squeue")


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Puts an sbatch first on the path."""
    folder.mkdir()
    (folder / "sbatch").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    home = plan(tmp_path / "a 50% sweep")
    assert [pack.state for pack in every(home)] == ["waiting", "waiting"]
    assert capsys.readouterr().out.startswith("4 cells in 2 packs of 1 programs\n")
    return home


def test_the_script_is_one_array_of_workers(home, monkeypatch, capsys):
    """What is left to the cluster has no line, and `%` in a path is no pattern of sbatch."""
    monkeypatch.setattr(slurm.sys, "executable", "/bin/python")
    before = sorted(home.rglob("*"))
    given = ("--time", "2:00:00", "--memory", "8G", "--cpus", 3, "--gpus", 2, "--partition", "long")
    assert jaxgan(monkeypatch, "submit", home, *given, "--retries", 3, "--dry-run") == 0
    assert capsys.readouterr().out.splitlines() == [
        "#!/bin/sh",
        "#SBATCH --job-name='a 50% sweep'",
        "#SBATCH --array=1-2",
        "#SBATCH --time=2:00:00",
        "#SBATCH --mem=8G",
        "#SBATCH --cpus-per-task=3",
        "#SBATCH --gres=gpu:2",
        "#SBATCH --partition=long",
        f"#SBATCH --output='{home.parent}/a 50%% sweep/slurm-%A-%a.txt'",
        "#SBATCH --open-mode=append",
        "#SBATCH --signal=B:TERM@90",
        "#SBATCH --requeue",
        f"exec /bin/python -m jaxgan.cli work '{home}' --jobs 2 --retries 3",
    ]
    assert sorted(home.rglob("*")) == before
    assert jaxgan(monkeypatch, "submit", home, "--tasks", 1, "--dry-run") == 0
    text = capsys.readouterr().out
    assert "--array=1-1\n" in text
    assert "gres" not in text
    assert "partition" not in text


def test_there_is_a_task_for_each_pack_that_can_be_worked_on(home, monkeypatch, capsys):
    done, failed = (Paths(home).claims(planned.name) for planned in read(home).packs)
    claims.end(claims.claim(done, None), Outcome(how="done", step=8, steps=8))
    assert slurm.count(every(home), 64) == 1
    claims.end(claims.claim(failed, None), Outcome(how="failed", line="no memory"))
    assert slurm.count(every(home), 64) == 1
    assert slurm.count(every(home), 64, retries=0) == 0
    assert jaxgan(monkeypatch, "submit", home, "--retries", 0) == 0
    assert "nothing to submit: 2 of 4 cells done, 2 failed" in capsys.readouterr().err


def test_sbatch_is_given_the_script_and_the_number_of_the_job_is_printed(home, tmp_path, monkeypatch, capsys):
    fake(tmp_path / "bin", monkeypatch, f"cat > {tmp_path}/given; echo '17;cluster'")
    Paths(home).cancelled.touch()
    assert jaxgan(monkeypatch, "submit", home) == 0
    assert capsys.readouterr().out == "17\n"
    assert not Paths(home).cancelled.exists()
    assert jaxgan(monkeypatch, "submit", home, "--dry-run") == 0
    assert capsys.readouterr().out == (tmp_path / "given").read_text()


def test_what_cannot_be_submitted_is_refused_in_one_line(home, tmp_path, monkeypatch, capsys):
    def refused(*options: object) -> str:
        assert jaxgan(monkeypatch, "submit", *options) == 2
        return capsys.readouterr().err

    assert refused(home, "--tasks", 0) == "error: --tasks must be at least 1, not 0\n"
    assert refused(home, "--gpus", -1) == "error: --gpus must be at least 0, not -1\n"
    assert "is not the folder of a sweep" in refused(tmp_path)
    fake(
        tmp_path / "bin",
        monkeypatch,
        "echo 'sbatch: error: more' >&2; echo 'sbatch: error: no such partition' >&2; exit 1",
    )
    assert refused(home) == "error: sbatch refused: no such partition\n"
    fake(tmp_path / "silent", monkeypatch, "exit 3")
    assert refused(home) == "error: sbatch refused: status 3\n"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no sbatch" in refused(home)


class Cluster(NamedTuple):
    """A cluster of two nodes on this machine, each with one core, and the processes that it consists of."""

    home: Path
    daemons: dict[str, "subprocess.Popen[bytes]"]

    def start(self, *command: str) -> None:
        """Starts a daemon that stays in the foreground, under its last argument."""
        with (self.home / "output.txt").open("ab") as file:
            self.daemons[command[-1]] = subprocess.Popen(command, stdout=file, stderr=file)

    def fail(self, node: str) -> None:
        """Kills all that runs on a node at once, as when its power fails."""
        self.daemons[node].kill()
        self.daemons[node].wait()
        ours = (f"SLURM_CONF={self.home}/slurm.conf".encode(), f"SLURMD_NODENAME={node}".encode())
        victims: set[int] = set()
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if set(ours) <= set((path / "environ").read_bytes().split(b"\0")):
                    parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                    step = Path(f"/proc/{parent}/cmdline").read_bytes().startswith(b"slurmstepd")
                    victims |= {int(path.name)} | ({parent} if step else set())
        assert victims
        for victim in sorted(victims):  # the slurmstepd is the oldest, and notes nothing any more
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        pytest.skip(f"Slurm is not installed: there is no {missing[0]}")
    with tempfile.TemporaryDirectory(prefix="slurm", ignore_cleanup_errors=True) as name:
        home, host, user, ports = Path(name), socket.gethostname(), getpass.getuser(), free()
        (home / "key").write_bytes(os.urandom(1024))
        (home / "key").chmod(0o600)
        (home / "slurm.conf").write_text(f"""ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={home}/munge,cred_expire=20
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool-%n
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd-%n.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
NodeName=a NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=2000
NodeName=b NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=2000
PartitionName=all Nodes=a,b Default=YES State=UP
""")
        for folder in ("state", "spool-a", "spool-b"):
            (home / folder).mkdir()
        cluster = Cluster(home, {})
        before = os.environ.copy()
        os.environ["SLURM_CONF"] = f"{home}/slurm.conf"
        try:
            munge = ("--key-file", "key", "--socket", "munge", "--pid-file", "pid", "--seed-file", "seed")
            paths = [f"{home}/{word}" if word[0] != "-" else word for word in munge]
            cluster.start("munged", "-F", "--force", *paths, "--log-file", f"{home}/munge.log")
            until(lambda: (home / "munge").exists(), 30)
            cluster.start("slurmctld", "-c", "-D")
            for node in ("a", "b"):
                cluster.start("slurmd", "-D", "-N", node)
            until(lambda: say("sinfo", "-h", "-o", "%D %t") == "2 idle", 60)
            yield cluster
            say("scancel", "--user", user)
            until(lambda: not say("squeue", "-h"), 60)
        finally:
            os.environ.clear()
            os.environ.update(before)
            for daemon in reversed(cluster.daemons.values()):
                daemon.terminate()
                daemon.wait()


def free() -> list[int]:
    """Three ports that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def say(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def until(happened: Callable[[], bool], seconds: float = 240) -> None:
    limit = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < limit
        time.sleep(0.5)


def submitted(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], time: int = 60
) -> str:
    capsys.readouterr()
    assert jaxgan(monkeypatch, "submit", home, "--time", time, "--memory", "900M") == 0
    return capsys.readouterr().out.strip()


def both_train(home: Path) -> None:
    """Waits until each task has a run that trains."""
    until(lambda: all(pack.state == "running" and pack.step > 0 for pack in every(home)))


def each_done_once(home: Path) -> None:
    for pack in every(home):
        assert [outcome.how for outcome in pack.outcomes].count("done") == 1
        assert pack.state == "done"
        lines = (Paths(home).run(pack.planned.name) / "metrics.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        trained = [row["step"] for row in rows if row["kind"] == "train"]
        assert trained == list(range(2, pack.steps + 1, 2))


def sessions(home: Path, pack: Progress) -> list:
    return read_manifest(find_folder(Paths(home).run(pack.planned.name))).sessions


def finished(home: Path) -> bool:
    return all(pack.state == "done" for pack in every(home)) and not say("squeue", "-h")


@pytest.mark.slow
def test_a_sweep_that_is_submitted_completes(cluster, tmp_path, monkeypatch, capsys):
    home = plan(tmp_path / "it's a 50% %j sweep", packs=3)
    job = submitted(home, monkeypatch, capsys)
    until(lambda: finished(home))
    each_done_once(home)
    assert len(list(home.glob(f"slurm-{job}-?.txt"))) == 3
    assert jaxgan(monkeypatch, "submit", home, "--partition", "nowhere") == 0
    assert "nothing to submit: 6 of 6 cells done" in capsys.readouterr().err
    assert jaxgan(monkeypatch, "submit", plan(tmp_path / "t"), "--partition", "nowhere") == 2
    assert "Invalid partition name specified" in capsys.readouterr().err


@pytest.mark.slow
def test_requeued_and_cancelled_tasks_save_and_go_on(cluster, tmp_path, monkeypatch, capsys):
    home = plan(tmp_path / "s", "--steps", 200, "--pause", 0.1, "--save-every", 200)
    job = submitted(home, monkeypatch, capsys)
    both_train(home)
    say("scontrol", "requeue", f"{job}_1")
    say("scancel", f"{job}_2")
    until(lambda: all(pack.state == "waiting" for pack in every(home)))
    for pack in every(home):
        assert pack.outcomes[0].how == "interrupted"
        assert pack.outcomes[0].step > 0  # which was saved, though no checkpoint was due
    until(lambda: finished(home))  # by the task that was requeued alone
    each_done_once(home)
    assert all(len(sessions(home, pack)) == 2 for pack in every(home))


@pytest.mark.slow
def test_a_node_that_fails_and_a_daemon_that_is_restarted(cluster, tmp_path, monkeypatch, capsys):
    home = plan(tmp_path / "s", "--steps", 200, "--pause", 0.1)
    submitted(home, monkeypatch, capsys)
    both_train(home)
    cluster.daemons["a"].kill()  # its task goes on without it
    cluster.daemons["a"].wait()
    cluster.fail("b")
    for node in ("a", "b"):
        cluster.start("slurmd", "-D", "-N", node)
    until(lambda: finished(home))
    each_done_once(home)
    assert sorted(pack.claim.number for pack in every(home)) == [1, 2]
    text = "".join(path.read_text() for path in home.glob("slurm-*.txt"))
    assert "2 running, 2 waiting" in text


@pytest.mark.slow
def test_the_time_limit_leaves_what_the_same_command_goes_on_with(cluster, tmp_path, monkeypatch, capsys):
    home = plan(tmp_path / "s", "--steps", 800, "--pause", 0.1, "--save-every", 800)
    submitted(home, monkeypatch, capsys, time=4)  # Slurm warns up to a minute early
    both_train(home)
    until(lambda: not say("squeue", "-h"))
    assert [pack.outcomes[0].how for pack in every(home)] == ["interrupted", "interrupted"]
    assert all(pack.outcomes[0].step > 0 for pack in every(home))
    submitted(home, monkeypatch, capsys)
    until(lambda: finished(home))
    each_done_once(home)
