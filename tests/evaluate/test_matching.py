"""The matcher of images and texts: it learns real pairs, is trained once, and tells which data it needs."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import load
from jaxgan.data.kind import Leaf, Tokens, image
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.evaluate import matching as module
from jaxgan.evaluate.matching import matcher
from jaxgan.metrics.retrieval import r_precision

WORDS = Tokens(("", "<unknown>", "left", "right", "dark", "light"))
TEXTS = np.array([[2, 4, 0], [2, 5, 0], [3, 4, 0], [3, 5, 0]], np.int32)
PICTURES = np.zeros((4, 4, 4, 1), np.float32)
for _n, (_side, _grey) in enumerate(TEXTS[:, :2] - [2, 4]):
    PICTURES[_n, :, 2 * _side : 2 * _side + 2] = 0.8 - 1.6 * _grey


def take(arrays, key, number):
    row, (x, text) = number % 4, arrays
    noise = 0.1 * jnp.sin(number[:, None, None, None] * jnp.arange(1.0, 17).reshape(4, 4, 1))
    return {"x": x[row] + noise, "text": text[row]}


SOURCE = Source({"x": image(4, 4, 1), "text": Leaf((3,), WORDS, np.int32)}, 200, (PICTURES, TEXTS), take)


@pytest.fixture(autouse=True)
def _quick(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "STEPS", 60)
    monkeypatch.setattr(module, "BATCH", 16)


def test_it_learns_which_text_is_of_which_picture_and_is_trained_once(monkeypatch):
    first = matcher(SOURCE)
    assert first.precision > 0.9
    images, texts = first.images(PICTURES), first.texts(TEXTS)
    assert images.shape == texts.shape == (4, 64)
    assert r_precision(images, texts, TEXTS, candidates=4).value == 1
    assert r_precision(images[::-1], texts, TEXTS, candidates=4).value < 0.5
    padded = first.texts(np.pad(TEXTS, ((0, 0), (0, 2))))
    np.testing.assert_allclose(padded, texts, rtol=1e-4, atol=1e-5)

    monkeypatch.setattr(module, "_train", lambda *args: pytest.fail("trained again"))
    again = matcher(SOURCE)
    assert (again.digest, again.precision) == (first.digest, first.precision)
    np.testing.assert_array_equal(again.texts(TEXTS), texts)


def test_data_without_texts_are_refused():
    with pytest.raises(Refused, match="a matcher needs images x with texts text, and the data have "):
        matcher(load("digits"))
