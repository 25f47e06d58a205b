"""InceptionV3: shapes, pooling and BatchNorm; values are tested in tests/evaluate."""

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


def test_parameter_count_of_the_published_file(shapes):
    """94 layers of a kernel, a scale, a shift and two moments; logits, which have a bias in the file."""
    assert len(jax.tree.leaves(shapes)) == 94 * 5 + 1
    count = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))
    rest, bias = 95_628_359 - 4 * count, 4 * 1008
    assert 0 < rest - bias < 100_000


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
    capture = partial(InceptionV3().apply, capture_intermediates=lambda module, _: module.name in blocks)
    _, captured = jax.eval_shape(capture, shapes, jnp.zeros((1, 299, 299, 3)))
    assert {name: captured["intermediates"][name]["__call__"][0].shape[1:] for name in blocks} == blocks


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


def test_average_pooling_excludes_padding():
    x = jnp.ones((1, 4, 5, 1))
    np.testing.assert_array_equal(AVERAGE(x, (3, 3), padding="SAME"), x)


def test_branches_are_concatenated_in_order():
    block = Mixed({"b": (Layer(1), (Layer(2), Layer(1))), "a": (Layer(1),)}, AVERAGE, 1)
    x = jnp.ones((1, 1, 1, 1))
    variables = filled(block, x)

    def apply(name, x):
        kernel = variables["params"][name]["conv"]["kernel"]
        return Conv(kernel.shape[-1]).apply({kind: tree[name] for kind, tree in variables.items()}, x)

    first = apply("b_1", x)
    parts = [apply("b_2a", first), apply("b_2b", first), apply("a", x), apply("branch_pool", x)]
    np.testing.assert_allclose(block.apply(variables, x), np.concatenate(parts, axis=-1), rtol=1e-6)


def test_uint8_images_do_not_overflow(shapes):
    """128 is scaled to 0; as uint8, smaller values would wrap around."""
    x = np.random.RandomState(0).randint(0, 256, (1, 75, 75, 3)).astype(np.uint8)
    name = "Conv2d_1a_3x3"
    capture = partial(InceptionV3().apply, capture_intermediates=lambda module, _: module.name == name)
    variables = jax.tree.map(lambda leaf: jnp.full(leaf.shape, 0.01), shapes)
    got = jax.jit(lambda v, x: capture(v, x)[1])(variables, x)["intermediates"][name]["__call__"][0]
    first = {kind: tree[name] for kind, tree in variables.items()}
    expected = Conv(32, (3, 3), 2, "VALID").apply(first, (x.astype(np.float32) - 128) / 128)
    np.testing.assert_allclose(got, expected, atol=1e-6)
