import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import mlp
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_shapes_and_statistics(norm):
    z, keys = jax.random.normal(KEY, (4, 6)), jax.random.split(KEY, 4)
    g = from_linen(mlp.Generator((2, 2, 1), (5,), norm=norm))
    d = from_linen(mlp.Discriminator((5, 3), norm=norm, pieces=2, dropout=0.5))

    @jax.jit
    def play(z):
        x, changed = g.apply(*g.init(KEY, z), z, train=True)
        d_params, d_stats = d.init(KEY, x)
        logits, _ = d.apply(d_params, d_stats, x, key=keys)
        return x, changed, logits, d.apply(d_params, d_stats, x, key=keys, train=True)[0]

    x, changed, logits, train_logits = play(z)
    assert (x.shape, logits.shape) == ((4, 2, 2, 1), (4,))
    assert (logits != train_logits).any()
    assert set(changed) == {"batch": {"batch_stats"}, "spectral": {"spectral"}, "none": set()}[norm]


def test_maxout_by_hand():
    d = mlp.Discriminator((2,), pieces=3)
    x = jax.random.normal(KEY, (4, 5))
    variables = d.init(KEY, x)
    dense, last = variables["params"]["Dense_0"], variables["params"]["Logit_0"]["Dense_0"]
    outputs = np.asarray(x @ dense["kernel"] + dense["bias"])
    h = np.stack([outputs[:, ::2].max(1), outputs[:, 1::2].max(1)], axis=1)
    np.testing.assert_allclose(d.apply(variables, x), h @ last["kernel"][:, 0] + last["bias"], atol=1e-5)


def test_both_networks_by_hand():
    z = jax.random.normal(KEY, (4, 5))
    g = mlp.Generator((3,), (6, 7), activation=nn.softplus, final=jnp.sin)
    d = mlp.Discriminator((6, 7), activation=nn.softplus)
    for network, last_activation in ((g, jnp.sin), (d, lambda x: x[:, 0])):
        variables = network.init(KEY, z)
        params = variables["params"]
        h = z
        for name in ("Dense_0", "Dense_1"):
            h = jnp.log1p(jnp.exp(h @ params[name]["kernel"] + params[name]["bias"]))
        last = params.get("Dense_2") or params["Logit_0"]["Dense_0"]
        expected = last_activation(h @ last["kernel"] + last["bias"])
        np.testing.assert_allclose(network.apply(variables, z), expected, rtol=1e-4, atol=1e-5)


def test_final_activations_and_initialisation():
    z = 100 * jax.random.normal(KEY, (4, 6))
    ranges = {mlp.identity: (-np.inf, np.inf), nn.tanh: (-1, 1), mlp.scaled_sigmoid: (-1, 1)}
    for final, (low, high) in ranges.items():
        x, _ = mlp.Generator((2,), (4,), final=final).init_with_output(KEY, z)
        assert x.shape == (4, 2)
        assert low <= x.min() <= x.max() <= high
    orthogonal = mlp.Generator((2,), (6,), kernel_init=nn.initializers.orthogonal(0.8)).init(KEY, z)
    kernel = orthogonal["params"]["Dense_0"]["kernel"]
    np.testing.assert_allclose(kernel @ kernel.T, 0.64 * np.eye(6), atol=1e-5)


def test_batch_norm_momentum():
    z = jax.random.normal(KEY, (16, 3)) + 5
    for momentum in (0.8, 0.9):
        g = from_linen(mlp.Generator((2,), (4,), norm="batch", momentum=momentum))
        params, stats = g.init(KEY, z)
        batch_mean = (z @ params["Dense_0"]["kernel"]).mean(0)
        _, changed = g.apply(params, stats, z, train=True)
        mean = changed["batch_stats"]["BatchNorm_0"]["mean"]
        np.testing.assert_allclose(mean, (1 - momentum) * batch_mean, rtol=1e-4, atol=1e-5)


def test_batch_norm_over_a_mapped_axis_uses_the_full_batch():
    z = jax.random.normal(KEY, (8, 3))
    full, split = (from_linen(mlp.Generator((2,), (4,), norm="batch", axis=axis)) for axis in (None, "d"))
    params, stats = full.init(KEY, z)
    expected, _ = full.apply(params, stats, z, train=True)
    got = jax.vmap(lambda z: split.apply(params, stats, z, train=True)[0], axis_name="d")(z.reshape(2, 4, 3))
    np.testing.assert_allclose(got.reshape(8, 2), expected, atol=1e-5)


def test_projection():
    d = mlp.Discriminator((4,), classes=3)
    x = jnp.ones((2, 5))
    variables = d.init(KEY, x, jnp.array([0, 1]))
    logits = d.apply(variables, x, jnp.array([0, 2]))
    assert logits[0] != logits[1]
    with pytest.raises(Refused, match=r"2 inputs need as many labels, or rows of labels, not \(4,\)"):
        d.apply(variables, x, jnp.arange(4) % 3)
