import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import transgan
from jaxgan.models.layers import GridAttention, pixel_shuffle

KEY = jax.random.key(0)


def count(module, *inputs):
    variables = jax.eval_shape(module.init, KEY, *inputs)
    return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(variables["params"]))


def block_count(c, cell, heads=4):
    attention = 3 * c * c + (2 * cell - 1) ** 2 * heads + (c + 1) * c
    return attention + 4 * c + (c + 1) * 4 * c + (4 * c + 1) * c


def test_parameters_of_the_largest_cifar_10_generator():
    g = count(transgan.Generator(), jnp.ones((1, 256)))
    stages = [(1024, 8, 5), (256, 16, 4), (64, 32, 2)]
    blocks = sum(depth * block_count(c, min(side, 16)) for c, side, depth in stages)
    positions = sum(side**2 * c for c, side, _ in stages)
    assert g == 257 * 64 * 1024 + positions + blocks + 65 * 3
    d = count(transgan.Discriminator(depths=(1, 1)), jnp.ones((1, 8, 8, 3)))
    first, second = (4 * 3 + 1) * 192, (16 * 3 + 1) * 192
    blocks = block_count(192, 4) + block_count(384, 2)
    end = 2 * 384 + 384 + 4 * 385 * 384 + 385
    assert d == first + second + 16 * 192 + 4 * 384 + blocks + end


def test_pixel_shuffling_puts_channels_into_squares():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 8)).astype(np.float32)
    y = np.asarray(pixel_shuffle(jnp.asarray(x)))
    for i, j in ((0, 0), (5, 2), (4, 7)):
        first = 2 * (2 * (i % 2) + j % 2)
        np.testing.assert_array_equal(y[:, i, j], x[:, i // 2, j // 2, first : first + 2])


def test_pixels_attend_within_their_cell_only():
    layer = GridAttention(heads=2, cell=2)
    x = jax.random.normal(KEY, (1, 4, 4, 4))
    variables, play = layer.init(KEY, x), jax.jit(layer.apply)
    changed = np.asarray(play(variables, x.at[0, 1, 2].add(1.0)) != play(variables, x)).any(-1)[0]
    assert np.argwhere(changed).tolist() == [[0, 2], [0, 3], [1, 2], [1, 3]]


def test_attention_against_numpy_with_a_number_for_each_difference():
    layer, x = GridAttention(heads=1, cell=2), np.random.default_rng(0).normal(size=(1, 2, 2, 3))
    x = x.astype(np.float32)
    p = jax.tree.map(np.array, layer.init(KEY, x)["params"])
    p["places"] = np.arange(9.0, dtype=np.float32)[:, None]  # 3 (row - row' + 1) + column - column' + 1
    qkv = (x.reshape(4, 3) @ p["query_key_value"]["kernel"]).reshape(4, 3, 3)
    expected = np.zeros((4, 3))
    for i in range(4):
        similarity = [
            qkv[i, 0] @ qkv[j, 1] / np.sqrt(3) + 3 * (i // 2 - j // 2 + 1) + i % 2 - j % 2 + 1
            for j in range(4)
        ]
        weights = np.exp(similarity) / np.exp(similarity).sum()
        expected[i] = weights @ qkv[:, 2] @ p["out"]["kernel"] + p["out"]["bias"]
    np.testing.assert_allclose(layer.apply({"params": p}, x).reshape(4, 3), expected, atol=1e-4)


def test_sides_features_and_refusals():
    for side, depths in ((28, (1, 1, 1)), (48, (1, 1))):
        g = transgan.Generator((side, side, 1), 16, depths, 1)
        assert jax.eval_shape(g.init_with_output, KEY, jnp.ones((2, 3)))[0].shape == (2, side, side, 1)
    d = transgan.Discriminator(2, 8, (1, 1), 1, classes=3, features=True)
    out = jax.eval_shape(d.init_with_output, KEY, jnp.ones((2, 8, 8, 1)), jnp.arange(2))[0]
    assert out.logit.shape == (2,)
    assert [h.shape for h in out.heads["features"]] == [(2, 4, 4, 4), (2, 2, 2, 8)]
    with pytest.raises(Refused, match="30 px cannot be halved 2 times"):
        transgan.Generator((30, 30, 1))
    with pytest.raises(Refused, match="a 16th of them at the end"):
        transgan.Generator(width=24)
    with pytest.raises(Refused, match="images divisible by 8 px"):
        jax.eval_shape(transgan.Discriminator().init, KEY, jnp.ones((1, 12, 12, 1)))
