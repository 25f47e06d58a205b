"""Workers on a Ray cluster: what is refused, and a real cluster of two nodes, one of which fails."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from support import ended, jaxgan, script, start
from sweep_folders import every, plan

from jaxgan.errors import Refused
from jaxgan.sweep import ray
from jaxgan.sweep.folder import Paths

TINY = script("tiny")


def test_what_cannot_work_on_ray_is_refused_in_one_line(tmp_path, monkeypatch, capsys):
    assert jaxgan(monkeypatch, "work", tmp_path, "--ray", "auto") == 2
    assert "is not the folder of a sweep" in capsys.readouterr().err
    home = plan(tmp_path / "s")
    capsys.readouterr()
    monkeypatch.setitem(sys.modules, "ray", None)
    assert jaxgan(monkeypatch, "work", home, "--ray", "auto") == 2
    assert capsys.readouterr().err == (
        "error: --ray needs the extra `ray`: install jaxgan[ray], here and on the cluster\n"
    )
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace())
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    for address in ("127.0.0.1:1", "auto"):
        assert jaxgan(monkeypatch, "work", home, "--ray", address) == 2
        assert f"no Ray cluster answers at {address}: [Errno 111] Connection" in capsys.readouterr().err


def test_what_a_worker_refuses_is_said_of_its_machine():
    class TaskError(Exception):
        cause = Refused("/runs/mine is not the folder of a sweep: there is no sweep.json in it")

    def get(task: object) -> None:
        raise TaskError

    fake = SimpleNamespace(get=get, exceptions=SimpleNamespace(RayTaskError=TaskError, RayError=OSError))
    with pytest.raises(Refused, match=r"^on a machine of the cluster: /runs/mine is not the folder"):
        ray._check(fake, None)


class Cluster(NamedTuple):
    """A Ray cluster of two nodes on this machine, each with one core."""

    address: str
    folder: Path
    nodes: dict[str, "subprocess.Popen[bytes]"]

    def start(self, node: str, *options: str) -> None:
        environment = {
            **os.environ,
            "RAY_TEST_NODE": f"{self.address} {node}",
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
        command += ["--object-store-memory=80000000", "--node-ip-address=127.0.0.1", *options]
        with (self.folder / f"{node}.txt").open("ab") as file:
            self.nodes[node] = subprocess.Popen(command, stdout=file, stderr=file, env=environment)

    def join(self, node: str, *options: str) -> None:
        """Starts a node and waits until Ray counts it; on a busy machine the first start may time out."""
        self.start(node, *options)
        until(lambda: self.size() == len(self.nodes) or self.nodes[node].poll() is not None)
        if self.nodes[node].poll() is not None:
            self.fail(node)
            self.start(node, *options)
            until(lambda: self.size() == len(self.nodes))

    def processes(self, node: str, word: bytes = b"") -> list[int]:
        """Those that run on a node and have `word` in their command."""
        mark, found = f"RAY_TEST_NODE={self.address} {node}".encode(), []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                environment, command = (path / "environ").read_bytes(), (path / "cmdline").read_bytes()
                if mark in environment.split(b"\0") and word in command:
                    found.append(int(path.name))
        return found

    def fail(self, node: str) -> None:
        """Kills all that runs on a node, as when its power fails."""
        while victims := self.processes(node):
            for victim in victims:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
        self.nodes[node].wait()

    def size(self) -> int:
        """The number of nodes that Ray counts as alive."""
        code = f"import ray; ray.init({self.address!r}, log_to_driver=False, logging_level='ERROR')\n"
        code += "print('nodes:', sum(node['Alive'] for node in ray.nodes()))"
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        return int(answer.stdout.rpartition("nodes:")[2]) if answer.returncode == 0 else 0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("the extra `ray` is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="ray"))  # of a short path, as sockets need
    cluster = Cluster(f"127.0.0.1:{port}", folder, {})
    try:
        cluster.join("a", "--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}")
        cluster.join("b", f"--address={cluster.address}")
        yield cluster
    finally:
        for node in reversed(list(cluster.nodes)):
            cluster.fail(node)
        shutil.rmtree(folder, ignore_errors=True)


def until(happened: Callable[[], bool], seconds: float = 240) -> None:
    limit = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < limit
        time.sleep(0.5)


def working(cluster: Cluster, home: Path) -> "subprocess.Popen[str]":
    """Starts workers, and returns once each node trains a pack."""
    process = start("-m", "jaxgan.cli", "work", home, "--ray", cluster.address, "--jobs", 0)

    def both_train() -> bool:
        assert process.poll() is None, process.communicate()
        return all(cluster.processes(node, b"--options") for node in cluster.nodes) and all(
            pack.step > 0 for pack in every(home) if pack.state == "running"
        )

    until(both_train)
    return process


def each_done_once(home: Path) -> None:
    for pack in every(home):
        assert [outcome.how for outcome in pack.outcomes].count("done") == 1
        assert pack.state == "done"
        lines = (Paths(home).run(pack.planned.name) / "metrics.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        trained = [row["step"] for row in rows if row["kind"] == "train"]
        assert trained == list(range(2, pack.steps + 1, 2))


@pytest.mark.slow
def test_ctrl_c_and_cancel_save_every_run_and_the_same_command_goes_on(
    cluster, tmp_path, monkeypatch, capsys
):
    home = plan(tmp_path / "s", "--steps", 300, "--pause", 0.1, "--save-every", 300)
    process = working(cluster, home)
    process.send_signal(signal.SIGINT)
    assert "the same command goes on" in ended(process, 130)
    assert not any(cluster.processes(node, b"--options") for node in cluster.nodes)
    assert [[outcome.how for outcome in pack.outcomes] for pack in every(home)] == [["interrupted"]] * 2
    steps = [pack.outcomes[0].step for pack in every(home)]
    assert min(steps) > 0  # which was saved, though no checkpoint was due
    process = working(cluster, home)
    assert jaxgan(monkeypatch, "sweep", "cancel", home) == 0
    ended(process, 1)
    assert not any(cluster.processes(node, b"--options") for node in cluster.nodes)
    assert [len(pack.outcomes) for pack in every(home)] == [2, 2]
    ended(working(cluster, home))
    each_done_once(home)


@pytest.mark.slow
def test_killed_workers_and_a_killed_command_are_survived(cluster, tmp_path):
    home = plan(tmp_path / "s", "--steps", 300, "--pause", 0.1)
    process = working(cluster, home)
    process.kill()  # its workers are ended by Ray
    process.communicate()
    process = working(cluster, home)
    for node in cluster.nodes:
        for victim in cluster.processes(node, b"ray::_worker"):
            os.kill(victim, signal.SIGKILL)
    ended(process)
    each_done_once(home)


@pytest.mark.slow
def test_a_lost_node_is_survived(cluster, tmp_path):
    home = plan(tmp_path / "s", "--steps", 300, "--pause", 0.1)
    process = working(cluster, home)
    cluster.fail("b")
    err = ended(process)
    each_done_once(home)
    assert sorted(pack.claim.number for pack in every(home)) == [1, 2]
    assert "4 of 4 cells done" in err
