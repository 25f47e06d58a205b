"""A run that starts from exported weights has them bit for bit, and fresh optimisers."""

import json
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import pytest
from safetensors.numpy import load_file, save_file
from support import final, jaxgan, play, ring_game, rows, same, script, steps

from jaxgan.data.source import labelled
from jaxgan.errors import Refused
from jaxgan.folder import weights
from jaxgan.folder.create import create
from jaxgan.folder.folder import find_folder
from jaxgan.folder.manifest import read_manifest, write_manifest
from jaxgan.folder.script import Script
from jaxgan.folder.weights import frozen
from jaxgan.models import mlp
from jaxgan.parts.average import ema
from jaxgan.parts.network import from_linen
from jaxgan.rules.alternating import alternating
from jaxgan.run.export import export
from jaxgan.run.reopen import reopen
from jaxgan.run.sample import sampler

PICTURES = script("pictures")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = tmp_path_factory.mktemp("weights") / "run"
    assert play(PICTURES, "--out", run) == 0
    return run


@pytest.fixture(scope="module")
def folder(run):
    return export(run)


def refused(capsys, *args):
    """Runs a command line that is refused, and returns the error line."""
    assert play(PICTURES, *args) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    return line


def test_step_0_equals_the_export(run, folder, tmp_path):
    started = tmp_path / "started"
    assert play(PICTURES, "--weights", folder, "--out", started, "--steps", 4, "--lr", 1e-2, "--keep", 9) == 0
    assert steps(started)[0] == 0
    at_0 = Path(shutil.copytree(started, tmp_path / "at_0"))
    for step in steps(at_0)[1:]:
        shutil.rmtree(at_0 / "checkpoints" / str(step))
    old, new = reopen(run), reopen(at_0)
    for who in ("g", "d"):
        same(getattr(old.state, who).side, getattr(new.state, who).side)
    same(old.state.ema, new.state.ema)
    same(old.state.averages, new.state.averages)
    draw = sampler(old.experiment.game, old.experiment.source)
    same(draw(old.state.generator, 30, 1), draw(new.state.generator, 30, 1))

    assert int(new.state.step) == 0
    fresh = optax.adam(1.0).init(new.state.g.params)
    same(new.state.g.opt_state, fresh)
    assert rows(started)[0]["mean"] == [row for row in rows(run) if "mean" in row][-1]["mean"]
    config = json.loads((started / "config.json").read_text())
    assert (config["lr"], config["batch_size"], config["steps"]) == (1e-2, 16, 4)
    assert read_manifest(find_folder(started)).weights.path == str(folder / "weights.safetensors")


def test_a_resume_is_bit_exact_without_the_weights(folder, monkeypatch, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    uninterrupted, half = tmp_path / "uninterrupted", tmp_path / "half"
    for run, count in ((uninterrupted, 6), (half, 3)):
        options = ("--lr", 1e-4, "--steps", count)
        assert jaxgan(monkeypatch, "import", copy, "--out", run, "--", *options) == 0
    shutil.rmtree(copy)
    assert jaxgan(monkeypatch, "resume", half, "--steps", 6) == 0
    same(final(uninterrupted), final(half))


def test_a_run_killed_before_its_first_checkpoint_can_resume(run, folder, tmp_path, capsys):
    started = tmp_path / "started"
    assert play(PICTURES, "--weights", folder, "--out", started, "--steps", 2) == 0
    reached = final(started)
    shutil.rmtree(started / "checkpoints")
    (started / "metrics.jsonl").unlink()
    manifest = started / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "sessions": []}))
    lost = Path(shutil.copytree(started, tmp_path / "lost"))
    assert play(PICTURES, "--resume", started, "--steps", 2) == 0
    same(final(started), reached)

    changed = read_manifest(find_folder(lost))
    changed.weights.sha256 = "0" * 64
    write_manifest(find_folder(lost), changed)
    assert "its initial weights are not at" in refused(capsys, "--resume", lost, "--steps", 2)


def test_the_file_alone_uses_the_options_of_the_script(folder, tmp_path):
    started = tmp_path / "started"
    file = folder / "weights.safetensors"
    shutil.copytree(folder, tmp_path / "export")
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "export" / "config.json").write_text(json.dumps({**config, "batch_size": 8}))
    assert play(PICTURES, "--weights", file, "--out", started, "--steps", 1) == 0
    assert json.loads((started / "config.json").read_text())["batch_size"] == 16
    other = tmp_path / "other"
    assert play(PICTURES, "--weights", tmp_path / "export", "--out", other, "--steps", 1) == 0
    assert json.loads((other / "config.json").read_text())["batch_size"] == 8


