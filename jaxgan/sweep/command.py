"""A sweep from a script's command line: declared, planned, and worked on here."""

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import msgspec

from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.folder import cache, codec
from jaxgan.folder.lock import lock_folder
from jaxgan.folder.script import Script, hashes
from jaxgan.folder.settings import RESUMABLE, SPLIT, Settings, check
from jaxgan.run import lane
from jaxgan.run.check import experiment_of, source_of
from jaxgan.run.devices import cores
from jaxgan.run.experiment import Experiment
from jaxgan.sweep import folder
from jaxgan.sweep.cells import Cell, Cells
from jaxgan.sweep.declare import declared
from jaxgan.sweep.estimate import Cost, cost
from jaxgan.sweep.folder import Planned, Sweep, identity, unchanged
from jaxgan.sweep.local import accelerators, duration, summary, work_here
from jaxgan.sweep.plan import Numbers, Pack, planned

Build = Callable[[Any, Source], Experiment]
Data = Callable[[Any], Source]


def sweep(
    config: Settings,
    build: Build,
    data: Data | None,
    script: Script,
    functions: Mapping[str, Any],
    chosen: argparse.Namespace,
) -> None:
    """Plans those cells of `--sweep` that are not in the folder yet, and works on all of the folder's."""
    prepare(config)
    cells = declared(type(config), chosen.sweep, functions, chosen.draws, chosen.sweep_seed)
    home = Path(config.out or f"runs/{script.path.stem}-sweep")
    options = msgspec.json.decode(codec.dumps(dataclasses.replace(config, out="")))
    with contextlib.nullcontext() if chosen.dry_run else lock_folder(home):
        now = opened(home, script, options)
        devices = accelerators()
        jax.config.update("jax_platforms", "cpu")  # accelerators are for the workers
        count = chosen.jobs or devices or cores()
        sources = Sources(data)
        now = extended(now, cells, chosen.sweep, Planner(config, build, sources, count, chosen.pack))
        if chosen.dry_run:
            print(describe(now, home, count, {} if devices else _costs(now, config, build, sources)))
            return
        folder.save(home, now)
        folder.Paths(home).cancelled.unlink(missing_ok=True)
    if chosen.plan_only:
        print(describe(now, home, count, {}))
        return
    finished = work_here(home, count, chosen.sweep_retries)
    print(f"{summary(folder.progress(home, now))}: see `jaxgan table {home}`")
    if not finished:
        sys.exit(1)


def prepare(config: Settings) -> None:
    """Checks the options that all cells share, before any of them is built."""
    check(config)
    cache.enable()
    if config.seeds or config.over:
        raise Refused("--sweep plans lanes by itself: give seed=0:8 and numbers as its axes")


class Planner(NamedTuple):
    """What new cells are planned by: the options they share, the script, and how many go together."""

    config: Settings
    build: Build
    sources: "Sources"
    workers: int
    lanes: int


def extended(now: Sweep, cells: Cells, axes: str, planner: Planner) -> Sweep:
    """Returns the sweep with packs of those cells that it did not have."""
    known = {identity(cell, now.options) for cell in now.cells}
    new = [cell for cell in complete(cells, now) if identity(cell, now.options) not in known]
    single = planner.config.on_nan == "restore"
    numbers = numbers_of(planner.config, planner.build, planner.sources)
    lanes = 1 if single else planner.lanes
    packs = planned(new, (lambda cell, names: frozenset()) if single else numbers, planner.workers, lanes)
    return with_packs(now, packs, axes)


class Sources:
    """The examples of cells, each loaded once; those of a script's own function may depend on any option."""

    def __init__(self, data: Data | None) -> None:
        self._data = data
        self._loaded: dict[tuple[str, int], Source] = {}

    def of(self, settings: Settings) -> Source:
        """Returns the examples under these options."""
        if self._data is not None:
            return source_of(settings, self._data)
        key = settings.data, settings.size
        if key not in self._loaded:
            self._loaded[key] = source_of(settings)
        return self._loaded[key]


