"""A kind of example is what its functions make of it: how it is drawn, written and measured.

A kind that a script makes up goes the same way, with no change in the package; of one for which nothing is
registered each command says so in one line, and training goes on.
"""

import csv
import sys
import wave
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image as Picture
from support import jaxgan, play, rows

from jaxgan.data.arrays import arrays
from jaxgan.data.kind import (
    Attributes,
    Image,
    Kind,
    Label,
    Leaf,
    Mask,
    Numbers,
    Points,
    Table,
    Tokens,
    Video,
    Wave,
)
from jaxgan.errors import Refused
from jaxgan.evaluate.extractor import raw
from jaxgan.evaluate.measures import measures
from jaxgan.evaluate.panel import panel
from jaxgan.pictures.drawn import crowd, drawn
from jaxgan.pictures.texts import page
from jaxgan.run.written import default_name, default_suffix, formats, write_samples

SCRIPT = '''
"""Angles, a kind of example that jaxgan does not know."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan as jg
from jaxgan.data.source import Source
from jaxgan.metrics.metric import Estimate, collect_then
from jaxgan.models import mlp


@dataclass(frozen=True)
class Angle:
    """Angles [joints] of an arm."""


@dataclass(frozen=True)
class Config(jg.Settings):
    data: str = "angles"
    steps: int = 4
    batch_size: int = 8
    log_every: int = 2
    sample_every: int = 2


def data(config: Config) -> Source:
    def take(arrays, key, number):
        return {"x": jax.vmap(lambda n: jax.random.normal(jg.fold(key, n), (3, 1)))(number)}

    return Source({"x": jg.Leaf((3, 1), Angle())}, None, (), take)


def build(config: Config, source: Source) -> jg.Experiment:
    game = jg.gan(
        jg.from_linen(mlp.Generator(shape=(3, 1), widths=(4,), final=mlp.identity)),
        jg.from_linen(mlp.Discriminator(widths=(4,))),
        latent=jg.latents.normal(2),
        objective=jg.objectives.non_saturating(),
    )
    rule = jg.alternating(game, optax.adam(1e-3), optax.adam(1e-3))
    return jg.Experiment(rule, source, [jg.Hook(2, jg.evaluated(source, n=20))])
'''
REGISTERED = """

@jg.drawn.register
def _(kind: Angle, samples, beside=None, columns=None):
    assert beside is not None or len(samples) < 30
    return np.full((5, len(samples)), 128, np.uint8)


@jg.crowd.register
def _(kind: Angle):
    return 30


@jg.formats.register
def _(kind: Angle):
    def save(kind, samples, path):
        path.write_text(f"{len(samples)} arms")

    return {".arm": save}


@jg.measures.register
def _(kind: Angle, reference):
    def compute(x):
        off = float(np.abs(x.mean(axis=0) - reference.outputs.features.mean(axis=0)).max())
        return {"off": Estimate(off, off, off)}

    return jg.Measures([("features", collect_then(compute))], {"off": 0.0})
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def imported(home: Path, text: str) -> ModuleType:
    """A script with this text, as a module."""
    import importlib.util

    path = home / "angles.py"
    path.write_text(text.lstrip())
    spec = importlib.util.spec_from_file_location("script_angles", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_kind_defined_by_a_script(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play(imported(home, SCRIPT + REGISTERED), "--out", home / "run") == 0
    assert "warning" not in capsys.readouterr().err
    pictures = sorted((home / "run" / "samples").glob("*.png"))
    assert [path.name for path in pictures] == ["step_000000.png", "step_000002.png", "step_000004.png"]
    with Picture.open(pictures[0]) as picture:
        assert picture.size == (30, 5)  # a crowd
    assert [row["step"] for row in rows(home / "run") if "off" in row] == [0, 2, 4]

    assert jaxgan(monkeypatch, "sample", "run", "--n", 7) == 0
    assert (home / "samples.arm").read_text() == "7 arms"
    assert jaxgan(monkeypatch, "sample", "run", "--n", 7, "--out", "a.npy") == 0
    assert np.load(home / "a.npy").shape == (7, 3, 1)
    assert jaxgan(monkeypatch, "sample", "run", "--out", "a.png") == 2
    text = "samples of the kind Angle are written to a file with a name that ends in .arm or .npy, not a.png"
    assert f"error: {text}\n" in capsys.readouterr().err
    assert jaxgan(monkeypatch, "evaluate", "run", "--n", 20) == 0
    assert "\noff " in capsys.readouterr().out
    assert jaxgan(monkeypatch, "export", "run", "--out", "export") == 0
    assert (home / "export" / "samples.arm").read_text() == "64 arms"


def test_a_kind_for_which_nothing_is_registered(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Training goes on, and each thing that cannot be done is one line."""
    assert play(imported(home, SCRIPT), "--out", home / "run") == 0
    text = capsys.readouterr().err
    lines = {
        does: f"nothing {does} examples of the kind Angle: register a function that does with {name}.register"
        for does, name in (
            ("draws", "jaxgan.drawn"),
            ("measures", "jaxgan.measures"),
            ("writes", "jaxgan.formats"),
        )
    }
    assert text.count(f"warning: {lines['draws']}\n") == 1
    assert text.count(f"warning: {lines['measures']}\n") == 1
    assert "finished at step 4" in text
    assert not list((home / "run" / "samples").glob("*"))

    assert jaxgan(monkeypatch, "sample", "run", "--n", 7) == 0
    assert capsys.readouterr().err == f"warning: {lines['writes']}\n"
    assert np.load(home / "samples.npy").shape == (7, 3, 1)
    assert jaxgan(monkeypatch, "evaluate", "run") == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {lines['measures']}"
    assert jaxgan(monkeypatch, "export", "run", "--out", "export") == 0
    assert np.load(home / "export" / "samples.npy").shape == (64, 3, 1)
    assert jaxgan(monkeypatch, "report", "run") == 0


