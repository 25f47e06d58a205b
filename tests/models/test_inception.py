"""InceptionV3: its shapes, its pools and its own kind of BatchNorm; its numbers are in tests/evaluate."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models.inception import AVERAGE, Conv, InceptionV3, Layer, Mixed

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def shapes():
    return jax.eval_shape(InceptionV3().init, KEY, jnp.zeros((1, 299, 299, 3)))


def test_it_has_as_many_numbers_as_the_published_file(shapes):
    """94 layers of a kernel, a scale, a shift and two moments; the logits, which have a bias there."""
    assert len(jax.tree.leaves(shapes)) == 94 * 5 + 1
    count = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))
    pickle, bias = 95_628_359 - 4 * count, 4 * 1008
    assert 0 < pickle - bias < 100_000


def test_the_shapes_of_the_paper(shapes):
    """Szegedy et al., 2016, table 1."""
    blocks = {
        "Mixed_5b": (35, 35, 256),
        "Mixed_5d": (35, 35, 288),
        "Mixed_6a": (17, 17, 768),
        "Mixed_6e": (17, 17, 768),
        "Mixed_7a": (8, 8, 1280),
        "Mixed_7c": (8, 8, 2048),
    }
    watched = partial(InceptionV3().apply, capture_intermediates=lambda module, _: module.name in blocks)
    _, found = jax.eval_shape(watched, shapes, jnp.zeros((1, 299, 299, 3)))
    assert {name: found["intermediates"][name]["__call__"][0].shape[1:] for name in blocks} == blocks


def filled(module, x):
    """Variables of the module's shapes, filled at random: variances positive, the rest normal."""
    rng = np.random.default_rng(0)

    def fill(path, leaf):
        x = rng.normal(size=leaf.shape)
        return (abs(x) if path[-1].key == "var" else x).astype(np.float32)

    return jax.tree.map_with_path(fill, jax.eval_shape(module.init, KEY, x))


def test_a_layer_by_hand():
    layer, x = Conv(4, (3, 3), 1, "VALID"), np.random.default_rng(1).normal(size=(1, 3, 3, 2))
    variables = filled(layer, x)
    p, moments = variables["params"], variables["batch_stats"]["bn"]
    summed = (x[0, :, :, :, None] * p["conv"]["kernel"]).sum(axis=(0, 1, 2))
    normed = (summed - moments["mean"]) / np.sqrt(moments["var"] + 1e-3)
    expected = np.maximum(normed * p["bn"]["scale"] + p["bn"]["bias"], 0)
    assert 0 < (expected > 0).sum() < 4
    np.testing.assert_allclose(jax.jit(layer.apply)(variables, x)[0, 0, 0], expected, atol=1e-5)


def test_averages_leave_out_what_is_not_there():
    x = jnp.ones((1, 4, 5, 1))
    np.testing.assert_array_equal(AVERAGE(x, (3, 3), padding="SAME"), x)


def test_branches_lie_side_by_side_in_their_order():
    block = Mixed({"b": (Layer(1), (Layer(2), Layer(1))), "a": (Layer(1),)}, AVERAGE, 1)
    x = jnp.ones((1, 1, 1, 1))
    variables = filled(block, x)

    def through(name, x):
        kernel = variables["params"][name]["conv"]["kernel"]
        return Conv(kernel.shape[-1]).apply({kind: tree[name] for kind, tree in variables.items()}, x)

    first = through("b_1", x)
    parts = [through("b_2a", first), through("b_2b", first), through("a", x), through("branch_pool", x)]
    np.testing.assert_allclose(block.apply(variables, x), np.concatenate(parts, axis=-1), rtol=1e-6)


def test_images_of_bytes_are_scaled_as_numbers(shapes):
    """128 is 0; bytes would go round at it."""
    x = np.random.RandomState(0).randint(0, 256, (1, 75, 75, 3)).astype(np.uint8)
    name = "Conv2d_1a_3x3"
    watched = partial(InceptionV3().apply, capture_intermediates=lambda module, _: module.name == name)
    variables = jax.tree.map(lambda leaf: jnp.full(leaf.shape, 0.01), shapes)
    found = jax.jit(lambda v, x: watched(v, x)[1])(variables, x)["intermediates"][name]["__call__"][0]
    first = {kind: tree[name] for kind, tree in variables.items()}
    expected = Conv(32, (3, 3), 2, "VALID").apply(first, (x.astype(np.float32) - 128) / 128)
    np.testing.assert_allclose(found, expected, atol=1e-6)
