"""An export has the samples, arrays, options and scores of its run."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from PIL import Image
from safetensors import safe_open
from support import SCRIPTS, ended, jaxgan, play, rows, same, script, start, steps

from jaxgan.data.pairs import edges, paired
from jaxgan.errors import Refused
from jaxgan.folder.folder import find_folder
from jaxgan.games.gan import gan
from jaxgan.parts import latents, objectives
from jaxgan.parts.network import from_linen
from jaxgan.pictures.images import quantise
from jaxgan.run import standalone
from jaxgan.run.card import card
from jaxgan.run.export import export, export_generator
from jaxgan.run.reopen import reopen
from jaxgan.run.sample import sampler
from jaxgan.run.written import write_samples

TINY, PICTURES = script("tiny"), script("pictures")
BLOCKED = ("jaxgan", "flax", "optax", "orbax", "PIL", "sklearn", "safetensors", "tyro", "msgspec", "tqdm")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = tmp_path_factory.mktemp("export") / "run"
    assert play(PICTURES, "--out", run) == 0
    return run


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    run = tmp_path_factory.mktemp("export") / "points"
    options = ("--steps", 200, "--save-every", 200, "--log-every", 200, "--width", 128)
    assert play(TINY, "--out", run, *options) == 0
    return run


@pytest.fixture(scope="module")
def folder(run):
    return export(run)


def draw(run, n, seed, label=None):
    """Returns the samples that `jaxgan sample` shows."""
    again = reopen(run)
    given = None if label is None else {"label": np.array([label], np.int32)}
    draw_samples = sampler(again.experiment.game, again.experiment.source)
    return draw_samples(again.state.generator, n, seed, given=given)


def run_sample_py(folder, *args):
    """Runs sample.py of the export, with nothing to import but jax, flatbuffers and what they need."""
    code = f"""
import runpy, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED}:
            raise ImportError(name + " is not here")
sys.meta_path.insert(0, Blocked())
sys.argv = ["sample.py", *{[str(arg) for arg in args]}]
runpy.run_path({str(folder / "sample.py")!r}, run_name="__main__")
assert not set({BLOCKED}) & sys.modules.keys()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return ended(process)


