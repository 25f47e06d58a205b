"""What is made from something: its true answers, answers that are no GAN's, and several to one question."""

from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image as Picture
from scipy.spatial.distance import cdist

import jaxgan as jg
from jaxgan.data import load
from jaxgan.data.arrays import arrays
from jaxgan.data.pairs import edges, paired, unpaired
from jaxgan.data.source import examples, labelled
from jaxgan.evaluate.answers import answers, asked, several
from jaxgan.evaluate.cycles import way_back
from jaxgan.evaluate.evaluation import table
from jaxgan.evaluate.extractor import Extractor, Outputs
from jaxgan.evaluate.guesses import guesses
from jaxgan.evaluate.panel import panel
from jaxgan.games.game import Game, Looks, Side
from jaxgan.games.toy import bilinear
from jaxgan.metrics.pairs import compare, diversity, l1
from jaxgan.parts.rng import each
from jaxgan.run.experiment import Moment
from jaxgan.run.sample import sampler

NEGATIVE = paired(load("digits"), lambda x: -x)


def by_brightness(x):
    """Features, and a class of two: dark or bright."""
    mean = x.mean(axis=(1, 2, 3))
    return Outputs(x.reshape(len(x), -1)[:, :4], np.stack([-mean - 0.4, mean + 0.4], axis=1))


EXTRACTOR = Extractor("brightness", "", "none", by_brightness)


def game(answer, *given) -> Game:
    """A game whose sample is answer(key, given), the key that of the sample."""

    def sample(g, key, index, conditions):
        return answer(each(key, index), conditions)

    return bilinear()._replace(sample=sample, given=given)


def drawn(made: Game, source):
    return lambda count, start: sampler(made, source)(Side((), {}), count, 0, start)


def noisy(keys, given, name="source"):
    return given[name] + jax.vmap(lambda key: 0.1 * jax.random.normal(key, (8, 8, 1)))(keys)


def test_sample_i_is_compared_with_the_answer_to_question_i():
    made = panel(NEGATIVE, NEGATIVE.held_out(), EXTRACTOR, n=400, given=("source",))
    right = game(lambda keys, given: -given["source"], "source")
    numbers, refused = made.measure(drawn(right, NEGATIVE))
    assert numbers["l1"] == (0, 0, 0)
    assert numbers["psnr"].value == pytest.approx(58.92, abs=0.01)
    assert "not measured: SSIM needs images of at least 11 px, not 8x8" in refused
    asked_back = made.measure(drawn(game(lambda keys, given: given["source"], "source"), NEGATIVE))[0]
    rows = made.guesses()
    assert list(rows) == ["input", "mean_picture", "nearest_pair"]
    assert asked_back["l1"] == pytest.approx(rows["input"]["l1"])
    assert made.beside == {"asked": ["source"], "n": 297}
    truths = labelled(NEGATIVE.held_out(), 297)["x"]
    order = np.abs(truths - np.roll(truths, 1, axis=0)).mean()  # the trap: answers out of step
    shifted = drawn(right, NEGATIVE)
    assert made.measure(lambda count, start: shifted(count, start + 1))[0]["l1"].value > order / 2


def test_the_true_answers_are_the_oracle_and_held_out_whatever_the_split():
    for split in ("test", "train"):
        made = panel(NEGATIVE, NEGATIVE.held_out(), EXTRACTOR, n=300, split=split, given=("source",))
        oracle = made.oracle()[0]
        assert (oracle["l1"].value, made.beside["n"]) == (0, 297)
        assert "fd_brightness" in oracle
    endless = panel(NEGATIVE._replace(held_out=None), None, EXTRACTOR, n=100, given=("source",))
    assert endless.oracle()[0]["l1"].value == 0  # also without other real examples
    assert "l1" not in panel(NEGATIVE, NEGATIVE.held_out(), EXTRACTOR, n=300).oracle()[0]


