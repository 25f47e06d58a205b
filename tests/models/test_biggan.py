from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import biggan, biggan_deep
from jaxgan.models.layers import VectorNorm, repeat_2x2
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)
BOTH = pytest.mark.parametrize("model", [biggan, biggan_deep])


def filled(module, *inputs):
    """Variables of the module's shapes, filled at random: variances positive, the rest normal."""
    rng = np.random.default_rng(0)

    def fill(path, leaf):
        x = 0.3 * rng.normal(size=leaf.shape)
        return jnp.asarray(abs(x) if path[-1].key == "var" else x, leaf.dtype)

    return jax.tree.map_with_path(fill, jax.eval_shape(module.init, KEY, *inputs))


def count(module, *inputs):
    variables = jax.eval_shape(module.init, KEY, *inputs)
    return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(variables["params"]))


def conv(size, c, n):
    return (size * size * c + 1) * n


def attention(c):
    return 2 * c * (c // 8) + 2 * c * (c // 2) + 1


@pytest.mark.parametrize(("model", "size"), [(biggan, 48), (biggan_deep, 32), (biggan_deep, 48)])
def test_sizes(model, size):
    z = 4 * 5 * 6 if model is biggan else 7

    def both(z, label):
        side = 16 if size != 48 else 12
        g = model.Generator((size, size, 2), 2, 3, side)
        x, _ = g.init_with_output(KEY, z, label)
        d = model.Discriminator(2, 3, side, heads=(("class", 3),), features=True)
        return x, d.init_with_output(KEY, x, label)[0]

    x, (logits, heads) = jax.eval_shape(both, jnp.ones((3, z)), jnp.arange(3))
    assert (x.shape, logits.shape, heads["class"].shape) == ((3, size, size, 2), (3,), (3, 3))


def test_parameters_of_the_papers_biggan_at_128_px():
    """Table 1 of Brock et al., 2019, has 158.3 million for both networks with chunks of z."""
    ch, part, e, classes = 96, 20, 128, 1000
    widths = [16 * ch, 16 * ch, 8 * ch, 4 * ch, 2 * ch, ch]
    g = (part + 1) * 16 * widths[0] + classes * e + attention(2 * ch) + 2 * ch + conv(3, ch, 3)
    for c, n in pairwise(widths):
        g += 2 * (part + e) * (c + n) + conv(3, c, n) + conv(3, n, n) + conv(1, c, n)
    module = biggan.Generator((128, 128, 3), ch, classes, attention=64)
    assert count(module, jnp.ones((2, 6 * part)), jnp.arange(2)) == g

    widths = [3, ch, 2 * ch, 4 * ch, 8 * ch, 16 * ch, 16 * ch]
    d = attention(ch) + (classes + 1) * 16 * ch + 1
    for i, (c, n) in enumerate(pairwise(widths)):
        d += conv(3, c, n) + conv(3, n, n) + (conv(1, c, n) if i < 5 else 0)
    module = biggan.Discriminator(ch, classes, attention=64)
    assert count(module, jnp.ones((2, 128, 128, 3)), jnp.arange(2)) == d
    assert round((g + d) / 1e6) == 158


def test_parameters_at_32_px():
    c, n = 384, 20 + 128
    blocks = 3 * (2 * n * 2 * c + 2 * conv(3, c, c) + conv(1, c, c))
    g = 21 * 16 * c + 10 * 128 + blocks + attention(c) + 2 * c + conv(3, c, 3)
    module = biggan.Generator(classes=10, attention=16)
    assert count(module, jnp.ones((2, 80)), jnp.arange(2)) == g


def test_parameters_of_biggan_deep_at_128_px():
    ch, z, e, classes = 128, 128, 128, 1000
    widths, n = [16 * ch, 16 * ch, 8 * ch, 4 * ch, 2 * ch, ch], z + e

    def up(c, width):
        inner = c // 4
        norms = 2 * n * (c + 3 * inner)
        return norms + conv(1, c, inner) + 2 * conv(3, inner, inner) + conv(1, inner, width)

    g = (n + 1) * 16 * widths[0] + classes * e + attention(2 * ch) + 2 * ch + conv(3, ch, 3)
    g += sum(up(c, c) + up(c, width) for c, width in pairwise(widths))
    module = biggan_deep.Generator((128, 128, 3), ch, classes, attention=64)
    assert count(module, jnp.ones((2, z)), jnp.arange(2)) == g

    def down(c, width):
        inner, more = width // 4, width - c
        body = conv(1, c, inner) + 2 * conv(3, inner, inner) + conv(1, inner, width)
        return body + (conv(1, c, more) if more else 0)

    widths = [ch, 2 * ch, 4 * ch, 8 * ch, 16 * ch, 16 * ch]
    d = conv(3, 3, ch) + attention(2 * ch) + (classes + 1) * 16 * ch + 1
    d += sum(down(c, width) + down(width, width) for c, width in pairwise(widths))
    module = biggan_deep.Discriminator(ch, classes, attention=64)
    assert count(module, jnp.ones((2, 128, 128, 3)), jnp.arange(2)) == d


def test_each_block_has_its_chunk_of_the_latent():
    g, z = biggan.Generator((16, 16, 1), 2, norm="none"), jax.random.normal(KEY, (2, 6))
    variables = filled(g, z)

    @jax.jit
    def inside(z):
        images, captured = g.apply(variables, z, capture_intermediates=True)
        found = captured["intermediates"]
        return found["Dense_0"]["__call__"][0], *(found[f"block{i}"]["__call__"][0] for i in (0, 1)), images

    for part in range(3):
        changed = inside(z.at[0, 2 * part].add(1.0))
        same = [bool((a[0] == b[0]).all()) for a, b in zip(inside(z), changed, strict=True)]
        assert same == [True] * part + [False] * (4 - part)
        assert all((a[1] == b[1]).all() for a, b in zip(inside(z), changed, strict=True))


def test_the_block_of_biggan_equals_the_papers():
    """Both branches at the doubled side, and norms by hand."""
    x, c = jax.random.normal(KEY, (4, 3, 3, 3)), jax.random.normal(KEY, (4, 2))
    block = biggan._Up(6, "none", None, True)
    variables = filled(block, x, c)
    params = variables["params"]
    got, _ = jax.jit(lambda v: block.apply(v, x, c, mutable="batch_stats"))(variables)

    def norm(x, p):
        x = (x - x.mean((0, 1, 2))) / jnp.sqrt(x.var((0, 1, 2)) + 1e-5)
        scale, shift = ((c @ p[name]["kernel"])[:, None, None] for name in ("scale", "shift"))
        return jax.nn.relu((1 + scale) * x + shift)

    def convolved(x, name):
        kernel, bias = params[name]["kernel"], params[name]["bias"]
        same = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=same) + bias

    def expected(x):
        double = lambda x: jax.image.resize(x, (4, 6, 6, x.shape[-1]), "nearest")  # noqa: E731
        h = convolved(double(norm(x, params["VectorNorm_0"])), "conv0")
        h = convolved(norm(h, params["VectorNorm_1"]), "conv1")
        return h + convolved(double(x), "short")

    np.testing.assert_allclose(got, jax.jit(expected)(x), atol=2e-5)


