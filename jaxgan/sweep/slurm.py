"""Workers on a Slurm cluster: one array job, each task of which is a worker like any other."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jaxgan.errors import Refused
from jaxgan.sweep.folder import Progress
from jaxgan.sweep.work import PATIENCE, failures

WARNING = int(PATIENCE) + 30
"""Seconds before its time limit at which a worker is asked to stop: its runs save, and it notes so."""


class Task(NamedTuple):
    """What each task of the job is given, in the words of sbatch, and how often it tries what failed."""

    time: str = "1:00:00"
    memory: str = "4G"
    cpus: int = 1
    gpus: int = 0
    partition: str = ""
    retries: int = 1


def count(every: Sequence[Progress], most: int, retries: int = 1) -> int:
    """How many tasks can be of use: one for each pack that is not done and may be tried, `most` at most."""
    useful = [pack for pack in every if pack.state not in ("done", "failed")]
    useful += [pack for pack in every if pack.state == "failed" and failures(pack) <= retries]
    return min(len(useful), most)


def job(home: Path, tasks: int, task: Task) -> str:
    """The script of an array job whose tasks work on a sweep, each until nothing is left.

    The worker takes the place of the shell, so that it is what Slurm warns before the time limit.

    >>> print(job(Path("/runs/mine"), 4, Task(gpus=1)).splitlines()[2])
    #SBATCH --array=1-4
    """
    options = {
        "job-name": home.name,
        "array": f"1-{tasks}",
        "time": task.time,
        "mem": task.memory,
        "cpus-per-task": str(task.cpus),
        "gres": f"gpu:{task.gpus}" if task.gpus else "",
        "partition": task.partition,
        "output": f"{home.absolute()}/slurm-".replace("%", "%%") + "%A-%a.txt",
        "open-mode": "append",  # a task that is requeued goes on with its file
        "signal": f"B:TERM@{WARNING}",
    }
    worker = [sys.executable, "-m", "jaxgan.cli", "work", str(home.absolute())]
    worker += ["--jobs", str(max(task.gpus, 1)), "--retries", str(task.retries)]
    lines = ["#!/bin/sh"]
    lines += [f"#SBATCH --{name}={shlex.quote(value)}" for name, value in options.items() if value]
    return "\n".join([*lines, "#SBATCH --requeue", f"exec {shlex.join(worker)}", ""])


def submit(text: str) -> str:
    """Gives a script to sbatch and returns the number of the job; refused where sbatch is, or refuses."""
    try:
        answer = subprocess.run(
            ["sbatch", "--parsable"], input=text, capture_output=True, text=True, check=False
        )
    except OSError:
        raise Refused(
            "there is no sbatch: submit on a machine of a Slurm cluster, or see the script with --dry-run"
        ) from None
    if answer.returncode:
        why = answer.stderr.strip().splitlines() or [f"status {answer.returncode}"]
        raise Refused(f"sbatch refused: {why[-1].removeprefix('sbatch: error: ')}")
    return answer.stdout.strip().partition(";")[0]  # the name of the cluster may follow
