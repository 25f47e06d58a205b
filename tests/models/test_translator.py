import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import translator

KEY = jax.random.key(0)


@pytest.mark.parametrize("shape", [(8, 8, 1), (16, 16, 3), (28, 28, 1), (12, 32, 2)])
@pytest.mark.parametrize("norm", ["instance", "batch", "spectral", "none"])
def test_shapes(shape, norm):
    g = translator.Generator(shape, width=2, blocks=1, norm=norm)
    assert jax.eval_shape(g.init_with_output, KEY, jnp.ones((3, *shape[:2], 3)))[0].shape == (3, *shape)


def test_parameters_of_the_papers_network():
    g = translator.Generator((256, 256, 3), blocks=9)
    params = jax.eval_shape(g.init, KEY, jnp.ones((1, 256, 256, 3)))["params"]
    count = sum(
        np.prod(leaf.shape, dtype=int)
        for path, leaf in jax.tree.leaves_with_path(params)
        if "InstanceNorm" not in path[0].key
    )
    ends = 49 * 3 * 64 + 64 + 49 * 64 * 3 + 3
    sides = 9 * 2 * (64 * 128 + 128 * 256) + 128 + 256 + 128 + 64
    assert count == ends + sides + 18 * (9 * 256 * 256 + 256) == 11_378_179


def test_by_hand():
    x = jax.random.normal(KEY, (2, 8, 8, 2))
    g = translator.Generator((8, 8, 1), width=2, blocks=1)

    def normed(x):
        return (x - x.mean((1, 2), keepdims=True)) / jnp.sqrt(x.var((1, 2), keepdims=True) + 1e-5)

    @jax.jit
    def both(x):
        variables = g.init(KEY, x)
        params = variables["params"]

        def conv(i, features, size, x, strides=1, reflection=None):
            layer = nn.Conv(
                features, (size, size), strides, padding="SAME" if reflection is None else "VALID"
            )
            if reflection is not None:
                x = jnp.pad(
                    x, ((0, 0), (reflection, reflection), (reflection, reflection), (0, 0)), "reflect"
                )
            return layer.apply({"params": params[f"Conv_{i}"]}, x)

        def up(i, features, x):
            x = x.repeat(2, axis=1).repeat(2, axis=2)
            return nn.Conv(features, (3, 3)).apply({"params": params[f"UpConv_{i}"]}, x)

        h = nn.relu(normed(conv(0, 2, 7, x, reflection=3)))
        h = nn.relu(normed(conv(1, 4, 3, h, 2)))
        h = nn.relu(normed(conv(2, 8, 3, h, 2)))
        branch = nn.relu(normed(conv(3, 8, 3, h, reflection=1)))
        h = h + normed(conv(4, 8, 3, branch, reflection=1))
        h = nn.relu(normed(up(0, 4, h)))
        h = nn.relu(normed(up(1, 2, h)))
        return g.apply(variables, x), jnp.tanh(conv(5, 1, 7, h, reflection=3))

    got, expected = both(x)
    assert abs(got).max() > 0.01
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(30, 30, 1), (4, 4, 1), (32, 32)])
def test_refused_shapes(shape):
    with pytest.raises(Refused, match="sides divisible by 4 and of 8 px or more"):
        translator.Generator(shape)


def test_refused_sources():
    with pytest.raises(Refused, match=r"needs images \(8, 8\)"):
        jax.eval_shape(translator.Generator((8, 8, 1), width=2).init, KEY, jnp.ones((2, 16, 16, 1)))