def tiles(path, size=8):
    """Returns the images in a picture of tiles without gaps between them."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    rows, columns = pixels.shape[0] // size, pixels.shape[1] // size
    return pixels.reshape(rows, size, columns, size).swapaxes(1, 2).reshape(-1, size, size, 1)


def test_the_exported_generator_equals_the_sampler_bit_for_bit(points):
    again = reopen(points)
    game, generator = again.experiment.game, again.state.generator
    artefact = jax.export.deserialize(bytearray(export_generator(game, generator)))
    assert set(artefact.platforms) == {"cpu", "cuda", "tpu"}
    draw = sampler(game)
    for seed in (0, 1, 2**32 - 1):
        for n in (1, 256, 600):
            ours = np.asarray(artefact.call(np.uint32(seed), np.arange(n, dtype=np.uint32), {}))
            np.testing.assert_array_equal(ours, draw(generator, n, seed))


@pytest.mark.parametrize(
    ("args", "n", "seed", "label"), [(("--n", 20), 20, 0, None), (("--seed", 7, "--label", 3), 64, 7, 3)]
)
def test_sample_py_draws_the_samples_of_the_run_without_jaxgan(args, n, seed, label, run, folder):
    run_sample_py(folder, *args)
    np.testing.assert_array_equal(tiles(folder / "drawn.png")[:n], quantise(draw(run, n, seed, label)))


def test_sample_py_writes_points_as_npy(points, tmp_path):
    folder = export(points, tmp_path / "points")
    run_sample_py(folder, "--n", 300, "--seed", 1)
    np.testing.assert_array_equal(np.load(folder / "drawn.npy"), draw(points, 300, 1))
    process = subprocess.Popen(
        [sys.executable, folder / "sample.py", "--label", "0"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "unrecognized arguments: --label" in ended(process, 2)  # only the data have labels


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_png_of_sample_py_can_be_read_by_others(channels, tmp_path):
    images = np.random.RandomState(0).randint(0, 256, (7, 5, 6, channels)).astype(np.uint8)
    (tmp_path / "a.png").write_bytes(standalone.png(images))
    with Image.open(tmp_path / "a.png") as picture:
        pixels = np.asarray(picture).reshape(15, 18, channels)
    np.testing.assert_array_equal(pixels[5:10, 6:12], images[4])
    assert not pixels[10:, 6:].any()


def test_the_weights_hold_every_array_by_name(run, folder):
    state = reopen(run).state
    with safe_open(folder / "weights.safetensors", framework="numpy") as opened:
        arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        notes = opened.metadata()
    same(arrays["g/params/Dense_0/kernel"], state.g.params["Dense_0"]["kernel"])
    same(
        arrays["average/stats/batch_stats/BatchNorm_0/mean"],
        state.ema.stats["batch_stats"]["BatchNorm_0"]["mean"],
    )
    assert any(name.startswith("d/stats/spectral/") for name in arrays)
    same(arrays["averages/long/params/Dense_0/kernel"], state.averages["long"].params["Dense_0"]["kernel"])
    assert len(arrays) == len(jax.tree.leaves((state.g.side, state.d.side, state.ema, state.averages)))
    assert (notes["step"], notes["script"], len(notes["structure"])) == ("6", "script/pictures.py", 64)


def test_another_average_can_be_sampled_and_exported(run, tmp_path, monkeypatch, capsys):
    """It is the average of that name in the state; an unknown name is refused in one line."""
    again, other = reopen(run), reopen(run, average="long")
    same(other.state.generator, again.state.averages["long"])
    same(other.state.averages, again.state.averages)
    assert jaxgan(monkeypatch, "export", run, "--average", "long", "--out", tmp_path / "long") == 0
    assert "averaged over training (long)." in (tmp_path / "long" / "README.md").read_text()
    pictures = {}
    for name, *options in (("first",), ("long", "--average", "long")):
        assert jaxgan(monkeypatch, "sample", run, "--n", 9, *options, "--out", tmp_path / f"{name}.png") == 0
        pictures[name] = (tmp_path / f"{name}.png").read_bytes()
    assert pictures["first"] != pictures["long"]
    images = sampler(again.experiment.game, again.experiment.source)(again.state.averages["long"], 16)
    write_samples(again.experiment.source.kind, images, tmp_path / "by_hand.png")
    assert (tmp_path / "long" / "samples.png").read_bytes() == (tmp_path / "by_hand.png").read_bytes()
    capsys.readouterr()
    for command in (("sample", "--out", tmp_path / "a.png"), ("export",), ("evaluate",)):
        assert jaxgan(monkeypatch, command[0], run, "--average", "lnog", *command[1:]) == 2
        assert capsys.readouterr().err.splitlines()[-1] == (
            f"error: {run} has no average 'lnog'; besides the default it has: long"
        )


def test_an_export_can_be_truncated(points, monkeypatch, tmp_path):
    """Its sample.py draws what `jaxgan sample` draws with the same bound, as its card and name say."""
    assert jaxgan(monkeypatch, "export", points, "--truncation", 0.3) == 0
    (folder,) = points.glob("export-*-truncation-0.3")
    run_sample_py(folder, "--n", 20, "--seed", 1)
    out = tmp_path / "a.npy"
    options = ("--n", 20, "--seed", 1, "--truncation", 0.3, "--out", out)
    assert jaxgan(monkeypatch, "sample", points, *options) == 0
    np.testing.assert_array_equal(np.load(folder / "drawn.npy"), np.load(out))
    assert not np.array_equal(np.load(out), draw(points, 20, 1))
    assert "truncated at 0.3" in (folder / "README.md").read_text()


def test_an_export_has_the_options_the_script_and_a_picture(run, folder):
    assert folder == run / "export-6"
    assert (folder / "config.json").read_bytes() == (run / "config.json").read_bytes()
    assert (folder / "script" / "pictures.py").read_bytes() == (SCRIPTS / "pictures.py").read_bytes()
    with Image.open(folder / "samples.png") as picture:
        assert picture.format == "PNG"
    assert [path.name for path in folder.parent.glob("*export*")] == ["export-6"]  # nothing unfinished


def test_the_card_says_what_the_run_folder_says(run, folder):
    text = (folder / "README.md").read_text()
    (value,) = [row["mean"] for row in rows(run) if row["step"] == 6 and "mean" in row]
    state = reopen(run).state
    parameters = sum(x.size for x in jax.tree.leaves(state.g.params))
    for words in (
        "# pictures, step 6",
        "Conditional digits, normalised and averaged",
        f"{parameters:,} parameters, averaged over training",
        "of 10 classes",
        "`python pictures.py`; every option",
        "One run of one seed",
        "1,500 examples",
        "Measured at this step",
        "no spread",
        f"| mean | {value} |",
        f"jax {jax.__version__}",
        "Started from random weights",
    ):
        assert words in text, words
    assert str(run.parent) not in text  # no path of this machine


def test_the_card_invents_no_score(run, points):
    text = card(reopen(points), find_folder(points), 0)
    assert "None was measured." in text
    assert "--steps 200" in text
    again = reopen(run)
    other = again._replace(config=replace(again.config, data="my pets", over=("lr=1,2", "width=3")))
    assert "--over lr=1,2 width=3 --data 'my pets'`" in card(other, find_folder(run), 10)
    between = again._replace(state=again.state.replace(step=5))
    assert "Measured at step 4, not at this one" in card(between, find_folder(run), 10)


def test_the_card_names_the_conditions_of_samples(run):
    again = reopen(run)
    rule, source = again.experiment.rule, paired(again.experiment.source, edges)
    conditional = rule._replace(game=rule.game._replace(given=("label", "source")))
    of_edges = again._replace(experiment=again.experiment._replace(rule=conditional, source=source))
    assert "- Conditional on `source` [8, 8, 1]: `given.npz`" in card(of_edges, find_folder(run), 10)
    assert "given.npz" not in card(again, find_folder(run), 10)


def test_the_best_checkpoint_can_be_exported(monkeypatch, tmp_path, capsys):
    run = tmp_path / "run"
    assert play(TINY, "--out", run, "--best-at", 4, "--keep", 1) == 0
    assert jaxgan(monkeypatch, "export", run, "--at", "best", "--out", tmp_path / "best") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'best'}\n"
    text = (tmp_path / "best" / "README.md").read_text()
    assert "step 4" in text
    assert "| score | 0.0 |" in text.splitlines()


def test_files_that_the_script_imports_are_exported(monkeypatch, tmp_path):
    mine, helper, run = tmp_path / "mine.py", tmp_path / "its_helper.py", tmp_path / "run"
    mine.write_text("import its_helper\n" + (SCRIPTS / "tiny.py").read_text())
    helper.write_text("x = 1\n")
    ended(start(mine, "--out", run, "--steps", 1))
    away = export(run, tmp_path / "away" / "export")
    for path in (mine, helper):
        path.unlink()
    for args in (
        ("import", away, "--out", tmp_path / "new", "--", "--steps", 2),
        ("resume", tmp_path / "new"),
    ):
        monkeypatch.delitem(sys.modules, "its_helper", raising=False)
        assert jaxgan(monkeypatch, *args, *(("--steps", 3) if args[0] == "resume" else ())) == 0
    assert sys.modules["its_helper"].__file__ == str(away / "script" / "its_helper.py")
    assert steps(tmp_path / "new")[-1] == 3


def test_an_export_that_cannot_be_made_is_refused(run, folder, tmp_path):
    before = sorted(path.name for path in run.iterdir())
    with pytest.raises(Refused, match="exists already; choose another --out"):
        export(run)
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    shutil.rmtree(copy / "checkpoints")
    with pytest.raises(Refused, match="has no checkpoints yet"):
        export(copy)
    with pytest.raises(Refused, match="cannot write /proc/none/here"):
        export(run, Path("/proc/none/here"))
    assert sorted(path.name for path in run.iterdir()) == before


def test_a_generator_that_cannot_be_exported_is_refused_in_one_line():
    class Host(nn.Module):
        """Calls a function of this process, which cannot be exported."""

        @nn.compact
        def __call__(self, z):
            return jax.pure_callback(np.tanh, jax.ShapeDtypeStruct(z.shape, z.dtype), nn.Dense(2)(z))

    game = gan(
        from_linen(Host()),
        from_linen(nn.Sequential([nn.Dense(1), lambda x: x[:, 0]])),
        latent=latents.normal(2),
        objective=objectives.hinge(),
    )
    g, _, _ = game.init(jax.random.key(0), {"x": jnp.zeros((4, 2)), "index": jnp.arange(4)})
    with pytest.raises(Refused, match="the generator cannot be exported: ") as refusal:
        export_generator(game, g)
    assert "\n" not in str(refusal.value)


def test_text_is_utf8_whatever_the_locale(tmp_path):
    program = "import pathlib, sys; from jaxgan.folder.files import write; "
    program += "write(pathlib.Path(sys.argv[1]), '\\u00e9 \\u00b1')"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", program, str(tmp_path / "text")]
    subprocess.run(command, env={**os.environ, **plain}, check=True)
    assert (tmp_path / "text").read_bytes() == "é ±".encode()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--n", "0"), "--n must be at least 1, not 0"),
        (("--seed", "-1"), "--seed must be from 0 to 4294967295, not -1"),
        (("--seed", "4294967296"), "--seed must be from 0 to 4294967295, not 4294967296"),
    ],
)
def test_sample_py_refuses_impossible_options(option, message, folder, tmp_path):
    command = [sys.executable, folder / "sample.py", *option]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert message in ended(process, 2)
