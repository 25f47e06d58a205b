"""Networks that read words, against loops over words, and with more padding."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import words
from jaxgan.models.layers import WordAttention

TEXT = jnp.array([[3, 5, 2, 0], [4, 0, 0, 0], [0, 0, 0, 0]], jnp.int32)
PADDED = jnp.pad(TEXT, ((0, 0), (0, 3)))


@cache
def encoded():
    module = words.Encoder(6, width=4)
    variables = module.init(jax.random.key(0), TEXT)
    return variables["params"], [jax.device_get(module.apply(variables, text)) for text in (TEXT, PADDED)]


def test_an_encoder_is_a_loop_over_neighbouring_words():
    p, (actual, _) = encoded()
    p = jax.device_get(p)
    for row, text in enumerate(np.asarray(TEXT)):
        x = [p["Embed_0"]["embedding"][n] for n in text if n]
        for layer in ("Dense_0", "Dense_1"):
            ends = [np.zeros(4), *x, np.zeros(4)]
            near = [np.concatenate(ends[i : i + 3]) for i in range(len(x))]
            x = [
                a + np.maximum(b @ p[layer]["kernel"] + p[layer]["bias"], 0)
                for a, b in zip(x, near, strict=True)
            ]
        mean = np.mean(x, axis=0) if x else np.zeros(4)
        sentence = mean @ p["Dense_2"]["kernel"] + p["Dense_2"]["bias"]
        np.testing.assert_allclose(actual[1][row], sentence, atol=1e-5)
        np.testing.assert_allclose(actual[0][row, : len(x)], np.reshape(x, (-1, 4)), atol=1e-5)
        assert not actual[0][row, len(x) :].any()


def test_more_padding_changes_no_text():
    _, ((features, sentence), (longer, same)) = encoded()
    np.testing.assert_allclose(same, sentence, rtol=1e-6)
    np.testing.assert_allclose(longer[:, :4], features, rtol=1e-6)
    assert not longer[:, 4:].any()


def test_more_padding_changes_no_image_and_no_logit():
    g = words.Generator((8, 8, 1), 6, width=2, words=4, attention=4, norm="none")
    d = words.Discriminator(6, width=2, words=4)

    @jax.jit
    def both(text):
        z, key = jnp.ones((3, 2)), jax.random.key(0)
        x, _ = g.init_with_output(key, z, text)
        return x, d.init_with_output(key, x, text)[0]

    images, logits = both(TEXT)
    for longer, plain in zip(both(PADDED), (images, logits), strict=True):
        np.testing.assert_allclose(longer, plain, rtol=1e-5, atol=1e-6)
    assert len({float(logit) for logit in logits}) == 3
    assert abs(images[0] - images[1]).max() > 1e-4


def test_a_pixel_attends_to_the_words_that_are_there():
    random = np.random.RandomState(0)
    h, e = random.randn(3, 2, 3, 4).astype("f"), random.randn(3, 4, 5).astype("f")
    present = np.asarray(TEXT) > 0
    context, variables = WordAttention().init_with_output(jax.random.key(0), h, e, present)
    u = np.asarray(variables["params"]["Dense_0"]["kernel"])
    for b in range(3):
        there = [e[b, i] @ u for i in range(4) if present[b, i]]
        for row, column in np.ndindex(2, 3):
            scores = np.exp([h[b, row, column] @ word for word in there])
            expected = sum(s * word for s, word in zip(scores / scores.sum(), there, strict=True))
            np.testing.assert_allclose(context[b, row, column], expected, atol=1e-5)
    assert not np.asarray(context[2]).any()  # no word at all


def test_refusals():
    with pytest.raises(Refused, match="no block ends at 5 px"):
        words.Generator((16, 16, 3), 6, attention=5)
    with pytest.raises(Refused, match="cannot make images of 9 px"):
        words.Generator((9, 9, 3), 6)
