"""R-precision: closed forms, and a loop over every image and text."""

import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.metrics.retrieval import r_precision

RANDOM = np.random.RandomState(0)


def test_features_that_agree_score_1_and_independent_ones_the_chance_level():
    texts, said = RANDOM.randn(2000, 16), np.arange(2000)
    assert r_precision(3 * texts, texts, said).value == 1
    independent = r_precision(RANDOM.randn(2000, 16), texts, said)
    assert independent.low < 0.01 < independent.high
    assert r_precision(RANDOM.randn(2000, 16), texts, said, candidates=2).value == pytest.approx(
        0.5, abs=0.04
    )


def test_with_every_text_as_a_candidate_it_is_the_share_of_a_loop():
    said = RANDOM.randint(0, 12, 40)
    said[:12] = np.arange(12)
    texts = RANDOM.randn(12, 5)[said]
    images = texts + RANDOM.randn(40, 5)
    hits = 0
    for image, own in zip(images, said, strict=True):
        cosine = {
            n: image @ text / np.linalg.norm(image) / np.linalg.norm(text)
            for n, text in zip(said, texts, strict=True)
        }
        hits += max(cosine, key=cosine.get) == own
    assert r_precision(images, texts, said, candidates=12).value == hits / 40


def test_an_equal_text_is_no_mismatch():
    """Else an image would be marked wrong half of the time for another example's copy of its own text."""
    said = np.repeat(np.arange(20), 5)[:, None] + np.arange(3)  # rows of words
    features = RANDOM.randn(20, 4)[said[:, 0]]
    assert r_precision(features, features, said, candidates=20).value == 1


def test_refusals():
    x, said = np.eye(5), np.array([0, 1, 2, 2, 2])
    with pytest.raises(Refused, match="as many different texts, and there are 3"):
        r_precision(x, x, said, candidates=4)
    with pytest.raises(Refused, match="5 images need as many texts"):
        r_precision(x, x[:4], said)
    with pytest.raises(Refused, match="cannot be compared"):
        r_precision(x, x[:, :4], said)
