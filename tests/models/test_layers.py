import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models.layers import (
    ConditionalNorm,
    Conv,
    ConvTranspose,
    Dropout,
    Logit,
    SelfAttention,
    UpConv,
    call_layer,
    split_2x2,
)

KEY = jax.random.key(0)


class RepeatedConv(nn.Module):
    """The equivalent of UpConv."""

    @nn.compact
    def __call__(self, x):
        repeated = jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
        return nn.Conv(3, (3, 3), name="inner")(repeated)

    def apply(self, variables, x):
        return super().apply({"params": {"inner": variables["params"]}}, x)


@pytest.mark.parametrize(
    ("ours", "theirs", "size"),
    [
        (Conv(3), nn.Conv(3, (4, 4), (2, 2)), 4),
        (ConvTranspose(3), nn.ConvTranspose(3, (4, 4), strides=(2, 2), padding="SAME"), 4),
        (UpConv(3), RepeatedConv(), 3),
    ],
)
def test_convolutions_equal_flax(ours, theirs, size):
    x = jax.random.normal(KEY, (2, 3, 5, 4))
    kernel = 0.1 * jax.random.normal(jax.random.key(1), (size, size, 4, 3))
    params = {"params": {"kernel": kernel, "bias": jnp.array([0.1, -0.2, 0.3])}}
    assert jax.tree.map(jnp.shape, ours.init(KEY, x)) == jax.tree.map(jnp.shape, params)

    def value(module):
        return lambda params, x: jnp.sin(module.apply(params, x)).sum()

    def gradient(module):
        return jax.grad(value(module), argnums=(0, 1))

    def second(module):  # of a gradient penalty
        squared = lambda p, x: sum(jnp.square(g).sum() for g in jax.tree.leaves(gradient(module)(p, x)))  # noqa: E731
        return jax.grad(squared, argnums=(0, 1))

    for part in (x, x[:1, :1, :1]):
        np.testing.assert_allclose(ours.apply(params, part), theirs.apply(params, part), atol=1e-5)
    for derivative in (gradient, second):
        expected, got = (jax.jit(derivative(module))(params, x) for module in (theirs, ours))
        for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
            assert jnp.linalg.norm(a - b) <= 2e-6 * jnp.linalg.norm(b)


class Weighted(nn.Module):
    conv: type[nn.Module]
    options: dict

    @nn.compact
    def __call__(self, x):
        return call_layer(self.conv(3, **self.options), x, "spectral", True)


def test_spectral_norm_of_conv_is_that_of_flax_s():
    x = jax.random.normal(KEY, (2, 4, 6, 5))
    ours = Weighted(Conv, {"use_bias": False})
    theirs = Weighted(nn.Conv, {"kernel_size": (4, 4), "strides": (2, 2), "use_bias": False})
    variables = theirs.init(KEY, x)
    assert jax.tree.structure(ours.init(KEY, x)) == jax.tree.structure(variables)
    expected = theirs.apply(variables, x, mutable="spectral")
    got = ours.apply(variables, x, mutable="spectral")
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), got, expected)


def test_split_2x2_equals_pooling():
    x = jax.random.normal(KEY, (2, 5, 6, 3))
    for got, pool in ((split_2x2(x).mean((2, 4)), nn.avg_pool), (split_2x2(x).max((2, 4)), nn.max_pool)):
        np.testing.assert_allclose(got, pool(x, (2, 2), (2, 2)), atol=1e-6)


