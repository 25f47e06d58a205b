"""Long studies: their parts, that finished ones are kept, and that small studies run to the end."""

import importlib
import json
import runpy
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

import jaxgan as jg

FOLDER = Path(__file__).parents[2] / "experiments"


@pytest.fixture
def rules_on_grid(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("rules_on_grid")


@pytest.fixture
def rotation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("rotation")


def test_rules_are_compared_at_equal_arithmetic(rules_on_grid, monkeypatch):
    costs = {"alternating": 1.0, "extragradient": 2.0}
    monkeypatch.setattr(rules_on_grid, "arithmetic", lambda config: 7.0 * costs.get(config.rule, 4.0))
    cells = list(rules_on_grid.every_rule())
    assert len(cells) == len({tuple(cell.items()) for cell in cells}) == 2 * 2 * 11 * 2 * 5
    steps = {cell["rule"]: (cell["steps"], cell["average"]) for cell in cells}
    assert steps["alternating"] == (4000, 0.999)
    assert steps["extragradient"] == (2000, pytest.approx(0.999**2))
    assert steps["competitive"][0] == 1000
    assert {rules_on_grid.Config(**cell).rule for cell in cells} == set(steps)


@pytest.mark.slow
def test_every_rule_has_its_arithmetic_counted(rules_on_grid):
    config = rules_on_grid.Config(batch_size=16, width=8)
    once, twice = (
        rules_on_grid.arithmetic(replace(config, rule=rule)) for rule in ("simultaneous", "extragradient")
    )
    assert 1.5 < twice / once < 2.5


def test_a_finished_run_is_not_repeated(rotation, monkeypatch, tmp_path):
    read = []

    def readings(config, gamma, seeds):
        for seed in seeds:
            if (gamma, seed) == (0.0, 1) and len(read) < 4:
                raise KeyboardInterrupt
            read.append((gamma, seed))
            numbers = dict.fromkeys(rotation.COLUMNS, 1.0 + seed) | {"refused": []}
            path = {"place": [0.0, 1.0], "cosine": [0.5, 0.0], "norm": [1.0, 1.0]}
            rest = {**numbers, "eigenvalues": [[-1.0, 0.5], [-1.0, -0.5]], "path": path}
            yield [{"gamma": gamma, "seed": seed, "step": step, **rest} for step in config.steps]

    monkeypatch.setattr(rotation, "readings", readings)
    config = rotation.Config(seeds=2, out=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        rotation.main(config)
    assert read == [(1.0, 0), (1.0, 1), (0.0, 0)]
    read.append((0.0, "stopped"))
    rotation.main(config)
    assert read[4:] == [(0.0, 1)]
    lines = (tmp_path / "results" / "rotation.md").read_text().splitlines()
    assert len(lines) == 4 + 2 * 3
    assert "| 1 | 100 | 1.5 ± 0.71 |" in lines[4]
    assert (tmp_path / "pictures" / "rotation.png").stat().st_size > 10_000
    with pytest.raises(jg.Refused, match="other options"):
        rotation.main(rotation.Config(seeds=3, out=tmp_path))


@pytest.mark.parametrize("steps", [(4000, 100), (100, 100), (0, 1), ()])
def test_steps_that_do_not_increase_are_refused(rotation, monkeypatch, tmp_path, steps):
    monkeypatch.setattr(rotation, "readings", lambda *_: [])
    with pytest.raises(jg.Refused, match="must rise from 1 on"):
        rotation.main(rotation.Config(steps=steps, out=tmp_path))


@pytest.mark.parametrize(("name", "kept"), [("rules_on_grid", "."), ("rotation", "results")])
def test_a_refusal_is_one_line_and_status_2(name, kept, monkeypatch, tmp_path, capsys):
    (tmp_path / kept).mkdir(exist_ok=True)
    (tmp_path / kept / f"{name}.json").write_text('{"options": {}}')
    monkeypatch.setattr("sys.argv", [f"{name}.py", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


@pytest.mark.slow
def test_the_instruments_measure_a_gan(rotation, tmp_path):
    small = {"batch_size": 16, "look": 64, "width": 16, "products": 100}
    rotation.main(rotation.Config(steps=(2, 4), gammas=(1.0,), seeds=1, out=tmp_path, **small))
    rows = json.loads((tmp_path / "results" / "rotation.json").read_text())["rows"]
    assert [row["step"] for row in rows] == [2, 4]
    for row in rows:  # there is little rotation so early: only the search for its speed may be refused
        lacking = set(rotation.COLUMNS) - set(row)
        assert lacking <= {"spectrum/imaginary"}
        assert [line.partition(":")[0] for line in row["refused"]] == ["spectrum (imaginary)"] * len(lacking)
