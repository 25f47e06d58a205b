"""The published toy benchmark: one run per recipe, data set and seed, and a table of the results.

    python experiments/toy_benchmark.py

makes the runs that are missing in `experiments/results/toy_benchmark.json`, two at a time, three seeds of
each protocol before the others, and writes the table next to it after each run. It can be stopped at any
time: finished runs are kept, and an interrupted run resumes from its last checkpoint. `--dry` lists the
missing runs instead, and `--table` only writes the table.
"""

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import toy_apart
import toy_table

from jaxgan.errors import Refused
from jaxgan.folder import files, lock

HERE = Path(__file__).parent
FIRST = 3  # seeds of everything before more of anything


class Protocol(NamedTuple):
    """A script with fixed options, and what is compared: data, recipes and the number of seeds."""

    title: str
    script: str
    options: str
    steps: int
    data: tuple[str, ...]
    recipes: Mapping[str, str]  # recipe -> its own options
    seeds: int
    of: str = ""  # the longer protocol whose first steps these are


LOSSES = ("non_saturating", "least_squares", "hinge", "r1", "relativistic", "pack2", "pack4", "wgan_gp")


def without_options(*recipes: str) -> dict[str, str]:
    """Returns recipes without options of their own."""
    return dict.fromkeys(recipes, "")


PACGAN_NETWORKS = "--network maxout --width 400 --z-size 2 --lr 1e-4 --d-lr 1e-4 --b1 0.8"
PACGAN = Protocol(
    "PacGAN's own protocol (batches of 100 packs, 400,000 steps)",
    "toy.py",
    f"{PACGAN_NETWORKS} --init 0.02 --momentum 0.95 --simultaneous --examples 100000",
    400_000,
    ("ring", "grid"),
    {"non_saturating": "--batch-size 100", "pack2": "--batch-size 200"},
    3,
)
PROTOCOLS = {
    "best": Protocol(
        "`experiments/ring.py`", "ring.py", "", 15_000, ("ring", "grid"), without_options(""), 10
    ),
    "light": Protocol(
        "the light protocol (2 x 128 tanh, batches of 512, 25,000 steps: the unrolled GAN's demo)",
        "toy.py",
        "",
        25_000,
        ("ring", "grid"),
        without_options(*LOSSES),
        10,
    ),
    "1200d": Protocol(
        "3 x 512 ReLU, latents of 2, batches of 128, Adam at 1e-3, G averaged, gamma 10, 5,000 steps",
        "toy.py",
        "--network relu --width 512 --z-size 2 --batch-size 128 --d-lr 1e-3 --gamma 10 --average 0.998",
        5_000,
        ("gaussian_1200d",),
        without_options("non_saturating", "relativistic", "pack2"),
        3,
    ),
    "stacked": Protocol(
        "`experiments/stacked.py` (a thousand modes)",
        "stacked.py",
        "",
        8_000,
        ("stacked:digits",),
        without_options("relativistic", "non_saturating", "pack2"),
        3,
    ),
    "turns": Protocol(
        "PacGAN's networks and rates, in turns (batches of 100, other initial weights, 100,000 steps)",
        "toy.py",
        f"{PACGAN_NETWORKS} --batch-size 100",
        100_000,
        ("ring", "grid"),
        without_options("non_saturating", "pack2"),
        3,
    ),
    "pacgan_begun": PACGAN._replace(
        title="PacGAN's own protocol, the first quarter (batches of 100 packs, 100,000 steps)",
        steps=100_000,
        of="pacgan",
    ),
    "pacgan": PACGAN,
}


class Cell(NamedTuple):
    """One run."""

    protocol: str
    data: str
    recipe: str
    seed: int

    @property
    def name(self) -> str:
        return "/".join(str(part) for part in self if part != "")

    @property
    def run(self) -> str:
        """The run's folder, shared with the longer run that it is resumed into."""
        return self._replace(protocol=PROTOCOLS[self.protocol].of or self.protocol).name


def plan(
    protocols: Sequence[str], recipes: Sequence[str], data: Sequence[str], seeds: Sequence[int]
) -> list[Cell]:
    """Returns the runs to make; an empty list of recipes or data means all."""
    cells = [
        Cell(name, where, recipe, seed)
        for name in protocols
        for where, recipe in itertools.product(PROTOCOLS[name].data, PROTOCOLS[name].recipes)
        for seed in range(PROTOCOLS[name].seeds)
        if seed in seeds and recipe in (recipes or (recipe,)) and where in (data or (where,))
    ]
    return sorted(cells, key=lambda cell: (protocols.index(cell.protocol), cell.seed >= FIRST))


def command(cell: Cell, run: Path, steps: int) -> list[str]:
    """Returns the command line that makes the run of a cell, or resumes it."""
    protocol = PROTOCOLS[cell.protocol]
    start = [sys.executable, str(HERE / protocol.script)]
    if (run / "config.json").exists():
        return [*start, "--resume", str(run), "--steps", str(steps)]
    recipe = ["--recipe", cell.recipe] if cell.recipe else []
    options = ["--data", cell.data, "--seed", str(cell.seed), "--steps", str(steps), "--out", str(run)]
    return [*start, *protocol.options.split(), *protocol.recipes[cell.recipe].split(), *recipe, *options]


