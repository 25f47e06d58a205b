"""Layers that compare the examples of a group: loops, groups of neighbours, and an example alone."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import dcgan, mlp
from jaxgan.models.layers import MinibatchDiscrimination, MinibatchStd
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)


def test_standard_deviation_by_loops():
    x = jax.random.normal(KEY, (6, 2, 3, 4))
    out = MinibatchStd(group=3, planes=2).apply({}, x, train=True)
    np.testing.assert_array_equal(out[..., :4], x)
    for i in range(6):
        group = np.asarray(x[3 * (i // 3) : 3 * (i // 3) + 3], np.float64)  # neighbours, not every second one
        for plane in range(2):
            part = group[..., 2 * plane : 2 * plane + 2]
            expected = np.sqrt(part.var(axis=0) + 1e-8).mean()
            np.testing.assert_allclose(out[i, ..., 4 + plane], np.full((2, 3), expected), rtol=1e-4)


def test_equal_examples_and_one_alone():
    same = jnp.ones((4, 5))
    for train in (True, False):
        np.testing.assert_allclose(MinibatchStd(4).apply({}, same, train=train)[:, 5], np.full(4, 1e-4))
    layer = MinibatchDiscrimination(4, kernels=3, size=2)
    variables = layer.init(KEY, same)
    for x, train in ((same, True), (jax.random.normal(KEY, (3, 5)), False)):
        out = layer.apply(variables, x, train=train)
        np.testing.assert_allclose(out, np.concatenate([x, np.full((len(x), 3), 3.0)], axis=1))
    grad = jax.grad(lambda x: MinibatchStd(4).apply({}, x, train=True).sum())(same)
    assert np.isfinite(grad).all()


def test_discrimination_by_loops():
    x = jax.random.normal(KEY, (6, 5))
    layer = MinibatchDiscrimination(group=3, kernels=2, size=4)
    variables = layer.init(KEY, x)
    out = layer.apply(variables, x, train=True)
    m = (np.asarray(x) @ np.asarray(variables["params"]["Dense_0"]["kernel"])).reshape(6, 2, 4)
    for i in range(6):
        others = [j for j in range(6) if j // 3 == i // 3 and j != i]
        for k in range(2):
            expected = sum(math.exp(-np.abs(m[i, k] - m[j, k]).sum()) for j in others)
            np.testing.assert_allclose(out[i, 5 + k], expected, rtol=1e-4)


def test_a_group_is_not_split_among_devices_and_must_divide_their_share():
    """Any share that holds whole groups gives the same rows; one that does not is refused."""
    x = jax.random.normal(KEY, (8, 5))
    layer = MinibatchDiscrimination(group=4, kernels=2, size=3)
    variables = layer.init(KEY, x)
    whole = layer.apply(variables, x, train=True)
    halves = jnp.concatenate([layer.apply(variables, half, train=True) for half in (x[:4], x[4:])])
    np.testing.assert_allclose(whole, halves, rtol=1e-5)
    for bad in (layer, MinibatchStd(4)):
        with pytest.raises(Refused, match="groups of 4 examples, which do not divide the 6 inputs"):
            bad.init_with_output(KEY, x[:6], train=True)
    with pytest.raises(Refused, match="groups of 2 or more"):
        MinibatchStd(1).apply({}, x, train=True)
    with pytest.raises(Refused, match="planes=3"):
        MinibatchStd(4, 3).apply({}, x, train=True)


@pytest.mark.parametrize(
    "across", [MinibatchStd(2), MinibatchDiscrimination(2, 3, 2)], ids=["std", "closeness"]
)
@pytest.mark.parametrize("build", [mlp.Discriminator, dcgan.Discriminator], ids=["mlp", "dcgan"])
def test_discriminators_have_them_before_the_logit(build, across):
    small = {"widths": (4,)} if build is mlp.Discriminator else {"width": 2, "norm": "none"}
    d = from_linen(build(**small, across=across, heads=(("class", 3),), features=True))
    plain = from_linen(build(**small))
    x = jax.random.normal(KEY, (4, 8, 8, 1))

    @jax.jit
    def outputs(x):
        variables = d.init(KEY, x)
        return variables[0], plain.init(KEY, x)[0], d.apply(*variables, x, train=True)[0]

    params, plain_params, out = outputs(x)
    more = sum(x.size for x in jax.tree.leaves(params)) - sum(x.size for x in jax.tree.leaves(plain_params))
    added = 1 if isinstance(across, MinibatchStd) else 3
    size = params["head_class"]["kernel"].shape[0]
    own = sum(x.size for x in jax.tree.leaves(params.get("across", {})))
    assert more == added + 3 * size + 3 + own
    assert out.logit.shape == (4,)
    assert len(out.heads["features"]) > 0
