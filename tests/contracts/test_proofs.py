"""What every script in experiments/methods promises, whatever it trains.

It is 120 lines of public names, fits every rule, is the same resumed, as a lane and on many devices, and can
be looked at. `OPTIONS` are all that a new one may have to be given here. By default each is traced, and they
share in turn what has to be compiled: every ninth is trained; at length each is held to everything.
"""

import ast
import dataclasses
import importlib.util
import re
import runpy
import subprocess
import sys
import time
from functools import cache, partial
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from support import built, ended, final, jaxgan, play, rows, same, start

import jaxgan as jg
from jaxgan.data.source import batch
from jaxgan.pictures.images import quantise
from jaxgan.run.devices import check_axis_names
from jaxgan.run.program import start_shapes
from jaxgan.run.reopen import reopen
from jaxgan.run.sample import sampler
from jaxgan.scale.devices import data_mesh, data_parallel, replicated

METHODS = Path(jg.__file__).parents[1] / "experiments" / "methods"
sys.path.append(str(METHODS))  # as a script is started
SHARED = ("small", "translating", "two_domains", "describing")
SHORT = {
    path.stem
    for path in METHODS.glob("*.py")
    if re.search(f"^import ({'|'.join(SHARED)})$", path.read_text(), re.MULTILINE)
} - {"pix2pix", *SHARED}
"""The short scripts, which `tests/experiments/test_methods.py` holds to less; pix2pix stands for pairs."""
NAMES = sorted({path.stem for path in METHODS.glob("*.py")} - SHORT - set(SHARED))
BATCH = 8
OPTIONS: dict[str, tuple] = {"ada": ("--examples", 100)}
"""Of a script that needs more than few units to be small: options by its name."""
PUBLIC = ("jaxgan", "jaxgan.data", "jaxgan.models", "jaxgan.metrics")
RULES = {
    "alternating": jg.alternating,
    "simultaneous": jg.simultaneous,
    "extragradient": jg.extragradient,
    "past_extragradient": jg.past_extragradient,
    "optimistic": jg.optimistic,
    "consensus": jg.consensus,
    "symplectic": jg.symplectic,
    "look_through": partial(jg.look_through, rate=0.1),
    "unrolled": partial(jg.unrolled, steps=2),
    "competitive": lambda game, *_: jg.competitive(game, 0.1, 0.1, products=2),
    "adaptive_competitive": lambda game, *_: jg.adaptive_competitive(game, 0.1, 0.1, products=2),
    "lookahead": lambda game, *tx: jg.lookahead(jg.alternating(game, *tx)),
}
HARD = ("competitive", "unrolled", "past_extragradient")
"""One of each kind: second derivatives, through steps of the optimiser, another point."""


def in_turn(turn, turns, *more):
    """The scripts, of which every n-th is held to it by default and the others at length."""
    marks = [() if number % turns == turn else pytest.mark.slow for number in range(len(NAMES))]
    return [pytest.param(name, *more, marks=mark) for name, mark in zip(NAMES, marks, strict=True)]


