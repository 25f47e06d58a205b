"""Sweeps as workers would leave them, without training, and sweeps that are only planned."""

from pathlib import Path

import msgspec
from run_folders import run_folder
from support import play, script

from jaxgan.sweep import folder
from jaxgan.sweep.claims import Outcome
from jaxgan.sweep.folder import Paths, Planned, Progress, Sweep, progress, read
from jaxgan.sweep.plan import Pack

TINY = script("tiny")
STEPS = (0, 50, 100)
NUMBERS = {"lr": 1e-3, "gamma": 0.1}  # options of the script, so that lanes may differ in them


def plan(home: Path, *options: object, packs: int = 2) -> Path:
    """Plans a sweep of packs of two seeds each."""
    axes = f"seed=0:{2 * packs}"
    assert play(TINY, "--sweep", axes, "--jobs", 1, "--pack", 2, "--out", home, "--plan-only", *options) == 0
    return home


def every(home: Path) -> list[Progress]:
    return progress(home, read(home))


def sweep_folder(home: Path, packs, score, halted=lambda cell: False, lost=(), axes="declared") -> Path:
    """Writes a sweep of these packs: `score(cell, step)` returns the numbers that hooks measure.

    Cells that are `halted` end after step 50 as not finite; the packs numbered in `lost` ended by an error.
    """
    home.mkdir(parents=True)
    planned = [Planned.of(pack) for pack in packs]
    options = {"steps": 100, "seed": 0}
    folder.save(home, Sweep(script="s.py", files={}, options=options, axes=[axes], packs=planned))
    for number, (pack, plan) in enumerate(zip(packs, planned, strict=True)):
        claims = Paths(home).claims(plan.name)
        claims.mkdir(parents=True)
        (claims / "1").write_text("{}")
        how = "failed" if number in lost else "done"
        outcome = Outcome(how=how, steps=100, line="ValueError: the shapes differ" if number in lost else "")
        (claims / "1.end").write_bytes(msgspec.json.encode(outcome))
        if number not in lost:
            _run(Paths(home).run(plan.name), pack, score, halted)
    return home


def _run(path: Path, pack: Pack, score, halted) -> None:
    rows = []
    for step in STEPS:
        numbers = [score(cell, step) for cell in pack.cells]
        rows.append(
            {"step": step, **{name: _column(pack, numbers, name, step, halted) for name in numbers[0]}}
        )
        rows.append(
            {"step": step, "d/adv": _column(pack, [{"d/adv": 0.7}] * len(numbers), "d/adv", step, halted)}
        )
    config = {**NUMBERS, "steps": 100, **pack.options}
    config["over"] = list(config.get("over", ()))
    names = _lanes(pack)
    still = {
        name: "NotFinite at step 50" for name, cell in zip(names, pack.cells, strict=True) if halted(cell)
    }
    run_folder(path, rows, config=config, still=still)


def _column(pack: Pack, numbers, name, step, halted):
    values = [
        None if step > 50 and halted(cell) else float(x[name])
        for cell, x in zip(pack.cells, numbers, strict=True)
    ]
    return values if len(values) > 1 else values[0]


def _lanes(pack: Pack) -> list[str]:
    return [
        ",".join(f"{name}={cell[name]}" for name in ("seed", *pack.values[0])) if len(pack.cells) > 1 else ""
        for cell in pack.cells
    ]
