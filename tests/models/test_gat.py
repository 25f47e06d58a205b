import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import gat
from jaxgan.models.layers import patchify, sine_positions

KEY = jax.random.key(0)
TINY = {"patch": 2, "width": 8, "depth": 2, "attention_heads": 2}


def count(module, *inputs):
    variables = jax.eval_shape(module.init, KEY, *inputs)
    return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(variables["params"]))


def filled(module, *inputs):
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(module.init, KEY, *inputs)
    return jax.tree.map(lambda leaf: jnp.asarray(0.3 * rng.normal(size=leaf.shape), leaf.dtype), shapes)


def block_count(c, head):
    """Query, key, value and their two norms; the dense layer after; the gated layer with 8/3 c units."""
    hidden = 8 * c // 3
    return 3 * (c + 1) * c + 2 * head + (c + 1) * c + 2 * (c + 1) * hidden + (hidden + 1) * c


def test_parameters_of_the_papers_b_2():
    """Width 768, 12 blocks, 1000 classes, in a latent of 32 x 32 x 4: G and D without pretrained features."""
    c, z, image = 768, 64, 2 * 2 * 4
    options = {"patch": 2, "width": c, "depth": 12, "attention_heads": 12, "classes": 1000}
    g = count(gat.Generator((32, 32, 4), **options), jnp.ones((1, z)), jnp.zeros(1, int))
    mapping = 1000 * z + (2 * z + 1) * c + (c + 1) * c
    blocks = 12 * ((c + 1) * 4 * c + block_count(c, 64))
    assert g == mapping + blocks + 4 * ((c + 1) * c + (c + 1) * image) == 116_545_088
    d = count(gat.Discriminator(**options), jnp.ones((1, 32, 32, 16)), jnp.zeros(1, int))
    projection = (c + 1) * 2048 + 1000 * 2048 + 2 * 2049 * 2048
    blocks = 12 * (block_count(c, 64) + 4 * c)
    assert d == (4 * 16 + 1) * c + c + blocks + c + projection == 97_135_360


def test_every_level_is_a_prefix_of_the_blocks():
    """Images accumulate; with later image layers and gates at 0 all levels are the first image."""
    g = gat.Generator((4, 4, 3), **TINY, levels=2)
    z = jax.random.normal(KEY, (3, 5))
    variables = filled(g, z)
    play = jax.jit(g.apply)
    last, _, images = play(variables, z)
    assert images.shape == (3, 4, 4, 6)
    np.testing.assert_array_equal(last, images[..., 3:])
    p = variables["params"]
    params = {**p, "image1": jax.tree.map(jnp.zeros_like, p["image1"])}
    only_first = play({"params": params}, z).shown
    np.testing.assert_array_equal(only_first[..., :3], images[..., :3])
    np.testing.assert_array_equal(only_first[..., 3:], images[..., :3])
    assert not np.allclose(images[..., 3:], images[..., :3])


def test_without_gates_the_generator_is_its_positions():
    """Gates of 0 leave the positions, of which each image layer is a scaled dense layer."""
    g = gat.Generator((4, 4, 1), **TINY | {"depth": 1}, levels=1)
    z = jax.random.normal(KEY, (2, 5))
    p = filled(g, z)["params"]
    p["block0"]["modulation"] = jax.tree.map(jnp.zeros_like, p["block0"]["modulation"])
    w = np.asarray(z) / np.sqrt(np.square(z).mean(-1, keepdims=True) + 1e-8)
    for i in range(2):
        w = gat.SLOW * (w @ p[f"mapping{i}"]["kernel"] + p[f"mapping{i}"]["bias"])
        w = w / (1 + np.exp(-w))
    x = sine_positions(2, 8)
    x = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)
    layer = p["image0"]
    scale = w @ layer["modulation"]["kernel"] + layer["modulation"]["bias"]
    tokens = (x * (1 + scale[:, None])) @ layer["out"]["kernel"] + layer["out"]["bias"]
    image = jax.jit(g.apply)({"params": p}, z)
    np.testing.assert_allclose(patchify(image.x, 2), tokens, atol=1e-5)


def test_slow_layers_start_like_others_and_move_a_hundredth():
    z = jax.random.normal(KEY, (2, 500))
    kernel = gat._Slow(400).init(KEY, z)["params"]["kernel"]
    assert float(jnp.abs(kernel).max()) * gat.SLOW == pytest.approx(np.sqrt(6 / 900), rel=1e-3)


def test_the_discriminator_projects_its_class_token():
    d = gat.Discriminator(
        **TINY | {"depth": 1}, projection=4, classes=3, features=True, heads=(("class", 3),)
    )
    x, label = jax.random.normal(KEY, (2, 4, 4, 3)), jnp.array([0, 2])
    variables = filled(d, x, label)
    p = variables["params"]
    out = jax.jit(d.apply)(variables, x, label)
    tokens = np.asarray(out.heads["features"][-1])
    assert [h.shape for h in out.heads["features"]] == [(2, 5, 8)]
    assert out.heads["class"].shape == (2, 3)
    first = tokens[:, 0] / np.sqrt((tokens[:, 0] ** 2).mean(-1, keepdims=True) + 1e-6) * p["norm"]["scale"]
    h = first @ p["projection"]["kernel"] + p["projection"]["bias"]
    vector = p["Embed_0"]["embedding"][label]
    vector = gat.SLOW * (vector @ p["mapping0"]["kernel"] + p["mapping0"]["bias"])
    vector = vector / (1 + np.exp(-vector))
    vector = gat.SLOW * (vector @ p["mapping1"]["kernel"] + p["mapping1"]["bias"])
    np.testing.assert_allclose(out.logit, (h * vector).sum(-1), rtol=1e-3, atol=1e-6)


def test_places_matter_and_packs_are_taken():
    d = gat.Discriminator(**TINY | {"depth": 1}, projection=4)
    x = jax.random.normal(KEY, (2, 4, 4, 6))
    variables, play = filled(d, x), jax.jit(d.apply)
    logits, moved = play(variables, x), play(variables, jnp.roll(x, 2, 1))
    assert logits.shape == (2,)
    assert not np.allclose(logits, moved)


def test_sides_and_refusals():
    for side, patch in ((28, 4), (64, 8)):
        g = gat.Generator((side, side, 1), patch, 4, 1, 1, levels=1)
        assert jax.eval_shape(g.init_with_output, KEY, jnp.ones((2, 3)))[0].x.shape == (2, side, side, 1)
    with pytest.raises(Refused, match="28 px are not divisible into patches of 8"):
        gat.Generator((28, 28, 1), patch=8)
    with pytest.raises(Refused, match="10 blocks are not divisible into 4 levels"):
        gat.Generator(depth=10)
    with pytest.raises(Refused, match="given no labels"):
        jax.eval_shape(gat.Generator((4, 4, 1), **TINY, levels=1, classes=3).init, KEY, jnp.ones((2, 3)))
    with pytest.raises(Refused, match="given no labels"):
        jax.eval_shape(gat.Discriminator(**TINY, classes=3).init, KEY, jnp.ones((2, 4, 4, 1)))
