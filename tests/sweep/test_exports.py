"""What `jaxgan table` writes for other programs: every number, and the files of rliable and marl-eval."""

import csv
import io
import json

import numpy as np
import pytest
from sweep_folders import STEPS, sweep_folder

from jaxgan.cli.sweep import table as command
from jaxgan.errors import Refused
from jaxgan.sweep import exports, long
from jaxgan.sweep import table as tables
from jaxgan.sweep.plan import Pack

LOSSES = ("hinge", "wasserstein")


def score(cell, step):
    """A number that names its cell and step."""
    loss = LOSSES.index(cell["loss"])
    return {"energy": 1000 * loss + 100 * cell["gamma"] + 10 * cell["seed"] + step / 1000, "modes": 8 - loss}


def halted(cell):
    return (cell["loss"], cell["gamma"], cell["seed"]) == ("hinge", 1.0, 2)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    gammas = ({"gamma": 0.1}, {"gamma": 1.0})
    packs = [Pack({"loss": loss}, gammas, (0, 1, 2)) for loss in LOSSES]
    return sweep_folder(tmp_path_factory.mktemp("a") / "sweep", packs, score, halted)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """A sweep over data sets: each is a task."""
    packs = [
        Pack({"loss": loss, "data": data}, ({},), (0, 1, 2)) for loss in LOSSES for data in ("ring", "grid")
    ]

    def score(cell, step):
        return {
            "energy": 100 * (cell["data"] == "grid") + 10 * LOSSES.index(cell["loss"]) + cell["seed"] + step
        }

    return sweep_folder(tmp_path_factory.mktemp("b") / "sweep", packs, score)


def test_csv_has_every_number_of_every_cell(home):
    rows = list(csv.DictReader(io.StringIO(long.as_csv(home))))
    cells, at = 2 * 2 * 3, len(STEPS)
    assert len(rows) == (cells * at - 1) * 3  # of the cell that halted, one step is missing
    for row in rows:
        cell = {"loss": row["loss"], "gamma": float(row["gamma"]), "seed": int(row["seed"])}
        assert row["failed"] == ("not finite" if halted(cell) else "")
        expected = {**score(cell, int(row["step"])), "d/adv": 0.7}[row["metric"]]
        assert float(row["value"]) == expected


def test_csv_of_one_metric(home):
    assert {row["metric"] for row in csv.DictReader(io.StringIO(long.as_csv(home, "modes")))} == {"modes"}
    with pytest.raises(Refused, match=r"no cell of .* has a number called fid"):
        long.as_csv(home, "fid")


def test_parquet_has_the_same_lines_with_types(home):
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet` is not installed")
    read = parquet.read_table(io.BytesIO(long.as_parquet(home)))
    head, rows = long.lines(home)
    assert read.column_names == head
    assert list(zip(*read.to_pydict().values(), strict=True)) == [tuple(row) for row in rows]
    types = {name: str(read.schema.field(name).type) for name in ("seed", "loss", "gamma", "step", "value")}
    assert types == {"seed": "int64", "loss": "string", "gamma": "double", "step": "int64", "value": "double"}


def test_rliable_has_a_matrix_of_runs_and_tasks(tasks):
    export = exports.rliable(tables.table(tasks, metric="energy"))
    read = json.loads(export.text)
    assert (read["tasks"], read["better"], export.left_out) == (["ring", "grid"], "lower", ())
    np.testing.assert_array_equal(
        read["scores"]["loss=wasserstein"], [[110 + seed, 210 + seed] for seed in range(3)]
    )


def test_pooled_options_are_runs_of_one_task(home):
    read = json.loads(exports.rliable(tables.table(home, ["loss"], "energy")).text)
    assert read["tasks"] == ["all"]
    assert np.array(read["scores"]["loss=hinge"]).shape == (6, 1)


def test_rliable_reads_its_file(tasks):
    metrics = pytest.importorskip("rliable.metrics", reason="the extra `verify` is not installed")
    table = tables.table(tasks, metric="energy")
    scores = {name: np.array(x) for name, x in json.loads(exports.rliable(table).text)["scores"].items()}
    values = [
        cell.value for setting, cells in table.values.items() if "hinge" in str(setting) for cell in cells
    ]
    assert metrics.aggregate_mean(scores["loss=hinge"]) == pytest.approx(np.mean(values))


def test_marl_eval_has_the_runs_and_steps_that_all_settings_share(home):
    export = exports.marl_eval(tables.table(home, metric="energy"))
    algorithms = json.loads(export.text)["energy"]["all"]
    assert set(algorithms) == {f"loss={loss} gamma={gamma}" for loss in LOSSES for gamma in (0.1, 1.0)}
    assert not any("," in name for name in algorithms)
    for name, runs in algorithms.items():
        assert list(runs) == ["seed=0", "seed=1", "seed=2"]
        loss, gamma = (part.partition("=")[2] for part in name.split())
        for seed, run in enumerate(runs.values()):
            cell = {"loss": loss, "gamma": float(gamma), "seed": seed}
            first, last = (score(cell, step)["energy"] for step in (0, 50))
            assert list(run) == ["step_1", "step_2", "absolute_metrics"]  # one cell halted after step 50
            assert run["step_1"] == {"step_count": 0, "energy": [first]}
            assert run["step_2"] == {"step_count": 50, "energy": [last]}
            assert run["absolute_metrics"] == {"energy": [last]}
    assert export.left_out == ()


def test_marl_eval_reads_its_file(tasks):
    processing = pytest.importorskip(
        "marl_eval.utils.data_processing_utils", reason="marl-eval is not installed"
    )
    from marl_eval.utils.diagnose_data_errors import DiagnoseData

    raw = json.loads(exports.marl_eval(tables.table(tasks, metric="energy")).text)
    assert all(DiagnoseData(raw).check_data()["energy"].values())
    processed = processing.data_process_pipeline(raw, [])
    matrices, _ = processing.create_matrices_for_rliable(processed, "energy", [])
    ours = json.loads(exports.rliable(tables.table(tasks, metric="energy")).text)["scores"]
    for name, matrix in matrices["mean_energy"].items():
        np.testing.assert_allclose(matrix, ours[name])


def test_settings_without_a_common_seed_are_no_file_of_marl_eval(home):
    table = tables.table(home, ["loss", "gamma"], "energy")
    values = {
        setting: [c._replace(options={**c.options, "seed": 10 * n + c.options["seed"]}) for c in cells]
        for n, (setting, cells) in enumerate(table.values.items())
    }
    with pytest.raises(Refused, match="no run and step of energy in common"):
        exports.marl_eval(table._replace(values=values))


@pytest.mark.parametrize("ending", ["csv", "parquet", "md", "tex", "txt"])
def test_the_command_writes_what_the_name_of_the_file_says(home, tmp_path, ending, capsys):
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    out = tmp_path / "new" / f"table.{ending}"
    command(home, metric="energy", out=out)
    assert capsys.readouterr().out == f"{out}\n"
    starts = {
        "csv": b"loss,gamma,seed",
        "parquet": b"PAR1",
        "md": b"| setting",
        "tex": rb"\begin",
        "txt": b"setting",
    }
    assert out.read_bytes().startswith(starts[ending])


def test_what_the_command_cannot_write_is_named(home, tmp_path):
    with pytest.raises(Refused, match=r"say what to write, by --format, or end it in \.txt"):
        command(home, out=tmp_path / "table.json")
    with pytest.raises(Refused, match=r"by --out FILE\.parquet"):
        command(home, format="parquet")
