"""The classifier of the run's own data: what it sees, and that it is trained once."""

import numpy as np
import pytest

from jaxgan.data import load
from jaxgan.data.arrays import arrays
from jaxgan.data.source import labelled
from jaxgan.errors import Refused
from jaxgan.evaluate import local as room
from jaxgan.evaluate.local import local
from jaxgan.metrics.frechet import frechet_distance, moments


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a training too short to learn much."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(room, "STEPS", 3)
    return tmp_path / "jaxgan" / "evaluation"


def test_one_lost_class_of_ten_is_seen():
    digits = labelled(load("digits"), 1500)
    held_out = labelled(load("digits", split="test"), 297)
    features = local(load("digits")).apply
    real = moments(features(held_out["x"]).features)
    whole = frechet_distance(moments(features(digits["x"]).features), real)
    lost = frechet_distance(moments(features(digits["x"][digits["label"] != 3]).features), real)
    assert lost > 4 * whole


def test_it_knows_digits_it_has_not_learnt_from():
    held_out = labelled(load("digits", split="test"), 297)
    extractor = local(load("digits"))
    said = extractor.apply(held_out["x"]).logits.argmax(axis=1)
    assert np.mean(said == held_out["label"]) > 0.9
    assert "of the labels of examples it has not learnt from" in extractor.note


def test_it_is_asked_about_what_it_has_not_learnt_from(monkeypatch):
    """All that it learns from is of one class, and what is held back of the other."""
    monkeypatch.setattr(room, "STEPS", 30)
    held_back = np.random.RandomState(0).permutation(40)[:4]
    data = {"x": np.zeros((40, 8, 8, 1), np.float32), "label": np.zeros(40, np.int32)}
    data["label"][held_back] = 1
    assert room._train(room.Classifier(2), data)["accuracy"] == 0


def test_it_is_trained_once(cache, monkeypatch):
    first = local(load("digits"))
    assert len(list(cache.iterdir())) == 1
    calls = []
    trained = room._train
    monkeypatch.setattr(room, "_train", lambda *given: calls.append(1) or trained(*given))
    assert local(load("digits")).digest == first.digest
    assert not calls
    other = labelled(load("digits"), 500)
    assert local(arrays(other["x"], other["label"])).digest != first.digest
    assert calls == [1]

    for path in cache.iterdir():  # damaged: made again, the same
        path.write_bytes(path.read_bytes()[:1000])
    assert local(load("digits")).digest == first.digest
    assert calls == [1, 1]


def test_it_is_named_by_its_recipe_and_not_by_the_last_bit_of_its_weights(tmp_path, monkeypatch):
    """Which is another one with another number of cores."""
    monkeypatch.setattr(room, "STEPS", 3)
    trained, found = room._train, []
    for cores in (1, 2):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / str(cores)))

        def rounded(*given, cores=cores):
            arrays = trained(*given)
            name = next(name for name in arrays if name.endswith("kernel"))
            return {**arrays, name: arrays[name] * np.float32(1 + cores * 2**-23)}

        monkeypatch.setattr(room, "_train", rounded)
        found.append(local(load("digits")))
    one, other = found
    assert one.digest == other.digest
    assert one.weights != other.weights
    monkeypatch.setattr(room, "STEPS", 4)
    assert local(load("digits")).digest != one.digest


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "jaxgan").write_text("a file where the folder would be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(room, "STEPS", 3)
    assert local(load("digits")).apply(np.zeros((1, 8, 8, 1), np.float32)).features.shape == (1, 64)


def test_without_labels_it_learns_how_images_were_turned(cache, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        room,
        "_train",
        lambda module, data, trained=room._train: seen.update(data) or trained(module, data),
    )
    plain = labelled(load("digits"), 200)["x"]
    assert local(arrays(plain)).apply(plain[:5]).logits.shape == (5, 4)
    learnt = labelled(arrays(plain), 200)["x"]
    for image, turned, turns in zip(learnt, seen["x"], seen["label"], strict=True):
        np.testing.assert_array_equal(np.rot90(image, turns), turned)
    assert set(seen["label"]) == {0, 1, 2, 3}
    of_one_class = local(arrays(plain, np.zeros(200, int)))  # which teaches nothing
    assert of_one_class.apply(plain[:5]).logits.shape == (5, 4)
    assert "quarter turns" in of_one_class.note
    with pytest.raises(Refused, match="only square images can be learnt from"):
        local(arrays(plain[:, :4]))
    with pytest.raises(Refused, match="cannot be trained on one example"):
        local(arrays(plain[:1]))
    with pytest.raises(Refused, match=r"of examples \(8, 8, 1\) cannot see examples \(4, 4, 1\)"):
        of_one_class.apply(plain[:5, :4, :4])


def test_stacked_images_are_seen_channel_by_channel(cache):
    images = labelled(load("stacked:digits"), 4)["x"]
    seen = local(load("stacked:digits")).apply(images)
    alone = local(load("digits")).apply(images[..., 1:2])
    assert seen.features.shape == (4, 192)
    assert seen.logits.shape == (4, 30)
    np.testing.assert_allclose(seen.features[:, 64:128], alone.features, atol=1e-5)