RANDOM = np.random.RandomState(0)
WORDS = Tokens(("a", "cat\n", "ä", "日"))
COLUMNS = Table(("age", "height, cm"))
TRAITS = Attributes(("smiling", "in a hat"))
EXAMPLES: list[tuple[Kind, np.ndarray, tuple[int, ...]]] = [
    (Image(), np.zeros((4, 8, 8, 3)), (513, 513, 3)),
    (Mask(), RANDOM.randint(0, 2, (4, 8, 8, 1)).astype(np.float32), (513, 513)),
    (Points(), RANDOM.normal(size=(30, 2)), (512, 512, 3)),
    (Points(), RANDOM.normal(size=(30, 1)), (512, 512, 3)),
    (COLUMNS, 1900 + RANDOM.normal(size=(30, 2)), (144, 259, 3)),
    (TRAITS, RANDOM.randint(0, 2, (5, 2)).astype(np.float32), (70,)),
    (WORDS, RANDOM.randint(0, 4, (5, 300)), (70,)),
    (Wave(100), RANDOM.uniform(-2, 2, (3, 50)), (148, 242, 3)),
    (Wave(100), RANDOM.uniform(-1, 1, (3, 1000, 2)), (148, 242, 3)),
    (Video(10.0), RANDOM.uniform(-1, 1, (3, 20, 8, 8, 1)), (140, 545)),
    (Video(10.0), RANDOM.uniform(-1, 1, (3, 2, 8, 8, 3)), (756, 513, 3)),
]


@pytest.mark.parametrize(("kind", "samples", "shape"), EXAMPLES)
def test_each_kind_is_drawn(kind: Kind, samples: np.ndarray, shape: tuple[int, ...]) -> None:
    pixels = drawn(kind, samples)
    assert pixels.dtype == np.uint8
    assert pixels.shape[: len(shape)] == shape
    np.testing.assert_array_equal(drawn(kind, samples.copy()), pixels)
    over = drawn(kind, samples, samples[::-1] + (1 if crowd(kind) else 0))
    assert (over != pixels).any() == bool(crowd(kind))  # real examples are shown beside a crowd
    if isinstance(kind, Points):
        return
    wide = drawn(kind, samples, columns=len(samples))
    assert wide.shape != pixels.shape or isinstance(kind, Image | Mask | Table)


@pytest.mark.parametrize(("kind", "samples", "shape"), EXAMPLES)
def test_each_kind_is_written_to_what_its_name_ends_in(
    kind: Kind, samples: np.ndarray, shape: tuple[int, ...], tmp_path: Path
) -> None:
    for ending in [*formats(kind), ".npy"]:
        path = write_samples(kind, samples, tmp_path / "deep" / f"samples{ending.upper()}")
        once = path.read_bytes()
        assert write_samples(kind, samples, path).read_bytes() == once
    assert len(list(path.parent.iterdir())) == len(formats(kind)) + 1  # nothing left aside
    np.testing.assert_array_equal(np.load(path), samples)
    with Picture.open(path.with_suffix(".PNG")) as picture:
        assert picture.size[1] == shape[0]
    with pytest.raises(
        Refused, match=rf"a file with a name that ends in .*\{default_suffix(kind)}.* or .npy, not a.xyz"
    ):
        write_samples(kind, samples, tmp_path / "a.xyz")


def test_what_files_are_called() -> None:
    kinds = [Image(), Points(), COLUMNS, WORDS, Wave(1), Video(1.0), Numbers(), Label(3), Mask(), TRAITS]
    assert [default_name(kind) for kind in kinds] == [
        *["grid.png", "grid.png", "samples.csv", "samples.txt", "samples.wav", "samples.gif"],
        *["samples.npy", "samples.npy", "grid.png", "samples.csv"],
    ]


