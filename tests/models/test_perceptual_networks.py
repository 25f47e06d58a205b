"""VGG16, AlexNet, EfficientNet-Lite0: published sizes, a block by hand; LPIPS of a network of one layer."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import alexnet, efficientnet_lite, lpips, vgg16
from jaxgan.models.layers.imagenet import standardised

KEY = jax.random.key(0)


def count(module, side):
    return sum(leaf.size for leaf in jax.tree.leaves(shapes(module, side)["params"]))


def shapes(module, side):
    return jax.eval_shape(module.init, KEY, jnp.zeros((1, side, side, 3)))


def test_the_numbers_of_published_parameters():
    """VGG16's and AlexNet's without their dense layers; EfficientNet-Lite0's 4.65 million with its own."""
    assert count(vgg16.VGG16(), 32) == 14_714_688
    assert count(alexnet.AlexNet(), 32) == 2_469_696
    assert count(efficientnet_lite.EfficientNetLite(), 32) == 4_652_008


@pytest.mark.parametrize("module", [vgg16.VGG16(), alexnet.AlexNet()])
def test_too_small_pictures_are_refused(module):
    with pytest.raises(Refused, match=r"needs pictures of \d\d px or more, not 15x15: enlarge them"):
        shapes(module, 15)


def test_colours_are_those_of_imagenet():
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 3, 3))
    mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    np.testing.assert_allclose(standardised(jnp.asarray(x)), ((x + 1) / 2 - mean) / deviation, rtol=1e-4)
    with pytest.raises(Refused, match="choose the channels that are colours"):
        standardised(jnp.zeros((2, 3, 3, 4)))


def by_hand(variables, x, size, stride):
    """An inverted residual in float64: loops over positions; what lies outside is 0, and less of it above."""
    p, moments = variables["params"], variables["batch_stats"]

    def norm(h, name):
        spread = np.sqrt(np.float64(moments[name]["var"]) + 1e-3)
        return (h - moments[name]["mean"]) / spread * p[name]["scale"] + p[name]["bias"]

    h = np.clip(norm(x @ np.float64(p["_expand_conv"]["kernel"][0, 0]), "_bn0"), 0, 6)
    side, kernel = h.shape[1], np.float64(p["_depthwise_conv"]["kernel"][:, :, 0])
    outside = max((-(-side // stride) - 1) * stride + size - side, 0)
    before = outside // 2
    h = np.pad(h, ((0, 0), *[(before, outside - before)] * 2, (0, 0)))
    places = range(0, side, stride)
    rows = [[(h[:, i : i + size, j : j + size] * kernel).sum(axis=(1, 2)) for j in places] for i in places]
    h = np.clip(norm(np.stack([np.stack(row, 1) for row in rows], 1), "_bn1"), 0, 6)
    h = norm(h @ np.float64(p["_project_conv"]["kernel"][0, 0]), "_bn2")
    return h + x if h.shape == x.shape else h


@pytest.mark.parametrize(("size", "stride", "side"), [(3, 1, 5), (5, 2, 8), (3, 2, 8)])
def test_a_block_by_hand(size, stride, side):
    block = efficientnet_lite.Block(efficientnet_lite.Stage(1, 4, size, stride), stride)
    rng = np.random.default_rng(size)
    x = rng.normal(size=(2, side, side, 4)).astype(np.float32) * 3

    def fill(path, leaf):
        drawn = rng.normal(size=leaf.shape).astype(np.float32)
        return abs(drawn) + 0.1 if path[-1].key == "var" else drawn

    variables = jax.tree.map_with_path(fill, jax.eval_shape(block.init, KEY, x))
    np.testing.assert_allclose(
        block.apply(variables, x), by_hand(variables, x, size, stride), rtol=1e-4, atol=1e-4
    )


class Rectified(nn.Module):
    """A network of one layer without weights."""

    def __call__(self, x):
        return {"only": nn.relu(x)}


def test_lpips_of_one_layer_in_closed_form():
    judge = lpips.LPIPS(Rectified(), ("only",))
    x = jnp.zeros((1, 1, 2, 2)).at[0, 0].set(jnp.array([[3.0, 4.0], [0.0, -1.0]]))
    y = jnp.zeros((1, 1, 2, 2)).at[0, 0].set(jnp.array([[1.0, 0.0], [0.0, 2.0]]))
    # directions (.6, .8) and (1, 0); none and (0, 1): weighted squares, and their mean over two positions
    expected = ((0.4**2 * 2 + 0.8**2 * 10) + 10) / 2
    variables = {"params": {"weights0": jnp.array([2.0, 10.0])}}
    np.testing.assert_allclose(judge.apply(variables, x, y), [expected], rtol=1e-6)
    with pytest.raises(Refused, match="cannot be compared"):
        judge.apply(variables, x, y[:, :, :1])


class Bare(nn.Module):
    """The input as the only layer: nothing behind it hides a slope that is no number, as a ReLU does."""

    def __call__(self, x):
        return {"only": x}


def test_the_gradient_of_lpips_is_finite_where_all_channels_are_off():
    """That of the published form is not a number there: it has the square root of 0."""
    judge, off, x = lpips.LPIPS(Bare(), ("only",)), jnp.zeros((1, 2, 2, 3)), jnp.ones((1, 2, 2, 3))
    variables = {"params": {"weights0": jnp.ones(3)}}
    assert jnp.isfinite(jax.grad(lambda y: judge.apply(variables, x, y).sum())(off)).all()
