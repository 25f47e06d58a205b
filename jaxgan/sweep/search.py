"""A search from a script's command line: a sweep that decides by what it measures what it trains next."""

import argparse
import dataclasses
import json
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import msgspec

from jaxgan.errors import Refused
from jaxgan.evaluate import names
from jaxgan.folder import codec
from jaxgan.folder.files import atomic_folder
from jaxgan.folder.folder import Folder
from jaxgan.folder.lock import lock_folder
from jaxgan.folder.script import Script
from jaxgan.folder.settings import Settings
from jaxgan.pictures.words import short
from jaxgan.run.devices import cores
from jaxgan.run.regroup import Part, regroup
from jaxgan.sweep import folder, halving, optuna
from jaxgan.sweep.cells import product
from jaxgan.sweep.command import (
    Build,
    Data,
    Planner,
    Sources,
    complete,
    extended,
    opened,
    prepare,
    with_packs,
)
from jaxgan.sweep.declare import declared, parsed, typed
from jaxgan.sweep.folder import Paths, Sweep
from jaxgan.sweep.halving import Rung, Setting
from jaxgan.sweep.local import accelerators, summary, work_here
from jaxgan.sweep.plan import Pack, setting, surviving
from jaxgan.sweep.table import name_of, table


class Goal(NamedTuple):
    """The number that a search compares, and its direction."""

    metric: str
    better: str  # "lower" or "higher"

    def __str__(self) -> str:
        return f"{self.better} {self.metric}"


class Place(NamedTuple):
    """Where a search works, and by what: the folder, the script, and how many runs at once."""

    home: Path
    script: Script
    planner: Planner
    retries: int
    axes: str
    goal: Goal

    @property
    def options(self) -> dict[str, Any]:
        """The options that all cells share."""
        return msgspec.json.decode(codec.dumps(dataclasses.replace(self.planner.config, out="")))


def search(
    config: Settings,
    build: Build,
    data: Data | None,
    script: Script,
    functions: Mapping[str, Any],
    chosen: argparse.Namespace,
) -> None:
    """Trains the settings of `--sweep` as `--search` decides, and prints the best of them."""
    prepare(config)
    if chosen.plan_only:
        raise Refused("--search plans by what it measures: leave out --plan-only, or see --dry-run")
    goal = goal_of(chosen.metric)
    home = Path(config.out or f"runs/{script.path.stem}-search")
    devices = accelerators()
    jax.config.update("jax_platforms", "cpu")  # accelerators are for the workers
    planner = Planner(config, build, Sources(data), chosen.jobs or devices or cores(), chosen.pack)
    place = Place(home, script, planner, chosen.sweep_retries, chosen.sweep, goal)
    (_halving if chosen.search == "halving" else _optuna)(place, functions, chosen)


def goal_of(metric: str) -> Goal:
    """Returns what a search compares; refuses a number of which it is not known whether lower is better.

    >>> goal_of("reverse_kl"), goal_of("higher:loss_of_mine").metric
    (Goal(metric='reverse_kl', better='lower'), 'loss_of_mine')
    """
    if not metric:
        raise Refused("--search needs --metric NAME: a number that a hook of the script measures")
    way, colon, name = metric.partition(":")
    if colon and way in ("lower", "higher") and name:
        return Goal(name, way)
    if (better := names.better(metric)) is None:
        raise Refused(
            f"--metric {metric}: whether lower or higher is better is not known; give lower:{metric} or "
            f"higher:{metric}"
        )
    return Goal(metric, better)


