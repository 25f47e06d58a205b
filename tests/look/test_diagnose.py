"""`jaxgan diagnose` of runs whose dynamics are known, and what is refused."""

import json
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from support import play, png, rows, same, script

from jaxgan.data import load
from jaxgan.data.source import batch
from jaxgan.errors import Refused
from jaxgan.evaluate.rotation import draw_batches, rotation
from jaxgan.instruments.diagnosis import rotation_and_noise
from jaxgan.look.diagnose import _initial_state, diagnose
from jaxgan.run.experiment import Experiment, Hook, Moment
from jaxgan.run.reopen import reopen


def train(path: Path, *options: object) -> Path:
    assert play(script("dirac"), *options, "--out", path) == 0
    return path


def read_numbers(run: Path) -> dict[str, Any]:
    return json.loads((run / "diagnosis" / "diagnosis.json").read_text())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("diagnosed") / "run")


def test_both_checkpoints_are_diagnosed(run: Path) -> None:
    progress: list[str] = []
    report = diagnose(run, ("last", "best"), batches=2, steps=2, say=progress.append)
    result = read_numbers(run)
    # progress is reported before each part
    assert progress[0] == "step 4 (last): part 1 of 5, rotation and noise ..."
    assert progress[-1] == "step 2 (best): path angle ..."
    assert {where: result[where]["step"] for where in result} == {"last": 4, "best": 2}
    drawings = {
        f"{name}-{at}.{kind}" for name in ("spectrum", "path") for at in result for kind in ("png", "svg")
    }
    assert {path.name for path in report.files} == {"diagnosis.json", *drawings}
    assert all(path.parent == run / "diagnosis" and path.stat().st_size > 0 for path in report.files)
    assert "step 4 (last)" in report.text
    assert "rotation" in report.text
    assert result["last"]["rotation"] != result["best"]["rotation"]
    theta, psi = 1.0, 1.0
    for _ in range(4):
        psi += 0.1 * (-theta / (1 + np.exp(-psi * theta)) - 0.6 * psi)
        theta += 0.1 * psi / (1 + np.exp(-psi * theta))
    slope, bend = (
        f(theta * psi) for f in (lambda t: 1 / (1 + np.exp(-t)), lambda t: 1 / (2 + 2 * np.cosh(t)))
    )
    assert result["last"]["d/top"] == pytest.approx(bend * theta**2 + 0.6, rel=1e-4)
    assert result["last"]["g/bottom"] == pytest.approx(-bend * psi**2, rel=1e-4)
    turn = slope + bend * theta * psi
    total = 2 * turn**2 + (bend * psi**2) ** 2 + (bend * theta**2 + 0.6) ** 2
    assert result["last"]["rotation"] == pytest.approx(2 * turn**2 / total, rel=1e-4)


def test_at_the_equilibrium(tmp_path: Path) -> None:
    """The eigenvalues are those of the theorem, and a run that never moved has no path."""
    run = train(tmp_path / "run", "--start", 0.0)
    report = diagnose(run, ("best", "last"), batches=2, steps=1)
    result = read_numbers(run)["last"]
    eigenvalues = sorted(imaginary for _, imaginary in result["eigenvalues"])
    np.testing.assert_allclose(eigenvalues, [-0.4, 0.4], rtol=1e-5)
    assert result["spectrum/real"] == pytest.approx(-0.3)
    assert result["g/gap"] == result["d/gap"] == 0.0
    assert result["g/noise_scale"] is None  # without a signal
    assert "path: the path has no length" in report.text
    assert not [path for path in report.files if "path" in path.name]


def test_a_checkpoint_that_is_both_last_and_best_is_diagnosed_once(tmp_path: Path) -> None:
    run = train(tmp_path / "run", "--steps", 2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "diagnosis.json").write_text('{"last": {"step": 1}}')  # of an earlier step
    report = diagnose(run, ("best", "last"), batches=2, steps=1, out=tmp_path / "out")
    assert "step 2 (last): same as best" in report.text
    assert {path.parent for path in report.files} == {tmp_path / "out"}
    assert not [path for path in report.files if "last" in path.name]
    file = tmp_path / "out" / "diagnosis.json"
    best = json.loads(file.read_text())
    assert best.keys() == {"best"}
    diagnose(run, batches=2, steps=1, out=tmp_path / "out")
    result = json.loads(file.read_text())
    assert (result.keys(), result["best"]) == ({"best", "last"}, best["best"])  # best is kept


def test_one_lane_is_diagnosed(tmp_path: Path) -> None:
    run = train(tmp_path / "run", "--over", "gamma=0.2,0.6", "--start", 0.0)
    diagnose(run, lane="seed=0,gamma=0.2", batches=2, steps=1)
    result = json.loads((run / "diagnosis" / "seed=0,gamma=0.2" / "diagnosis.json").read_text())["last"]
    assert result["spectrum/real"] == pytest.approx(-0.1)
    with pytest.raises(Refused, match="gamma"):
        diagnose(run)


