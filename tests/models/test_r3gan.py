import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import r3gan

KEY = jax.random.key(0)


def count(module, *inputs):
    variables = jax.eval_shape(module.init, KEY, *inputs)
    return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(variables["params"]))


@pytest.mark.parametrize("size", r3gan.SIZES)
def test_every_size(size):
    widths = tuple(8 * (i + 1) for i in range(r3gan.stages(size)))

    def both(z):
        x, _ = r3gan.Generator((size, size, 2), widths, blocks=1).init_with_output(KEY, z)
        return x, r3gan.Discriminator(widths, blocks=1).init_with_output(KEY, x)[0]

    x, logits = jax.eval_shape(both, jnp.ones((3, 5)))
    assert (x.shape, logits.shape) == ((3, size, size, 2), (3,))


def test_sizes():
    assert {28, 32, 64, 128, 256} < set(r3gan.SIZES)


def test_parameters_of_the_papers_cifar_10_networks():
    """768 channels, 8 blocks in either network: about 21 million each."""
    c, inner = 768, 1536
    blocks = 8 * ((c + 1) * inner + (9 * 16 + 1) * inner + inner * c)
    g = count(r3gan.Generator(), jnp.ones((2, 64)))
    assert g == blocks + 16 * c + 64 * c + 3 * (c + 1) == 20_732_163
    d = count(r3gan.Discriminator(), jnp.ones((2, 32, 32, 3)))
    assert d == blocks + 4 * c + 16 * c + c + 1 == 20_684_545


def randomised(variables):
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda p: jnp.asarray(0.3 * rng.normal(size=p.shape), p.dtype), variables)


def test_a_block_equals_a_resnext_block_of_flax():
    """The same parameters through Flax's own grouped convolution, in value, gradient and gradient penalty."""
    x = jax.random.normal(KEY, (2, 4, 5, 8))
    block = r3gan.Block(expansion=2, group=4, depth=3)
    variables = randomised(jax.eval_shape(block.init, KEY, x))

    def ours(variables, x):
        return block.apply(variables, x)

    def theirs(variables, x):
        h, p = x, variables["params"]
        for name, layer in [
            ("expand", nn.Conv(16, (1, 1))),
            ("spread", nn.Conv(16, (3, 3), feature_group_count=4)),
        ]:
            h = nn.leaky_relu(layer.apply({"params": p[name]}, h), 0.2)
        return x + h @ p["project"]["kernel"][0, 0]

    def run(f):
        def slope(v, x):
            return jax.grad(lambda x: jnp.square(f(v, x)).sum())(x)

        penalty = jax.grad(lambda v: jnp.square(slope(v, x)).sum())
        return jax.jit(lambda v: (f(v, x), slope(v, x), penalty(v)))(variables)

    for got, expected in zip(*map(jax.tree.leaves, (run(ours), run(theirs))), strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-4, atol=1e-4)


def test_grouped_convolutions_are_split_on_cpu_only():
    conv = r3gan.GroupedConv(8, 2, nn.initializers.lecun_normal())
    x = jnp.ones((1, 4, 4, 8))
    variables = jax.eval_shape(conv.init, KEY, x)
    for platform, groups in [("cpu", [1, 1, 1, 1]), ("cuda", [4])]:
        text = jax.jit(conv.apply).trace(variables, x).lower(lowering_platforms=(platform,)).as_text()
        assert [int(part.split(" ")[0]) for part in text.split("feature_group_count = ")[1:]] == groups


def test_resampling_is_1331():
    x = np.asarray(jax.random.normal(KEY, (1, 6, 6, 1)))

    def filtered(x, taps, axis, start, step):
        """Returns the sum of shifted copies, away from the edges."""
        n = x.shape[axis]
        span = range(start, n - len(taps) + 1, step)
        return np.stack(
            [sum(t * np.take(x, i + j, axis) for j, t in enumerate(taps)) for i in span], axis=axis
        )

    down = np.asarray(r3gan._resize(jnp.asarray(x), 3))
    by_hand = filtered(filtered(x, np.array([1, 3, 3, 1]) / 8, 1, 1, 2), np.array([1, 3, 3, 1]) / 8, 2, 1, 2)
    np.testing.assert_allclose(down[:, 1:2, 1:2], by_hand[:, :1, :1], atol=1e-6)

    up = np.asarray(r3gan._resize(jnp.asarray(x), 12))
    stuffed = np.zeros((1, 12, 12, 1))
    stuffed[:, ::2, ::2] = x
    taps = np.array([1, 3, 3, 1]) / 4
    by_hand = filtered(
        filtered(stuffed, taps, 1, 0, 1), taps, 2, 0, 1
    )  # the i-th is centred between i+1, i+2
    np.testing.assert_allclose(up[:, 2:10, 2:10], by_hand[:, :8, :8], atol=1e-6)


