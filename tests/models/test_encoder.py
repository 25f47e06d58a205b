import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.models.encoder import Encoder
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)


@pytest.mark.parametrize("side", [8, 28, 7])
@pytest.mark.parametrize("norm", ["batch", "instance", "spectral", "none"])
def test_shapes(side, norm):
    e = from_linen(Encoder(5, (3, 4), norm=norm))

    def train(x):
        return e.apply(*e.init(KEY, x), x, train=True)

    (mean, log_variance), changed = jax.eval_shape(train, jnp.ones((2, side, side, 1)))
    assert mean.shape == log_variance.shape == (2, 5)
    assert set(changed) == {"batch": {"batch_stats"}, "spectral": {"spectral"}}.get(norm, set())


def test_by_hand():
    x = jax.random.normal(KEY, (2, 8, 8, 1))
    e = Encoder(3, (2, 4), norm="none")
    variables = e.init(KEY, x)
    params, h = variables["params"], x
    for i, width in enumerate((2, 4)):
        h = nn.leaky_relu(nn.Conv(width, (4, 4), (2, 2)).apply({"params": params[f"Conv_{i}"]}, h), 0.2)
    both = h.reshape(2, -1) @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"]
    mean, log_variance = e.apply(variables, x)
    np.testing.assert_allclose(mean, both[:, :3], atol=1e-5)
    np.testing.assert_allclose(log_variance, both[:, 3:], atol=1e-5)