def test_the_initial_state_is_that_of_the_run(tmp_path: Path) -> None:
    """Of networks, whose parameters depend on the seed and here never move."""
    run = tmp_path / "run"
    assert play(script("tiny"), "--steps", 1, "--lr", 0.0, "--seed", 7, "--out", run) == 0
    again = reopen(run)
    start = _initial_state(again, run)
    assert int(start.step) == 0
    same((start.g.params, start.d.params), (again.state.g.params, again.state.d.params))


def test_a_run_of_several_devices_is_diagnosed_on_one(tmp_path: Path) -> None:
    """Though its means name the axis of devices."""
    run = train(tmp_path / "run", "--devices", 2, "--parallel", "shard_map", "--start", 0.0)
    diagnose(run, batches=2, steps=1)
    assert read_numbers(run)["last"]["spectrum/real"] == pytest.approx(-0.3)
    result = []
    for one in (run, train(tmp_path / "plain", "--start", 0.0)):
        again = reopen(one)
        game, source = again.experiment.game, again.experiment.source
        moment = Moment(4, again.state, game, lambda *_: None)
        result.append(rotation(source, batch_size=8)(moment)["rotation"])
    assert result[0] == pytest.approx(result[1])


def test_batches_that_are_read_from_files_are_those_of_the_run(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number:02d}.png").write_bytes(png(np.full((8, 8), 10 * number, np.uint8)))
    source = load(str(tmp_path), 8)
    assert source.read is not None
    key = jax.random.key(3)
    arrays = source.read(np.arange(source.size, dtype=np.uint32))
    memory = source._replace(read=None, arrays=arrays)
    memory = memory._replace(
        take=lambda arrays, key, number: source.take({k: a[number] for k, a in arrays.items()}, key, number)
    )
    expected = batch(memory, (2, 4), arrays, key, 5)
    result = draw_batches(source, (2, 4), key, 5)
    np.testing.assert_allclose(result["x"], expected["x"], atol=1e-6)
    np.testing.assert_array_equal(result["index"], expected["index"])


def test_the_hook_logs_the_cheap_numbers(run: Path) -> None:
    again = reopen(run)
    game, source, state = again.experiment.game, again.experiment.source, again.state
    result = rotation(source, batch_size=8)(Moment(4, state, game, lambda *_: None))
    assert result == rotation_and_noise(game, state, draw_batches(source, (2, 8), state.key, state.step))
    assert result.keys() == {"rotation", "g/noise_scale", "d/noise_scale"}


def test_the_hook_measures_the_game_of_each_lane(tmp_path: Path) -> None:
    """At the equilibrium J is [[0, -1/2], [1/2, -gamma]]."""
    dirac = script("dirac")

    def build(config: Any, source: Any) -> Experiment:
        experiment = dirac.build(config, source)
        return experiment._replace(hooks=[Hook(1, rotation(experiment.source, batch_size=8))], best=None)

    build.__module__ = dirac.build.__module__
    turning = type("Turning", (), {"Config": dirac.Config, "build": staticmethod(build)})
    run, gammas = tmp_path / "run", (0.2, 0.6)
    np.savez(tmp_path / "zeros.npz", x=np.zeros((64, 1), np.float32))
    over = ("--seeds", "0:2", "--over", "gamma=0.2,0.6", "--start", 0.0, "--steps", 1)
    over = (*over, "--data", tmp_path / "zeros.npz")
    assert play(turning, *over, "--out", run) == 0
    [measured] = [row["rotation"] for row in rows(run) if "rotation" in row][-1:]
    shares = [0.5 / (0.5 + gamma**2) for gamma in gammas for _ in range(2)]
    np.testing.assert_allclose(measured, shares, rtol=1e-5)


def test_without_matplotlib_nothing_is_computed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    progress: list[str] = []
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Refused, match=r"install jaxgan\[report\]"):
        diagnose(run, batches=2, steps=1, say=progress.append)
    assert not progress


def test_bad_input_is_refused_in_one_line(run: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="--batches must be at least 2"):
        diagnose(run, batches=1)
    for steps in (0, -3):
        with pytest.raises(Refused, match=f"--steps must be at least 1, not {steps}"):
            diagnose(run, steps=steps)
    with pytest.raises(Refused, match="not a run folder"):
        diagnose(tmp_path)
    copied = run / "script.py"
    text = copied.read_text()
    copied.write_text(text.replace("def build", "def built"))
    try:
        with pytest.raises(Refused, match=r"script\.py"):
            diagnose(run, trust=True)
    finally:
        copied.write_text(text)
