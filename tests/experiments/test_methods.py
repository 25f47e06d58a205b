"""The short scripts of published methods: each builds and fits, some train, and with `-m slow` all do."""

import ast
import importlib
import math
import re
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import jax
import pytest
from support import built, play, rows

import jaxgan as jg
from jaxgan.data.source import array_shapes, batch
from jaxgan.games.game import State
from jaxgan.parts.types import PyTree
from jaxgan.rules.guard import guarded
from jaxgan.rules.rule import Metrics
from jaxgan.run.program import layout, start_shapes

FOLDER = Path(__file__).parents[2] / "experiments" / "methods"
sys.path.append(str(FOLDER))  # as a script is started: all import one of `SHARED`
SHARED = ("small", "translating", "two_domains", "describing")
SCRIPTS = sorted(
    path.stem
    for path in FOLDER.glob("*.py")
    if path.stem not in SHARED and re.search(f"^import ({'|'.join(SHARED)})$", path.read_text(), re.M)
)
TINY = {"width": 8, "z_size": 4, "batch_size": 8, "steps": 4, "log_every": 2, "save_every": 4}
FEWER: dict[str, dict[str, int]] = {
    "biggan": {"size": 16, "z_size": 3, "d_steps": 1},
    "biggan_deep": {"size": 16, "d_steps": 1},
    "biggan_unconditional": {"size": 16, "z_size": 3, "d_steps": 1},
    "gat": {"size": 8, "depth": 2, "levels": 2},
    "msg_gan": {"size": 8},
    "progressive": {"size": 8},
    "stylegan2": {"size": 8},
    "stylegan2_pathlength": {"size": 8},
    "stylegan3_r": {"layers": 3},
    "stylegan3_t": {"layers": 3},
    "transgan": {"d_steps": 1},
    "vitgan": {"size": 8, "depth": 1},
}
"""Fewer layers and steps of deep networks, which take most of the time of tracing and compiling."""
RUN = ("gan", "infogan", "sgan")
"""Scripts that the default suite trains, each for a sort of game or part of its own."""


def import_script(name: str) -> ModuleType:
    return importlib.import_module(name)


def tiny(script: ModuleType) -> dict[str, int]:
    """The options of `TINY` that a script has, and its own of `FEWER`."""
    names = {field.name for field in fields(script.Config)}
    return {name: value for name, value in TINY.items() if name in names} | FEWER.get(script.__name__, {})


def trains(name: str, run: Path) -> None:
    script = import_script(name)
    options = [(f"--{option.replace('_', '-')}", value) for option, value in tiny(script).items()]
    assert play(script, *sum(options, ()), "--measure-every", 4, "--out", run) == 0
    numbers = [value for row in rows(run) for value in row.values() if isinstance(value, float)]
    assert numbers
    assert all(math.isfinite(number) for number in numbers)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_method_builds_and_its_update_fits(name: str) -> None:
    script = import_script(name)
    config = script.Config(**tiny(script))
    experiment = built(script, config)
    lay, start = layout(experiment, config), start_shapes(experiment, config)

    def update(state: State, arrays: PyTree) -> tuple[State, Metrics]:
        batches = batch(experiment.source, lay, arrays, state.data_key, state.step)
        return guarded(experiment.rule).update(state, batches)

    state, metrics = jax.eval_shape(update, start, array_shapes(experiment.source, lay))
    assert jax.tree.map(jax.typeof, start) == jax.tree.map(jax.typeof, state)
    assert {metric[:2] for metric in metrics} == {"g/", "d/"}


@pytest.mark.parametrize("name", RUN)
def test_a_method_trains(name: str, tmp_path: Path) -> None:
    trains(name, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in RUN])
def test_every_method_trains(name: str, tmp_path: Path) -> None:
    trains(name, tmp_path / "run")


def test_the_page_of_methods_lists_every_script_with_its_first_line() -> None:
    page = (FOLDER.parents[1] / "docs" / "methods.md").read_text()
    for path in set(FOLDER.glob("*.py")) - {FOLDER / f"{name}.py" for name in SHARED}:
        header = ast.get_docstring(ast.parse(path.read_text()))
        assert header is not None
        first = header.splitlines()[0].rstrip(".")
        assert f"| [`{path.stem}`](../experiments/methods/{path.name}) | {first} |" in page, path.stem


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_option_of_a_method_hides_one_of_every_script(name: str) -> None:
    """Such as a fraction called `size`, which is the side of images: no setting is a fraction."""
    own = vars(import_script(name).Config).get("__annotations__", {})
    shared = own.keys() & {field.name for field in fields(jg.Settings)}
    assert not [field for field in shared if own[field] in (float, jg.NonNegative, jg.Positive, jg.Share)]