def test_a_generator_that_is_told_the_class_too_is_asked_about_one_example():
    """The trap: labels in turn, beside pictures of other classes."""
    given = ("label", "source")
    held_out = labelled(NEGATIVE.held_out(), 297)
    np.testing.assert_array_equal(answers(NEGATIVE, given, 297).label, held_out["label"])
    made = panel(NEGATIVE, NEGATIVE.held_out(), EXTRACTOR, n=297, given=given)
    numbers = made.measure(drawn(game(lambda keys, given: -given["source"], *given), NEGATIVE))[0]
    assert numbers["l1"] == (0, 0, 0)
    assert numbers["intra_fd_brightness"].value == pytest.approx(0, abs=1e-6)  # within the classes told

    def told(keys, conditions):
        return jnp.broadcast_to(conditions["label"][:, None, None, None] / 10, (256, 8, 8, 1))

    labels = sampler(game(told, *given), NEGATIVE)(Side((), {}), 297)[:, 0, 0, 0] * 10
    np.testing.assert_allclose(labels, held_out["label"], atol=1e-5)


def test_the_class_that_is_kept_is_that_of_the_example_asked_about():
    x = labelled(load("digits"), 1000)["x"]
    bright = (x.mean(axis=(1, 2, 3)) > -0.4).astype(np.int32)
    wrong = np.arange(200) % 4 == 0  # a quarter of the labels held out
    train = arrays(x[:800], bright[:800])._replace(
        held_out=lambda: paired(arrays(x[800:], np.where(wrong, 1 - bright[800:], bright[800:])), edges)
    )
    source = paired(train._replace(held_out=None), edges)._replace(held_out=train.held_out)
    made = panel(source, source.held_out(), EXTRACTOR, n=200, given=("source",))
    oracle = made.oracle()[0]["class_kept"]
    assert oracle.value == 0.75
    assert oracle.low < 0.75 < oracle.high
    white = made.measure(lambda count, start: np.ones((count, 8, 8, 1), np.float32))[0]["class_kept"]
    assert white.value == labelled(source.held_out(), 200)["label"].mean()
    assert made.guesses()["nearest_pair"]["class_kept"].value > 0.6
    blind = EXTRACTOR._replace(apply=lambda x: by_brightness(x)._replace(logits=None))
    assert "class_kept" not in panel(source, source.held_out(), blind, n=200, given=("source",)).oracle()[0]


