"""Networks of super-resolution: numbers of parameters by hand, shuffles and blocks by a second formula."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import rrdb, srresnet
from jaxgan.models.layers import icnr, pixel_shuffle, repeat_2x2
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)


def count(module, *inputs):
    params = jax.eval_shape(module.init, KEY, *inputs)["params"]
    return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(params))


def test_parameters_of_the_papers_networks():
    small, image = jnp.ones((1, 24, 24, 3)), jnp.ones((1, 96, 96, 3))
    first, last, conv = 81 * 3 * 64 + 64, 81 * 64 * 3 + 3, 9 * 64 * 64
    block = 2 * (conv + 2 * 64) + 1  # two convolutions, their scales and shifts, a slope
    ups = 2 * (9 * 64 * 256 + 256 + 1)
    srgan = first + 1 + 16 * block + conv + 2 * 64 + ups + last
    assert count(srresnet.Generator((96, 96, 3)), small) == srgan

    widths = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    convs = sum(9 * a * b + 2 * b for a, b in widths) - 64  # the first has a bias, the others scale and shift
    dense = 36 * 512 * 1024 + 1024 + 1024 + 1
    assert count(srresnet.Discriminator(), image) == convs + dense

    growth = sum(9 * (64 + 32 * i) * 32 + 32 for i in range(4)) + 9 * (64 + 4 * 32) * 64 + 64
    ends, inner = 9 * 3 * 64 + 64 + 9 * 64 * 3 + 3, conv + 64
    assert count(rrdb.Generator((96, 96, 3), blocks=2), small) == 2 * 3 * growth + ends + 4 * inner
    assert 23 * 3 * growth + ends + 4 * inner == 16_697_987  # that of the authors' network


@pytest.mark.parametrize("network", [srresnet.Generator, rrdb.Generator])
def test_a_residual_network_starts_as_the_bicubic_enlargement(network):
    source = jax.random.uniform(KEY, (2, 4, 4, 1), minval=-1, maxval=1)
    g = network((8, 8, 3), factor=2, width=4, blocks=1, residual=True)
    made = jax.jit(g.init_with_output)(KEY, source)[0]
    enlarged = np.broadcast_to(jax.image.resize(source, (2, 8, 8, 1), "cubic"), (2, 8, 8, 3))
    np.testing.assert_array_equal(made, enlarged.clip(-1, 1))
    with pytest.raises(Refused, match="3 channels cannot be added to a source of 2: leave out residual"):
        jax.eval_shape(g.init, KEY, jnp.ones((2, 4, 4, 2)))


def test_a_pixel_shuffle_by_its_indices():
    x = np.random.RandomState(0).randn(2, 3, 4, 8).astype(np.float32)
    expected = np.empty((2, 6, 8, 2), np.float32)
    for row, column in np.ndindex(6, 8):
        start = 2 * (2 * (row % 2) + column % 2)
        expected[:, row, column] = x[:, row // 2, column // 2, start : start + 2]
    np.testing.assert_array_equal(pixel_shuffle(jnp.asarray(x)), expected)


def test_icnr_starts_as_repeated_pixels_and_a_plain_kernel_as_a_checkerboard():
    x = jax.random.normal(KEY, (1, 5, 5, 3))

    def checker(init):
        conv = nn.Conv(8, (3, 3), use_bias=False, kernel_init=init)
        y = pixel_shuffle(conv.init_with_output(KEY, x)[0])
        return float(jnp.abs(y - repeat_2x2(y[:, ::2, ::2])).max())

    assert checker(icnr) == 0
    assert checker(nn.initializers.lecun_normal()) > 0.1
    assert abs(float(icnr(KEY, (3, 3, 64, 64)).std()) * 576**0.5 - 1) < 0.02


def test_a_dense_block_by_numpy():
    """1x1 images, on which a 3x3 convolution is its middle tap."""
    x = np.random.RandomState(0).randn(4, 1, 1, 6).astype(np.float32)
    block = rrdb.DenseBlock(growth=3)
    params = jax.tree.map(lambda leaf: leaf + 0.1, jax.jit(block.init)(KEY, x)["params"])
    known = x[:, 0, 0]
    for i in range(5):
        layer = params[f"Conv_{i}"]
        h = known @ np.asarray(layer["kernel"][1, 1]) + np.asarray(layer["bias"])
        known = np.hstack([known, np.where(h > 0, h, 0.2 * h)]) if i < 4 else known
    np.testing.assert_allclose(block.apply({"params": params}, x)[:, 0, 0], x[:, 0, 0] + 0.2 * h, atol=1e-6)


def test_residuals_of_rrdb_are_scaled_twice():
    """With the last convolution of a dense block 1 everywhere, three add 0.2 each, which is scaled by 0.2."""
    x = jax.random.uniform(KEY, (1, 4, 4, 2))
    g = rrdb.Generator((4, 4, 2), factor=1, width=3, blocks=2, growth=2)
    shapes = jax.eval_shape(g.init, KEY, x)["params"]
    params = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
    middle = {"kernel": jnp.zeros((3, 3, 3, 3)).at[1, 1].set(jnp.eye(3)), "bias": jnp.zeros(3)}
    pick = jnp.zeros((3, 3, 3, 2)).at[1, 1, 0, 0].set(1.0)
    for name in params:
        if name.startswith("DenseBlock"):
            params[name]["Conv_4"]["bias"] = np.ones(3, np.float32)
    params |= {"Conv_1": middle, "Conv_2": middle, "Conv_3": {"kernel": pick, "bias": jnp.zeros(2)}}
    y = jax.jit(lambda params: g.apply({"params": params}, x, train=True))(params)
    np.testing.assert_allclose(y[..., 0], 2 * 0.2 * 3 * 0.2, rtol=1e-6)


@pytest.mark.parametrize("g", [srresnet.Generator((8, 8, 1), 2, 2, 1), rrdb.Generator((8, 8, 1), 2, 2, 1, 2)])
def test_any_value_can_be_reached_and_samples_stay_in_range(g):
    """The trap of public code: a last tanh never reaches black and white."""
    source, net = 5 * jax.random.normal(KEY, (2, 4, 4, 1)), from_linen(g)

    @jax.jit
    def brightest():
        params, stats = net.init(KEY, source)
        last = sorted(name for name in params if name.startswith("Conv_"))[-1]
        params = {**params, last: {**params[last], "bias": jnp.full(1, 9.0)}}
        trained = net.train(params, stats, source, key=jax.random.split(KEY, 2), step=0)[0]
        return trained.max(), net.apply(params, stats, source)[0].max()

    trained, sampled = brightest()
    assert trained > 5
    assert sampled == 1


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_shapes_of_every_factor(factor):
    source = jnp.ones((2, 16 // factor, 32 // factor, 3))
    for g in (srresnet.Generator((16, 32, 1), factor, 2, 1), rrdb.Generator((16, 32, 1), factor, 2, 1, 2)):
        assert jax.eval_shape(g.init_with_output, KEY, source)[0].shape == (2, 16, 32, 1)


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_a_discriminator_of_odd_images_shows_its_features(norm):
    d = srresnet.Discriminator(2, 2, 4, norm, features=True)
    output = jax.eval_shape(d.init_with_output, KEY, jnp.ones((3, 7, 9, 1)))[0]
    assert output.logit.shape == (3,)
    assert [h.shape[1:] for h in output.heads["features"]] == [(7, 9, 2), (4, 5, 2), (4, 5, 4), (2, 3, 4)]


def test_refusals():
    for factor in (0, 3, 32):
        with pytest.raises(Refused, match=rf"divide the sides \(16, 16\), which {factor} does not"):
            srresnet.Generator((16, 16, 1), factor)
    with pytest.raises(Refused, match="height, width, channels"):
        rrdb.Generator((16, 16))
    with pytest.raises(Refused, match=r"made from \(4, 4\), not \(16, 16\)"):
        jax.eval_shape(rrdb.Generator((16, 16, 1)).init, KEY, jnp.ones((1, 16, 16, 1)))