def _halving(place: Place, functions: Mapping[str, Any], chosen: argparse.Namespace) -> None:
    config = place.planner.config
    cells = declared(type(config), chosen.sweep, functions, chosen.draws, chosen.sweep_seed)
    _check_axes(cells)
    settings = list({_key(setting(cell)): setting(cell) for cell in cells}.values())
    if len(settings) < 2:
        raise Refused(
            "--search halving has one setting: give an axis, such as lr=log(1e-5,1e-2), and --draws"
        )
    steps = halving.budgets(config.steps, chosen.first_rung or config.steps // halving.ETA**2)
    if chosen.dry_run:
        print(_planned(settings, steps, len(cells)))
        return
    home = place.home
    if home.is_dir() and not (home / "rung-1").exists() and any(p.name != ".lock" for p in home.iterdir()):
        raise Refused(f"{home} is not empty, and not a search by halving; choose another --out")

    def measure(some: Sequence[Setting], count: int) -> list[float]:
        number = steps.index(count) + 1
        here = place._replace(
            home=home / f"rung-{number}",
            planner=place.planner._replace(config=dataclasses.replace(config, steps=count)),
        )
        before = home / f"rung-{number - 1}"
        now = _first_rung(here, cells) if number == 1 else _next_rung(here, before, some)
        if {_key(setting(cell)) for cell in now.cells} != {_key(each) for each in _full(some, now)}:
            raise Refused(
                f"{here.home} was planned with other settings or another --metric, and a search goes on only "
                "as it began: choose another --out"
            )
        if not (home / f"rung-{number + 1}").exists():
            _work(here)
        measured = scores(here.home, _full(some, now), place.goal)
        print(described([Rung(count, tuple(some), tuple(measured))], place.goal), flush=True)
        return measured

    with lock_folder(home):
        rungs = halving.halving(settings, steps, measure)
    print(f"see `jaxgan table {home}/rung-{len(rungs)}`")


def _first_rung(place: Place, cells: Any) -> Sweep:
    _check_steps(place)
    place.home.mkdir(parents=True, exist_ok=True)
    now = opened(place.home, place.script, place.options)
    if not now.packs:
        now = extended(now, cells, place.axes, place.planner)
        folder.save(place.home, now)
    elif {_key(cell) for cell in complete(cells, now)} != {_key(cell) for cell in now.cells}:
        raise Refused(
            f"{place.home} was planned with other cells, and a search goes on only as it began: "
            "choose another --out"
        )
    return now


def _next_rung(place: Place, before: Path, kept: Sequence[Setting]) -> Sweep:
    """Returns the rung of the settings that are kept: packs of their lanes, each from where it is."""
    _check_steps(place)
    place.home.mkdir(parents=True, exist_ok=True)
    old = folder.read(before)
    if not Paths(place.home).sweep.exists():
        planner = place.planner
        full = _full(kept, old)
        packs = surviving([p.pack for p in old.packs], full, planner.workers, planner.lanes)
        now = Sweep(script=old.script, files=old.files, options=place.options)
        now = with_packs(now, packs, place.axes)
        for planned in now.packs:
            if not Folder(Paths(place.home).run(planned.name)).config.exists():
                _carry_over(place, planned.pack, Paths(place.home).run(planned.name), before, old)
        folder.save(place.home, now)  # last: then its packs have all that they go on with
    return opened(place.home, place.script, place.options)


def _carry_over(place: Place, pack: Pack, run: Path, before: Path, old: Sweep) -> None:
    """Writes the run of a pack, with the lanes of its cells from the packs of the rung before."""
    run.parent.mkdir(exist_ok=True)
    where = {_key(cell): (p.name, n) for p in old.packs for n, cell in enumerate(p.pack.cells)}
    parts: dict[str, list[int]] = {}
    for cell in pack.cells:
        name, number = where[_key(cell)]
        parts.setdefault(name, []).append(number)
    (first, *_), config = parts, place.planner.config
    if len(parts) == 1 and len(parts[first]) == next(len(p.pack.cells) for p in old.packs if p.name == first):
        with atomic_folder(run) as copy:
            shutil.copytree(Paths(before).run(first), copy, dirs_exist_ok=True)
        return
    values = {**place.options, **pack.options, "out": str(run.absolute())}
    settings = codec.loads(json.dumps(values), type(config))
    listed = [Part(Paths(before).run(name), numbers) for name, numbers in parts.items()]
    regroup(listed, settings, place.planner.build, place.planner.sources.of(settings), run)


def _check_steps(place: Place) -> None:
    if Paths(place.home).sweep.exists():
        steps = folder.read(place.home).options["steps"]
        if steps != place.planner.config.steps:
            raise Refused(
                f"{place.home} has {steps} steps, not {place.planner.config.steps}: give --steps and "
                "--first-rung as before, or choose another --out"
            )


def _optuna(place: Place, functions: Mapping[str, Any], chosen: argparse.Namespace) -> None:
    config, home = place.planner.config, place.home
    lists, axes, ranges = parsed(type(config), chosen.sweep, functions)
    if lists:
        raise Refused("--search optuna proposes values of axes: leave out functions that yield cells")
    if not ranges:
        raise Refused("--search optuna needs an axis to draw from, such as lr=log(1e-5,1e-2)")
    if chosen.draws is None or chosen.draws < 1 or chosen.ask < 1:
        raise Refused(
            "--search optuna needs --draws N, the number of settings to try, and --ask of at least 1"
        )
    space = {**ranges, **{name: values for name, values in axes.items() if setting({name: 0})}}
    _check_axes([space])
    seeds = product(**{name: values for name, values in axes.items() if name not in space})
    optuna.check()
    if chosen.dry_run:
        updates = chosen.draws * len(seeds) * config.steps
        print(f"{chosen.draws} settings of {len(seeds)} seeds, {chosen.ask} at a time: {updates:,} updates")
        return

    def measure(some: Sequence[Setting]) -> list[float]:
        settings = [typed(type(config), each) for each in some]
        now = opened(home, place.script, place.options)
        now = extended(now, product(settings, seeds), place.axes, place.planner)
        folder.save(home, now)
        _work(place)
        return scores(home, _full(settings, now), place.goal)

    with lock_folder(home):
        _check_steps(place)
        folder.save(home, opened(home, place.script, place.options))  # so that it is known as a sweep
        trials = optuna.search(
            space,
            chosen.draws,
            measure,
            home / "optuna.journal",
            at_once=chosen.ask,
            seed=chosen.sweep_seed,
            about=str(place.goal),
        )
    settings = tuple(typed(type(config), trial.setting) for trial in trials)
    print(described([Rung(config.steps, settings, tuple(trial.score for trial in trials))], place.goal))
    print(f"see `jaxgan table {home}`")


def _work(place: Place) -> None:
    """Trains what is left of a sweep; ends the process if it cannot be ended here."""
    Paths(place.home).cancelled.unlink(missing_ok=True)
    work_here(place.home, place.planner.workers, place.retries, forgiving=False)
    every = folder.progress(place.home, folder.read(place.home))
    if any(pack.state in ("waiting", "running") for pack in every):
        print(f"not finished: {summary(every)}", file=sys.stderr)
        print(f"`jaxgan sweep resume {place.home}` tries again what failed; then the same command goes on")
        sys.exit(1)


def scores(home: Path, settings: Sequence[Setting], goal: Goal) -> list[float]:
    """Returns of each setting the mean over its seeds, as a number that is lower for a better one.

    A setting with a seed that failed or was not measured has nan.
    """
    values: dict[str, list[float]] = {}
    for cells in table(home, (), goal.metric).values.values():
        for cell in cells:
            value = math.nan if cell.failed == "not finite" else cell.value
            values.setdefault(_key(setting(cell.options)), []).append(value)
    counts: dict[str, int] = {}
    for planned in folder.read(home).cells:
        counts[_key(setting(planned))] = counts.get(_key(setting(planned)), 0) + 1
    sign = -1 if goal.better == "higher" else 1
    return [
        sign * sum(measured) / len(measured)
        if len(measured := values.get(key, [])) == counts[key]
        else math.nan
        for key in map(_key, settings)
    ]


def described(rungs: Sequence[Rung], goal: Goal) -> str:
    """Returns a line for each rung with its best setting.

    >>> print(described([Rung(100, ({"lr": 0.1}, {"lr": 0.2}), (0.5, math.nan))], Goal("fid", "lower")))
    100 steps: 2 settings, 1 failed, best fid 0.5 with lr=0.1
    """
    lines = []
    for rung in rungs:
        place = halving.best(rung.scores, len(rung.scores))[0]
        value = -rung.scores[place] if goal.better == "higher" else rung.scores[place]
        failed = sum(not math.isfinite(score) for score in rung.scores)
        text = f"{rung.steps:,} steps: {len(rung.settings)} settings"
        text += f", {failed} failed" if failed else ""
        lines.append(f"{text}, best {goal.metric} {short(value)} with {name_of(rung.settings[place])}")
    return "\n".join(lines)


def _planned(settings: Sequence[Setting], steps: Sequence[int], cells: int) -> str:
    lines, left = [], len(settings)
    for count in steps:
        lines.append(f"{left} settings to {count:,} steps")
        left = max(left // halving.ETA, 1)
    updates = halving.cost(len(settings), steps) * cells // len(settings)
    return "\n".join([*lines, f"{updates:,} updates over all seeds"])


def _check_axes(cells: Any) -> None:
    if any("steps" in cell for cell in cells):
        raise Refused("--search decides how many steps a setting gets: leave out the axis steps")


def _full(settings: Sequence[Setting], sweep: Sweep) -> list[dict[str, Any]]:
    """Returns settings with all the options that the cells of the sweep name."""
    options = list(dict.fromkeys(name for cell in sweep.cells for name in setting(cell)))
    return [{name: each.get(name, sweep.options[name]) for name in options} for each in settings]


def _key(cell: Setting) -> str:
    return json.dumps(dict(cell), sort_keys=True)
