"""A sweep from a script's command line: declared, planned, and worked on here."""

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.folder import cache, codec
from jaxgan.folder.script import Script, hashes
from jaxgan.folder.settings import RESUMABLE, Settings, check
from jaxgan.run import lane
from jaxgan.run.check import experiment_of, source_of
from jaxgan.run.devices import cores
from jaxgan.run.experiment import Experiment
from jaxgan.sweep import folder
from jaxgan.sweep.cells import Cell
from jaxgan.sweep.declare import declared
from jaxgan.sweep.folder import Planned, Sweep, identity, unchanged
from jaxgan.sweep.local import accelerators, summary, work_here
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
    check(config)
    cache.enable()
    if config.seeds or config.over:
        raise Refused("--sweep plans lanes by itself: give seed=0:8 and numbers as its axes")
    cells = declared(type(config), chosen.sweep, functions, chosen.draws, chosen.sweep_seed)
    home = Path(config.out or f"runs/{script.path.stem}-sweep")
    options = msgspec.json.decode(codec.dumps(dataclasses.replace(config, out="")))
    with folder.changing(home) if not chosen.dry_run else contextlib.nullcontext():
        now = _opened(home, script, options)
        known = {identity(cell, now.options) for cell in now.cells}
        new = [cell for cell in _complete(cells, now) if identity(cell, now.options) not in known]
        count = chosen.jobs or accelerators() or cores()
        single = config.on_nan == "restore"
        numbers = numbers_of(config, build, data) if not single else lambda cell, names: frozenset()
        packs = planned(new, numbers, count, 1 if single else chosen.pack)
        now = _with(now, packs, chosen.sweep)
        if chosen.dry_run:
            print(described(now, home))
            return
        folder.save(home, now)
        folder.Paths(home).cancelled.unlink(missing_ok=True)
    if chosen.plan_only:
        print(described(now, home))
        return
    finished = work_here(home, count, chosen.sweep_retries)
    print(f"{summary(folder.progress(home, now))}: see `jaxgan table {home}`")
    if not finished:
        sys.exit(1)


def numbers_of(config: Settings, build: Build, data: Data | None) -> Numbers:
    """Which options may differ between lanes: those that are only numbers to the program, which is traced.

    A number by which the script decides, as a width, makes another program.
    """
    sources: dict[tuple[Any, ...], Source] = {}

    def usable(cell: Cell, names: list[str]) -> bool:
        shared: dict[str, Any] = {name: x for name, x in cell.items() if name not in names}
        over = tuple(f"{name}={cell[name]!r}" for name in names)
        settings = dataclasses.replace(config, **shared, over=over)
        try:
            lane.lanes(settings)
            key = settings.data, settings.size
            if key not in sources or data is not None:
                sources[key] = source_of(settings, data)
            lane.check_over(build, settings, experiment_of(settings, build, sources[key]))
        except Refused:
            return False
        return True

    def numbers(cell: Cell, names: Any) -> frozenset[str]:
        asked = [name for name in names if name not in _SETTINGS]
        if not asked or usable(cell, asked):
            return frozenset(asked)
        return frozenset(name for name in asked if usable(cell, [name]))

    return numbers


_SETTINGS = frozenset(field.name for field in dataclasses.fields(Settings))


def described(sweep: Sweep, home: Path) -> str:
    """The plan of a sweep for a person: its cells, packs and programs, and which of them are done."""
    every = folder.progress(home, sweep)
    programs = len({pack.planned.program for pack in every})
    lines = [f"{len(sweep.cells)} cells in {len(every)} packs of {programs} programs"]
    width = max(len(pack.planned.name) for pack in every)
    lines += [f"  {pack.planned.name:{width}}  {pack.cells:4d} lanes  {pack.state}" for pack in every]
    return "\n".join(lines)


def _opened(home: Path, script: Script, options: dict[str, Any]) -> Sweep:
    """The sweep in a folder, or a new one; refused where it is of another script or of other options."""
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


def _complete(cells: Any, sweep: Sweep) -> list[dict[str, Any]]:
    """Cells that each name the same options and their seed."""
    names = dict.fromkeys(name for cell in [*sweep.cells, *cells] for name in cell)
    return [{name: cell.get(name, sweep.options[name]) for name in [*names, "seed"]} for cell in cells]


def _with(sweep: Sweep, packs: list[Pack], axes: str) -> Sweep:
    more = [
        Planned(
            name=pack.name,
            program=pack.program,
            shared=dict(pack.shared),
            values=[dict(numbers) for numbers in pack.values],
            seeds=list(pack.seeds),
        )
        for pack in packs
    ]
    return msgspec.structs.replace(sweep, packs=[*sweep.packs, *more], axes=[*sweep.axes, axes])
