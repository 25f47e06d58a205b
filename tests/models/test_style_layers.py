"""Layers of BigGAN and StyleGAN: each against its formula in NumPy, with loops over examples and taps."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models.layers import (
    EqualConv,
    EqualDense,
    Mapping,
    ModulatedConv,
    Noise,
    SelfModulatedNorm,
    VectorNorm,
    down_conv,
    fir_down,
    fir_up,
    up_conv,
)

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
TAPS = np.array([1.0, 3.0, 3.0, 1.0])


def upfirdn(x, kernel, up, down, before, after):
    """Zeros after pixels, padding, a true convolution, every down-th pixel: [B, H, W, C], [k, k, C, n]."""
    b, h, w, c = x.shape
    zeros = np.zeros((b, up * h, up * w, c))
    zeros[:, ::up, ::up] = x
    padded = np.pad(zeros, ((0, 0), (before, after), (before, after), (0, 0)))
    k = kernel.shape[0]
    rows, columns = padded.shape[1] - k + 1, padded.shape[2] - k + 1
    y = sum(
        padded[:, i : i + rows, j : j + columns] @ kernel[k - 1 - i, k - 1 - j]
        for i in range(k)
        for j in range(k)
    )
    return y[:, ::down, ::down]


def fir(channels, gain):
    """The filter of unit sum times a gain, for every channel alone."""
    return gain * np.multiply.outer(np.outer(TAPS, TAPS) / 64, np.eye(channels))


def test_filters_equal_upfirdn():
    x = RNG.normal(size=(2, 4, 6, 3))
    np.testing.assert_allclose(fir_up(x), upfirdn(x, fir(3, 4), 2, 1, 2, 1), atol=1e-5)
    np.testing.assert_allclose(fir_down(x), upfirdn(x, fir(3, 1), 1, 2, 1, 1), atol=1e-5)


def test_convolutions_that_resample_equal_filter_and_convolution():
    """The convolution commutes with the filter, if nothing is cropped between them."""
    x, kernel = RNG.normal(size=(2, 4, 6, 3)), RNG.normal(size=(3, 3, 3, 5))
    turned = kernel[::-1, ::-1]  # networks correlate
    both = upfirdn(upfirdn(x, fir(3, 4), 2, 1, 2 + 1, 1 + 1), turned, 1, 1, 0, 0)
    np.testing.assert_allclose(jax.jit(up_conv)(x, kernel), both, atol=1e-4)
    both = upfirdn(upfirdn(x, fir(3, 1), 1, 1, 2, 2), turned, 1, 2, 0, 0)
    np.testing.assert_allclose(jax.jit(down_conv)(x, kernel), both, atol=1e-4)


def test_equalised_weights_are_scaled_when_used():
    dense, x = EqualDense(200, bias=0.5, lr=0.01), jnp.asarray(RNG.normal(size=(300, 64)), jnp.float32)
    y, variables = dense.init_with_output(KEY, x)
    params = variables["params"]
    assert float(params["kernel"].std()) == pytest.approx(100, rel=0.02)
    np.testing.assert_allclose(params["bias"], 50)
    np.testing.assert_allclose(y, x @ params["kernel"] / 800 + 0.5, atol=1e-5)
    assert float(jnp.square(y - 0.5).mean()) == pytest.approx(1, rel=0.05)
    # the rate: Adam changes a weight by its rate, and so the weight in use by lr / sqrt(n) of it
    grad = jax.grad(lambda p: dense.apply({"params": p}, x[:1]).sum())(params)
    np.testing.assert_allclose(grad["kernel"][:, 0], x[0] / 800, atol=1e-7)
    np.testing.assert_allclose(grad["bias"], 0.01, rtol=1e-6)


def test_equalised_convolution_of_unit_variance():
    conv, x = EqualConv(64, 3), RNG.normal(size=(2, 12, 12, 32)).astype(np.float32)
    y, variables = conv.init_with_output(KEY, x)
    assert float(y[:, 1:-1, 1:-1].std()) == pytest.approx(1, rel=0.05)
    kernel = variables["params"]["kernel"] / np.sqrt(9 * 32)
    by_hand = nn.Conv(64, (3, 3), use_bias=False).apply({"params": {"kernel": kernel}}, x)
    np.testing.assert_allclose(y, by_hand, atol=1e-4)


@pytest.mark.parametrize("resample", ["none", "up", "down"])
def test_modulation_equals_weights_per_example(resample):
    x, w = RNG.normal(size=(3, 4, 4, 6)).astype(np.float32), RNG.normal(size=(3, 5)).astype(np.float32)
    layer = ModulatedConv(7, resample=resample)
    y, variables = jax.jit(lambda x, w: layer.init_with_output(KEY, x, w))(x, w)
    params = jax.tree.map(np.asarray, variables["params"])
    style = w @ params["style"]["kernel"] / np.sqrt(5) + 1
    kernel = params["kernel"] / np.sqrt(9 * 6)
    plain = {"none": None, "up": jax.jit(up_conv), "down": jax.jit(down_conv)}[resample]
    for i in range(3):
        own = kernel * style[i][:, None]
        own = own / np.sqrt(np.square(own).sum((0, 1, 2)) + 1e-8)
        if plain is None:
            expected = upfirdn(x[i : i + 1], own[::-1, ::-1], 1, 1, 1, 1)
        else:
            expected = plain(x[i : i + 1], own)
        np.testing.assert_allclose(y[i], expected[0], atol=1e-5)


def test_demodulation_keeps_unit_variance_whatever_the_style():
    x, w = jax.random.normal(KEY, (4, 16, 16, 32)), 5 * jax.random.normal(KEY, (4, 8))

    @jax.jit
    def both(x, w):
        return [ModulatedConv(64, demodulate=on).init_with_output(KEY, x, w)[0] for on in (True, False)]

    on, off = (y[:, 1:-1, 1:-1].std(axis=(1, 2, 3)) for y in both(x, w))
    np.testing.assert_allclose(on, 1, rtol=0.05)
    assert float(off.max()) > 2


class TwoNoises(nn.Module):
    @nn.compact
    def __call__(self, x, key=None):
        return Noise(name="a")(x, key), Noise(name="b")(x, key)


def test_noise_depends_on_layer_and_example_not_on_the_batch():
    x, keys = jnp.zeros((4, 8, 8, 3)), jax.random.split(KEY, 4)
    variables = TwoNoises().init(KEY, x, keys)
    assert jax.tree.leaves(variables["params"]) == [0, 0]
    assert not jnp.any(TwoNoises().apply(variables, x, keys)[0])
    ones = jax.tree.map(jnp.ones_like, variables)
    first, second = TwoNoises().apply(ones, x, keys)
    assert (first != second).any()
    halves = [TwoNoises().apply(ones, x[i : i + 2], keys[i : i + 2])[0] for i in (0, 2)]
    np.testing.assert_array_equal(first, jnp.concatenate(halves))
    assert len(np.unique(first[:, 0, 0, 0])) == 4
    constant = TwoNoises().apply(ones, x)[0]
    np.testing.assert_array_equal(constant[0], constant[3])


def test_the_mapping_is_of_unit_moment():
    """It sees the direction of z only, and its outputs are about as large as its inputs."""
    mapping, z, label = Mapping(256, 2, classes=3), jax.random.normal(KEY, (64, 256)), jnp.arange(64) % 3
    variables = jax.jit(mapping.init)(KEY, z, label)
    apply = jax.jit(lambda z: mapping.apply(variables, z, label))
    np.testing.assert_allclose(apply(z), apply(7 * z), atol=1e-5)
    assert float(jnp.square(apply(z)).mean()) == pytest.approx(1, rel=0.3)


@pytest.mark.parametrize("layer", [VectorNorm(), SelfModulatedNorm(4)])
def test_norms_by_a_vector(layer):
    x, c = 3 + 2 * RNG.normal(size=(6, 4, 4, 5)).astype(np.float32), RNG.normal(size=(6, 3)).astype("f")
    variables = jax.jit(layer.init)(KEY, x, c)

    @jax.jit
    def normalised(params):
        return layer.apply({**variables, "params": params}, x, c, train=True, mutable="batch_stats")[0]

    whitened = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    zeros = jax.tree.map(jnp.zeros_like, variables["params"])
    np.testing.assert_allclose(normalised(zeros), whitened, atol=1e-4)  # plain BatchNorm
    params = jax.tree.map(lambda p: RNG.normal(size=p.shape).astype("f"), zeros)

    def value(name):
        h = c
        if isinstance(layer, SelfModulatedNorm):
            hidden = params[f"{name}_hidden"]
            h = np.maximum(c @ hidden["kernel"] + hidden["bias"], 0)
        return h @ params[name]["kernel"]

    got = normalised(params)
    for i in range(6):
        by_hand = (1 + value("scale")[i]) * whitened[i] + value("shift")[i]
        np.testing.assert_allclose(got[i], by_hand, atol=1e-3)
    assert all("bias" not in params[name] for name in ("scale", "shift"))
