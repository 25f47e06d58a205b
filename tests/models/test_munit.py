import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import munit, translator
from jaxgan.models.layers import adaptive_instance_norm

KEY = jax.random.key(0)


def test_adaptive_instance_norm_gives_the_moments_of_a_style():
    x, deviation, mean = (
        np.random.RandomState(i).randn(*shape) for i, shape in enumerate([(3, 4, 5, 2), (3, 2), (3, 2)])
    )
    y = np.asarray(adaptive_instance_norm(*map(jnp.asarray, (x, deviation, mean))), np.float64)
    for i in range(3):
        for c in range(2):
            channel = x[i, :, :, c]
            expected = (
                deviation[i, c] * (channel - np.mean(channel)) / np.sqrt(np.var(channel) + 1e-5) + mean[i, c]
            )
            np.testing.assert_allclose(y[i, :, :, c], expected, atol=1e-5)
    half = adaptive_instance_norm(jnp.asarray(x, jnp.bfloat16), jnp.ones((3, 2)), jnp.zeros((3, 2)))
    assert half.dtype == jnp.bfloat16
    with pytest.raises(Refused, match="a single pixel"):
        adaptive_instance_norm(jnp.ones((2, 1, 1, 3)), jnp.ones((2, 3)), jnp.ones((2, 3)))


def test_content_is_without_brightness_and_contrast_which_style_has():
    x = jax.random.uniform(KEY, (2, 16, 16, 3))
    outputs = {}
    for name, encoder in (("content", munit.ContentEncoder(4, 1)), ("style", munit.StyleEncoder(4, 4))):
        both = jax.jit(lambda x, encoder=encoder: encoder.init_with_output(KEY, x)[0])
        outputs[name] = abs(both(x) - both(3 * x + 0.5)).max() / abs(both(x)).max()
    assert outputs["content"] < 1e-3
    assert outputs["style"] > 0.1


def test_a_decoder_passes_the_style_on_and_has_no_style_layers_without_one():
    content, styles = jax.random.normal(KEY, (1, 4, 4, 16)), 5 * jax.random.normal(KEY, (2, 1, 8))
    decoder = munit.Decoder(3, blocks=1)

    @jax.jit
    def moved(content, styles):
        params = decoder.init(KEY, content, styles[0])
        a, b = (decoder.apply(params, content, style) for style in styles)
        return abs(a.mean((1, 2)) - b.mean((1, 2))).max()

    assert moved(content, styles) > 0.05
    decoder_params = jax.eval_shape(decoder.init, KEY, content)["params"]  # without a style
    assert "Residual_0" in decoder_params
    assert not any("Dense" in name for name in decoder_params)


def test_a_decoder_by_hand():
    content, style = jax.random.normal(KEY, (2, 2, 2, 4)), jax.random.normal(KEY, (2, 3))
    decoder = munit.Decoder(2, blocks=1, hidden=5)

    def reflected(params, x, features, size):
        margin = size // 2
        x = jnp.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)), "reflect")
        return nn.Conv(features, (size, size), padding="VALID").apply({"params": params}, x)

    @jax.jit
    def both(content, style):
        params = decoder.init(KEY, content, style)["params"]
        h = style
        for i in range(2):
            h = nn.relu(h @ params[f"Dense_{i}"]["kernel"] + params[f"Dense_{i}"]["bias"])
        d0, m0, d1, m1 = jnp.split(h @ params["Dense_2"]["kernel"] + params["Dense_2"]["bias"], 4, axis=1)
        branch = reflected(params["Conv_0"], content, 4, 3)
        branch = nn.relu(adaptive_instance_norm(branch, 1 + d0, m0))
        x = content + adaptive_instance_norm(reflected(params["Conv_1"], branch, 4, 3), 1 + d1, m1)
        for i, width in enumerate((2, 1)):
            x = jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
            x = nn.Conv(width, (3, 3)).apply({"params": params[f"UpConv_{i}"]}, x)
            mean, var = x.mean((1, 2, 3), keepdims=True), x.var((1, 2, 3), keepdims=True)
            x = nn.relu((x - mean) / jnp.sqrt(var + 1e-6))  # scales start as 1, shifts as 0
        return decoder.apply({"params": params}, content, style), jnp.tanh(
            reflected(params["Conv_2"], x, 2, 7)
        )

    got, expected = both(content, style)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_vector_in_planes_reaches_the_picture_unless_an_instance_norm_removes_it():
    x, vectors = jax.random.normal(KEY, (1, 8, 8, 1)), jnp.array([[[0.0, 1.0]], [[3.0, -2.0]]])

    @jax.jit
    def moved(x, vectors):
        differences = {}
        for norm in ("none", "instance"):
            g = translator.Generator((8, 8, 1), width=2, blocks=0, norm=norm)
            pictures = [translator.with_planes(x, vector) for vector in vectors]
            params = g.init(KEY, pictures[0])
            a, b = (g.apply(params, picture) for picture in pictures)
            differences[norm] = abs(a - b).max() / abs(a).max()
        return differences

    differences = moved(x, vectors)
    assert differences["none"] > 0.1
    assert differences["instance"] < 1e-3  # the trap: the planes are constant
    with pytest.raises(Refused, match=r'instance norm removes.*: take norm="batch"'):
        translator.Generator((8, 8, 1), width=2).init(KEY, x, vectors[0])
    with pytest.raises(Refused, match="divisible by 4"):
        munit.ContentEncoder(2).init(KEY, jnp.ones((1, 10, 10, 1)))
