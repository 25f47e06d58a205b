import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import dcgan
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)


def count(variables):
    return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(variables["params"]))


@pytest.mark.parametrize("size", dcgan.SIZES)
def test_every_size(size):
    def both(z):
        x, _ = dcgan.Generator((size, size, 2), width=2).init_with_output(KEY, z)
        return x, dcgan.Discriminator(width=2).init_with_output(KEY, x)[0]

    x, logits = jax.eval_shape(both, jnp.ones((3, 5)))
    assert (x.shape, logits.shape) == ((3, size, size, 2), (3,))


def test_sizes():
    assert {8, 28, 32, 64, 96, 128, 256} < set(dcgan.SIZES)


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_norms_in_either_player(norm):
    z, labels = jax.random.normal(KEY, (4, 5)), jnp.arange(4)
    g = from_linen(dcgan.Generator((8, 8, 1), width=4, norm=norm))
    d = from_linen(dcgan.Discriminator(width=4, norm=norm, classes=4))

    @jax.jit
    def play(z):
        params, stats = g.init(KEY, z)
        x, _ = g.apply(params, stats, z)
        d_params, d_stats = d.init(KEY, x, labels)
        x, _ = g.apply(params, stats, z, train=True)
        logits, unchanged = d.apply(d_params, d_stats, x, labels)
        return x, logits, *d.apply(d_params, unchanged, x, labels, train=True)

    x, logits, train_logits, changed = play(z)
    assert logits.shape == train_logits.shape == (4,)
    assert jnp.isfinite(logits + train_logits).all()
    assert abs(x).max() <= 1
    if norm == "spectral":  # every weight of D: one convolution, the dense one, the embedding
        vectors = [
            path for path, _ in jax.tree.leaves_with_path(changed) if "/u" in jax.tree_util.keystr(path)
        ]
        assert len(vectors) == 3
        assert set(changed) == {"spectral"}


def batch_normed(x, params):
    x = (x - x.mean((0, 1, 2))) / jnp.sqrt(x.var((0, 1, 2)) + 1e-5)
    return params["scale"] * x + params["bias"]


def test_both_networks_by_hand():
    g, d = dcgan.Generator((16, 16, 2), width=3), dcgan.Discriminator(width=3)

    @jax.jit
    def both(z):
        variables = g.init(KEY, z)
        params = variables["params"]
        x = (z @ params["Dense_0"]["kernel"]).reshape(4, 4, 4, 6)
        for i, width in enumerate((3, 2)):
            up = nn.ConvTranspose(width, (4, 4), (2, 2), use_bias=i == 1)
            x = jnp.maximum(batch_normed(x, params[f"BatchNorm_{i}"]), 0)
            x = up.apply({"params": params[f"ConvTranspose_{i}"]}, x)
        images = g.apply(variables, z, train=True, mutable="batch_stats")[0]

        d_variables = d.init(KEY, images)
        params, h = d_variables["params"], images
        for i, width in enumerate((3, 6)):
            h = nn.Conv(width, (4, 4), (2, 2), use_bias=i == 0).apply({"params": params[f"Conv_{i}"]}, h)
            h = h if i == 0 else batch_normed(h, params["BatchNorm_0"])
            h = jnp.where(h > 0, h, 0.2 * h)
        logits = h.reshape(4, -1) @ params["Logit_0"]["Dense_0"]["kernel"]
        actual = d.apply(d_variables, images, train=True, mutable="batch_stats")[0]
        return images, jnp.tanh(x), actual, logits[:, 0]

    images, expected, actual, logits = both(jax.random.normal(KEY, (4, 5)))
    np.testing.assert_allclose(images, expected, atol=1e-5)
    np.testing.assert_allclose(actual, logits, atol=1e-5)


def test_initialisation():
    variables = jax.jit(dcgan.Generator((16, 16, 3), width=32).init)(KEY, jnp.ones((2, 50)))
    for path, leaf in jax.tree.leaves_with_path(variables["params"]):
        name = path[-1].key
        if name == "kernel":
            assert float(leaf.std()) == pytest.approx(0.02, rel=0.05)
            assert abs(float(leaf.mean())) < 1e-3
        elif name == "scale":
            assert float(leaf.mean()) == pytest.approx(1, abs=0.02)
            assert 0.01 < float(leaf.std()) < 0.03
        else:
            assert not leaf.any()


def test_parameters_of_the_papers_64_px_networks():
    z, x = jnp.ones((2, 100)), jnp.ones((2, 64, 64, 3))
    # figure 1: 100 -> 4x4x1024 -> 8x8x512 -> 16x16x256 -> 32x32x128 -> 64x64x3, scale and shift per norm
    g = 100 * 16 * 1024 + 16 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3) + 3
    g += 2 * (1024 + 512 + 256 + 128)
    assert count(jax.eval_shape(dcgan.Generator(width=128).init, KEY, z)) == g == 12_658_435
    d = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512) + 64 + 2 * (128 + 256 + 512) + 4 * 4 * 512 + 1
    assert count(jax.eval_shape(dcgan.Discriminator(width=64).init, KEY, x)) == d == 2_765_633


def test_channels_are_capped():
    variables = jax.eval_shape(dcgan.Generator((256, 256, 3), width=128).init, KEY, jnp.ones((1, 8)))
    assert variables["params"]["ConvTranspose_0"]["kernel"].shape == (4, 4, 1024, 1024)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((30, 30, 1), "take 28 or 32"),
        ((512, 512, 3), "take 256"),
        ((4, 4, 3), "take 8"),
        ((32, 64, 3), "square"),
        ((32, 32, 5), "1 to 4 channels, not 5"),
        ((32, 32), "square"),
    ],
)
def test_refused_shapes(shape, message):
    with pytest.raises(Refused, match=message):
        dcgan.Generator(shape)


def test_the_discriminator_refuses_odd_sizes_but_takes_packed_channels():
    with pytest.raises(Refused, match="take 28 or 32"):
        jax.eval_shape(dcgan.Discriminator().init, KEY, jnp.ones((2, 30, 30, 1)))
    logits, _ = jax.eval_shape(dcgan.Discriminator(width=2).init_with_output, KEY, jnp.ones((2, 8, 8, 13)))
    assert logits.shape == (2,)
