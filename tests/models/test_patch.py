import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import patch
from jaxgan.parts.network import from_linen
from jaxgan.parts.output import Output, per_example

KEY = jax.random.key(0)


def shape_of(d, *inputs):
    return jax.tree.map(jnp.shape, jax.eval_shape(d.init_with_output, KEY, *inputs)[0])


@pytest.mark.parametrize(("side", "depth", "patches"), [(8, 1, 4), (16, 2, 4), (28, 3, 4), (32, 3, 4)])
@pytest.mark.parametrize("norm", ["instance", "batch", "spectral", "none"])
def test_a_logit_for_each_patch(side, depth, patches, norm):
    d, x = patch.Discriminator(width=2, depth=depth, norm=norm), jnp.ones((3, side, side, 1))
    assert shape_of(d, x) == shape_of(d, x, jnp.ones((3, side, side, 2))) == (3, patches, patches)


@pytest.mark.parametrize("depth", [1, 2])
def test_the_receptive_field_is_that_of_the_docstring(depth):
    d = patch.Discriminator(width=2, depth=depth, norm="none")
    side, middle = 80, 40 >> depth

    @jax.jit
    def influence(x):
        params = d.init(KEY, x)
        return jax.grad(lambda x: d.apply(params, x)[0, middle, middle])(x)[0, :, :, 0]

    influential = np.asarray(influence(jax.random.normal(KEY, (1, side, side, 1))) != 0)
    rows, columns = (np.flatnonzero(influential.any(axis)) for axis in (1, 0))
    field = 9 * 2**depth - 2  # 16, 34; 70 at the paper's depth of 3
    assert len(rows) == np.ptp(rows) + 1 == field
    assert len(columns) == np.ptp(columns) + 1 == field
    # one of 4 taps is before the centre; two layers of stride 1, then `depth` of stride 2
    assert rows[0] == columns[0] == (middle << depth) - 3 * 2**depth + 1


def test_a_head_reads_the_whole_image():
    x = jax.random.normal(KEY, (2, 8, 8, 1))
    d = patch.Discriminator(width=3, depth=1, features=True, heads=(("attributes", 5),))
    variables = d.init(KEY, x)
    output = d.apply(variables, x)
    plain = variables["params"].copy()
    head = plain.pop("head_attributes")
    last = np.asarray(output.heads["features"][-1]).reshape(2, -1)
    np.testing.assert_allclose(
        output.heads["attributes"], last @ np.asarray(head["kernel"]) + np.asarray(head["bias"]), rtol=1e-5
    )
    logits = patch.Discriminator(width=3, depth=1).apply({"params": plain}, x)
    np.testing.assert_array_equal(output.logit, logits)


def test_parameters_of_the_papers_network():
    x = jnp.ones((1, 256, 256, 3))
    variables = jax.eval_shape(patch.Discriminator(norm="batch").init, KEY, x, x)
    count = sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(variables["params"]))
    kernels = 16 * (6 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 1)
    assert count == kernels + 64 + 1 + 2 * (128 + 256 + 512) == 2_768_705


def test_by_hand_with_a_source_and_features():
    x, source = jax.random.normal(KEY, (2, 3, 8, 8, 1))
    d = patch.Discriminator(width=3, depth=1, features=True)
    variables = d.init(KEY, x, source)
    params, output = variables["params"], d.apply(variables, x, source)

    def lrelu(x):
        return jnp.where(x > 0, x, 0.2 * x)

    h = jnp.concatenate([x, source], axis=-1)
    first = lrelu(nn.Conv(3, (4, 4), (2, 2)).apply({"params": params["Conv_0"]}, h))
    h = nn.Conv(6, (4, 4), use_bias=False).apply({"params": params["Conv_1"]}, first)
    second = lrelu((h - h.mean((1, 2), keepdims=True)) / jnp.sqrt(h.var((1, 2), keepdims=True) + 1e-5))
    logit = nn.Conv(1, (4, 4)).apply({"params": params["Conv_2"]}, second)[..., 0]
    assert isinstance(output, Output)
    np.testing.assert_allclose(output.logit, logit, atol=1e-5)
    for got, expected in zip(output.heads["features"], (first, second), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_array_equal(d.clone(features=False).apply(variables, x, source), output.logit)
    assert (d.apply(variables, source, x).logit != output.logit).any()  # their order matters


def test_scales_are_averaged_and_share_no_parameters():
    x, source = jax.random.normal(KEY, (2, 2, 16, 16, 1))
    d = patch.MultiScale(scales=3, width=2, depth=1, features=True)
    variables = d.init(KEY, x, source)
    output = d.apply(variables, x, source)
    assert [logit.shape for logit in output.logit] == [(2, 8, 8), (2, 4, 4), (2, 2, 2)]
    assert len(variables["params"]) == len(output.heads["features"]) == 3
    assert per_example(output.logit).shape == (2,)
    half = [picture.reshape(2, 8, 2, 8, 2, 1).mean((2, 4)) for picture in (x, source)]
    single = patch.Discriminator(width=2, depth=1, features=True)
    expected = single.apply({"params": variables["params"]["Discriminator_1"]}, *half)
    np.testing.assert_allclose(expected.logit, output.logit[1], atol=1e-5)
    np.testing.assert_allclose(expected.heads["features"][1], output.heads["features"][1][1], atol=1e-4)
    bare = d.clone(features=False).apply(variables, x, source)
    assert isinstance(bare, tuple)
    assert not isinstance(bare, Output)


def test_from_linen_passes_train():
    x = jnp.ones((2, 8, 8, 1))
    d = from_linen(patch.MultiScale(scales=2, width=2, depth=1, norm="batch"))
    params, stats = jax.eval_shape(d.init, KEY, x)
    logits, changed = jax.eval_shape(lambda p, s: d.apply(p, s, x, train=True), params, stats)
    assert len(logits) == 2
    assert set(changed) == {"batch_stats"}


def test_refused():
    with pytest.raises(Refused, match="the same height and width"):
        shape_of(patch.Discriminator(width=2), jnp.ones((2, 8, 8, 1)), jnp.ones((2, 16, 16, 1)))
    with pytest.raises(Refused, match="1 to 4 scales, not 5"):
        shape_of(patch.MultiScale(scales=5, width=2, depth=1, norm="none"), jnp.ones((2, 8, 8, 1)))