def numbers_of(config: Settings, build: Build, sources: Sources) -> Numbers:
    """Returns which options may differ between lanes: those that are only numbers to the traced program.

    A number by which the script decides, as a width, makes another program.
    """

    def usable(cell: Cell, names: list[str]) -> bool:
        shared: dict[str, Any] = {name: x for name, x in cell.items() if name not in names}
        over = tuple(f"{name}={cell[name]!r}" for name in names)
        settings = dataclasses.replace(config, **shared, over=over)
        try:
            lane.lanes(settings)
            lane.check_over(build, settings, experiment_of(settings, build, sources.of(settings)))
        except Refused:
            return False
        return True

    def numbers(cell: Cell, names: Any) -> frozenset[str]:
        asked, seeds = [name for name in names if name not in _SETTINGS], frozenset(names).intersection(SPLIT)
        if not asked or usable(cell, asked):
            return seeds.union(asked)
        return seeds.union(name for name in asked if usable(cell, [name]))

    return numbers


_SETTINGS = frozenset(field.name for field in dataclasses.fields(Settings))


def describe(sweep: Sweep, home: Path, workers: int, costs: Mapping[str, Cost]) -> str:
    """Returns the plan of a sweep in words: its cells, packs and programs, and their cost if it is known."""
    every = folder.progress(home, sweep)
    programs = len({pack.planned.program for pack in every})
    lines = [f"{len(sweep.cells)} cells in {len(every)} packs of {programs} programs"]
    width = max(len(pack.planned.name) for pack in every)
    seconds = 0.0
    for pack in every:
        line = f"  {pack.planned.name:{width}}  {pack.cells:4d} lanes  {pack.state}"
        if (each := costs.get(pack.planned.program)) is not None:
            line += f"  {each.bytes / 2**20:,.1f} MB and {each.seconds * 1000:,.1f} ms per update of a lane"
            left = 0 if pack.state == "done" else max(pack.steps - pack.step, 0)
            seconds += each.seconds * pack.cells * left
        lines.append(line)
    if seconds:
        lines.append(f"about {duration(seconds / workers)} on {workers} workers, without compiling")
    return "\n".join(lines)


def _costs(sweep: Sweep, config: Settings, build: Build, sources: Sources) -> dict[str, Cost]:
    """Returns the cost of each program whose parts fit together; others are refused when they are trained."""
    costs: dict[str, Cost] = {}
    programs = {pack.program: pack for pack in reversed(sweep.packs)}  # the first pack of each
    for number, (program, pack) in enumerate(reversed(programs.items()), 1):
        print(f"compiling program {number} of {len(programs)}: {pack.name}", file=sys.stderr)
        settings = dataclasses.replace(config, **pack.pack.cells[0])
        with contextlib.suppress(Refused):
            if (measured := cost(settings, build, sources.of(settings))) is not None:
                costs[program] = measured
    return costs


def opened(home: Path, script: Script, options: dict[str, Any]) -> Sweep:
    """Returns the sweep in a folder, or a new one; refuses one of another script or of other options."""
    if not folder.Paths(home).sweep.exists():
        if home.is_dir() and any(path.name != ".lock" for path in home.iterdir()):
            raise Refused(f"{home} is not empty, and not a sweep; choose another --out")
        return Sweep(script=str(script.path), files=hashes(script), options=options)
    now = folder.read(home)
    if now.script != str(script.path):
        raise Refused(f"{home} is a sweep of {now.script}: choose another --out")
    unchanged(now, home)
    changed = {
        name: (now.options.get(name), value)
        for name, value in options.items()
        if name not in RESUMABLE and now.options.get(name) != value
    }
    if changed:
        listed = ", ".join(f"{name} {old!r} -> {new!r}" for name, (old, new) in changed.items())
        raise Refused(
            f"{home} was planned with other options: {listed}; make them axes, or choose another --out"
        )
    return msgspec.structs.replace(now, options=options)  # more steps, other devices


def complete(cells: Any, sweep: Sweep) -> list[dict[str, Any]]:
    """Returns the cells with all options that any of them names, and their seed."""
    names = dict.fromkeys(name for cell in [*sweep.cells, *cells] for name in cell)
    return [{name: cell.get(name, sweep.options[name]) for name in [*names, "seed"]} for cell in cells]


def with_packs(sweep: Sweep, packs: list[Pack], axes: str) -> Sweep:
    """Returns the sweep with these packs too, which were declared by `axes`."""
    more = [*sweep.packs, *map(Planned.of, packs)]
    return msgspec.structs.replace(sweep, packs=more, axes=[*sweep.axes, axes])