@cache
def imported(name):
    spec = importlib.util.spec_from_file_location(f"method_{name}", METHODS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def small(name):
    """Options that make a run small: 8 of whatever the script counts, measured at its start and its end."""
    config = imported(name).Config()
    shared = {field.name for field in dataclasses.fields(jg.Settings)}
    counts = {n: x for n, x in vars(config).items() if n not in shared and type(x) is int}
    counts = {n: 4 if n.endswith("_every") else min(x, 8) for n, x in counts.items()}
    counts |= {"steps": 4, "batch_size": BATCH, "log_every": 2, "save_every": 2, "sample_every": 4}
    options = [(f"--{n.replace('_', '-')}", x) for n, x in counts.items()]
    return *(word for option in options for word in option), "--devices", 1, *OPTIONS.get(name, ())


def config_of(name, **changes):
    """The options of a small run as its `build` is given them."""
    import tyro

    config_type = imported(name).Config
    config = tyro.cli(config_type, args=[str(word) for word in small(name)], use_underscores=False)
    return dataclasses.replace(config, **changes)


@cache
def experiment_of(name, parallel="jit"):
    return built(imported(name), config_of(name, parallel=parallel))


def batches_of(experiment, rule, size, step=0, key=0):
    source = experiment.source
    return batch(source, (rule.batches, 1, size), source.arrays, jax.random.key(key), step)


@pytest.fixture(scope="module")
def lanes(request, tmp_path_factory):
    """Two seeds as one run of four steps."""
    run = tmp_path_factory.mktemp(request.param) / "lanes"
    assert play(imported(request.param), *small(request.param), "--seeds", "0:2", "--out", run) == 0
    return run


@pytest.fixture(scope="module")
def run(lanes):
    """The second of them alone, of two steps and two more."""
    run, module = lanes.with_name("run"), imported(name_of(lanes))
    assert play(module, *small(name_of(lanes)), "--seed", 1, "--steps", 2, "--out", run) == 0
    assert play(module, "--resume", run, "--steps", 4) == 0
    return run


def name_of(run):
    return run.parent.name.rstrip("0123456789")


@pytest.mark.parametrize("name", NAMES)
def test_is_short_public_and_says_how_it_is_run_and_what_it_scores(name):
    text = (METHODS / f"{name}.py").read_text()
    assert len(text.splitlines()) <= 120
    for node in ast.walk(ast.parse(text)):
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for module in names:
            assert not module.startswith("jaxgan") or ".".join(module.split(".")[:2]) in PUBLIC, module
    assert "config.steps" not in text  # a run resumed for more steps must be the run that would have gone on
    header = ast.get_docstring(ast.parse(text))
    assert f"python experiments/methods/{name}.py" in header
    for needed in (
        r"jax\s+\d+\.\d+\.\d+,\s+\d{4}-\d\d-\d\d",
        r"\d \+- \d",
        r"et\s+al\.,\s+\d{4}|\w+ & \w+, \d{4}",
    ):
        assert re.search(needed, header), needed


def test_help_is_quick():
    """--help must not load JAX, which is what makes it slow; of all scripts, one after the other."""
    code = (
        "import runpy, sys\n"
        f"sys.path.insert(0, {str(METHODS)!r})\n"  # as when the script is started
        f"for name in {NAMES}:\n"
        f"    sys.argv = [{str(METHODS)!r} + f'/{{name}}.py', '--help']\n"
        "    print('=' * 10, name)\n"
        "    try:\n        runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "    except SystemExit as end:\n        assert not end.code and 'jax' not in sys.modules, name\n"
        "    else:\n        raise AssertionError(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    pages = done.stdout.split("=" * 10 + " ")[1:]
    assert [page.split("\n")[0] for page in pages if "--steps" in page] == NAMES


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        param
        for rule in RULES
        for param in in_turn(HARD.index(rule) if rule in HARD else None, len(HARD), rule)
    ],
)
def test_every_rule_accepts_it_or_refuses_in_one_line(name, rule):
    experiment, tx = experiment_of(name), optax.sgd(0.1)
    try:
        made = RULES[rule](experiment.game, tx, tx)
        batches = jax.eval_shape(lambda: batches_of(experiment, made, BATCH))
        state = jax.eval_shape(made.init, jax.random.key(0), batches)
        new, metrics = jax.eval_shape(made.update, state, batches)
    except jg.Refused as why:
        assert "\n" not in str(why)  # noqa: PT017 - most do not refuse
        return
    assert jax.tree.structure(new) == jax.tree.structure(state)
    shapes = [[(x.shape, x.dtype) for x in jax.tree.leaves(tree)] for tree in (state, new)]
    assert shapes[0] == shapes[1]
    assert {x.shape for x in metrics.values()} == {()}


