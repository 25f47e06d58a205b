"""`studies/gram_style.py`, by a narrow VGG16 with random weights: the losses fall, pixels stay in range."""

import importlib
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.models.vgg16 import VGG16
from jaxgan.parts.frozen import Frozen
from jaxgan.parts.network import from_linen


@pytest.fixture(scope="module")
def gram_style():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2] / "studies")
        yield importlib.import_module("gram_style")


@pytest.fixture(scope="module")
def network():
    narrow = from_linen(VGG16((4, 4, 4, 4, 4)))
    shapes, _ = jax.eval_shape(narrow.init, jax.random.key(0), np.zeros((1, 32, 32, 3), np.float32))
    rng = np.random.default_rng(0)
    return Frozen(narrow, jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32) / 4, shapes), {})


def pictures(n, seed, shade):
    drawn = np.random.default_rng(seed).uniform(-1, 1, (n, 8, 8, 3)).repeat(4, axis=1).repeat(4, axis=2)
    return (0.5 * drawn + shade).astype(np.float32)


def test_a_picture_takes_on_the_style(gram_style, network):
    content, style = pictures(2, 0, -0.4), pictures(1, 1, 0.4)
    made = gram_style.styled(content, style, network, weight=10.0, steps=40, lr=0.03)
    assert made.pictures.shape == content.shape
    assert abs(made.pictures).max() <= 1
    assert made.style_loss.shape == (41, 2)
    assert (made.content_loss[0] == 0).all()
    assert (made.style_loss[-1] < 0.5 * made.style_loss[0]).all()
    losses = (
        made.style_loss,
        jg.style_distance("style", network, lambda h: [h[x] for x in gram_style.STYLE]),
    )
    near = (made.content_loss, jg.feature_distance("content", network, lambda h: h[gram_style.CONTENT]))
    for (measured, distance), other in ((losses, style.repeat(2, axis=0)), (near, content)):
        expected = jax.jit(distance.apply)(distance.weights, made.pictures, other)
        np.testing.assert_allclose(measured[-1], expected, rtol=1e-3)
    alone = gram_style.styled(content[1:], style, network, weight=10.0, steps=40, lr=0.03)
    np.testing.assert_allclose(alone.pictures, made.pictures[1:], atol=0.02)  # each is a run of its own


def test_in_its_own_style_a_picture_stays(gram_style, network):
    content = pictures(1, 0, 0.0)
    made = gram_style.styled(content, content, network, steps=2)
    np.testing.assert_array_equal(made.pictures, content)
    assert (made.style_loss == 0).all()


def test_a_missing_folder_and_a_file_that_is_no_picture(gram_style, monkeypatch, tmp_path, network):
    monkeypatch.setattr(gram_style.jg, "vgg16", lambda: network)
    (tmp_path / "a.png").write_text("no picture")
    (tmp_path / "empty").mkdir()
    for path, line in (("a.png", "cannot be read: it is no PNG"), ("empty", "has no .png and no .jpg")):
        monkeypatch.setattr("sys.argv", ["gram_style.py", "--content", str(tmp_path / path)])
        with pytest.raises(SystemExit, match=line) as ended:
            gram_style.main()
        assert "\n" not in str(ended.value)