def test_the_nearest_pair_and_the_mean_are_those_of_training_examples():
    source = paired(load("digits"), edges)
    known = answers(source, ("source",), 50)
    train, made = labelled(source, 1500), guesses(source, known)
    rows = cdist(known.questions["source"].reshape(50, -1), train["source"].reshape(1500, -1))
    np.testing.assert_array_equal(made["nearest_pair"], train["x"][rows.argmin(axis=1)])
    np.testing.assert_allclose(made["mean_picture"][7], train["x"].mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(made["input"], known.questions["source"])
    np.testing.assert_array_equal(known.truths, examples(source.held_out(), 50))


def test_a_small_picture_is_enlarged_as_pillow_does():
    source = paired(load("digits"), lambda x: x.reshape(4, 2, 4, 2, 1).mean(axis=(1, 3)))
    known = answers(source, ("source",), 5)
    made = guesses(source, known)
    assert list(made) == ["bicubic", "mean_picture", "nearest_pair"]
    for small, large in zip(known.questions["source"], made["bicubic"], strict=True):
        expected = Picture.fromarray(small[..., 0]).resize((8, 8), Picture.Resampling.BICUBIC)
        np.testing.assert_allclose(large[..., 0], np.clip(expected, -1, 1), atol=1e-5)


def test_grey_is_repeated_for_colours_and_colours_are_no_guess_of_grey():
    colourful = arrays(np.random.RandomState(0).uniform(-1, 1, (20, 8, 8, 3)).astype(np.float32))
    grey = paired(colourful, lambda x: x.mean(axis=-1, keepdims=True))
    made = guesses(grey, answers(grey, ("source",), 4))
    assert made["input"].shape == (4, 8, 8, 3)
    assert np.ptp(made["input"], axis=-1).max() == 0
    colours = paired(load("digits"), lambda x: jnp.repeat(x, 3, axis=-1))
    assert list(guesses(colours, answers(colours, ("source",), 4))) == ["mean_picture", "nearest_pair"]


def test_in_unpaired_training_the_nearest_picture_takes_the_place_of_the_nearest_pair():
    """The "other" of a training example is not its own: an x beside it would be a random one."""
    digits = load("digits")
    two = unpaired(digits, digits)._replace(
        asks=("other",),
        held_out=lambda: paired(load("digits", split="test"), lambda x: x, "other"),
    )
    made = guesses(two, answers(two, ("other",), 20))
    assert list(made) == ["input", "mean_picture", "nearest_picture", "mean_colours"]
    np.testing.assert_allclose(made["mean_colours"], made["input"], atol=1e-6)  # of one domain twice
    train = labelled(two, 1500)["x"]
    rows = cdist(made["input"].reshape(20, -1), train.reshape(1500, -1))
    np.testing.assert_array_equal(made["nearest_picture"], train[rows.argmin(axis=1)])


def test_only_questions_with_known_answers_are_asked():
    two = unpaired(load("digits"), load("digits"))
    assert asked(two, ("other",)) == ()
    assert answers(two, ("other",)) is None
    assert answers(NEGATIVE, ()) is None
    made = panel(two, two.held_out(), EXTRACTOR, n=50, given=("other",))
    assert (made.guesses(), made.beside) == ({}, {})


@pytest.mark.parametrize("given", [("source",), ("label", "source")])
def test_several_answers_are_to_the_same_question(given):
    def tell(keys, conditions):
        told = jnp.broadcast_to(
            conditions.get("label", jnp.zeros(len(keys)))[:, None, None, None], (256, 8, 8, 1)
        )
        return jnp.concatenate([conditions["source"] + told, noisy(keys, conditions)], axis=-1)

    pictures = several(drawn(game(tell, *given), NEGATIVE), NEGATIVE, given)
    assert pictures.shape == (200, 4, 8, 8, 2)
    question, answer = pictures[..., :1], pictures[..., 1:]
    np.testing.assert_array_equal(question, np.repeat(question[:, :1], 4, axis=1))
    expected = 0.2 / np.sqrt(np.pi)  # E |a - b| of normals with a deviation of 0.1
    assert diversity(answer).mean() == pytest.approx(expected, rel=0.05)


def test_a_generator_without_a_latent_has_one_answer_to_each_question():
    sure = game(lambda keys, given: -given["source"], "source")
    assert several(drawn(sure, NEGATIVE), NEGATIVE, ("source",)) is None
    by_label = game(lambda keys, given: noisy(keys, {"source": jnp.zeros((256, 8, 8, 1))}), "label")
    assert several(drawn(by_label, NEGATIVE), NEGATIVE, ("label",)) is None  # a label asks for no one answer
    made = panel(NEGATIVE, NEGATIVE.held_out(), EXTRACTOR, n=300, given=("source",))
    assert "answer_diversity" not in made.measure(drawn(sure, NEGATIVE))[0]
    unsure = made.measure(drawn(game(noisy, "source"), NEGATIVE))[0]["answer_diversity"]
    assert unsure.low < unsure.value < unsure.high
    fewer = made.measure(drawn(game(noisy, "source"), NEGATIVE), 100)[0]
    assert not {"answer_diversity", "l1"} & fewer.keys()


def test_a_distance_of_ones_own_is_measured_of_all():
    def darkness(x, y):
        return np.maximum(y - x, 0).mean(axis=(1, 2, 3))

    distances = {"l1": l1, "darkness": darkness}
    made = panel(NEGATIVE, NEGATIVE.held_out(), EXTRACTOR, 300, given=("source",), distances=distances)
    numbers = made.measure(drawn(game(noisy, "source"), NEGATIVE))[0]
    assert {"l1", "darkness", "answer_diversity", "answer_diversity_darkness"} <= numbers.keys()
    assert "psnr" not in numbers
    assert "darkness" in made.guesses()["input"]
    assert made.oracle()[0]["darkness"].value == 0


def moment(step, made, source):
    def sample(generator, n, seed=0, start=0):
        return sampler(made, source)(Side((), {}), n, seed, start)

    return Moment(step, SimpleNamespace(generator=None), made, sample)


def test_the_hook_measures_what_needs_no_gan_once():
    call = jg.answered(NEGATIVE, n=100)
    back = game(lambda keys, given: given["source"], "source")
    first, later = (call(moment(step, back, NEGATIVE)) for step in (0, 500))
    held_out = labelled(NEGATIVE.held_out(), 100)
    expected = compare(held_out["source"], held_out["x"])
    assert later == pytest.approx(expected)
    assert {name: first[name] for name in expected} == later
    assert first["l1_of_input"] == pytest.approx(later["l1"])
    assert {f"psnr_of_{row}" for row in ("input", "mean_picture", "nearest_pair")} <= first.keys()
    assert jg.answered(NEGATIVE)(moment(0, game(noisy), NEGATIVE)) == {}


def test_pictures_are_translated_there_and_back():
    def back(g, x, given):  # of the sample, and of nothing else
        return -0.75 * x

    made = game(lambda keys, given: -given["source"], "source")._replace(looks=Looks(back=back))
    asked_about = labelled(NEGATIVE.held_out(), 297)["source"]
    mean = labelled(NEGATIVE, 1500)["source"].mean(axis=0)
    expected = {
        "cycle_error": np.abs(asked_about).mean() / 4,
        "cycle_error_of_input": 0.0,
        "cycle_error_of_mean_picture": np.abs(asked_about - mean).mean(),
    }
    for source in (NEGATIVE, NEGATIVE._replace(asks=())):  # whether or not the true answers are known
        logged = jg.answered(source)(moment(0, made, source))
        of_cycle = {name: x for name, x in logged.items() if name.startswith("cycle")}
        assert of_cycle == pytest.approx(expected, rel=1e-5)
        assert ("l1" in logged) == bool(source.asks)
        known = panel(source, source.held_out(), EXTRACTOR, n=400, given=("source",), back=True)
        again = partial(way_back(made, source), Side((), {}))
        assert known.measure(drawn(made, source), again=again)[0]["cycle_error"].value == pytest.approx(
            expected["cycle_error"], rel=1e-5
        )
        rows = {f"cycle_error_of_{row}": x.get("cycle_error") for row, x in known.guesses().items()}
        for name, value in list(expected.items())[1:]:
            assert rows[name].value == pytest.approx(value, rel=1e-5)
        assert ("cycle_error" in known.oracle()[0]) == bool(source.asks)
        assert known.returned == 297
    assert "cycle_error" not in jg.answered(NEGATIVE)(moment(0, made._replace(looks=Looks()), NEGATIVE))


def test_a_way_back_without_true_answers_has_a_table():
    x, zero = {"value": 0.5, "low": 0.4, "high": 0.6}, {"value": 0.0, "low": 0.0, "high": 0.0}
    text = table(
        {
            **{"step": 9, "lane": "", "n": 100, "seed": 0, "split": "test", "reference_n": 50},
            "extractor": {"name": "local", "digest": "abcdef123", "resizer": "none"},
            **{"note": "", "oracle_n": 90, "warnings": [], "floor": {}, "neighbours_n": 100, "better": {}},
            "answers": {"asked": ["other"], "n": 80, "names": ["cycle_error"]},
            "made_from": ["other"],
            "rows": {
                "samples": {"coverage": x, "cycle_error": x},
                "oracle": {"coverage": x},
                "input": {"cycle_error": zero},
            },
        }
    )
    assert "made from other, there and back, of 80 examples:" in text
    assert [line.split("  ")[0] for line in text.splitlines()[5:8]] == ["", "samples", "input"]


def test_answers_have_a_table_of_their_own():
    x, zero = {"value": 0.5, "low": 0.4, "high": 0.6}, {"value": 0.0, "low": 0.0, "high": 0.0}
    text = table(
        {
            **{"step": 9, "lane": "", "n": 100, "seed": 0, "split": "test", "reference_n": 50},
            "extractor": {"name": "local", "digest": "abcdef123", "resizer": "none"},
            **{"note": "", "oracle_n": 90, "warnings": [], "floor": {}, "neighbours_n": 100},
            "better": {"l1": "lower", "coverage": "higher"},
            "answers": {"asked": ["source"], "n": 80, "names": ["l1", "answer_diversity"]},
            "rows": {
                "samples": {"coverage": x, "l1": x, "answer_diversity": x},
                "oracle": {"coverage": x, "l1": zero},
                "nearest_pair": {"l1": x},
            },
        }
    )
    assert [line.split("  ")[0] for line in text.splitlines()[1:9]] == [
        "", "coverage", "", "made from source, beside the true answers of 80 examples:",
        "", "samples", "the true answers", "nearest pair",
    ]  # fmt: skip
    assert "the true answers  0 [0, 0]" in text
    assert "l1 (lower)      answer_diversity" in text