@pytest.mark.parametrize("name", NAMES)
def test_its_means_are_those_of_all_devices(name):
    """By tracing alone: under shard_map JAX knows what devices do not agree on."""
    experiment, config = experiment_of(name, "shard_map"), config_of(name, parallel="shard_map")
    check_axis_names(experiment, config, start_shapes(experiment, config), data_mesh(jax.devices()[:2]))


@cache
def moved(name, way, count):
    """Two steps of both players at once by plain gradients, so that rounding stays rounding."""
    experiment = experiment_of(name, way)
    mesh = data_mesh(jax.devices()[:count])
    rule = jg.simultaneous(experiment.game, optax.sgd(0.02), optax.sgd(0.02))
    update = jax.jit(data_parallel(rule.update, mesh, way), out_shardings=replicated(mesh))
    batches = [batches_of(experiment, rule, 16, step) for step in range(2)]
    state = jax.jit(rule.init)(jax.random.key(1), batches[0])
    state = jax.device_put(state, replicated(mesh))
    for one in batches:
        state, metrics = update(state, jax.device_put(one, replicated(mesh)))
    return jax.device_get((state.replace(key=()), metrics))


WAYS = [("jit", 2), ("jit", 8), ("shard_map", 8), ("pmap", 8)]


@pytest.mark.parametrize(
    ("name", "way", "count"),
    [
        *in_turn(1, 6, "shard_map", 2),
        *(pytest.param(name, *way, marks=pytest.mark.slow) for way in WAYS for name in NAMES),
    ],
)
def test_devices_agree(name, way, count):
    alone = jax.tree_util.tree_flatten_with_path(moved(name, "jit", 1))[0]
    for (path, a), b in zip(alone, jax.tree.leaves(moved(name, way, count)), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5, rtol=2e-4, err_msg=jax.tree_util.keystr(path))


@pytest.mark.parametrize("lanes", in_turn(0, 9), indirect=True)
def test_a_lane_is_the_single_run_and_both_are_the_resumed_one(lanes, run):
    same(reopen(lanes, lane="seed=1").state, final(run))
    assert rows(run)[-1].keys() == rows(lanes)[-1].keys()


@pytest.mark.parametrize("lanes", in_turn(0, 9), indirect=True)
def test_an_export_draws_the_same_samples(run, monkeypatch):
    out, again = run.with_name("export"), reopen(run)
    assert jaxgan(monkeypatch, "export", run, "--out", out) == 0
    drawn = runpy.run_path(str(out / "sample.py"))["draw"](0, 4)
    here = sampler(again.experiment.game, again.experiment.source)(again.state.generator, 4)
    np.testing.assert_array_equal(drawn, quantise(here) if drawn.dtype == np.uint8 else here)


@pytest.mark.parametrize("lanes", in_turn(0, 9), indirect=True)
def test_is_evaluated_and_reported(run, monkeypatch):
    assert jaxgan(monkeypatch, "evaluate", run, "--n", 50, "--extractor", "raw") == 0
    assert list((run / "evaluations").glob("*.json"))
    page = run.with_name("report.html")
    assert jaxgan(monkeypatch, "report", run, "--out", page) == 0
    assert name_of(run) in page.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("lanes", NAMES, indirect=True)
def test_it_resumes_after_being_killed_at_a_checkpoint(run, tmp_path):
    name, killed, whole_run = name_of(run), tmp_path / "killed", tmp_path / "whole"
    options = (*small(name), "--steps", 300, "--save-every", 10, "--sample-every", 0)
    script = METHODS / f"{name}.py"
    process = start(script, *options, "--out", killed)
    while process.poll() is None and len(list((killed / "checkpoints").glob("[0-9]*"))) < 2:
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode == -9, "the run was over too soon: make it longer"
    ended(start(script, "--resume", killed))
    ended(start(script, *options, "--out", whole_run))
    same(final(whole_run), final(killed))
    assert rows(whole_run) == rows(killed)
