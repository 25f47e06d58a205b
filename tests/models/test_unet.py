import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import unet
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)


@pytest.mark.parametrize(("side", "depth"), [(8, 1), (8, 3), (16, 4), (28, 3), (28, 5), (32, 5), (7, 3)])
@pytest.mark.parametrize("norm", ["instance", "batch", "spectral", "none"])
def test_shapes_with_and_without_a_latent(side, depth, norm):
    g, source = unet.Generator((side, side, 2), width=2, depth=depth, norm=norm), jnp.ones((3, side, side, 1))
    for inputs in ((source,), (jnp.ones((3, 5)), source)):
        assert jax.eval_shape(g.init_with_output, KEY, *inputs)[0].shape == (3, side, side, 2)


def test_images_need_not_be_square():
    g = unet.Generator((12, 9, 1), width=2, depth=3)
    assert jax.eval_shape(g.init_with_output, KEY, jnp.ones((2, 12, 9, 3)))[0].shape == (2, 12, 9, 1)


def test_parameters_of_the_papers_network():
    g = unet.Generator((256, 256, 3), depth=8, norm="batch")
    variables = jax.eval_shape(g.init, KEY, jnp.ones((1, 256, 256, 3)))
    count = sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(variables["params"]))
    down = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 4 * 512 * 512)
    up = 16 * (512 * 512 + 3 * 1024 * 512 + 1024 * 256 + 512 * 128 + 256 * 64 + 128 * 3) + 3
    norms = 2 * (128 + 256 + 4 * 512) + 2 * (4 * 512 + 256 + 128 + 64)
    biases = 64 + 512  # of the first and the narrowest layer, which have no norm
    assert count == down + up + norms + biases == 54_413_955 + 576


def normed(x):
    return (x - x.mean((1, 2), keepdims=True)) / jnp.sqrt(x.var((1, 2), keepdims=True) + 1e-5)


def test_by_hand_with_an_odd_side():
    x = jax.random.normal(KEY, (2, 6, 6, 1))  # 6, 3, 2
    g = unet.Generator((6, 6, 1), width=3, depth=2)
    variables = g.init(KEY, x)
    params = variables["params"]

    def conv(name, features, x, layer=nn.Conv, bias=True):
        return layer(features, (4, 4), (2, 2), use_bias=bias).apply({"params": params[name]}, x)

    first = nn.leaky_relu(conv("Conv_0", 3, x), 0.2)
    second = nn.leaky_relu(conv("Conv_1", 6, first), 0.2)
    assert second.shape == (2, 2, 2, 6)
    up = conv("ConvTranspose_0", 3, second, nn.ConvTranspose, bias=False)[:, :3, :3]
    both = jnp.concatenate([nn.relu(normed(up)), first], axis=-1)
    expected = jnp.tanh(conv("ConvTranspose_1", 1, both, nn.ConvTranspose))
    np.testing.assert_allclose(g.apply(variables, x), expected, atol=1e-5)


def test_skip_connections_bypass_the_innermost_layer():
    """Without that layer the output depends on the input; without the skip connections too, it does not."""
    x = jax.random.normal(KEY, (2, 8, 8, 1))
    g = unet.Generator((8, 8, 1), width=2, depth=3, norm="none")
    params = dict(jax.tree.map(lambda leaf: 10 * leaf, jax.jit(g.init)(KEY, x)["params"]))

    @jax.jit
    def difference(params):
        first, second = g.apply({"params": params}, x)
        return abs(first - second).max()

    params["Conv_2"] = jax.tree.map(jnp.zeros_like, params["Conv_2"])
    assert difference(params) > 0.01
    for name, first in (("ConvTranspose_1", 4), ("ConvTranspose_2", 2)):  # channel of the skip connection
        kernel = params[name]["kernel"].at[:, :, first:].set(0)
        params[name] = {**params[name], "kernel": kernel}
    assert difference(params) == 0


def test_each_example_depends_on_its_own_latent():
    z, source = (
        jax.random.normal(KEY, (3, 4)),
        jnp.broadcast_to(jax.random.normal(KEY, (8, 8, 1)), (3, 8, 8, 1)),
    )
    g = unet.Generator((8, 8, 1), width=4)

    @jax.jit
    def both(z, source):
        variables = g.init(KEY, z, source)
        return g.apply(variables, z, source), g.apply(variables, z[1:], source[1:])

    x, fewer = both(z, source)
    assert float(abs(x[0] - x[1]).max()) > 1e-3
    np.testing.assert_allclose(fewer, x[1:], atol=1e-6)


def test_dropout_is_used_whenever_keys_are_given():
    source, keys = jax.random.normal(KEY, (2, 8, 8, 1)), jax.random.split(KEY, 2)
    g = from_linen(unet.Generator((8, 8, 1), width=4))

    @jax.jit
    def four(source):
        params, stats = g.init(KEY, source)
        choices = ({}, {"key": keys}, {"key": keys[::-1]}, {"key": keys, "train": True})
        return [g.apply(params, stats, source, **choice)[0] for choice in choices]

    plain, first, second, trained = four(source)
    assert (plain != first).any()
    assert (first != second).any()
    np.testing.assert_array_equal(first, trained)
    with pytest.raises(Refused, match="one key per example"):
        jax.eval_shape(lambda: g.apply(*g.init(KEY, source), source, train=True))


@pytest.mark.parametrize(
    ("shape", "depth", "message"),
    [
        ((32, 32), 3, "height, width, channels"),
        ((28, 28, 1), 6, "1 to 5 times, not 6"),
        ((8, 8, 1), 0, "not 0"),
    ],
)
def test_refused_shapes(shape, depth, message):
    with pytest.raises(Refused, match=message):
        unet.Generator(shape, depth=depth)


def test_refused_sources():
    g = unet.Generator((16, 16, 1), width=2)
    for inputs in (
        (jnp.ones((2, 8, 8, 1)),),
        (jnp.ones((2, 4)),),
        (jnp.ones((2, 4)), jnp.ones((2, 8, 8, 1))),
    ):
        with pytest.raises(Refused, match=r"needs source images \(16, 16\)"):
            jax.eval_shape(g.init, KEY, *inputs)