def spoiled(folder, tmp_path, change):
    """Writes a changed copy of the exported file, as another program might."""
    arrays = load_file(folder / "weights.safetensors")
    change(arrays)
    save_file(arrays, tmp_path / "spoiled.safetensors")
    return tmp_path / "spoiled.safetensors"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop("d/params/Dense_0/bias"), "it has no d/params/Dense_0/bias"),
        (lambda a: a.update({"x": np.zeros(1)}), "it has x, which the experiment does not have"),
        (
            lambda a: a.update({"g/params/Dense_0/bias": np.zeros(16, np.float16)}),
            r"its g/params/Dense_0/bias is float16 (16,), not float32 (16,)",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(change, message, folder, tmp_path, capsys):
    file = spoiled(folder, tmp_path, change)
    assert message in refused(capsys, "--weights", file, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_width_is_refused_with_the_first_array(folder, tmp_path, capsys):
    line = refused(capsys, "--weights", folder, "--out", tmp_path / "run", "--width", 9)
    assert line.endswith("its average/params/BatchNorm_0/bias is float32 (16,), not float32 (9,)")
    assert not (tmp_path / "run").exists()


def test_files_that_are_not_weights_are_refused(folder, tmp_path, capsys):
    (tmp_path / "text.safetensors").write_text("none")
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes((folder / "weights.safetensors").read_bytes()[:-8])
    flipped = tmp_path / "flipped.safetensors"
    flipped.write_bytes((folder / "weights.safetensors").read_bytes()[:-1] + b"\x01")
    for path, message in (
        (tmp_path / "none.safetensors", "there are no weights at"),
        (tmp_path, "is not a run folder"),
        (tmp_path / "text.safetensors", "cannot be read"),
        (torn, "cannot be read"),
        (flipped, "is damaged: its numbers are not those that were saved"),
    ):
        assert message in refused(capsys, "--weights", path, "--out", tmp_path / "run")
        assert not (tmp_path / "run").exists()
    assert "give one of the two" in refused(capsys, "--weights", folder, "--resume", tmp_path)


def test_an_import_needs_the_script(folder, monkeypatch, tmp_path, capsys):
    shutil.copy(folder / "weights.safetensors", tmp_path)
    assert jaxgan(monkeypatch, "import", tmp_path / "weights.safetensors") == 2
    assert f"error: {tmp_path} has no script to run" in capsys.readouterr().err


def test_an_import_of_a_file_of_another_name_is_refused(folder, monkeypatch, tmp_path, capsys):
    other = shutil.copytree(folder, tmp_path / "export") / "other.safetensors"
    shutil.copy(folder / "weights.safetensors", other)
    assert jaxgan(monkeypatch, "import", other) == 2
    assert f"error: {other} is not named weights.safetensors like the file of an" in capsys.readouterr().err


def state_of(game, tx, seed):
    rule = alternating(game, tx, tx, average=ema(0.9))
    batch = {"x": jnp.zeros((1, 1, 4, 2)), "index": jnp.arange(4).reshape(1, 1, 4)}
    return jax.jit(rule.init)(jax.random.key(seed), batch)


def run_with(path, tmp_path):
    """Creates a run folder whose manifest names this file."""
    return create(tmp_path / "run", Script(tmp_path / "script.py", b""), "{}", 0, {}, weights.identify(path))


def test_an_optimiser_that_starts_as_a_copy_of_the_parameters_gets_a_new_one(tmp_path):
    tx = optax.contrib.schedule_free(optax.sgd(0.1), 0.1)
    game = ring_game()
    old, new = state_of(game, tx, 0), state_of(game, tx, 1)
    path = tmp_path / "weights.safetensors"
    weights.save(path, old, {})
    started = weights.initial_state(new, run_with(path, tmp_path))
    same(started.g, old.g)  # with the copies in its optimiser
    same(started.d, old.d)
    same(started.ema, old.ema)
    same(started.key, new.key)
    buffers = [x.unsafe_buffer_pointer() for x in jax.tree.leaves(started.g) if x.size]
    assert len(set(buffers)) == len(buffers)  # a donated state may not contain a buffer twice


def test_zeros_are_not_replaced_as_copies_of_zero_parameters(tmp_path):
    old, new = (state_of(ring_game(), optax.adam(0.1), seed) for seed in (0, 1))
    new = new.replace(d=new.d.replace(params=jax.tree.map(jnp.zeros_like, new.d.params)))
    path = tmp_path / "weights.safetensors"
    weights.save(path, old, {})
    started = weights.initial_state(new, run_with(path, tmp_path))
    same(started.d.params, old.d.params)
    same(started.d.opt_state, new.d.opt_state)


def test_weights_of_half_precision_and_scalars(tmp_path):
    state = state_of(ring_game(), optax.sgd(0.1), 0)
    half = jax.tree.map(lambda x: x.astype(ml_dtypes.bfloat16), state.g.params)
    state = state.replace(g=state.g.replace(params=half, stats={"scale": jnp.float32(0.5)}))
    path = tmp_path / "weights.safetensors"
    weights.save(path, state, {"who": "me"})
    assert weights.metadata(path)["who"] == "me"
    zeros = jax.tree.map(jnp.zeros_like, state.replace(key=jnp.zeros(())))
    same(weights.initial_state(zeros, run_with(path, tmp_path)).g, state.g)
    with pytest.raises(Refused, match="not float32"):
        weights.check(path, state_of(ring_game(), optax.sgd(0.1), 0).replace())


def test_a_frozen_network_has_the_weights_of_an_export(run, folder):
    """D's weights, from a file that other programs can read; a missing array is refused by name."""
    loaded = reopen(run)
    old, x = loaded.state.d, labelled(loaded.experiment.source, 4)
    network = from_linen(mlp.Discriminator(widths=(loaded.config.width,), norm="spectral", classes=10))
    judge = frozen(folder, network, x["x"], x["label"])
    same(judge.params, old.params)
    same(judge.stats, old.stats)
    with pytest.raises(Refused, match="it has no d/params"):
        frozen(folder, from_linen(mlp.Discriminator(widths=(16, 16))), x["x"])
    with pytest.raises(Refused, match="it has no average2/params"):
        frozen(folder, network, x["x"], x["label"], player="average2")