def test_shortcuts_of_biggan_deep_drop_and_add_channels():
    """With branches of zeros, G's block is the first channels, D's the input and a convolution of it."""
    x, c = jax.random.normal(KEY, (2, 4, 4, 8)), jnp.ones((2, 3))
    up, down = biggan_deep._Up(4, True, "none", None, False), biggan_deep._Down(12, True, "none", False)
    zeros = jax.tree.map(jnp.zeros_like, filled(up, x, c))
    y = jax.jit(lambda v: up.apply(v, x, c))(zeros)
    np.testing.assert_array_equal(y, repeat_2x2(x[..., :4]))
    params = jax.tree.map(jnp.zeros_like, filled(down, x))["params"]
    kernel = jax.random.normal(KEY, (8, 4))
    params["short"]["kernel"] = kernel[None, None]
    y = jax.jit(lambda p: down.apply({"params": p}, x))(params)
    halved = np.asarray(x).reshape(2, 2, 2, 2, 2, 8).mean((2, 4))
    np.testing.assert_allclose(y, np.concatenate([halved, halved @ kernel], -1), atol=1e-5)


@BOTH
def test_spectral_norm_in_all_layers_but_the_shared_embedding(model):
    z, label = jnp.ones((2, 4)), jnp.arange(2)
    g = model.Generator((8, 8, 1), 8, 3, attention=8)
    variables = jax.eval_shape(g.init, KEY, z, label)
    kernels = [path for path, _ in jax.tree.leaves_with_path(variables["params"]) if path[-1].key == "kernel"]
    vectors = [path for path, _ in jax.tree.leaves_with_path(variables["spectral"]) if "/u" in path[-1].key]
    assert len(vectors) == len(kernels)
    assert "embedding" in variables["params"]["embedding"]


