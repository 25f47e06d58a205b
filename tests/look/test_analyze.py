"""Pictures of a trained generator: latent paths, spectra, which panels each game has, bad input."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image
from support import play, script

from jaxgan.data.kind import of_array
from jaxgan.errors import Refused
from jaxgan.look import codes, latent, panels
from jaxgan.look.analyze import analyze
from jaxgan.look.panels import power
from jaxgan.look.subject import Examples, Latents, Subject, make_subject
from jaxgan.pictures.chart import Chart
from jaxgan.run.reopen import reopen
from jaxgan.run.sample import sampler

RANDOM = np.random.RandomState(0)
ALL = {"interpolation", "truncation", "directions", "neighbours", "spectrum", "scores"}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    run = tmp_path_factory.mktemp("digits") / "run"
    assert play(script("pictures"), "--out", run) == 0
    return run


@pytest.fixture(scope="module")
def again(digits):
    return reopen(digits)


@pytest.fixture(scope="module")
def analysis(digits):
    return analyze(digits)


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    run = tmp_path_factory.mktemp("ring") / "run"
    assert play(script("tiny"), "--seeds", "0:2", "--out", run) == 0
    return run


def test_a_spherical_path_keeps_its_length_and_turns_evenly():
    a, b = RANDOM.normal(size=(2, 16))
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    path = latent.spherical(a, b, np.linspace(0, 1, 7))
    np.testing.assert_allclose(path[[0, -1]], [a, b], rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), np.linalg.norm(a), rtol=1e-12)
    turns = (path[1:] * path[:-1]).sum(axis=1)
    np.testing.assert_allclose(turns, turns[0], rtol=1e-12)
    angle = np.arccos(a @ b / (a @ a))
    np.testing.assert_allclose(turns[0], a @ a * np.cos(angle / 6), rtol=1e-12)


def test_paths_between_collinear_latents_are_linear():
    a, t = np.array([1.0, 2.0]), np.linspace(0, 1, 5)
    for b in (-a, 3 * a, 0 * a):
        np.testing.assert_array_equal(latent.spherical(a, b, t), latent.linear(a, b, t))


def test_lengths_change_evenly_along_a_path():
    path = latent.spherical(np.array([1.0, 0.0]), np.array([0.0, 3.0]), np.array([0.5]))
    np.testing.assert_allclose(path, [[2**0.5, 2**0.5]])


def test_directions_of_a_linear_generator_are_its_singular_vectors():
    z = np.linalg.qr(RANDOM.normal(size=(400, 5)) - 0.0)[0]
    z = np.linalg.qr(z - z.mean(axis=0))[0] * 20  # of covariance 1, exactly
    matrix = RANDOM.normal(size=(5, 9))
    _, scale, rows = np.linalg.svd(matrix.T, full_matrices=False)
    directions = latent.directions(z, (z @ matrix + 3.0).reshape(400, 3, 3, 1), 4)
    np.testing.assert_allclose(np.abs(directions.vectors @ rows[:4].T), np.eye(4), atol=1e-9)
    np.testing.assert_allclose(directions.varied, scale[:4] ** 2 / (scale**2).sum())
    np.testing.assert_allclose(directions.followed, 1.0)
    np.testing.assert_allclose(np.linalg.norm(directions.vectors, axis=1), 1.0)


def test_components_that_are_not_linear_in_the_latent_are_found():
    z = RANDOM.normal(size=(1000, 2))
    directions = latent.directions(z, np.stack([5 * z[:, 0], z[:, 1] ** 2], axis=1), 2)
    assert directions.followed[0] > 0.99
    assert directions.followed[1] < 0.05


def test_components_independent_of_many_latents_are_not_called_linear():
    """R^2 of 300 examples on 100 latents is 1/3 by chance alone."""
    z, x = RANDOM.normal(size=(300, 100)), RANDOM.normal(size=(300, 4))
    assert latent.directions(z, x, 4).followed.max() < 0.2
    assert np.isnan(latent.directions(z[:101], x[:101], 4).followed).all()
    subject = noise_subject((4, 4, 1), latents=Latents(z[:50], lambda z, given: np.zeros((len(z), 4, 4, 1))))
    names = [text.get_text() for text in panels.traversals(subject).figure.axes[0].get_yticklabels()]
    assert all(name.endswith("% of variance") for name in names)


def test_samples_that_are_all_the_same_have_no_directions():
    z = RANDOM.normal(size=(50, 2))
    assert len(latent.directions(z, np.full((50, 3), 0.3, np.float32), 2).vectors) == 0


@pytest.mark.parametrize("shape", [(16, 16), (15, 15), (12, 20)])
def test_a_wave_has_its_power_at_its_frequency(shape):
    height, width = shape
    y, x = np.mgrid[:height, :width]
    wave = np.cos(2 * np.pi * (3 * y / height + 4 * x / width))[None, :, :, None].repeat(3, axis=-1)
    spectrum = power(wave)[0]
    side = min(shape)
    ring = round(np.hypot(3 * side / height, 4 * side / width))
    fine = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]) * side
    count = (np.rint(fine) == ring).sum()
    np.testing.assert_allclose(spectrum[ring] * count, 2 * height * width / 4)
    np.testing.assert_allclose(np.delete(spectrum, ring), 0, atol=1e-12)


def test_white_noise_has_the_same_power_everywhere():
    spectrum = power(0.5 * RANDOM.normal(size=(2000, 8, 8, 2))).mean(axis=0)
    np.testing.assert_allclose(spectrum, 0.25, rtol=0.08)
    assert spectrum.shape == (5,)


def test_a_subject_has_the_samples_and_the_examples_of_the_run(again):
    subject = make_subject(again, seed=3)
    samples = sampler(again.experiment.game, again.experiment.source)(again.state.generator, 1000, 3)
    np.testing.assert_array_equal(subject.samples.x, samples)
    latents, given = subject.latents, subject.samples.given
    assert latents is not None
    np.testing.assert_allclose(latents.decode(latents.z, given), samples, atol=1e-5)
    few = latents.decode(latents.z[300:305], {"label": given["label"][300:305]})
    np.testing.assert_allclose(few, samples[300:305], atol=1e-5)
    shapes = subject.train.x.shape, subject.held_out.x.shape
    assert (shapes, subject.whole) == (((1500, 8, 8, 1), (297, 8, 8, 1)), True)
    assert "label" in given
    logits = again.experiment.game.looks.judge(
        again.state.d.side, subject.train.x[:4], {"label": subject.train.given["label"][:4]}
    )
    np.testing.assert_allclose(subject.judge(*subject.train)[:4], logits, rtol=1e-5)


def test_held_out_examples_are_of_the_same_data(again):
    source = again.experiment.source
    none = again._replace(experiment=again.experiment._replace(source=source._replace(held_out=None)))
    assert make_subject(none).held_out is None
    assert len(make_subject(again).held_out.x) == 297
    endless = make_subject(
        again._replace(experiment=again.experiment._replace(source=source._replace(size=None)))
    )
    assert not np.array_equal(endless.held_out.x, endless.train.x)
    assert not endless.whole


def test_images_have_every_picture(digits, analysis):
    assert analysis.left_out == []
    assert {path.name for path in analysis.pictures} == {
        f"{name}.{kind}" for name in ALL for kind in ("png", "svg")
    }
    for path in analysis.pictures:
        assert path.parent == digits / "analysis"
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert min(picture.size) > 300
        else:
            texts = {
                "".join(x.itertext())
                for x in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")
            }
            assert any(len(text) > 5 for text in texts)  # text stays text


def test_few_training_examples_are_all_neighbours(again):
    subject = make_subject(again)
    few = subject._replace(train=Examples(subject.train.x[:3], {}))
    assert panels.neighbours(few).name == "neighbours"


def test_the_same_run_gives_the_same_pictures(digits, analysis, tmp_path):
    second = analyze(digits, tmp_path).pictures
    assert [path.read_bytes() for path in second] == [path.read_bytes() for path in analysis.pictures]


def test_another_checkpoint_or_seed_has_a_subfolder(digits, monkeypatch):
    monkeypatch.setattr("jaxgan.look.analyze.PANELS", [panels.spectrum])
    for more, folder in (({"seed": 1}, "seed-1"), ({"at": "best", "seed": 2}, "best-seed-2")):
        assert {path.parent for path in analyze(digits, **more).pictures} == {digits / "analysis" / folder}


def test_points_have_every_picture_but_the_spectrum(ring):
    analysis = analyze(ring, lane="seed=1")
    assert analysis.left_out == ["spectrum: only images have a power spectrum"]
    assert {path.stem for path in analysis.pictures} == ALL - {"spectrum"}
    assert {path.parent for path in analysis.pictures} == {ring / "analysis" / "seed=1"}


def noise_subject(shape, **parts):
    """A subject of noise."""
    train, held_out, samples = (Examples(RANDOM.normal(size=(50, *shape)), {}) for _ in range(3))
    latents = Latents(RANDOM.normal(size=(50, 3)), lambda z, given: np.zeros((len(z), *shape)))
    parts = {"held_out": held_out, "samples": samples, "latents": latents, "judge": None, **parts}
    kind = of_array(train.x).kind
    return Subject(shape=shape, kind=kind, train=train, whole=True, **parts)


@pytest.mark.parametrize(
    ("subject", "left_out"),
    [
        (noise_subject((2,)), {"spectrum", "scores"}),
        (noise_subject((5,)), {"spectrum", "scores"}),
        (noise_subject((4, 4, 3)), {"scores"}),
        (noise_subject((8, 6, 2), held_out=None), {"scores"}),
        (noise_subject((1,)), {"interpolation", "truncation", "traversals", "spectrum", "scores"}),
        (noise_subject((4, 4)), {"interpolation", "truncation", "traversals", "spectrum", "scores"}),
        (
            noise_subject((2,), latents=None),
            {"interpolation", "truncation", "traversals", "spectrum", "scores"},
        ),
        (noise_subject((2,), samples=Examples(np.ones((50, 2)), {})), {"traversals", "spectrum", "scores"}),
        (noise_subject((2,), judge=lambda x, given: np.zeros(len(x))), {"spectrum"}),
        (noise_subject((2,), judge=lambda x, given: np.full(len(x), np.nan)), {"spectrum", "scores"}),
    ],
)
def test_each_game_has_the_pictures_that_can_be_drawn(subject, left_out):
    results = {panel.__name__: panel(subject) for panel in panels.PANELS}
    assert {name for name, result in results.items() if not isinstance(result, Chart)} == left_out


def factors_of(images):
    """Bright or dark, and which of four levels of the second channel."""
    return {"light": (images[:, 0, 0, 0] > 0).astype(int), "tone": np.rint(images[:, 0, 0, 1]).astype(int)}


def test_codes_are_drawn_and_held_against_the_known_factors():
    random = np.random.RandomState(1)
    light, tone = np.eye(2)[random.randint(0, 2, 400)], random.uniform(-1, 1, (400, 1))
    z = np.concatenate([light, random.normal(size=(400, 20)), tone], axis=1)
    parts = {"light": slice(0, 2), "noise": slice(2, 22), "tone": slice(22, 23)}

    def decode(z, given):
        pair = np.stack([z[:, 1] - z[:, 0], np.floor(2 * z[:, 22])], axis=1)
        return np.tile(pair[:, None, None], (1, 4, 4, 1))

    latents = Latents(z, decode, parts)
    samples = Examples(decode(z, {}), {})
    subject = noise_subject((4, 4, 2), latents=latents, samples=samples, factors=factors_of)
    assert isinstance(panels.codes(subject), Chart)
    moved, values = codes.traversed(latents, parts["light"], 3)
    assert values == ["0", "1"]
    np.testing.assert_array_equal(moved[:, 2:], z[[3, 3], 2:])  # all else the same
    note = codes.interpretability(subject).figure._supxlabel.get_text()
    gap = float(note.removeprefix("mutual information gap ").split()[0])
    assert gap > 0.95  # each code tells its own factor
    assert all(name in note for name in ("disentanglement 1.00", "completeness 1.00", "informativeness"))
    assert "not known" in codes.interpretability(subject._replace(factors=None))
    assert "no codes" in panels.codes(noise_subject((4, 4, 2)))


def test_classes_are_no_directions():
    """Differences between classes do not follow the latent: the means of classes are subtracted."""
    label = np.arange(50) % 2
    latents = Latents(RANDOM.normal(size=(50, 1)), lambda z, given: np.zeros((len(z), 4, 4, 1)))
    x = np.zeros((50, 4, 4, 1))
    x[:, 0, 0, 0], x[:, 1, 1, 0] = 100.0 * label, latents.z[:, 0]
    subject = noise_subject((4, 4, 1), samples=Examples(x, {}), latents=latents)
    texts = [
        [text.get_text() for text in panels.traversals(each).figure.axes[0].get_yticklabels()]
        for each in (subject, subject._replace(samples=Examples(x, {"label": label})))
    ]
    assert texts[1] == ["100 % of variance\n100 % linear in z"]
    assert texts[0] != texts[1]


def test_bad_input_is_refused_in_one_line(digits, ring, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "file").write_text("")
    for run, more, words in (
        (empty, {}, "is not a run folder"),
        (ring, {}, "has 2 lanes: give --lane"),
        (digits, {"lane": "seed=7"}, "is a single run, without lanes"),
        (digits, {"out": tmp_path / "file"}, "cannot write"),
    ):
        with pytest.raises(Refused, match=words):
            analyze(run, **more)


def test_a_run_without_checkpoints_is_refused(digits, tmp_path):
    for name in ("config.json", "manifest.json", "script.py"):
        (tmp_path / name).write_bytes((digits / name).read_bytes())
    with pytest.raises(Refused, match="has no checkpoints yet"):
        analyze(tmp_path)


def test_samples_that_are_not_finite_are_refused(again):
    game = again.experiment.game._replace(sample=lambda g, key, index, given: np.nan * index.astype(float))
    rule = again.experiment.rule._replace(game=game)
    broken = again._replace(experiment=again.experiment._replace(rule=rule))
    with pytest.raises(Refused, match="are not finite: choose another checkpoint"):
        make_subject(broken)


def test_histograms_have_room_for_a_small_set_that_is_wider():
    """Otherwise half of it would be in the last bin, which would dwarf the others."""
    from matplotlib.figure import Figure

    axes, random = Figure().add_subplot(), np.random.RandomState(0)
    panels._histogram(axes, {"held out": random.rand(5000), "samples": 10 * random.rand(1000)})
    assert axes.get_xlim()[1] > 9
