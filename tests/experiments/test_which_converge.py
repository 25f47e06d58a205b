"""The table of methods that converge, on a shortened run: every cell agrees with its theorem."""

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
import pytest

from jaxgan.rules.consensus import consensus

SCRIPT = Path(__file__).parents[2] / "experiments" / "which_converge.py"


@pytest.fixture(scope="module")
def study() -> ModuleType:
    spec = importlib.util.spec_from_file_location("experiment_which_converge", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table(study: ModuleType) -> tuple:
    with jax.enable_x64(True):
        return study.table(study.Config(steps=4000))


def test_every_cell_agrees_with_its_theorem(table: tuple) -> None:
    cells, _ = table
    assert Counter(cell.theorem for cell in cells) == {"linear": 10, "none": 7, "not linear": 3}
    assert [(c.method, c.moves, c.measured, c.theorem) for c in cells if not c.agrees] == []


def test_cells_disagree_with_a_wrong_theorem(study: ModuleType) -> None:
    """The theorems "linear" and "none" agree only with themselves; "not linear" with the two others."""

    def agree(measured: str, theorem: str) -> bool:
        return study.Cell("GAN", "alternating", measured, None, 1.0, None, None, theorem).agrees

    words = ("none", "linear", "sublinear")
    assert [[agree(x, theorem) for x in words] for theorem in ("none", "linear", "not linear")] == [
        [True, False, False],
        [False, True, False],
        [True, False, True],
    ]


def test_spectral_radii_are_those_of_the_formula(table: tuple) -> None:
    cells, _ = table
    for cell in cells:
        if cell.method == "WGAN-GP":
            assert cell.spectral_radius is cell.closed_form is None
        else:
            assert cell.spectral_radius == pytest.approx(cell.closed_form, abs=1e-6)


def test_linear_cells_converge_at_their_spectral_radius(table: tuple) -> None:
    cells, _ = table
    linear = [cell for cell in cells if cell.measured == "linear"]
    assert len(linear) == 10
    for cell in linear:
        assert cell.rate == pytest.approx(cell.closed_form, abs=5e-4)


def test_sublinear_cells_converge_with_the_square_root(table: tuple) -> None:
    """In a unit of time r² loses r⁴/8 of the non-saturating loss, and r⁴/2 of least squares."""
    cells, paths = table
    result = {cell.method: cell for cell in cells if cell.measured == "sublinear"}
    assert result.keys() == {"non-saturating", "least squares"}
    for method, share in (("non-saturating", 1 / 8), ("least squares", 1 / 2)):
        assert result[method].rate == pytest.approx(0.5, abs=0.05)
        r = np.hypot(*paths[method, "alternating"].T)
        late, later = (np.square(r[n - 100 : n]).mean() for n in (2000, 4000))
        assert 1 / later - 1 / late == pytest.approx(share * 0.1 * 2000, rel=0.1)


def test_wgan_gp_cycles(table: tuple) -> None:
    """Its distance stays away from 0 without drift, and ψ keeps changing its sign."""
    _, paths = table
    for moves in ("simultaneous", "alternating"):
        late = paths["WGAN-GP", moves][2000:]
        r = np.hypot(*late.T)
        assert 0.1 < r.min() < r.max() < 2.0
        assert (np.diff(np.sign(late[:, 1])) != 0).sum() > 10


def test_consensus_as_a_game_is_the_rule(study: ModuleType) -> None:
    import optax

    from jaxgan.games.toy import dirac
    from jaxgan.parts.objectives import minimax

    with jax.enable_x64(True):
        sgd, game = optax.sgd(0.1), dirac(minimax())
        rule = consensus(game, sgd, sgd, weight=0.7)
        as_game = study.with_consensus(game, 0.7)
        method = study.Method("consensus", as_game, 0.5)
        ours, _ = study.train(study.rules(method, 0.1)["simultaneous"], 50)
        theirs, _ = study.train(rule, 50)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize(
    ("fall", "expected"),
    [
        (lambda n: 0.999**n, ("linear", 0.999)),
        (lambda n: 0.9**n, ("linear", 0.9)),
        (lambda n: (n + 1) ** -0.5, ("sublinear", 0.5)),
        (lambda n: (n + 1) ** -0.25 * (1 + 0.05 * np.sin(n / 7)), ("sublinear", 0.25)),
        (lambda n: 1.001**n, ("none", None)),
        (lambda n: 1 + 0.3 * np.sin(n / 9), ("none", None)),
        (lambda n: 0.5 + (n + 1) ** -0.5, ("none", None)),
    ],
)
def test_classes(study: ModuleType, fall, expected: tuple) -> None:
    word, rate = study.classify(fall(np.arange(4001.0)))
    assert word == expected[0]
    assert rate == (None if expected[1] is None else pytest.approx(expected[1], rel=0.02))


def test_the_committed_table_agrees() -> None:
    result = json.loads((SCRIPT.parent / "results" / "which_converge.json").read_text())
    assert len(result["cells"]) == 20
    assert all(cell["agrees"] for cell in result["cells"])