@BOTH
def test_networks_know_the_class_and_train(model):
    z, label = jax.random.normal(KEY, (4, 6)), jnp.array([0, 1, 2, 0])
    g, d = model.Generator((8, 8, 1), 4, 3, attention=8), model.Discriminator(4, 3, attention=4)
    g_variables, d_variables = filled(g, z, label), filled(d, jnp.ones((4, 8, 8, 1)), label)

    @jax.jit
    def play(label):
        x = g.apply(g_variables, z, label)
        trained, changed = g.apply(g_variables, z, label, train=True, mutable=["batch_stats", "spectral"])
        return x, d.apply(d_variables, x, label), trained, changed

    first, second = play(label), play(jnp.array([0, 1, 0, 0]))
    for a, b in list(zip(first, second, strict=True))[:2]:
        assert [bool((a[i] == b[i]).all()) for i in range(4)] == [True, True, False, True]
    assert not np.allclose(first[0], first[2])
    assert jax.tree.structure(first[3]["spectral"]) == jax.tree.structure(g_variables["spectral"])


def test_batch_norm_over_a_mapped_axis_uses_the_full_batch():
    z, x = jax.random.normal(KEY, (8, 3)), jax.random.normal(KEY, (8, 2, 2, 5))
    full, split = (from_linen(VectorNorm(axis=axis)) for axis in (None, "d"))
    params, stats = jax.jit(full.init)(KEY, x, z)
    expected, _ = jax.jit(lambda x, z: full.apply(params, stats, x, z, train=True))(x, z)
    got = jax.jit(jax.vmap(lambda x, z: split.apply(params, stats, x, z, train=True)[0], axis_name="d"))(
        x.reshape(2, 4, 2, 2, 5), z.reshape(2, 4, 3)
    )
    np.testing.assert_allclose(got.reshape(x.shape), expected, atol=1e-4)


def test_refused():
    with pytest.raises(Refused, match="multiple of 4, not 78"):
        jax.eval_shape(biggan.Generator(width=2).init, KEY, jnp.ones((2, 78)))
    with pytest.raises(Refused, match="given no labels"):
        jax.eval_shape(biggan.Generator(width=2, classes=3).init, KEY, jnp.ones((2, 8)))
    with pytest.raises(Refused, match="only at 8, 16, 32"):
        biggan.Generator(attention=4)
    with pytest.raises(Refused, match="BigGAN-deep cannot make images of 30 px"):
        biggan_deep.Generator((30, 30, 3))
    with pytest.raises(Refused, match="only at 8, 16"):
        jax.eval_shape(biggan_deep.Discriminator(2, attention=32).init, KEY, jnp.ones((1, 32, 32, 3)))
