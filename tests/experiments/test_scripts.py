"""Every experiment for a few steps on small networks: it writes numbers and pictures to its run folder."""

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
from jaxgan.run.devices import check_axis_names
from jaxgan.run.lane import check_over
from jaxgan.run.program import start_shapes
from jaxgan.scale.devices import data_mesh

FOLDER = Path(__file__).parents[2] / "experiments"
sys.path.append(str(FOLDER))  # as a script is started: `few` imports `digits`
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
    "augment": (*NETS, "--size", 8, "--per-class", 3, "--measure-every", 3),
    "ring": (*NETS, "--measure-every", 3),
    "rules_on_grid": ("--width", 8, "--rule", "lookahead", "--measure-every", 3),
    "stacked": NETS,
    "toy": (*NETS, "--recipe", "wgan_gp"),
    "toy maxout": (*NETS, "--recipe", "pack2", "--network", "maxout", "--data", "gaussian_1200d"),
    "toy at once": (*NETS, "--simultaneous", "--init", "0.02", "--momentum", "0.95", "--examples", "100"),
}
DEFAULT = ("dcgan", "digits", "mlp_batchnorm_rmsprop", "stacked", "toy")
"""Cases that the default suite trains, each for a sort of data or hook of its own."""
# scripts without runs of their own
PLAIN = {"which_converge", "rotation", "toy_picture"}
DEEP = {"r3gan", "sngan", "wgan_gp"}  # networks that take long to trace
SCRIPTS = sorted({path.stem for path in FOLDER.glob("*.py")} - PLAIN)
OTHERS = {"ring", "stacked", "toy", "rules_on_grid"}
IMAGES = [name for name in SCRIPTS if name not in {*OTHERS, "augment"}]  # which needs 20 of each class


def import_script(name: str) -> ModuleType:
    path = FOLDER / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"experiment_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def pictures(run: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((run / "samples").glob("*.png"))]


def trains(case: str, run: Path) -> None:
    assert play(import_script(case.split()[0]), *SMALL, *CASES[case], "--out", run) == 0

    result = rows(run)
    assert {row["step"] for row in result} >= {2, 4, 6}
    numbers = [value for row in result for value in row.values()]
    assert all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)
    first, *later = pictures(run)
    assert len(later) == 2
    assert first not in later


def test_every_script_has_a_case() -> None:
    assert {case.split()[0] for case in CASES} == set(SCRIPTS)


@pytest.mark.parametrize("case", DEFAULT)
def test_a_script_trains(case: str, tmp_path: Path) -> None:
    trains(case, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case not in DEFAULT])
def test_every_script_trains(case: str, tmp_path: Path) -> None:
    trains(case, tmp_path / "run")


def test_help_is_quick_and_plain() -> None:
    """--help must not load JAX, which is what makes it slow; of all scripts, one after the other."""
    code = (
        "import runpy, sys\n"
        f"sys.path.insert(0, {str(FOLDER)!r})\n"  # as when the script is started
        f"for name in {SCRIPTS}:\n"
        f"    sys.argv = [{str(FOLDER)!r} + f'/{{name}}.py', '--help']\n"
        "    print('=' * 10, name)\n"
        "    try:\n        runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "    except SystemExit as end:\n        assert not end.code and 'jax' not in sys.modules, name\n"
        "    else:\n        raise AssertionError(name)\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    pages = process.stdout.split("=" * 10 + " ")[1:]
    assert len(pages) == len(SCRIPTS)
    for name, page in zip(SCRIPTS, pages, strict=True):
        assert f"python experiments/{name}.py" in page
        assert "--width" in page, name
        assert "@" not in page, name


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_does_not_depend_on_the_number_of_steps(name: str) -> None:
    """A run that is resumed for more steps must be the same as one that was longer from the start."""
    assert "config.steps" not in (FOLDER / f"{name}.py").read_text()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in DEEP else []) for name in SCRIPTS],
)
def test_a_script_supports_several_devices_and_lanes(name: str) -> None:
    """By tracing only: means name the axis of devices, and the learning rate may be a traced value."""
    module = import_script(name)
    config = replace(module.Config(), width=8, batch_size=8, parallel="shard_map")
    if name in {"sngan", "r3gan"}:
        config = replace(config, size=8)
    experiment = built(module, config)
    assert experiment.rule.batches >= 1
    check_axis_names(experiment, config, start_shapes(experiment, config), data_mesh(jax.devices()[:2]))
    plain = replace(config, parallel="jit", over=("lr=1e-4,1e-3",))
    check_over(module.build, plain, experiment)


