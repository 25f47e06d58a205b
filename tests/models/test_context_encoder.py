import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import context_encoder

KEY = jax.random.key(0)


def test_a_channelwise_dense_layer_channel_by_channel():
    x = np.random.RandomState(0).randn(2, 3, 4, 5).astype(np.float32)
    layer = context_encoder.ChannelwiseDense()
    params = jax.tree.map(lambda leaf: leaf + 0.1, layer.init(KEY, x)["params"])
    y = layer.apply({"params": params}, x)
    for c in range(5):
        expected = x[..., c].reshape(2, 12) @ np.asarray(params["kernel"][c]) + np.asarray(
            params["bias"][:, c]
        )
        np.testing.assert_allclose(y[..., c].reshape(2, 12), expected, atol=1e-5)


def test_parameters_by_hand():
    g = context_encoder.Generator((16, 16, 1), hole=8, width=4, depth=3)
    params = jax.eval_shape(g.init, KEY, jnp.ones((1, 16, 16, 1)))["params"]
    encoder = 16 * (1 * 4 + 4 * 8 + 8 * 16) + 4 + 2 * (8 + 16)
    middle = 16 * 4 * 4 + 4 * 16 + 16 * 16 + 16
    decoder = 16 * (16 * 8 + 8 * 1) + 2 * 8 + 1
    count = sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(params))
    assert count == encoder + middle + decoder


@pytest.mark.parametrize(
    ("side", "hole", "depth"), [(16, 8, 2), (16, 8, 3), (32, 16, 3), (16, 16, 2), (32, 8, 4)]
)
@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_shapes(side, hole, depth, norm):
    g = context_encoder.Generator((side, side, 3), hole, 2, depth, norm)
    y = jax.eval_shape(g.init_with_output, KEY, jnp.ones((2, side, side, 4)))[0]
    assert y.shape == (2, hole, hole, 3)


def test_every_pixel_sees_the_whole_picture():
    g = context_encoder.Generator((16, 16, 1), 8, width=2, depth=2, norm="none")
    x = jax.random.normal(KEY, (1, 16, 16, 1))

    @jax.jit
    @jax.grad
    def reach_of(x):
        return g.apply(g.init(KEY, x), x)[0, 0, 0, 0]

    reach = reach_of(x)
    assert float(abs(reach[0, -4:, -4:]).max()) > 0


@pytest.mark.parametrize(("shape", "hole", "depth"), [((16, 12, 1), 8, 2), ((16, 16), 8, 2)])
def test_refused_shapes(shape, hole, depth):
    with pytest.raises(Refused, match="square images"):
        context_encoder.Generator(shape, hole, depth=depth)


@pytest.mark.parametrize(("hole", "depth"), [(4, 2), (12, 2), (8, 5), (6, 3)])
def test_refused_holes(hole, depth):
    with pytest.raises(Refused, match=f"a hole of {hole} px"):
        context_encoder.Generator((16, 16, 1), hole, depth=depth)


def test_refused_pictures():
    g = context_encoder.Generator((16, 16, 1), 8, depth=2)
    with pytest.raises(Refused, match=r"needs images \(16, 16\), not \(8, 8\)"):
        jax.eval_shape(g.init, KEY, jnp.ones((1, 8, 8, 1)))