def test_conditional_norm_scales_and_shifts_by_class():
    x, label = 3 + 2 * jax.random.normal(KEY, (6, 4, 4, 5)), jnp.array([0, 2, 1, 2, 0, 0])
    norm = ConditionalNorm(3)
    variables = norm.init(KEY, x, label)
    whitened = (x - x.mean((0, 1, 2))) / jnp.sqrt(x.var((0, 1, 2)) + 1e-5)
    start, changed = norm.apply(variables, x, label, train=True, mutable="batch_stats")
    np.testing.assert_allclose(start, whitened, atol=1e-4)
    np.testing.assert_allclose(
        changed["batch_stats"]["BatchNorm_0"]["mean"], 0.1 * x.mean((0, 1, 2)), rtol=1e-4
    )
    scale, shift = jax.random.normal(KEY, (2, 3, 5))
    params = {"scale": {"embedding": scale}, "shift": {"embedding": shift}}
    got, _ = norm.apply({**variables, "params": params}, x, label, train=True, mutable="batch_stats")
    for i in range(6):
        np.testing.assert_allclose(got[i], whitened[i] * scale[label[i]] + shift[label[i]], atol=1e-4)
    evaluated = norm.apply({**variables, "params": params}, x, label)  # averages are 0 and 1
    np.testing.assert_allclose(evaluated[1], x[1] * scale[2] + shift[2], rtol=1e-4, atol=1e-4)


def test_self_attention_by_hand():
    x = np.asarray(jax.random.normal(KEY, (1, 4, 6, 16)))
    variables = SelfAttention().init(KEY, x)
    np.testing.assert_array_equal(SelfAttention().apply(variables, x), x)  # gamma starts at 0
    assert {name: p["kernel"].shape for name, p in variables["params"].items() if name != "gamma"} == {
        "query": (16, 2),
        "key": (16, 2),
        "value": (16, 8),
        "out": (8, 16),
    }
    variables["params"]["gamma"] = jnp.float32(0.7)
    w = {name: np.asarray(p["kernel"]) for name, p in variables["params"].items() if name != "gamma"}
    corners = [(i, j) for i in range(0, 4, 2) for j in range(0, 6, 2)]

    def pooled(name):
        return [(x[0] @ w[name])[i : i + 2, j : j + 2].max((0, 1)) for i, j in corners]

    keys, values = pooled("key"), pooled("value")
    for i, j in [(0, 0), (3, 5), (2, 1)]:
        similarity = np.array([x[0, i, j] @ w["query"] @ key for key in keys])
        weights = np.exp(similarity) / np.exp(similarity).sum()
        by_hand = x[0, i, j] + 0.7 * sum(a * v for a, v in zip(weights, values, strict=True)) @ w["out"]
        np.testing.assert_allclose(SelfAttention().apply(variables, x)[0, i, j], by_hand, atol=1e-5)


def test_self_attention_under_spectral_norm_and_at_odd_sides():
    x = jax.random.normal(KEY, (2, 5, 7, 8))
    variables = jax.eval_shape(SelfAttention("spectral").init, KEY, x)
    assert len(variables["spectral"]) == 4
    assert jax.eval_shape(SelfAttention("spectral").apply, variables, x).shape == x.shape


class TwoDropouts(nn.Module):
    @nn.compact
    def __call__(self, x, key=None, train=False):
        return Dropout(0.5)(x, key, train), Dropout(0.5)(x, key, train)


def test_dropout_depends_on_layer_and_example_not_on_the_batch():
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
    single = logit.apply(variables, h, packed[:, 0])
    np.testing.assert_allclose(single, logit.apply(variables, h, packed[:, :1]), atol=1e-6)


def test_logit_refuses_labels_without_classes_and_vice_versa():
    h = jnp.ones((2, 4))
    with pytest.raises(Refused, match="classes=3 and was given no labels"):
        Logit(classes=3).init(KEY, h)
    with pytest.raises(Refused, match="classes=0"):
        Logit().init(KEY, h, jnp.zeros(2, int))


def test_logits_of_bfloat16_features_are_summed_in_float32():
    h = jnp.full((2, 1024), 1.0, jnp.bfloat16)
    dense = {"kernel": jnp.ones((1024, 1), jnp.bfloat16), "bias": jnp.ones(1, jnp.bfloat16)}
    variables = {"params": {"Dense_0": dense}}
    np.testing.assert_array_equal(
        Logit().apply(variables, h), jnp.full(2, 1025.0)
    )  # bfloat16 has 1024 or 1032
