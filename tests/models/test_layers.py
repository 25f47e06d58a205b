import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models.layers import ConvTranspose, Dropout, Logit

KEY = jax.random.key(0)


def test_transposed_convolution_is_flax_s():
    theirs = nn.ConvTranspose(3, (4, 4), strides=(2, 2), padding="SAME")
    ours = ConvTranspose(3)
    x = jax.random.normal(KEY, (2, 3, 5, 4))
    params = theirs.init(KEY, x)
    params["params"]["bias"] = jnp.array([0.1, -0.2, 0.3])
    same_places = jax.tree.map(jnp.shape, ours.init(KEY, x)), jax.tree.map(jnp.shape, params)
    assert same_places[0] == same_places[1]

    def value(module):
        return lambda params, x: jnp.sin(module.apply(params, x)).sum()

    def gradient(module):
        return jax.grad(value(module), argnums=(0, 1))

    def second(module):  # of a gradient penalty
        squared = lambda p, x: sum(jnp.square(g).sum() for g in jax.tree.leaves(gradient(module)(p, x)))  # noqa: E731
        return jax.grad(squared, argnums=(0, 1))

    for part in (x, x[:1, :1, :1]):
        np.testing.assert_allclose(ours.apply(params, part), theirs.apply(params, part), atol=1e-5)
    for what in (gradient, second):
        expected, got = (jax.jit(what(module))(params, x) for module in (theirs, ours))
        for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5)


class TwoDropouts(nn.Module):
    @nn.compact
    def __call__(self, x, key=None, train=False):
        return Dropout(0.5)(x, key, train), Dropout(0.5)(x, key, train)


def test_dropout_is_per_layer_and_example_whatever_the_batch():
    x, keys = jnp.ones((8, 64)), jax.random.split(KEY, 8)
    first, second = TwoDropouts().apply({}, x, keys, train=True)
    assert (first != second).any()
    assert len(np.unique(np.asarray(first), axis=0)) == 8
    halves = [TwoDropouts().apply({}, x[i : i + 4], keys[i : i + 4], train=True)[0] for i in (0, 4)]
    np.testing.assert_array_equal(first, jnp.concatenate(halves))
    assert set(np.unique(first)) == {0.0, 2.0}


def test_dropout_keeps_the_mean_and_needs_keys():
    y = Dropout(0.25).apply({}, jnp.ones((50, 400)), jax.random.split(KEY, 50), True)
    assert float(y.mean()) == pytest.approx(1.0, abs=0.02)
    assert (Dropout(0.0).apply({}, jnp.ones((2, 3)), None, True) == 1).all()
    with pytest.raises(Refused, match="one key per example"):
        Dropout(0.25).apply({}, jnp.ones((2, 3)), None, True)


def test_logit_projects_labels_and_sums_packed_ones():
    h, packed = jax.random.normal(KEY, (3, 4)), jnp.array([[0, 1], [2, 2], [1, 0]])
    logit = Logit(classes=3)
    variables = logit.init(KEY, h, packed)
    dense, embedding = variables["params"]["Dense_0"], variables["params"]["Embed_0"]["embedding"]
    by_hand = (
        h @ dense["kernel"][:, 0]
        + dense["bias"]
        + ((embedding[packed[:, 0]] + embedding[packed[:, 1]]) * h).sum(1)
    )
    np.testing.assert_allclose(logit.apply(variables, h, packed), by_hand, atol=1e-6)
    one = logit.apply(variables, h, packed[:, 0])
    np.testing.assert_allclose(one, logit.apply(variables, h, packed[:, :1]), atol=1e-6)


def test_logit_refuses_labels_that_do_not_fit():
    h = jnp.ones((2, 4))
    with pytest.raises(Refused, match="classes=3 and was given no labels"):
        Logit(classes=3).init(KEY, h)
    with pytest.raises(Refused, match="classes=0"):
        Logit().init(KEY, h, jnp.zeros(2, int))
