"""Every experiment, shrunk: its own `Config` and `build`, a few steps, numbers and pictures in the folder."""

import importlib.util
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
import pytest
from support import built, play, rows, tfds_set

from jaxgan import cli
from jaxgan.errors import Refused
from jaxgan.run.devices import named_means
from jaxgan.run.lane import fits_over
from jaxgan.run.program import start_shapes
from jaxgan.scale.devices import data_mesh

FOLDER = Path(__file__).parents[2] / "experiments"
SMALL = ("--steps", 6, "--batch-size", 8, "--log-every", 2, "--save-every", 6, "--sample-every", 3)
NETS = ("--width", 8, "--z-size", 8)
CASES = {
    "mlp_minimax": (*NETS, "--d-steps", 2),
    "mlp_cnn": NETS,
    "mlp_batchnorm_rmsprop": (*NETS, "--stop-below", 1e-9),
    "mlp_dropout": NETS,
    "lsgan_dcgan": (*NETS, "--loss", "least_squares"),
    "lsgan_dcgan cross_entropy": (*NETS, "--loss", "cross_entropy"),
    "dcgan": NETS,
    "dcgan radford": (*NETS, "--network", "radford", "--size", 16),
    "wgan_gp": (*NETS, "--size", 8, "--d-steps", 2),
    "sngan": (*NETS, "--size", 8, "--d-steps", 1, "--average", 0.9),
    "r3gan": (*NETS, "--size", 8, "--blocks", 1, "--precision", "bfloat16"),
    "digits": (*NETS, "--measure-every", 3),
    "few": (*NETS, "--measure-every", 3, "--augment", "diffaugment"),
    "ring": (*NETS, "--measure-every", 3),
    "stacked": NETS,
    "toy": (*NETS, "--recipe", "wgan_gp"),
    "toy maxout": (*NETS, "--recipe", "pack2", "--network", "maxout", "--data", "gaussian_1200d"),
    "toy at once": (*NETS, "--simultaneous", "--init", "0.02", "--momentum", "0.95", "--examples", "100"),
}
# no runs of their own
PLAIN = {"which_converge", "rules_on_grid", "rotation"}
PLAIN |= {"toy_benchmark", "toy_table", "toy_apart", "toy_picture"}
SCRIPTS = sorted({path.stem for path in FOLDER.glob("*.py")} - PLAIN)
IMAGES = [name for name in SCRIPTS if name not in {"ring", "stacked", "toy"}]


def imported(name: str) -> ModuleType:
    path = FOLDER / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"experiment_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def pictures(run: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((run / "samples").glob("*.png"))]


def test_no_script_is_left_out() -> None:
    assert {case.split()[0] for case in CASES} == set(SCRIPTS)


