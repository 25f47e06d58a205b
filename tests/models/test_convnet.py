import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import convnet
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)


def apply_both(g_norm, d_norm):
    """Returns a function z, label -> (images, logits, logits when training, changed statistics of D)."""
    g = from_linen(convnet.Generator((8, 8, 2), norm=g_norm))
    d = from_linen(convnet.Discriminator((4, 6), 8, norm=d_norm, dropout=0.3, classes=4))

    def run(z, label):
        keys = jax.random.split(KEY, 4)
        x, _ = g.apply(*g.init(KEY, z), z, train=True)
        d_params, d_stats = d.init(KEY, x, label)
        logits, _ = d.apply(d_params, d_stats, x, label, key=keys)
        return x, logits, *d.apply(d_params, d_stats, x, label, key=keys, train=True)

    return run


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_norms(norm):
    x, logits, train_logits, changed = jax.eval_shape(apply_both(norm, norm), jnp.ones((4, 5)), jnp.arange(4))
    assert (x.shape, logits.shape, train_logits.shape) == ((4, 8, 8, 2), (4,), (4,))
    assert set(changed) == {"batch": {"batch_stats"}, "spectral": {"spectral"}, "none": set()}[norm]


def test_training_changes_the_logits():
    d = from_linen(convnet.Discriminator((3,), 4, norm="spectral", dropout=0.3))

    @jax.jit
    def run(x):
        params, stats = d.init(KEY, x)
        logits, _ = d.apply(params, stats, x)
        return logits, d.apply(params, stats, x, key=jax.random.split(KEY, 4), train=True)[0]

    logits, train_logits = run(jax.random.normal(KEY, (4, 8, 8, 1)))
    assert jnp.isfinite(logits + train_logits).all()
    assert (logits != train_logits).any()


def batch_normed(x):
    axes = tuple(range(x.ndim - 1))
    return (x - x.mean(axes)) / jnp.sqrt(x.var(axes) + 1e-5)


def test_the_generator_by_hand():
    z = jax.random.normal(KEY, (4, 5))
    g = convnet.Generator((8, 8, 2))

    @jax.jit
    def both(z):
        variables = g.init(KEY, z)
        params = variables["params"]
        x = (z @ params["Dense_0"]["kernel"]).reshape(4, 2, 2, 128)
        for i, width in enumerate((64, 2)):
            up = nn.ConvTranspose(width, (4, 4), (2, 2))
            x = up.apply({"params": params[f"ConvTranspose_{i}"]}, jnp.maximum(batch_normed(x), 0))
        return g.apply(variables, z, train=True, mutable="batch_stats")[0], jnp.tanh(x)

    got, expected = both(z)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_the_discriminator_by_hand():
    x = jax.random.normal(KEY, (4, 8, 8, 2))
    d = convnet.Discriminator((3, 4), 5, slope=0.3, norm="batch")

    @jax.jit
    def both(x):
        variables = d.init(KEY, x)
        params, h = variables["params"], x
        for i, width in enumerate((3, 4)):
            h = nn.Conv(width, (3, 3), (2, 2)).apply({"params": params[f"Conv_{i}"]}, h)
            h = h if i == 0 else batch_normed(h)
            h = jnp.where(h > 0, h, 0.3 * h)
        h = batch_normed(h.reshape(4, -1) @ params["Dense_0"]["kernel"])
        logit = jnp.where(h > 0, h, 0.3 * h) @ params["Logit_0"]["Dense_0"]["kernel"]
        return d.apply(variables, x, train=True, mutable="batch_stats")[0], logit[:, 0]

    got, expected = both(x)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_odd_sizes_in_the_discriminator():
    d = convnet.Discriminator((4,), 8)
    assert jax.eval_shape(d.init_with_output, KEY, jnp.ones((2, 7, 9, 1)))[0].shape == (2,)


@pytest.mark.parametrize(("side", "message"), [(30, "take 28 or 32"), (2, "take 4$")])
def test_refused_sides(side, message):
    with pytest.raises(Refused, match=message):
        convnet.Generator((side, side, 1))
