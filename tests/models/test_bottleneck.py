"""Random codes: their law, the independence of the batch, and the discriminator that judges them."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.models import bottleneck
from jaxgan.models.layers import GaussianCode

KEY = jax.random.key(0)
H = jax.random.normal(KEY, (4, 5))


@jax.jit
def coded(h, keys):
    layer = GaussianCode(3)
    return layer.apply(layer.init(KEY, h), h, keys, train=True)


def test_codes_are_normal_and_depend_on_the_example_s_key_only():
    many, keys = jnp.tile(H, (1000, 1)), jax.random.split(KEY, 4000)
    code, mean, deviation = coded(many, keys)
    z = np.asarray((code - mean) / deviation)
    assert abs(z.mean()) < 0.03
    assert abs(z.std() - 1) < 0.03
    assert np.abs(np.corrcoef(z.T) - np.eye(3)).max() < 0.07
    half = jax.jit(lambda h, k: GaussianCode(3).apply(GaussianCode(3).init(KEY, h), h, k, train=True))(
        many[2000:], keys[2000:]
    )
    np.testing.assert_allclose(half[0], code[2000:], rtol=1e-5, atol=1e-6)


def test_evaluation_judges_the_mean():
    d = jg.from_linen(bottleneck.Discriminator(nn.Sequential([nn.Dense(4), nn.relu]), size=3, classes=2))
    label, keys = jnp.array([0, 1, 0, 1]), jax.random.split(KEY, 4)

    @jax.jit
    def judged():
        params, stats = d.init(KEY, H, label)
        weights = params["Logit_0"]["Dense_0"]
        evaluated = d.apply(params, stats, H, label)[0]
        table = params["Logit_0"]["Embed_0"]["embedding"]
        mean = evaluated.heads["mean"]
        by_hand = (mean @ weights["kernel"] + weights["bias"])[:, 0] + (mean * table[label]).sum(1)
        return evaluated, d.train(params, stats, H, label, key=keys, step=0)[0], by_hand

    evaluated, training, by_hand = judged()
    np.testing.assert_allclose(evaluated.logit, by_hand, rtol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, evaluated.heads, training.heads)
    assert (evaluated.logit != training.logit).all()


def test_a_code_without_keys_is_refused():
    with pytest.raises(jg.Refused, match="a random code needs key="):
        jax.eval_shape(lambda: GaussianCode(3).init(KEY, H, train=True))