def test_initialisation():
    g = r3gan.Generator((8, 8, 3), (32, 32), blocks=2)
    params = jax.jit(g.init)(KEY, jnp.ones((2, 400)))["params"]
    depth, gain = 4, np.sqrt(2 / 1.04)
    for i in range(depth):
        block = params[f"Block_{i}"]
        assert not block["project"]["kernel"].any()
        assert float(block["expand"]["kernel"].std()) == pytest.approx(
            gain / np.sqrt(32) * depth**-0.25, rel=0.1
        )
        assert float(block["spread"]["kernel"].std()) == pytest.approx(
            gain / np.sqrt(9 * 16) * depth**-0.25, rel=0.1
        )
    assert float(params["Dense_0"]["kernel"].std()) == pytest.approx(1 / 20, rel=0.05)
    assert float(params["basis"].std()) == pytest.approx(1, rel=0.1)


def test_the_initial_generator_scales_its_basis():
    """All branches are 0: z scales the channels of one image, which is upsampled and mapped to colours."""
    g = r3gan.Generator((16, 16, 3), (8, 8, 8), blocks=1)
    z = jax.random.normal(KEY, (2, 5))
    variables = g.init(KEY, z)
    p = variables["params"]
    x = p["basis"] * (z @ p["Dense_0"]["kernel"])[:, None, None]
    for side in (8, 16):
        x = jax.image.resize(x, (2, side, side, 8), "linear")
    expected = x @ p["image"]["kernel"][0, 0] + p["image"]["bias"]
    np.testing.assert_allclose(g.apply(variables, z), expected, atol=1e-5)


def test_the_discriminators_head_is_a_depthwise_convolution():
    d = r3gan.Discriminator((8, 8), blocks=1)
    x = jax.random.normal(KEY, (2, 8, 8, 3))
    variables = d.init(KEY, x)
    p = variables["params"]
    h = x @ p["image"]["kernel"][0, 0] + p["image"]["bias"]
    h = jax.image.resize(h, (2, 4, 4, 8), "linear")
    depthwise = nn.Conv(8, (4, 4), padding="VALID", feature_group_count=8, use_bias=False)
    h = depthwise.apply({"params": {"kernel": p["head"][:, :, None]}}, h)[:, 0, 0]
    expected = (h @ p["Logit_0"]["Dense_0"]["kernel"])[:, 0]
    np.testing.assert_allclose(d.apply(variables, x), expected, atol=1e-5)


def test_labels_change_both_networks():
    z, label = jax.random.normal(KEY, (2, 5)), jnp.array([0, 2])
    g, d = r3gan.Generator((8, 8, 1), (8, 8), 1, classes=3), r3gan.Discriminator((8, 8), 1, classes=3)
    g_variables = g.init(KEY, z, label)
    x = g.apply(g_variables, z, label)
    d_variables = d.init(KEY, x, label)
    other = jnp.array([0, 1])
    for output, changed in [
        (x, g.apply(g_variables, z, other)),
        (d.apply(d_variables, x, label), d.apply(d_variables, x, other)),
    ]:
        assert [np.array_equal(*pair) for pair in zip(output, changed, strict=True)] == [True, False]


def test_refusals():
    for shape, message in [
        ((30, 30, 1), "take 28 or 32"),
        ((512, 512, 1), "take 256"),
        ((32, 64, 3), "square"),
    ]:
        with pytest.raises(Refused, match=message):
            r3gan.Generator(shape)
    with pytest.raises(Refused, match="1 to 4 channels, not 5"):
        r3gan.Generator((32, 32, 5))
    with pytest.raises(Refused, match="28 px need 3 stages, so as many widths; not 4"):
        r3gan.Generator((28, 28, 1))
    with pytest.raises(Refused, match=r"2 \* 12 channels are not divisible into groups of 16"):
        r3gan.Generator((8, 8, 1), (16, 12))
    with pytest.raises(Refused, match="need 2 stages"):
        jax.eval_shape(r3gan.Discriminator().init, KEY, jnp.ones((1, 8, 8, 1)))
    with pytest.raises(Refused, match="given no labels"):
        jax.eval_shape(r3gan.Generator((8, 8, 1), (8, 8), classes=3).init, KEY, jnp.ones((1, 4)))
