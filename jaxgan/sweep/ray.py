"""Workers on a Ray cluster: tasks, each of which is a worker like any other on a machine of the cluster.

Claims are files, so Ray knows nothing but how many workers there are to be: it starts them where there is
room, and again where one was killed or its machine was lost.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jaxgan.errors import Refused
from jaxgan.sweep.folder import progress, read, unchanged
from jaxgan.sweep.local import until_all_end, work_here
from jaxgan.sweep.work import PATIENCE


def work_on_ray(home: Path, address: str, count: int = 0, retries: int = 1) -> bool:
    """Works on a sweep with `count` workers on a cluster, and returns whether every pack is done.

    Each has a GPU or, in a cluster without any, a core; 0 is all that the cluster has now. What finds no room
    waits for it. Ctrl-C stops the workers, each run saves its state, and the same command goes on.
    """
    sweep = read(home)
    unchanged(sweep, home)
    left = sum(pack.state != "done" for pack in progress(home, sweep))
    ray = _connected(address)
    try:
        resources = ray.cluster_resources()
        kind = "GPU" if resources.get("GPU") else "CPU"
        most = count or max(int(resources.get(kind, 0)), 1)
        worker = ray.remote(
            num_cpus=1, num_gpus=int(kind == "GPU"), max_retries=-1, scheduling_strategy="SPREAD"
        )(_worker)
        tasks = [worker.remote(str(home.absolute()), retries) for _ in range(min(left, most))]
        every = until_all_end(home, [partial(_follow, ray, tasks)])
    finally:
        ray.shutdown()
    return all(pack.state == "done" for pack in every)


def _worker(home: str, retries: int) -> None:
    """Works on packs, in a process that Ray has started and given a device."""
    work_here(Path(home), 1, retries, leave=True)


def _connected(address: str) -> Any:
    """Returns the library, connected to a cluster; refuses at once one that is not there."""
    try:
        import ray
    except ImportError:
        raise Refused("--ray needs the extra `ray`: install jaxgan[ray], here and on the cluster") from None
    try:
        host, _, port = (_newest() if address == "auto" else address).rpartition(":")
        if port.isdecimal() and "/" not in host:  # Ray itself would try for many minutes
            socket.create_connection((host, int(port)), timeout=30).close()
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        way = "start one by `ray start --head`, or give its HOST:PORT"
        raise Refused(f"no Ray cluster answers at {address}: {line}; {way}") from None
    return ray


def _newest() -> str:
    """Returns the address that Ray takes for `auto`, be it of a dead cluster; "" if it is another."""
    note = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "ray_current_cluster"
    with contextlib.suppress(OSError):
        return os.environ.get("RAY_ADDRESS") or note.read_text().strip()
    return ""


def _follow(ray: Any, tasks: Sequence[Any], stop: threading.Event) -> None:
    """Waits until all tasks have ended, and ends them if `stop` is set."""
    left = list(tasks)
    try:
        while left and not stop.is_set():
            ended, left = ray.wait(left, timeout=1.0)
            for task in ended:
                _check(ray, task)
    finally:
        for task in left:
            ray.cancel(task)  # as by Ctrl-C: its run saves
        if left:
            ray.wait(left, num_returns=len(left), timeout=PATIENCE + 30)


def _check(ray: Any, task: Any) -> None:
    """Raises what a worker has raised, such as that its machine does not see the folder."""
    try:
        ray.get(task)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, Refused):
            raise Refused(f"on a machine of the cluster: {error.cause}") from None
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise Refused(f"a worker on Ray could not go on: {str(error).strip().splitlines()[0]}") from None
