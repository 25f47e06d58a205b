import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import vitgan
from jaxgan.models.layers import patchify
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)
TINY = {"patch": 2, "width": 8, "depth": 1, "attention_heads": 2}


def count(module, *inputs):
    variables = jax.eval_shape(module.init, KEY, *inputs)
    return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(variables["params"]))


def filled(module, *inputs):
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(module.init, KEY, *inputs)
    return jax.tree.map(lambda leaf: jnp.asarray(0.3 * rng.normal(size=leaf.shape), leaf.dtype), shapes)


def test_parameters_of_the_papers_cifar_10_networks():
    """Width 384, 4 blocks, 8 x 8 patches of 4 px, z as long as w."""
    c, mlp = 384, 2 * 4 * 384 * 384 + 5 * 384
    mapping, norm = 8 * (c + 1) * c, 2 * (c + 1) * c
    image = 3 * c + ((c + 1) * c + c * c + c) + ((c + 1) * c + 3 * c + 3)
    g = count(vitgan.Generator(), jnp.ones((1, c)))
    assert g == mapping + 64 * c + 4 * (2 * norm + 4 * (c + 1) * c + mlp) + norm + image == 11_405_955
    d = count(vitgan.Discriminator(), jnp.ones((1, 32, 32, 3)))
    first = (8 * 8 * 3 + 1) * c + c + 65 * c
    assert d == first + 4 * (4 * c + 3 * c * c + mlp) + 2 * c + c + 1 == 6_602_497


def test_tokens_are_modulated_by_the_latent():
    """Blocks whose last layers are 0 leave the positions, which the last norm scales and shifts by w."""
    layer = vitgan.SelfModulatedLayerNorm()
    x, w = np.random.default_rng(0).normal(size=(2, 5, 8)), np.random.default_rng(1).normal(size=(2, 3))
    variables = filled(layer, jnp.asarray(x, jnp.float32), jnp.asarray(w, jnp.float32))
    p = variables["params"]
    hat = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    scale, shift = (w @ p[name]["kernel"] + p[name]["bias"] for name in ("scale", "shift"))
    expected = hat * (1 + scale[:, None]) + shift[:, None]
    np.testing.assert_allclose(layer.apply(variables, x, w), expected, atol=1e-5)


def test_residuals_are_added_to_tokens_that_are_not_normalised():
    """In public code they are added to normalised ones: a block without branches is then no identity."""
    block = vitgan._ModulatedBlock(2)
    x, w = 5 + jax.random.normal(KEY, (2, 3, 8)), jnp.ones((2, 4))
    p = filled(block, x, w)["params"]
    for layer in (p["attention"]["out"], p["project"]):
        layer.update(jax.tree.map(jnp.zeros_like, dict(layer)))
    np.testing.assert_array_equal(jax.jit(block.apply)({"params": p}, x, w), x)


def test_a_patch_is_a_function_of_the_place_in_it():
    layer = vitgan.ImplicitPatch(3, 2, width=4)
    style = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    variables = filled(layer, jnp.asarray(style))
    p = jax.tree.map(np.asarray, variables["params"])
    expected = np.zeros((5, 3, 3, 2))
    for n in range(5):
        for i, row in enumerate((-1, 0, 1)):
            for j, column in enumerate((-1, 0, 1)):
                x = np.array([row, column]) @ p["waves"]["kernel"] + p["waves"]["bias"]
                x = np.sqrt(2) * np.sin(2 * np.pi * x)
                for name in ("hidden", "out"):
                    affine = p[name]["style"]
                    s = style[n] @ affine["kernel"] / np.sqrt(6) + affine["bias"]
                    weights = p[name]["kernel"][0, 0] / 2 * s[:, None]
                    if name == "hidden":
                        weights = weights / np.sqrt((weights**2).sum(0) + 1e-8)
                        x = x @ weights + p["bias"]
                        x = np.sqrt(2) * np.where(x > 0, x, 0.2 * x)
                    else:
                        expected[n, i, j] = x @ weights + p["out_bias"]
    np.testing.assert_allclose(jax.jit(layer.apply)(variables, style), expected, rtol=1e-3, atol=1e-4)


def test_patches_are_where_their_tokens_are():
    """A token changes its own patch alone once attention and the other tokens are the same."""
    g = vitgan.Generator((4, 4, 1), **TINY, mapping=1)
    z = jax.random.normal(KEY, (1, 4))
    p = filled(g, z)["params"]
    p["block0"]["attention"]["out"] = jax.tree.map(jnp.zeros_like, p["block0"]["attention"]["out"])
    play = jax.jit(lambda positions: g.apply({"params": {**p, "positions": positions}}, z))
    changed = play(p["positions"].at[2].set(1.0)) != play(p["positions"])
    assert np.asarray(patchify(changed, 2)).any(-1)[0].tolist() == [False, False, True, False]


def test_spectral_norm_is_of_every_matrix_and_keeps_the_initial_size():
    d, x = vitgan.Discriminator(**TINY, classes=3), jax.random.normal(KEY, (2, 4, 4, 3))
    label = jnp.array([0, 2])
    net = from_linen(d)

    @jax.jit
    def play():
        params, stats = net.init(KEY, x, label)
        twice = jax.tree.map(lambda w: 2 * w if w.ndim > 1 else w, params)
        keep = {"positions": params["positions"]}  # not a weight of a layer
        return [net.apply({**p, **keep}, stats, x, label)[0] for p in (params, twice)], stats

    (logits, of_twice), stats = play()
    initial = [leaf for path, leaf in jax.tree.leaves_with_path(stats) if path[-1].key == "initial"]
    assert len(initial) == 1 + (3 + 2) + 2  # patches, a block, the logit and its classes
    np.testing.assert_allclose(logits, of_twice, rtol=1e-3)
    plain = vitgan.Discriminator(**TINY, classes=3, norm="none")
    assert count(plain, x, label) == count(d, x, label)


def test_labels_heads_features_and_refusals():
    g = vitgan.Generator((4, 4, 1), **TINY, mapping=1, classes=3)
    assert jax.eval_shape(g.init_with_output, KEY, jnp.ones((2, 5)), jnp.arange(2))[0].shape == (2, 4, 4, 1)
    d = vitgan.Discriminator(**TINY, norm="none", heads=(("class", 3),), features=True)
    out = jax.eval_shape(d.init_with_output, KEY, jnp.ones((2, 4, 4, 6)))[0]
    assert out.logit.shape == (2,)
    assert out.heads["class"].shape == (2, 3)
    assert [h.shape for h in out.heads["features"]] == [(2, 5, 8)]
    with pytest.raises(Refused, match="30 px are not divisible into patches of 4"):
        vitgan.Generator((30, 30, 1))
    with pytest.raises(Refused, match="patches of an even side"):
        jax.eval_shape(vitgan.Discriminator(3, 8, 1, 1).init, KEY, jnp.ones((1, 6, 6, 1)))
    with pytest.raises(Refused, match="given no labels"):
        jax.eval_shape(g.init, KEY, jnp.ones((2, 5)))
