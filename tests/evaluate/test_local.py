"""The local extractor: its features, and that its classifier is trained once."""

import numpy as np
import pytest

from jaxgan.data import load
from jaxgan.data.arrays import arrays
from jaxgan.data.source import labelled
from jaxgan.errors import Refused
from jaxgan.evaluate import local as module
from jaxgan.evaluate.local import local
from jaxgan.metrics.frechet import frechet_distance, moments


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and few training steps."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "STEPS", 3)
    return tmp_path / "jaxgan" / "evaluation"


def test_one_lost_class_of_ten_is_detected():
    digits = labelled(load("digits"), 1500)
    held_out = labelled(load("digits", split="test"), 297)
    features = local(load("digits")).apply
    real = moments(features(held_out["x"]).features)
    complete = frechet_distance(moments(features(digits["x"]).features), real)
    lost = frechet_distance(moments(features(digits["x"][digits["label"] != 3]).features), real)
    assert lost > 4 * complete


def test_it_classifies_held_out_digits():
    held_out = labelled(load("digits", split="test"), 297)
    extractor = local(load("digits"))
    predicted = extractor.apply(held_out["x"]).logits.argmax(axis=1)
    assert np.mean(predicted == held_out["label"]) > 0.9
    assert "on the labels of examples held back from it" in extractor.note


def test_accuracy_is_measured_on_examples_held_back(monkeypatch):
    """The training examples are of one class, those held back of the other."""
    monkeypatch.setattr(module, "STEPS", 30)
    held_back = np.random.RandomState(0).permutation(40)[:4]
    data = {"x": np.zeros((40, 8, 8, 1), np.float32), "label": np.zeros(40, np.int32)}
    data["label"][held_back] = 1
    assert module._train(module.Classifier(2), data)["accuracy"] == 0


def test_it_is_trained_once(cache, monkeypatch, capsys):
    first = local(load("digits"))
    assert "training a classifier to measure with, once for these data" in capsys.readouterr().err
    assert len(list(cache.iterdir())) == 1
    calls = []
    train = module._train
    monkeypatch.setattr(module, "_train", lambda *args: calls.append(1) or train(*args))
    assert local(load("digits")).digest == first.digest
    assert not calls
    assert not capsys.readouterr().err
    other = labelled(load("digits"), 500)
    assert local(arrays(other["x"], other["label"])).digest != first.digest
    assert calls == [1]

    for path in cache.iterdir():  # damaged: trained again, with the same digest
        path.write_bytes(path.read_bytes()[:1000])
    assert local(load("digits")).digest == first.digest
    assert calls == [1, 1]


def test_the_digest_is_that_of_the_recipe_not_of_the_weights(tmp_path, monkeypatch):
    """The last bit of the weights depends on the number of cores."""
    monkeypatch.setattr(module, "STEPS", 3)
    train, extractors = module._train, []
    for cores in (1, 2):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / str(cores)))

        def rounded(*args, cores=cores):
            arrays = train(*args)
            name = next(name for name in arrays if name.endswith("kernel"))
            return {**arrays, name: arrays[name] * np.float32(1 + cores * 2**-23)}

        monkeypatch.setattr(module, "_train", rounded)
        extractors.append(local(load("digits")))
    one, other = extractors
    assert one.digest == other.digest
    assert one.weights != other.weights
    monkeypatch.setattr(module, "STEPS", 4)
    assert local(load("digits")).digest != one.digest


def test_a_cache_that_cannot_be_written_is_ignored(tmp_path, monkeypatch):
    (tmp_path / "jaxgan").write_text("a file where the folder would be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "STEPS", 3)
    assert local(load("digits")).apply(np.zeros((1, 8, 8, 1), np.float32)).features.shape == (1, 64)


def test_without_labels_it_learns_how_images_were_rotated(cache, monkeypatch):
    data = {}
    monkeypatch.setattr(
        module,
        "_train",
        lambda classifier, arrays, train=module._train: data.update(arrays) or train(classifier, arrays),
    )
    plain = labelled(load("digits"), 200)["x"]
    assert local(arrays(plain)).apply(plain[:5]).logits.shape == (5, 4)
    train = labelled(arrays(plain), 200)["x"]
    for image, rotated, turns in zip(train, data["x"], data["label"], strict=True):
        np.testing.assert_array_equal(np.rot90(image, turns), rotated)
    assert set(data["label"]) == {0, 1, 2, 3}
    of_one_class = local(arrays(plain, np.zeros(200, int)))  # a single class teaches nothing
    assert of_one_class.apply(plain[:5]).logits.shape == (5, 4)
    assert "quarter turns" in of_one_class.note
    with pytest.raises(Refused, match="only square images can be learnt from"):
        local(arrays(plain[:, :4]))
    with pytest.raises(Refused, match="cannot be trained on one example"):
        local(arrays(plain[:1]))
    with pytest.raises(Refused, match=r"of examples \(8, 8, 1\) cannot be applied to \(4, 4, 1\)"):
        of_one_class.apply(plain[:5, :4, :4])


def test_stacked_images_are_classified_by_channel(cache):
    images = labelled(load("stacked:digits"), 4)["x"]
    outputs = local(load("stacked:digits")).apply(images)
    channel = local(load("digits")).apply(images[..., 1:2])
    assert outputs.features.shape == (4, 192)
    assert outputs.logits.shape == (4, 30)
    np.testing.assert_allclose(outputs.features[:, 64:128], channel.features, atol=1e-5)
