"""Runs that make pictures from pictures: rows of what is given and made, a user's own, exports."""

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Picture
from support import ended, jaxgan, play, rows, script

from jaxgan.data.image import read_square
from jaxgan.data.kind import Image, Leaf, Tokens, image, label
from jaxgan.data.source import labelled
from jaxgan.errors import Refused
from jaxgan.pictures import png
from jaxgan.pictures.images import GAP, quantise
from jaxgan.pictures.rows import rows as drawn_rows
from jaxgan.report.film import film
from jaxgan.run import standalone
from jaxgan.run.reopen import reopen
from jaxgan.run.sample import sampler
from jaxgan.run.translations import Beside, beside, files, remarks, write_each


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = tmp_path_factory.mktemp("translated") / "run"
    assert play(script("translated"), "--out", run) == 0
    return run


@pytest.fixture
def own(tmp_path):
    """Four pictures of a user: two of the right size, one larger and in colour, one transparent."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name, grey in (("b", 0), ("a", 255)):
        Picture.new("L", (8, 8), grey).save(folder / f"{name}.png")
    Picture.new("RGB", (30, 20), "red").save(folder / "photo.jpg")
    Picture.new("RGBA", (8, 8), (0, 0, 0, 0)).save(folder / "glass.png")
    (folder / "notes.md").write_text("no picture")
    return folder


def translate(run, given, seed=0):
    again = reopen(run)
    draw = sampler(again.experiment.game, again.experiment.source)
    return draw(again.state.generator, len(given), seed, given={"source": given})


def test_a_run_draws_inputs_samples_and_true_answers_of_the_same_examples(run):
    again = reopen(run)
    source = again.experiment.source
    held_out = labelled(source.held_out(), 8)
    others = beside(source, ("source",))
    assert others.words == "source, sample, true answer"
    np.testing.assert_array_equal(others.inputs["source"][:8], held_out["source"])
    np.testing.assert_array_equal(others.truths[:8], held_out["x"])
    newest = np.asarray(Picture.open(run / "samples" / "step_000002.png"))
    first = np.asarray(Picture.open(run / "samples" / "step_000000.png"))
    samples = sampler(again.experiment.game, source)(again.state.generator, 8)  # a third of the grid of 24
    np.testing.assert_array_equal(newest, others.drawn(samples))
    assert newest.shape == first.shape
    assert (newest != first).any()
    assert png.description(run / "samples" / "step_000002.png") == f"From left to right: {others.words}."


def test_a_saved_label_belongs_to_the_saved_picture_alone(monkeypatch):
    saved = {"source": np.zeros((3, 1)), "label": np.array([7, 8, 9], np.int32)}
    call = SimpleNamespace(call=lambda seed, index, conditions: conditions["label"])
    monkeypatch.setattr(standalone, "CLASSES", 10)
    monkeypatch.setattr(standalone, "defaults", lambda: saved)
    monkeypatch.setattr(standalone.Path, "read_bytes", lambda path: b"")
    monkeypatch.setattr("jax.export.deserialize", lambda content: call)
    assert standalone.draw(0, 4).tolist() == [7, 8, 9, 7]
    assert standalone.draw(0, 4, given={"source": np.ones((2, 1))}).tolist() == [0, 1, 2, 3]
    assert standalone.draw(0, 4, label=5).tolist() == [5] * 4


def test_a_row_is_input_sample_and_truth_whatever_their_size():
    small, grey, colour = np.full((5, 4, 4, 1), -1.0), np.zeros((5, 8, 8, 1)), np.full((5, 8, 8, 3), 1.0)
    pixels = drawn_rows([small, grey, colour], side=1)
    assert pixels.shape == (5 * (8 + 3) + 3, 3 * 8 + 2 + 3 + 3, 3)  # one column of rows of three
    row = pixels[3 + 4, 3:]
    assert row[:, 0].tolist() == [0] * 8 + [GAP] + [128] * 8 + [GAP] + [255] * 8 + [GAP] * 3
    odd = drawn_rows([np.full((1, 5, 5, 1), 1.0), grey[:1]], side=1)[3:11, 3:11, 0]
    assert (odd == 255).sum() == 25  # 5 px are not enlarged to 8, but put in the middle
    turned = Beside({"source": np.arange(3.0)[:, None, None, None] * np.ones((1, 8, 8, 1)) / 2}, None)
    assert turned.drawn(np.zeros((5, 8, 8, 1))).ndim == 3  # the inputs are repeated


def test_only_pictures_made_from_pictures_are_drawn_in_rows(run):
    source = reopen(run).experiment.source
    words = Leaf((3,), Tokens(("", "a")), np.int32)
    assert beside(source, ()) is beside(source, ("label",)) is None
    assert beside(source._replace(leaves={**source.leaves, "text": words}), ("text",)) is None
    unknown = beside(source._replace(asks=()), ("source",))
    assert (unknown.truths, unknown.words, unknown.parts) == (None, "source, sample", 2)


def test_the_report_says_what_a_row_shows(run):
    pictures = [(step, run / "samples" / f"step_{step:06d}.png") for step in (0, 1, 2)]
    text = film("a", pictures)
    assert "The same held-out examples and latents at every step." in text
    assert "From left to right: source, sample, true answer." in text
    assert 'type="range" min="0" max="2"' in text


def test_baselines_are_logged_once(run):
    logged = [row for row in rows(run) if "l1" in row]
    assert ["l1_of_input" in row for row in logged] == [True, False]
    assert logged[0]["l1_of_input"] > logged[0]["l1_of_nearest_pair"] > 0


def test_a_folder_of_pictures_is_translated_under_the_same_names(run, own, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert jaxgan(monkeypatch, "sample", run, "--given", own, "--out", out) == 0
    said = capsys.readouterr()
    assert f"{out}: 4 samples of step 2" in said.out
    first = f"note: 1 of 4 pictures are not of 8x8 px, as {own / 'photo.jpg'}"
    assert said.err == f"{first}: the square in the middle is taken and scaled\n"
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "b.png", "glass.png", "photo.png"]
    names = ["a.png", "b.png", "glass.png", "photo.jpg"]
    given = np.stack([read_square(own / name, (8, 8, 1)) for name in names])
    expected = quantise(translate(run, given.astype(np.float32) / 127.5 - 1))
    for name, pixels in zip(names, expected, strict=True):
        got = np.asarray(Picture.open(out / name.replace(".jpg", ".png")))
        np.testing.assert_array_equal(got, pixels[..., 0])
    assert jaxgan(monkeypatch, "sample", run, "--given", own, "--out", tmp_path / "rows.png") == 0
    assert png.description(tmp_path / "rows.png") == "From left to right: source, sample."


def test_names_of_translated_pictures_do_not_collide(tmp_path):
    (tmp_path / "own").mkdir()
    paths = [tmp_path / "own" / name for name in ("a.jpg", "a.png", "b.png")]
    write_each(np.zeros((5, 8, 8, 3)), paths, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["a.jpg-2.png", "a.jpg.png", "a.png-2.png", "a.png.png", "b.png"]
    write_each(np.zeros((2, 8, 8, 1)), [], tmp_path / "numbered")
    assert sorted(path.name for path in (tmp_path / "numbered").iterdir()) == ["000000.png", "000001.png"]
    with pytest.raises(Refused, match="is the folder of the pictures given, which it would overwrite"):
        write_each(np.zeros((3, 8, 8, 3)), paths, tmp_path / "own")
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="is a file: give another name for the folder of pictures"):
        write_each(np.zeros((3, 8, 8, 3)), paths, tmp_path / "file")


def test_what_is_not_the_users_is_said(own):
    leaves = {"label": label(3), "source": image(8, 8, 1), "text": Leaf((3,), Tokens(("", "a")), np.int32)}
    found = files([str(own), "label=2"], leaves)
    assert [path.name for path in found["source"]] == ["a.png", "b.png", "glass.png", "photo.jpg"]
    assert remarks(found, leaves, ["source", "label"])[1:] == [
        "text: of held-out examples, since --given has none"
    ]
    assert remarks({}, leaves, []) == []
    two = {"source": image(8, 8, 1), "style": image(8, 8, 1)}
    assert list(files([f"style={own / 'a.png'}"], two)) == ["style"]


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    from jaxgan.run.export import export

    return export(run, tmp_path_factory.mktemp("exported") / "folder")


def sample_py(folder, cwd, *args, code=0):
    command = [sys.executable, folder / "sample.py", *map(str, args)]
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return ended(process, code)


def test_sample_py_translates_a_folder_without_jaxgan(run, folder, own, tmp_path):
    sample_py(folder, tmp_path, "--given", own)
    names = ["a.png", "b.png", "glass.png", "photo.jpg"]
    given = np.stack([read_square(own / name, (8, 8, 1)) for name in names])
    expected = quantise(translate(run, given.astype(np.float32) / 127.5 - 1))
    for name, pixels in zip(names, expected, strict=True):
        got = np.asarray(Picture.open(tmp_path / "drawn" / name.replace(".jpg", ".png")))
        np.testing.assert_array_equal(got, pixels[..., 0])
    assert (tmp_path / "drawn.png").is_file()


def test_sample_py_refuses_what_it_cannot_give_in_one_line(folder, own, tmp_path, monkeypatch):
    text = (folder / "sample.py").read_text()
    assert 'PICTURES = ("source",)' in text.replace("'", '"')
    monkeypatch.setattr(standalone, "__file__", str(folder / "sample.py"))
    monkeypatch.setattr(standalone, "PICTURES", ("source",))
    np.savez(tmp_path / "small.npz", source=np.zeros((2, 4, 4, 1), np.float32))
    np.savez(tmp_path / "colour.npz", source=np.zeros((2, 8, 8, 3), np.float32))
    np.savez(tmp_path / "other.npz", mask=np.zeros((2, 8, 8, 1), np.float32))
    np.savez(tmp_path / "bytes.npz", source=np.full((2, 8, 8, 1), 255, np.uint8))
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    (own / "broken.png").write_bytes(b"no picture")
    (tmp_path / "empty").mkdir()
    for path, message in (
        (
            tmp_path / "small.npz",
            r"source has the shape \[2, 4, 4, 1\], but the generator takes \['n', 8, 8, 1\]",
        ),
        (tmp_path / "colour.npz", r"takes \['n', 8, 8, 1\]"),
        (tmp_path / "other.npz", "the generator takes no mask, only source"),
        (tmp_path / "bad.npz", "bad.npz cannot be read"),
        (tmp_path / "empty", "there are no pictures in"),
        (own, "broken.png cannot be read"),
    ):
        with pytest.raises(ValueError, match=message) as error:
            standalone.conditions(path)
        assert "\n" not in str(error.value)
    assert standalone.conditions(tmp_path / "bytes.npz")["source"].max() == 1
    monkeypatch.setattr(standalone, "PICTURES", ())
    with pytest.raises(ValueError, match=r"own is no .npz, and the generator takes source"):
        standalone.conditions(own)


def test_evaluate_compares_with_the_true_answers(run, monkeypatch, capsys):
    assert jaxgan(monkeypatch, "evaluate", run, "--extractor", "raw", "--n", 300) == 0
    out = capsys.readouterr().out
    assert "made from source, beside the true answers of 297 examples:" in out
    (path,) = (run / "evaluations").glob("*.json")
    content = json.loads(path.read_text())
    assert content["answers"] == {"asked": ["source"], "n": 297, "names": ["l1", "psnr"]}
    assert {"samples", "oracle", "input", "mean_picture", "nearest_pair"} <= content["rows"].keys()
    assert content["rows"]["oracle"]["l1"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert content["better"]["psnr"] == "higher"
    shutil.rmtree(run / "evaluations")


def test_without_true_answers_distributions_are_compared(tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    assert play(script("translated"), "--out", run, "--unpaired") == 0
    assert not any("l1" in row for row in rows(run))
    capsys.readouterr()
    assert jaxgan(monkeypatch, "evaluate", run, "--extractor", "raw", "--n", 300) == 0
    out = capsys.readouterr().out
    assert "sliced_wasserstein" in out
    assert "beside the true answers" not in out
    assert "samples are made from other of held-out examples, whose true answers are not known" in out
    assert isinstance(reopen(run).experiment.source.kind, Image)