def complete(cell: Cell, runs: Path, steps: int) -> dict[str, Any]:
    """Makes the run of a cell: returns its last measurement, or how it failed."""
    from jaxgan.folder import manifest, rows

    run = runs / cell.run

    def session() -> dict[str, Any]:
        manifest = run / "manifest.json"
        return json.loads(manifest.read_text())["sessions"][-1] if manifest.exists() else {}

    def last() -> Mapping[str, Any] | None:
        logged = rows.read(run / "metrics.jsonl")
        ends = (row.numbers for row in logged if row.step == steps and "reverse_kl" in row.numbers)
        return next(ends, None)

    if last() is None:  # else it was finished, but not recorded
        process = subprocess.run(command(cell, run, steps), capture_output=True, text=True)
        ended = str(session().get("ended"))
        if ended.startswith("NotFinite: "):
            return {"failed": ended.removeprefix("NotFinite: "), "on": manifest.devices(session()["devices"])}
        if process.returncode:
            sys.exit(f"{cell.name} ended with {process.returncode}: {process.stderr[-2000:].strip()}")
    row = last()
    assert row is not None
    return {
        **{name: row[name] for name in toy_table.COLUMNS if name in row},
        "on": manifest.devices(session()["devices"]),
    }


class Store:
    """The results, in a JSON file that is written atomically, and a Markdown table next to it."""

    def __init__(self, path: Path) -> None:
        self.path, self.lock = path, threading.Lock()
        results = json.loads(path.read_text()) if path.exists() else {"cells": {}, "oracle": {}}
        self.cells, self.oracle = results["cells"], results["oracle"]

    def add(self, cell: Cell, record: dict[str, Any]) -> None:
        with self.lock:
            self.cells[cell.name] = record
            self.write()

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for data in {name.split("/")[1] for name in self.cells} - self.oracle.keys():
            self.oracle[data] = toy_table.oracles(data)
        results = {"oracle": self.oracle, "cells": dict(sorted(self.cells.items()))}
        files.write(self.path, json.dumps(results, indent=1) + "\n")
        files.write(self.path.with_suffix(".md"), self.page() + "\n")

    def page(self) -> str:
        """Returns the tables of all protocols with one or more runs, as Markdown."""
        parts = ["# The published toy benchmark", toy_table.WORDS]
        for name, protocol in PROTOCOLS.items():
            for data in protocol.data:
                runs = {
                    recipe or "default": {
                        seed: self.cells[cell.name]
                        for seed in range(protocol.seeds)
                        if (cell := Cell(name, data, recipe, seed)).name in self.cells
                    }
                    for recipe in protocol.recipes
                }
                if any(runs.values()):
                    parts.append(f"## {data}, {protocol.title}")
                    numbers = {recipe: list(seeds.values()) for recipe, seeds in runs.items()}
                    parts.append(toy_table.table(data, numbers, self.oracle[data]))
                    parts.append(toy_table.machines(numbers))
                    if lines := toy_apart.significance_lines(runs):
                        parts.append("\n".join(["Significant differences:", "", *lines]))
        return "\n\n".join(parts)


def pin_to_core(cores: Iterator[int]) -> Callable[[], None]:
    """Returns a function that pins a thread, and the processes it starts, to the next core."""

    def pin() -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {next(cores)})

    return pin


def main(args: Sequence[str] | None = None) -> None:
    from jaxgan.run import lane

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--protocols", nargs="+", default=list(PROTOCOLS), choices=list(PROTOCOLS))
    recipes = {recipe for protocol in PROTOCOLS.values() for recipe in protocol.recipes if recipe}
    data = {where for protocol in PROTOCOLS.values() for where in protocol.data}
    parser.add_argument("--recipes", nargs="+", default=[], choices=sorted(recipes), help="only these")
    parser.add_argument("--data", nargs="+", default=[], choices=sorted(data), help="only these")
    parser.add_argument("--seeds", default="0:10", help="from:to, as 0:3, or one, or several with commas")
    parser.add_argument("--runs", type=Path, default=Path("runs/toy_benchmark"), help="for the run folders")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "toy_benchmark.json")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, each on a core of its own")
    parser.add_argument("--steps", type=int, default=0, help="other than the protocol's, for a trial")
    parser.add_argument("--dry", action="store_true", help="list the missing runs")
    parser.add_argument("--table", action="store_true", help="only write the table")
    chosen = parser.parse_args(args)
    if chosen.steps and any(getattr(chosen, x) == parser.get_default(x) for x in ("runs", "results")):
        parser.error("--steps makes a trial, not the benchmark: give it --runs and --results of its own")

    store = Store(chosen.results)
    try:
        seeds = lane.parse_seeds(chosen.seeds)
    except Refused as error:
        parser.error(str(error))
    cells = plan(chosen.protocols, chosen.recipes, chosen.data, seeds)
    missing = [cell for cell in cells if cell.name not in store.cells]
    if chosen.dry:
        print(*(cell.name for cell in missing), sep="\n")
        return
    if chosen.table:
        store.write()
        return

    locks = {cell.run: threading.Lock() for cell in missing}  # two cells can share a run, the shorter first

    def play(cell: Cell) -> None:
        with locks[cell.run]:
            record = complete(cell, chosen.runs, chosen.steps or PROTOCOLS[cell.protocol].steps)
        store.add(cell, record)
        print(cell.name, record, flush=True)

    cores = itertools.cycle(sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0])
    with exclusive(chosen.runs), ThreadPoolExecutor(chosen.jobs, initializer=pin_to_core(cores)) as pool:
        list(pool.map(play, missing))


@contextlib.contextmanager
def exclusive(runs: Path) -> Iterator[None]:
    """Allows one benchmark at a time: a second would overwrite the results of the first."""
    try:
        with lock.lock_folder(runs):
            yield
    except Refused as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
