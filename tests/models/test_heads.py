"""Heads and features of discriminators."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import convnet, dcgan, mlp, sngan
from jaxgan.models.layers import normalise, with_heads
from jaxgan.parts.output import Output

KEY = jax.random.key(0)
X = jax.random.normal(KEY, (3, 8, 8, 1))
HEADS = (("class", 4), ("code", 2))
NETWORKS = [
    mlp.Discriminator((5, 6)),
    mlp.Discriminator((5, 6), norm="batch", classes=3),
    convnet.Discriminator((3, 4), 5),
    convnet.Discriminator((3, 4), 5, norm="spectral"),
    dcgan.Discriminator(width=2),
    sngan.Discriminator(width=2, classes=3),
]


@pytest.mark.parametrize("plain", NETWORKS, ids=lambda d: type(d).__module__.split(".")[-1] + d.norm)
def test_heads_do_not_change_parameters_or_logit(plain):
    inputs = (X, jnp.array([0, 2, 1])) if plain.classes else (X,)
    with_outputs = plain.clone(heads=HEADS, features=True)

    @jax.jit
    def both(key):
        before, after = plain.init(key, *inputs), with_outputs.init(key, *inputs)
        return before, after, plain.apply(before, *inputs), with_outputs.apply(after, *inputs)

    before, after, logit, output = both(KEY)
    of_heads = {name: after["params"].pop(f"head_{name}") for name, _ in HEADS}
    assert {name: layer["kernel"].shape[1] for name, layer in of_heads.items()} == dict(HEADS)
    jax.tree.map(np.testing.assert_array_equal, after["params"], before["params"])
    assert isinstance(output, Output)
    np.testing.assert_array_equal(output.logit, logit)
    assert {name: output.heads[name].shape for name, _ in HEADS} == {"class": (3, 4), "code": (3, 2)}
    assert set(output.heads) == {"class", "code", "features"}

    if plain.norm != "spectral":  # else the kernel is divided by its largest singular value
        h = output.heads["features"][-1].reshape(3, -1)
        by_hand = h @ of_heads["code"]["kernel"] + of_heads["code"]["bias"]
        np.testing.assert_allclose(output.heads["code"], by_hand, atol=1e-5)


def test_heads_or_features_alone():
    only_heads, _ = mlp.Discriminator((5,), heads=HEADS).init_with_output(KEY, X)
    only_features, _ = mlp.Discriminator((5,), features=True).init_with_output(KEY, X)
    assert set(only_heads.heads) == {"class", "code"}
    assert set(only_features.heads) == {"features"}
    assert mlp.Discriminator((5,)).init_with_output(KEY, X)[0].shape == (3,)


def test_features_are_the_activations_of_all_layers():
    d = convnet.Discriminator((3, 4), 5, slope=0.3, features=True, dropout=0.5)
    variables = d.init(KEY, X)
    output = d.apply(variables, X, key=jax.random.split(KEY, 3), train=True)
    first, second, dense = output.heads["features"]
    conv = nn.Conv(3, (3, 3), (2, 2)).apply({"params": variables["params"]["Conv_0"]}, X)
    np.testing.assert_allclose(first, jnp.where(conv > 0, conv, 0.3 * conv), atol=1e-5)  # before dropout
    assert (second.shape, dense.shape) == ((3, 2, 2, 4), (3, 5))

    d = sngan.Discriminator(width=2, norm="none", features=True)
    variables = d.init(KEY, X)
    output = d.apply(variables, X)
    assert len(output.heads["features"]) == 4
    logit = variables["params"]["Logit_0"]["Dense_0"]
    h = jnp.maximum(output.heads["features"][-1], 0).sum((1, 2))
    np.testing.assert_allclose(output.logit, h @ logit["kernel"][:, 0] + logit["bias"], atol=1e-5)


def test_spectral_norm_of_heads_has_state():
    plain, with_outputs = (
        convnet.Discriminator((3,), 4, norm="spectral", heads=heads) for heads in ((), HEADS)
    )
    counts = [len(jax.tree.leaves(jax.eval_shape(d.init, KEY, X)["spectral"])) for d in (plain, with_outputs)]
    assert counts[1] - counts[0] == 2 * len(HEADS)


def test_heads_of_bfloat16_features_are_float32():
    class Heads(nn.Module):
        @nn.compact
        def __call__(self, h):
            return with_heads(h[:, 0], h, (("code", 2),), None, "none", False)

    output, _ = Heads().init_with_output(KEY, jnp.ones((2, 3), jnp.bfloat16))
    assert output.heads["code"].dtype == jnp.float32


@pytest.mark.parametrize("heads", [(("features", 3),), (("class", 3), ("class", 4))])
def test_refused_names(heads):
    with pytest.raises(Refused, match="heads need different names"):
        jax.eval_shape(mlp.Discriminator((4,), heads=heads).init, KEY, X)


class Norm(nn.Module):
    @nn.compact
    def __call__(self, x):
        return normalise(x, "instance", None, train=True)


def test_instance_norm_by_hand():
    x = 5 + 3 * jax.random.normal(KEY, (4, 5, 6, 2))
    got, variables = Norm().init_with_output(KEY, x)
    mean, var = x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)
    np.testing.assert_allclose(got, (x - mean) / jnp.sqrt(var + 1e-5), atol=1e-4)
    assert set(variables) == {"params"}  # no state
    np.testing.assert_allclose(Norm().apply(variables, x[:1]), got[:1], atol=1e-6)  # independent of the batch
    np.testing.assert_allclose(Norm().apply(variables, 7 * x + 2), got, atol=1e-4)


@pytest.mark.parametrize("shape", [(4, 1, 1, 8), (4, 8)])
def test_instance_norm_of_one_pixel_is_refused(shape):
    with pytest.raises(Refused, match="instance norm of a single pixel is 0"):
        jax.eval_shape(Norm().init, KEY, jnp.ones(shape))


def test_dcgan_with_instance_norm():
    g = dcgan.Generator((8, 8, 1), width=2, norm="instance")
    variables = jax.eval_shape(g.init, KEY, jnp.ones((2, 3)))
    assert "bias" not in variables["params"]["Dense_0"]  # the norm has one
    d = dcgan.Discriminator(width=2, norm="instance")
    assert jax.eval_shape(d.init_with_output, KEY, jnp.ones((2, 16, 16, 1)))[0].shape == (2,)
