"""A sweep against a shell loop: cells per hour of one command, and of one process for each cell.

    python -m benchmarks.sweeps

Both train the same short ring cells, in turn: a share of the loop, the sweep, and the rest of the loop.
"""

import itertools
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import tyro

SCRIPT = Path(__file__).parent.parent / "experiments" / "ring.py"


@dataclass(frozen=True)
class Options:
    cells: int = 64
    """Cells of the sweep: seeds of two learning rates."""
    looped: int = 8
    """Cells that the loop trains, half before the sweep and half after it."""
    steps: int = 200
    """Steps of each cell."""


def main(options: Options) -> None:
    """Measures and prints."""
    shared = [f"--steps={options.steps}", f"--save-every={options.steps}", f"--sample-every={options.steps}"]
    rates, seeds = (1e-3, 2e-3), range(options.cells // 2)
    cells = list(itertools.islice(itertools.product(seeds, rates), options.looped))
    with tempfile.TemporaryDirectory() as home:

        def one_by_one(some: list[tuple[int, float]]) -> float:
            began = time.perf_counter()
            for seed, lr in some:
                out = f"--out={home}/{seed}-{lr}"
                subprocess.run(
                    [sys.executable, str(SCRIPT), f"--seed={seed}", f"--lr={lr}", out, *shared],
                    check=True,
                    capture_output=True,
                )
            return time.perf_counter() - began

        before = one_by_one(cells[: options.looped // 2])
        began, before_it = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        axes = f"lr={','.join(map(str, rates))} seed=0:{options.cells // 2}"
        command = [sys.executable, str(SCRIPT), "--sweep", axes, f"--out={home}/sweep", *shared]
        subprocess.run(command, check=True, capture_output=True)
        swept = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before_it.ru_utime - before_it.ru_stime
        looped = before + one_by_one(cells[options.looped // 2 :])
    per_hour = 3600 * options.looped / looped, 3600 * options.cells / swept
    print(
        f"loop {per_hour[0]:.0f} cells/h, sweep {per_hour[1]:.0f} cells/h: {per_hour[1] / per_hour[0]:.1f}x"
    )
    print(f"processors busy during the sweep: {used / swept / len(os.sched_getaffinity(0)):.0%}")


if __name__ == "__main__":
    main(tyro.cli(Options))