def test_a_wave_file_is_read_back(tmp_path: Path) -> None:
    sounds = np.array([[[0.5, -1.0]] * 8, [[3.0, np.nan]] * 8], np.float32)
    with wave.open(str(write_samples(Wave(400), sounds, tmp_path / "a.wav"))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 400)
        frames = np.frombuffer(file.readframes(10**6), "<i2").reshape(-1, 2)
    assert len(frames) == 8 + 100 + 8  # a quarter of a second of silence between them
    np.testing.assert_array_equal(frames[:8], np.array([[16384, -32767]] * 8))
    assert not frames[8:108].any()
    np.testing.assert_array_equal(frames[108:], np.array([[32767, 0]] * 8))


def test_a_table_is_read_back(tmp_path: Path) -> None:
    rows = RANDOM.normal(size=(20, 2)).astype(np.float32)
    with write_samples(COLUMNS, rows, tmp_path / "a.csv").open(newline="") as file:
        names, *read = csv.reader(file)
    assert names == ["age", "height, cm"]
    np.testing.assert_array_equal(np.array(read, np.float32), rows)


def test_attributes_are_drawn_by_name_and_read_back(tmp_path: Path) -> None:
    values = np.array([[1, 0], [0, 0], [1, 1]], np.float32)
    lines = ["smiling", "none", "smiling, in a hat"]
    np.testing.assert_array_equal(drawn(TRAITS, values), page(lines))
    assert write_samples(TRAITS, values, tmp_path / "a.csv").read_text().split("\n")[:2] == [
        "smiling,in a hat",
        "1.0,0.0",
    ]


def test_the_padding_of_words_is_not_shown(tmp_path: Path) -> None:
    padded = Tokens(("", "a", "cat"))
    assert write_samples(padded, np.array([[1, 2, 0], [2, 0, 0]]), tmp_path / "a.txt").read_text() == (
        "a cat\ncat\n"
    )


def test_texts_are_read_back(tmp_path: Path) -> None:
    numbers = np.array([[0, 1, 2], [3, 3, 0]])
    text = "a cat\\n ä\n日 日 a\n"
    assert write_samples(WORDS, numbers, tmp_path / "a.txt").read_text(encoding="utf-8") == text
    scores = np.eye(4)[numbers]
    assert write_samples(WORDS, scores, tmp_path / "b.txt").read_text(encoding="utf-8") == text
    with pytest.raises(Refused, match="tokens are 1 to 4, but the vocabulary has only 0 to 3: give"):
        write_samples(WORDS, numbers + 1, tmp_path / "c.txt")


def test_a_video_file_has_one_frame_per_frame(tmp_path: Path) -> None:
    videos = np.linspace(-1, 1, 5)[None, :, None, None, None] * np.ones((4, 5, 8, 8, 3))
    with Picture.open(write_samples(Video(12.5), videos, tmp_path / "a.gif")) as film:
        assert (film.n_frames, film.info["duration"]) == (5, 80)
        levels = []
        for number in range(5):
            film.seek(number)
            levels.append(np.asarray(film.convert("L"))[100, 100])
    assert levels == sorted(levels)
    assert levels[0] < 20
    assert levels[-1] > 235


@pytest.mark.parametrize("kind", [COLUMNS, Wave(100), Video(1.0), Numbers(), Points()])
def test_features_of_most_kinds_are_measured_as_they_are(kind: Kind) -> None:
    shape = (2, 2, 1, 1) if isinstance(kind, Video) else (2,)
    x = RANDOM.normal(size=(120, *shape))
    source = arrays(x)._replace(leaves={"x": Leaf(shape, kind)})
    numbers, refused = panel(source, source, raw(), n=60).measure(lambda count, start: x[start:][:count])
    assert not refused
    distances = {"fd_raw", "kd_raw", "sliced_wasserstein"}
    assert numbers.keys() == distances | {"precision", "recall", "density", "coverage"}


def test_texts_are_measured_by_what_a_script_registers() -> None:
    x = np.zeros((9, 4), np.float32)
    source = arrays(x)._replace(leaves={"x": Leaf((4,), WORDS, np.int32)})
    with pytest.raises(Refused, match="nothing measures examples of the kind Tokens: register a function"):
        panel(source, source, raw(), n=9)


def test_which_functions_support_which_kinds() -> None:
    """So that whoever adds a kind finds here what it needs."""
    every = [Image, Mask, Points, Table, Attributes, Tokens, Wave, Video, Numbers, Label]
    known = {
        function: {kind.__name__ for kind in every if function.dispatch(kind) != function.dispatch(object)}
        for function in (drawn, measures)
    }
    assert known[drawn] == {"Image", "Mask", "Points", "Table", "Attributes", "Tokens", "Wave", "Video"}
    assert known[measures] == {"Image", "Points", "Table", "Wave", "Video", "Numbers"}