@pytest.mark.parametrize("case", CASES)
def test_trains(case: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert play(imported(case.split()[0]), *SMALL, *CASES[case], "--out", run) == 0

    found = rows(run)
    assert {row["step"] for row in found} >= {2, 4, 6}
    numbers = [value for row in found for value in row.values()]
    assert all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)
    first, *later = pictures(run)
    assert len(later) == 2
    assert first not in later


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_is_quick_and_plain(name: str) -> None:
    """--help must not load JAX, which is what makes it slow."""
    code = (
        "import runpy, sys\n"
        f"sys.argv = [{str(FOLDER / name)!r} + '.py', '--help']\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code and 'jax' not in sys.modules\n"
        "else:\n    raise AssertionError\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    assert f"python experiments/{name}.py" in told.stdout
    assert "--width" in told.stdout
    assert "@" not in told.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_recipe_does_not_know_how_long_it_runs(name: str) -> None:
    """A run resumed for more steps must be the run that would have gone on."""
    assert "config.steps" not in (FOLDER / f"{name}.py").read_text()


@pytest.mark.parametrize("name", SCRIPTS)
def test_serves_many_devices_and_lanes(name: str) -> None:
    """By tracing alone: means name the axis of devices, and the learning rate may be told when it runs."""
    module = imported(name)
    config = replace(module.Config(), width=8, batch_size=8, parallel="shard_map")
    if name in {"sngan", "r3gan"}:
        config = replace(config, size=8)
    experiment = built(module, config)
    assert experiment.rule.batches >= 1
    named_means(experiment, config, start_shapes(experiment, config), data_mesh(jax.devices()[:2]))
    plain = replace(config, parallel="jit", over=("lr=1e-4,1e-3",))
    fits_over(module.build, plain, experiment)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sets of the shapes of MNIST, CIFAR-10 and CelebA, written by TFDS."""
    home = tmp_path_factory.mktemp("tfds")
    splits = ("train", "test")
    tfds_set(home, "like_mnist", 12, splits, (28, 28, 1), 10)
    tfds_set(home, "like_cifar10", 12, splits, (32, 32, 3), 10)
    tfds_set(home, "like_celeb_a", 12, splits, (218, 178, 3), 0)
    return home


@pytest.mark.filterwarnings("ignore:.*OpenCV")
@pytest.mark.parametrize(
    ("data", "size", "shape"),
    [
        ("like_mnist", 0, (28, 28, 1)),
        ("like_cifar10", 0, (32, 32, 3)),
        ("like_celeb_a", 64, (64, 64, 3)),
    ],
)
@pytest.mark.parametrize("name", IMAGES)
def test_builds_for_the_usual_data(
    name: str,
    data: str,
    size: int,
    shape: tuple[int, int, int],
    prepared: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the real readers, as far as shapes: nothing is compiled."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    module = imported(name)
    config = module.Config(data=f"tfds:{data}", size=size, width=8, batch_size=8)
    experiment = built(module, config)
    assert experiment.source.shape == shape
    assert start_shapes(experiment, config).step.shape == ()


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("ring", {"hold": 100, "horizon": 100}, "--hold 100 .* below --horizon 100"),
        ("ring", {"lr_end": 0.0}, "both must be above 0"),
        ("stacked", {"gamma": 0.0}, "both must be above 0"),
        ("stacked", {"horizon": 0}, "--horizon 0 leaves no steps"),
        ("stacked", {"gamma_end": -1.0}, "both must be above 0"),
        ("stacked", {"data": "stacked:{folder}/three.npz"}, "ten classes, not of 3; take stacked:digits"),
        ("stacked", {"data": "stacked:{folder}/none.npz"}, "ten classes, not of 0; take stacked:digits"),
    ],
)
def test_what_a_script_cannot_do_is_refused(
    name: str, options: dict[str, object], line: str, tmp_path: Path
) -> None:
    x = np.zeros((20, 8, 8, 1), np.uint8)
    np.savez(tmp_path / "three.npz", x=x, label=np.arange(20) % 3)
    np.savez(tmp_path / "none.npz", x=x)
    module = imported(name)
    if "data" in options:
        options = {"data": str(options["data"]).format(folder=tmp_path)}
    with pytest.raises(Refused, match=line) as said:
        built(module, replace(module.Config(), **options))
    assert "\n" not in str(said.value)


@pytest.mark.parametrize("option", ["lr_end=1e-5,1e-6", "gamma_end=0.1,0.01", "hold=10,20"])
def test_either_end_of_a_schedule_may_be_told_to_lanes(option: str) -> None:
    module = imported("ring")
    config = replace(module.Config(), width=8, batch_size=8)
    fits_over(module.build, replace(config, over=(option,)), built(module, config))


def test_stops_when_good(tmp_path: Path) -> None:
    run = tmp_path / "run"
    module = imported("mlp_batchnorm_rmsprop")
    assert play(module, *SMALL, *NETS, "--steps", 200, "--stop-below", 1e9, "--out", run) == 0
    assert "energy has reached" in (run / "manifest.json").read_text()
    assert "energy" in rows(run)[-1]


def test_a_saved_dcgan_draws_a_hundred(tmp_path: Path) -> None:
    """Trained, saved, loaded: a new process draws what this one does."""
    from PIL import Image

    run, here, there = tmp_path / "run", tmp_path / "here.png", tmp_path / "there.png"
    assert play(imported("dcgan"), *SMALL, *NETS, "--out", run) == 0
    cli.runs.sample(run, n=100, out=here)
    command = [sys.executable, "-m", "jaxgan.cli", "sample", str(run), "--n", "100", "--out", str(there)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert here.read_bytes() == there.read_bytes()
    with Image.open(here) as picture:
        assert picture.width == picture.height >= 10 * 8


def test_few_examples_are_known_to_be_few_of_many() -> None:
    few = imported("few")
    source = few.data(few.Config(examples=100))
    assert source.size == 100
    assert source.held_out().size == 297  # which `jaxgan evaluate` measures against
    assert "procedural" in few.data(few.Config(data="glyphs")).note
    with pytest.raises(Refused, match=r"--examples 5 show only . of 10 classes: take more"):
        few.data(few.Config(examples=5))


def test_r3gan_s_schedules_end_where_they_say() -> None:
    """A cosine each; at the first step G's average forgets all, and is G."""
    module = imported("r3gan")
    config = module.Config(data="digits", width=8, z_size=8, blocks=1, horizon=4, half_life=2.0)
    rule = built(module, config).rule
    batch = {
        "x": np.zeros((1, 1, 8, 8, 8, 1), np.float32),
        "index": np.arange(8, dtype=np.uint32)[None, None],
    }
    batch["label"] = np.zeros((1, 1, 8), np.int32)
    state, update = jax.jit(rule.init)(jax.random.key(0), batch), jax.jit(rule.update)
    seen = []
    for _ in range(6):
        before, (state, _) = state, update(state, batch)
        for player in (state.g, state.d):
            seen.append([float(player.opt_state.hyperparams[name]) for name in ("learning_rate", "b2")])
        if before.step == 0:
            jax.tree.map(np.testing.assert_array_equal, state.ema.params, state.g.params)
    start, middle, end = [2e-4, 0.9], [1.25e-4, 0.945], [5e-5, 0.99]
    np.testing.assert_allclose(seen[0::2], seen[1::2])
    np.testing.assert_allclose([seen[0], seen[4], seen[8], seen[10]], [start, middle, end, end], rtol=1e-5)
    # level at the end: half of what is old, half^(1/2) at a half-life of two steps
    keep = 0.5**0.5
    for old, new, held in zip(
        *map(jax.tree.leaves, (before.ema.params, state.g.params, state.ema.params)), strict=True
    ):
        np.testing.assert_allclose(held, keep * old + (1 - keep) * new, rtol=1e-4, atol=1e-6)
