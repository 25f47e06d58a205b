"""What can be done with a sweep: work on it, here or on a cluster, see how far it is, stop it."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

Sweep = Annotated[Path, tyro.conf.Positional]


def work(sweep: Sweep, *, jobs: int = 1, retries: int = 1, ray: str = "") -> None:
    """Works on a sweep: claims one pack after another until none is left. Any number of workers may.

    It ends early once every pack that is left has another worker.

    Args:
        sweep: The folder of the sweep, as planned by `python SCRIPT --sweep ...`.
        jobs: Packs to train at once, each on its own device or cores; 0 is all that this machine has, or the
            cluster.
        retries: How often a pack that failed is tried again.
        ray: Work on a Ray cluster that sees the same folder, and follow it from here: its address, or auto.
    """
    import sys

    from jaxgan.sweep.folder import Paths, read
    from jaxgan.sweep.local import work_here
    from jaxgan.sweep.ray import work_on_ray

    if not ray:
        done = work_here(sweep, jobs, retries, leave=True)
    else:
        read(sweep)
        Paths(sweep).cancelled.unlink(
            missing_ok=True
        )  # as by the user, not by a worker that is started again
        done = work_on_ray(sweep, ray, jobs, retries)
    if not done:
        sys.exit(1)


def sweep(
    action: Annotated[Literal["status", "resume", "cancel"], tyro.conf.Positional],
    sweep: Sweep,
    *,
    jobs: int = 0,
    retries: int = 1,
) -> None:
    """Shows how far a sweep is, goes on with it, or stops all its workers.

    Args:
        action: `status` lists the packs, how far each is, and why some failed; `resume` works on what is
            left, with all that this machine has; `cancel` stops all workers, on other machines too, and each
            run saves its state.
        sweep: The folder of the sweep.
        jobs: Packs that `resume` trains at once; 0 is one to a device, or to a core where there is none.
        retries: How often `resume` tries a pack that failed again.
    """
    import sys

    from jaxgan.sweep.folder import Paths, progress, read
    from jaxgan.sweep.local import listed, work_here

    now = read(sweep)
    match action:
        case "status":
            print(listed(progress(sweep, now)))
        case "cancel":
            Paths(sweep).cancelled.touch()
            print(f"{sweep} stops within seconds; `jaxgan sweep resume {sweep}` goes on")
        case "resume":
            Paths(sweep).cancelled.unlink(missing_ok=True)
            if not work_here(sweep, jobs, retries):
                sys.exit(1)


def submit(
    sweep: Sweep,
    *,
    tasks: int = 64,
    time: str = "1:00:00",
    memory: str = "4G",
    cpus: int = 1,
    gpus: int = 0,
    partition: str = "",
    retries: int = 1,
    dry_run: bool = False,
) -> None:
    """Submits workers to a Slurm cluster, as one array job, and prints its number.

    Given again, it submits workers for what is left.

    Args:
        sweep: The folder of the sweep, as planned by `python SCRIPT --sweep ... --plan-only`.
        tasks: The most workers; there is one for each pack that is not done.
        time: How long a worker may work, as sbatch reads it, at least some minutes. Each run saves its state
            before.
        memory: The memory of a worker, as sbatch reads it.
        cpus: The cores of a worker.
        gpus: The GPUs of a worker, which trains as many packs at once.
        partition: Where to submit; by default where the cluster decides.
        retries: How often a pack that failed is tried again.
        dry_run: Print the script of the job and stop.
    """
    import sys

    from jaxgan.errors import Refused
    from jaxgan.sweep import folder, slurm
    from jaxgan.sweep.local import summary

    for name, number, least in (("tasks", tasks, 1), ("cpus", cpus, 1), ("gpus", gpus, 0)):
        if number < least:
            raise Refused(f"--{name} must be at least {least}, not {number}")
    now = folder.read(sweep)
    folder.unchanged(now, sweep)
    every = folder.progress(sweep, now)
    count = slurm.count(every, tasks, retries)
    if not count:
        print(f"nothing to submit: {summary(every)}", file=sys.stderr)
        return
    text = slurm.job(sweep.absolute(), count, slurm.Task(time, memory, cpus, gpus, partition, retries))
    if dry_run:
        print(text, end="")
        return
    folder.Paths(sweep).cancelled.unlink(missing_ok=True)
    print(slurm.submit(text))
    print(f"{count} workers are queued: see `jaxgan sweep status {sweep}`", file=sys.stderr)


Format = Literal["auto", "text", "markdown", "latex", "csv", "parquet", "rliable", "marl-eval"]
_ENDINGS: dict[str, Format] = {
    ".txt": "text",
    ".md": "markdown",
    ".tex": "latex",
    ".csv": "csv",
    ".parquet": "parquet",
}


def table(
    sweep: Sweep,
    *,
    metric: str = "",
    by: str = "",
    baseline: str = "",
    format: Format = "auto",
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None,
) -> None:
    """Prints what a sweep says of a metric: a row for each setting, over its seeds.

    Args:
        sweep: The folder of the sweep.
        metric: A number that hooks or evaluations have measured; may be left out if there is only one.
        by: The options that make a setting, as in loss,gamma; by default all axes. Others are pooled.
        baseline: The setting to compare with, as in loss=hinge,gamma=0.1.
        format: text, markdown and latex print the table; csv and parquet have a line for every number of
            every cell at every step; rliable and marl-eval are JSON for these libraries. auto is as FILE
            ends, or text.
        out: Write it to this file instead.
    """
    import sys

    from jaxgan.errors import Refused
    from jaxgan.folder.files import write_files
    from jaxgan.folder.folder import check_out
    from jaxgan.sweep.folder import progress, read
    from jaxgan.sweep.local import summary

    chosen: Format = "text" if format == "auto" else format
    if out is not None:
        check_out(out)
        if format == "auto" and out.suffix.lower() not in _ENDINGS:
            raise Refused(f"--out {out}: say what to write, by --format, or end it in {' '.join(_ENDINGS)}")
        chosen = _ENDINGS[out.suffix.lower()] if format == "auto" else format
    elif chosen == "parquet":
        raise Refused("a Parquet file is not printed: give its name, by --out FILE.parquet")
    content = _content(sweep, chosen, metric, by.split(",") if by else [], baseline)
    if out is None:
        print(content.decode(), end="")
    else:
        write_files(out.parent, {out.name: content})
        print(out)
    every = progress(sweep, read(sweep))
    if any(pack.state != "done" for pack in every):
        print(f"not finished: {summary(every)}", file=sys.stderr)


def _content(sweep: Path, chosen: Format, metric: str, by: list[str], baseline: str) -> bytes:
    """Returns the file of a format; what it leaves out is said on stderr."""
    import sys

    from jaxgan.sweep import exports, long, spread
    from jaxgan.sweep import table as tables

    if chosen == "csv":
        return long.as_csv(sweep, metric).encode()
    if chosen == "parquet":
        return long.as_parquet(sweep, metric)
    made = tables.table(sweep, by, metric, baseline)
    if chosen not in ("rliable", "marl-eval"):
        shares = spread.text(spread.spreads(made)) if chosen == "text" else ""
        return "\n".join([tables.FORMATS[chosen](made), *(["", shares] if shares else []), ""]).encode()
    export = (exports.rliable if chosen == "rliable" else exports.marl_eval)(made)
    for line in export.left_out:
        print(f"left out: {line}", file=sys.stderr)
    return f"{export.text}\n".encode()