@pytest.fixture(scope="module")
def tfds_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data sets with the shapes of MNIST, CIFAR-10 and CelebA, written by TFDS."""
    home = tmp_path_factory.mktemp("tfds")
    splits = ("train", "test")
    tfds_set(home, "like_mnist", 12, splits, (28, 28, 1), 10)
    tfds_set(home, "like_cifar10", 12, splits, (32, 32, 3), 10)
    tfds_set(home, "like_celeb_a", 12, splits, (218, 178, 3), 0)
    return home


COMMON = [
    ("like_mnist", 0, (28, 28, 1)),
    ("like_cifar10", 0, (32, 32, 3)),
    ("like_celeb_a", 64, (64, 64, 3)),
]


@pytest.mark.filterwarnings("ignore:.*OpenCV")
@pytest.mark.parametrize(
    ("name", "data", "size", "shape"),
    [
        pytest.param(name, *case, marks=[] if (i + j) % len(COMMON) == 0 else [pytest.mark.slow])
        for i, name in enumerate(IMAGES)
        for j, case in enumerate(COMMON)
    ],
)
def test_a_script_builds_for_common_data_sets(
    name: str,
    data: str,
    size: int,
    shape: tuple[int, int, int],
    tfds_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the real readers, but only shapes: nothing is compiled. By default each script has one set."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds_home))
    module = import_script(name)
    config = module.Config(data=f"tfds:{data}", size=size, width=8, batch_size=8)
    experiment = built(module, config)
    assert experiment.source.shape == shape
    assert start_shapes(experiment, config).step.shape == ()


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("ring", {"hold": 100, "horizon": 100}, "--hold 100 .* below --horizon 100"),
        ("ring", {"lr_end": 0.0}, "needs both above 0"),
        ("stacked", {"gamma": 0.0}, "needs both above 0"),
        ("stacked", {"horizon": 0}, "--horizon 0 leaves no steps"),
        ("stacked", {"gamma_end": -1.0}, "needs both above 0"),
        ("stacked", {"data": "stacked:{folder}/three.npz"}, "3 classes, .* need ten: give stacked:digits"),
        ("stacked", {"data": "stacked:{folder}/none.npz"}, "0 classes, .* need ten: give stacked:digits"),
    ],
)
def test_options_that_a_script_cannot_use_are_refused(
    name: str, options: dict[str, object], line: str, tmp_path: Path
) -> None:
    x = np.zeros((20, 8, 8, 1), np.uint8)
    np.savez(tmp_path / "three.npz", x=x, label=np.arange(20) % 3)
    np.savez(tmp_path / "none.npz", x=x)
    module = import_script(name)
    if "data" in options:
        options = {"data": str(options["data"]).format(folder=tmp_path)}
    with pytest.raises(Refused, match=line) as refusal:
        built(module, replace(module.Config(), **options))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("option", ["lr_end=1e-5,1e-6", "gamma_end=0.1,0.01", "hold=10,20"])
def test_lanes_may_differ_in_either_end_of_a_schedule(option: str) -> None:
    module = import_script("ring")
    config = replace(module.Config(), width=8, batch_size=8)
    check_over(module.build, replace(config, over=(option,)), built(module, config))


def test_the_stop_rule_ends_a_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    module = import_script("mlp_batchnorm_rmsprop")
    assert play(module, *SMALL, *NETS, "--steps", 200, "--stop-below", 1e9, "--out", run) == 0
    assert "energy has reached" in (run / "manifest.json").read_text()
    assert "energy" in rows(run)[-1]


def test_a_new_process_draws_the_same_samples(tmp_path: Path) -> None:
    """Of a trained and saved DCGAN."""
    from PIL import Image

    run, first, second = tmp_path / "run", tmp_path / "first.png", tmp_path / "second.png"
    assert play(import_script("dcgan"), *SMALL, *NETS, "--out", run) == 0
    cli.runs.sample(run, n=100, out=first)
    command = [sys.executable, "-m", "jaxgan.cli", "sample", str(run), "--n", "100", "--out", str(second)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert first.read_bytes() == second.read_bytes()
    with Image.open(first) as picture:
        assert picture.width == picture.height >= 10 * 8


def test_few_examples_keep_the_held_out_set_of_all() -> None:
    few = import_script("few")
    source = few.data(few.Config(examples=100))
    assert source.size == 100
    assert source.held_out().size == 297  # which `jaxgan evaluate` measures against
    assert "procedural" in few.data(few.Config(data="glyphs")).note
    with pytest.raises(Refused, match=r"--examples 5 show only . of 10 classes: take more"):
        few.data(few.Config(examples=5))


@pytest.mark.slow
def test_the_schedules_of_r3gan_have_the_documented_ends() -> None:
    """Each is a cosine; after the first step G's average is G."""
    module = import_script("r3gan")
    config = module.Config(data="digits", width=8, z_size=8, blocks=1, horizon=4, half_life=2.0)
    rule = built(module, config).rule
    batch = {
        "x": np.zeros((1, 1, 8, 8, 8, 1), np.float32),
        "index": np.arange(8, dtype=np.uint32)[None, None],
    }
    batch["label"] = np.zeros((1, 1, 8), np.int32)
    state, update = jax.jit(rule.init)(jax.random.key(0), batch), jax.jit(rule.update)
    values = []
    for _ in range(6):
        before, (state, _) = state, update(state, batch)
        for player in (state.g, state.d):
            values.append([float(player.opt_state.hyperparams[name]) for name in ("learning_rate", "b2")])
        if before.step == 0:
            jax.tree.map(np.testing.assert_array_equal, state.ema.params, state.g.params)
    start, middle, end = [2e-4, 0.9], [1.25e-4, 0.945], [5e-5, 0.99]
    np.testing.assert_allclose(values[0::2], values[1::2])
    np.testing.assert_allclose(
        [values[0], values[4], values[8], values[10]], [start, middle, end, end], rtol=1e-5
    )
    # constant at the end: at a half-life of two steps, each keeps half^(1/2) of the old average
    keep = 0.5**0.5
    for old, new, average in zip(
        *map(jax.tree.leaves, (before.ema.params, state.g.params, state.ema.params)), strict=True
    ):
        np.testing.assert_allclose(average, keep * old + (1 - keep) * new, rtol=1e-4, atol=1e-6)
