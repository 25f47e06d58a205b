"""The toy benchmark: which runs it makes, in which order, and that finished runs are not repeated."""

import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import get_args, get_type_hints

import numpy as np
import pytest
from PIL import Image
from scipy.stats import t, ttest_rel
from support import built, line

from jaxgan.data import load
from jaxgan.data.source import labelled
from jaxgan.errors import Refused
from jaxgan.folder.lock import lock_folder

FOLDER = Path(__file__).parents[2] / "experiments"
NUMBERS = {
    "modes": 7.0,
    "high_quality": 0.95,
    "reverse_kl": 0.1,
    "imbalance": 0.2,
    "width": 0.9,
    "width_min": 0.8,
    "wasserstein": 0.04,
}


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(FOLDER)
    import toy_benchmark

    return toy_benchmark


@pytest.fixture
def quick(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces runs by fixed numbers; returns the names of those that were made."""
    names: list[str] = []

    def played(cell, runs, steps):
        names.append(cell.name)
        if cell.recipe == "hinge":
            return {"failed": "step 7: d/adv is nan", "on": "Apple M4"}
        return {**NUMBERS, "modes": 6.0 + cell.seed, "on": "Apple M4"}

    monkeypatch.setattr(benchmark, "complete", played)
    monkeypatch.setattr(benchmark.toy_table, "oracles", lambda data: {"oracle": [NUMBERS, NUMBERS]})
    return names


def on_the_ring(home: Path) -> list[str]:
    """Returns the arguments for the light protocol on the ring, with results and runs in `home`."""
    results, runs = str(home / "results" / "toy.json"), str(home / "runs")
    return ["--results", results, "--runs", runs, "--protocols", "light", "--data", "ring"]


def test_everything_is_planned_once_and_a_small_table_first(benchmark: ModuleType) -> None:
    cells = benchmark.plan(list(benchmark.PROTOCOLS), [], [], range(10))
    assert len(set(cells)) == len(cells) == 2 * 10 + 2 * 8 * 10 + 3 * 3 + 3 * 3 + 3 * (2 * 2 * 3)
    light = [cell for cell in cells if cell.protocol == "light"]
    assert {(cell.data, cell.recipe) for cell in light[:48]} == {(cell.data, cell.recipe) for cell in light}
    some = benchmark.plan(["light"], ["hinge"], ["grid"], range(2, 4))
    assert [cell.name for cell in some] == ["light/grid/hinge/2", "light/grid/hinge/3"]


def test_recipes_have_options_of_their_own(benchmark: ModuleType, tmp_path: Path) -> None:
    """Batches of PacGAN are 100 packs of any size."""
    for recipe, batch in (("non_saturating", "100"), ("pack2", "200")):
        words = benchmark.command(benchmark.Cell("pacgan", "ring", recipe, 1), tmp_path, 7)
        assert words[words.index("--batch-size") + 1] == batch
        assert words[words.index("--recipe") + 1] == recipe


def test_a_fixed_number_of_examples_and_simultaneous_steps(benchmark: ModuleType) -> None:
    import toy

    source = toy.data(toy.Config(simultaneous=True, examples=50))
    reference = labelled(load("ring"), toy.PAIRED)["x"]
    assert source.modes is not None  # for `jaxgan evaluate`
    np.testing.assert_array_equal(source.modes.centres, load("ring").modes.centres)
    assert source.size == 50
    assert not {tuple(x) for x in np.asarray(source.arrays["x"])} & {tuple(x) for x in reference}
    with pytest.raises(Refused, match="5 steps of D to one of G: leave --simultaneous out"):
        built(toy, toy.Config(recipe="wgan_gp", simultaneous=True))


def test_cells_of_the_same_run_do_not_overlap(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first quarter of a run is a separate cell in the same folder."""
    playing: set[str] = set()

    def played(cell, runs, steps):
        assert cell.run not in playing
        playing.add(cell.run)
        time.sleep(0.2)
        playing.remove(cell.run)
        return {**NUMBERS, "on": "Apple M4"}

    monkeypatch.setattr(benchmark, "complete", played)
    monkeypatch.setattr(benchmark.toy_table, "oracles", lambda data: {"oracle": [NUMBERS, NUMBERS]})
    args = [*on_the_ring(tmp_path), "--protocols", "pacgan_begun", "pacgan", "--recipes", "pack2"]
    benchmark.main([*args, "--seeds", "0:1"])
    assert len(json.loads((tmp_path / "results" / "toy.json").read_text())["cells"]) == 2


@pytest.mark.parametrize("wrong", [("--seeds", "0:x"), ("--recipes", "pakc2"), ("--data", "rings")])
def test_unknown_options_are_refused(
    benchmark: ModuleType, wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        benchmark.main([*wrong, "--dry"])
    assert wrong[1] in capsys.readouterr().err.splitlines()[-1]


def test_finished_runs_are_not_repeated(benchmark: ModuleType, quick: list[str], tmp_path: Path) -> None:
    results, args = tmp_path / "results" / "toy.json", on_the_ring(tmp_path)
    benchmark.main([*args, "--seeds", "0:1", "--recipes", "r1", "hinge"])
    assert sorted(quick) == ["light/ring/hinge/0", "light/ring/r1/0"]
    benchmark.main([*args, "--seeds", "0:3", "--recipes", "r1"])
    assert sorted(quick[2:]) == ["light/ring/r1/1", "light/ring/r1/2"]

    assert len(json.loads(results.read_text())["cells"]) == 4
    assert not list(results.parent.glob("*.part"))
    page = results.with_suffix(".md").read_text().splitlines()
    rows = {
        line.split("|")[1].strip(): [c.strip() for c in line.split("|")[2:]] for line in page if "|" in line
    }
    assert rows["r1"][:5] == ["3", "0 of 3", "6.0, 95.0, 0.1000", "7.0 (6.0 to 8.0)", "95.0"]
    assert rows["hinge"][:4] == ["1, 1 failed", "0 of 1", "", ""]
    assert rows["*what it scores on average*"][3:6] == ["8.0", "98.9", "0.0014"]
    assert any("PacGAN2" in what for what in rows)
    assert "Played on: Apple M4 (4 runs)." in page
    assert len({len(row) for row in rows.values()}) == 1  # every row has the same number of cells


def test_five_seeds_have_an_interval_and_a_goal(benchmark: ModuleType) -> None:
    table, modes = benchmark.toy_table, [8.0, 8.0, 7.0, 8.0, 8.0]
    runs = [{**NUMBERS, "modes": m, "reverse_kl": 0.01 * k} for k, m in enumerate(modes)]
    head, _, row, *_ = table.table("ring", {"r1": runs}, {"oracle": [NUMBERS]}).splitlines()
    cells = dict(zip(*([cell.strip() for cell in line.split("|")] for line in (head, row)), strict=True))
    half = t.ppf(0.975, 4) * np.std(modes, ddof=1) / np.sqrt(5)
    assert cells["modes of 8"] == f"7.8 ± {half:.1f}"
    assert (cells["goal met"], cells["worst seed"]) == ("2 of 5", "7.0, 95.0, 0.0400")


def test_recipes_are_compared_over_their_seeds(benchmark: ModuleType) -> None:
    """By a paired t-test with Holm's correction; recipes of few seeds and failed seeds are left out."""
    random = np.random.RandomState(31)
    kl = {name: random.normal(mean, 0.1, 9) for name, mean in (("r1", 0.5), ("hinge", 0.3), ("pack2", 0.4))}
    runs = {name: {seed: {"reverse_kl": x} for seed, x in enumerate(of)} for name, of in kl.items()}
    runs["r1"][9] = {"failed": "step 7: d/adv is nan"}
    runs["wgan_gp"] = {seed: {"reverse_kl": 9.0} for seed in range(4)}

    pairs = [("r1", "hinge"), ("pack2", "hinge"), ("r1", "pack2")]
    p = {pair: ttest_rel(*(kl[name] for name in pair)).pvalue for pair in pairs}
    assert p["r1", "hinge"] < 0.05 / 3
    assert 0.05 / 2 < p["pack2", "hinge"] < 0.05 < p["r1", "pack2"]  # told by a test that is too bold
    (line,) = benchmark.toy_apart.significance_lines(runs)
    assert line == "- reverse KL: r1 is worse than hinge (1 of 3 pairs)"


def test_every_seed_is_in_the_picture(benchmark: ModuleType, tmp_path: Path) -> None:
    """Each seed is a dot; a failed run has none."""
    import toy_picture

    def pixels(cells):
        toy_picture.draw(
            cells, {"ring": {"oracle": [NUMBERS]}, "grid": {"oracle": [NUMBERS]}}, tmp_path / "a.png"
        )
        return np.asarray(Image.open(tmp_path / "a.png"))

    single = {"light/ring/r1/0": {**NUMBERS, "reverse_kl": 0.01}, "light/ring/pack2/3": {"failed": "NaN"}}
    two = {**single, "light/ring/r1/9": {**NUMBERS, "reverse_kl": 0.03}}
    assert (pixels(single) == pixels({**single, "light/ring/pack2/3": {}})).all()
    assert (pixels(single) != pixels(two)).any()


def test_few_samples_of_high_quality_bias_the_table(benchmark: ModuleType) -> None:
    """Five of 2,500 are never even over modes, and without two in one mode there is no width."""
    table = benchmark.toy_table
    few = {**NUMBERS, "high_quality": 0.002, "width": 0.0, "width_min": 0.0}
    assert list(table.column_of("width", [few, NUMBERS], 8, 2500)) == [NUMBERS["width"]]
    (even,) = table.column_of("even_kl", [few], 8, 2500)
    counts = np.random.RandomState(0).multinomial(5, np.full(8, 1 / 8), 4000) / 5
    assert even == pytest.approx((counts * np.log(np.where(counts, 8 * counts, 1))).sum(1).mean(), abs=0.02)


def test_a_failing_process_ends_the_benchmark_and_keeps_finished_runs(
    benchmark: ModuleType, quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, args = benchmark.complete, [*on_the_ring(tmp_path), "--recipes", "r1"]

    def killed(cell, runs, steps):
        if cell.seed == 1:
            raise SystemExit("ended with -9")
        return good(cell, runs, steps)

    monkeypatch.setattr(benchmark, "complete", killed)
    with pytest.raises(SystemExit, match="-9"):
        benchmark.main([*args, "--jobs", "1"])
    done = json.loads((tmp_path / "results" / "toy.json").read_text())["cells"]
    assert "light/ring/r1/0" in done
    assert "light/ring/r1/1" not in done


def test_two_benchmarks_in_one_folder_are_refused(
    benchmark: ModuleType, quick: list[str], tmp_path: Path
) -> None:
    args = ["--results", str(tmp_path / "toy.json"), "--runs", str(tmp_path / "runs"), "--seeds", "0:1"]
    with lock_folder(tmp_path / "runs"), pytest.raises(SystemExit, match="runs is in use by process"):
        benchmark.main(args)
    assert not quick


def test_dry_lists_the_runs_and_makes_none(
    benchmark: ModuleType, quick: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    benchmark.main(["--results", str(tmp_path / "toy.json"), "--protocols", "1200d", "--dry"])
    assert len(capsys.readouterr().out.split()) == 9
    assert not quick
    assert not list(tmp_path.iterdir())


def test_every_recipe_builds_with_either_network(benchmark: ModuleType) -> None:
    """By tracing only; and the benchmark includes each."""
    import toy

    from jaxgan.run.program import start_shapes

    hints = get_type_hints(toy.Config)
    recipes = get_args(hints["recipe"])
    assert set(benchmark.LOSSES) == set(recipes)
    for recipe in recipes:
        for network in get_args(hints["network"]):
            config = replace(toy.Config(), recipe=recipe, network=network, width=8, batch_size=8)
            assert start_shapes(built(toy, config), config).step.shape == ()


def test_common_mistakes_in_mixtures_change_the_scores(benchmark: ModuleType) -> None:
    """Seven centres with the first twice miss all other true ones; a variance of sigma is too wide."""
    import jax
    import jax.numpy as jnp

    from jaxgan.data.mixtures import ring, sampled
    from jaxgan.metrics.mixture import mode_coverage

    def scored(mixture):
        source = sampled(mixture)
        x = source.take(source.arrays, jax.random.key(0), jnp.arange(2000))["x"]
        return mode_coverage(x, *ring().modes)

    seven, wide = benchmark.toy_table.linspace_ring(), benchmark.toy_table.covariance_ring()
    assert len(np.unique(seven.centres.round(9) + 0.0, axis=0)) == 7
    assert scored(seven)["modes"] == 1
    assert scored(seven)["high_quality"] == pytest.approx(2 / 8, abs=0.03)
    assert scored(wide)["high_quality"] == pytest.approx(1 - np.exp(-4.5 * 0.01), abs=0.02)


def test_in_many_dimensions_misses_are_measured_by_distance(benchmark: ModuleType) -> None:
    """True samples have distance 1 from their mode; three times the offset is three times the distance."""
    import toy

    from jaxgan.data.mixtures import gaussian_1200d
    from jaxgan.data.source import examples

    source = gaussian_1200d()
    true = examples(source, 300)
    centres = source.modes.centres
    offset = true - centres[np.linalg.norm(true[:, None] - centres, axis=2).argmin(axis=1)]
    found, three, one = (toy.score(x, source) for x in (true, true + 2 * offset, true[:1].repeat(9, axis=0)))
    assert found["distance"] == pytest.approx(1, abs=0.01)
    assert three["distance"] == pytest.approx(3 * found["distance"])
    assert [x["nearest_modes"] for x in (found, three, one)] == [10, 10, 1]
    assert three["modes"] == 0
    assert three["nearest_kl"] == found["nearest_kl"] < 0.1
    assert one["nearest_kl"] == pytest.approx(np.log(10))


@pytest.mark.parametrize(
    ("status", "ended", "found"),
    [
        (1, "NotFinite: step 7: d/adv is nan", {"failed": "step 7: d/adv is nan", "on": "Apple M4"}),
        (1, "SaveFailed: the disk is full", None),
        (143, "Interrupted: SIGTERM", None),
        (2, None, None),
        (0, "finished", {**NUMBERS, "on": "Apple M4"}),
    ],
)
def test_only_training_that_is_not_finite_is_a_failure_of_the_recipe(
    benchmark: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    status: int,
    ended: str,
    found: dict,
) -> None:
    cell = benchmark.Cell("light", "ring", "hinge", 0)
    run = tmp_path / cell.name
    run.mkdir(parents=True)
    if ended:
        (run / "manifest.json").write_text(
            json.dumps({"sessions": [{"ended": None}, {"ended": ended, "devices": ["Apple M4"]}]})
        )

    def ran(command, **_):
        row = {"step": 4, **NUMBERS} if status == 0 else {"step": 2, **NUMBERS}
        (run / "metrics.jsonl").write_text(line(row))
        return subprocess.CompletedProcess(command, status, "", "error: why")

    monkeypatch.setattr(benchmark.subprocess, "run", ran)
    if found is None:
        with pytest.raises(SystemExit, match=f"light/ring/hinge/0 ended with {status}: error: why"):
            benchmark.complete(cell, tmp_path, 4)
        return
    assert benchmark.complete(cell, tmp_path, 4) == found
    monkeypatch.setattr(benchmark.subprocess, "run", None)
    if status == 0:  # what was done, but not written down, is not played again
        assert benchmark.complete(cell, tmp_path, 4) == found


@pytest.mark.slow
def test_an_interrupted_cell_is_resumed(benchmark: ModuleType, tmp_path: Path) -> None:
    cell = benchmark.Cell("light", "ring", "hinge", 3)
    run = tmp_path / cell.name
    benchmark.complete(cell, tmp_path, 4)
    assert "--resume" in benchmark.command(cell, run, 4)
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["seed"] == 3
    assert manifest["sessions"][-1]["step"] == 4


@pytest.mark.slow
def test_a_long_run_goes_on_where_its_beginning_ended(benchmark: ModuleType, tmp_path: Path) -> None:
    begun, whole = (benchmark.Cell(name, "ring", "pack2", 1) for name in ("pacgan_begun", "pacgan"))
    first = benchmark.complete(begun, tmp_path, 4)
    run = tmp_path / "pacgan" / "ring" / "pack2" / "1"
    assert json.loads((run / "manifest.json").read_text())["sessions"][-1]["step"] == 4
    benchmark.complete(whole, tmp_path, 8)
    sessions = json.loads((run / "manifest.json").read_text())["sessions"]
    assert [session["step"] for session in sessions] == [4, 8]
    again = benchmark.complete(begun, tmp_path, 4)  # found in the longer run
    assert again == first


def test_a_trial_needs_its_own_folders(
    benchmark: ModuleType, quick: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for folder in (["--results", str(tmp_path / "toy.json")], ["--runs", str(tmp_path)]):
        with pytest.raises(SystemExit):
            benchmark.main(["--steps", "2", *folder])
        assert "give it --runs and --results of its own" in capsys.readouterr().err
    assert not quick
