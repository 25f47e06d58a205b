"""jaxgan against PyTorch on this machine: six GANs (W1 to W6), and the overhead of the run loop.

    pip install -e ".[bench]"
    python -m benchmarks

Writes NAME.json and NAME.md, NAME the device and the day; in existing files only what is measured now is
replaced. Every contestant has its own process, and only one works at a time; other work on the machine slows
them by different amounts.
"""

import datetime
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import tyro

from benchmarks import lanes, losses, overheads, table, ways
from benchmarks.contest import Failed, Row, contest, in_process
from benchmarks.worker import device
from benchmarks.works import WORKS
from jaxgan.folder import cache

Part = Literal["W1", "W2", "W3", "W4", "W5", "W6", "loop", "start", "sampling", "losses", "lanes", "ways"]
PARTS: tuple[Part, ...] = get_args(Part)

QUIET = 0.5  # other load slows PyTorch's threads, which wait for one another, far more than XLA's


@dataclass(frozen=True)
class Options:
    only: tuple[Part, ...] = PARTS
    """What to measure: works, and other parts of the report."""
    rounds: int = 5
    """Turns of each contestant."""
    seconds: float = 2.0
    """Length of a turn; one update at least."""
    precisions: tuple[Literal["float32", "tf32", "bfloat16"], ...] = ()
    """By default float32, and on a GPU all three."""
    times: tuple[int, ...] = ()
    """Factors of the batch size; by default 1, and on a GPU 1 and 8."""
    out: Path = Path("benchmarks/results")
    """The folder of the report."""


def main(options: Options) -> None:
    """Measures, prints and writes the report."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the contestants share the device
    kind, name, jax_version = in_process(device)
    load = os.getloadavg()[0]
    on_gpu = kind != "cpu"
    which = "" if options.only == PARTS else f" of {', '.join(options.only)}"
    header = {
        "date": datetime.date.today().isoformat(),
        "device": name if on_gpu else cache.processor(),
        "cores": os.cpu_count(),
        "versions": [f"Python {platform.python_version()}", jax_version],
        "load": f"Load of the machine before the first turn{which}: {load:.2f}"
        + (", so it was not quiet, and no ratio here means much." if load > QUIET else "."),
    }
    report = table.open_report(header, options.out)
    for work in WORKS:
        if work.name not in options.only:
            continue
        for precision in options.precisions or (("float32", "tf32", "bfloat16") if on_gpu else ("float32",)):
            for times in options.times or ((1, 8) if on_gpu else (1,)):
                row = Row(work._replace(batch=times * work.batch), precision)
                print(f"{work.name} {work.what}, batch {row.work.batch}, {precision}", flush=True)
                try:
                    measured = contest(row, options.rounds, options.seconds)
                except Failed as failure:
                    print(f"  not measured: {failure}")
                    continue
                report["rows"] = table.replace_row(report["rows"], measured)
                if (torch := measured["eager"]["version"]) not in report["versions"]:
                    report["versions"].append(torch)
                table.write(report, options.out)  # so that an interruption loses one row at most
    parts: dict[str, tuple[Any, ...]] = {
        "run loop": ("loop", overheads.loop, options.rounds),
        "start": ("start", overheads.start, options.rounds),
        "sampling": ("sampling", overheads.sampling, options.rounds),
        "losses": ("losses", losses.measure),
        "lanes": ("lanes", lanes.measure, options.rounds, options.seconds),
    }
    if not on_gpu:
        parts["lanes on a CPU"] = ("ways", ways.measure, min(options.rounds, 3), options.seconds)
    for title, (name, measure, *arguments) in parts.items():
        if name in options.only:
            print(title, flush=True)
            report[title] = in_process(measure, *arguments)
            table.write(report, options.out)
    print(table.page(report))
    print(f"written: {table.write(report, options.out)}")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
