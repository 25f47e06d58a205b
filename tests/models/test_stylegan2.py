from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.errors import Refused
from jaxgan.games.game import Context
from jaxgan.models import stylegan2
from jaxgan.models.layers import fir_down
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)
TINY = {"width": 4, "most": 8, "depth": 2}
KEYS, Z = jax.random.split(KEY, 8), jax.random.normal(KEY, (8, 5))


def count(module, *inputs):
    variables = jax.eval_shape(module.init, KEY, *inputs)
    return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(variables["params"]))


def tiny(**options):
    return stylegan2.Generator((8, 8, 1), size=6, **TINY, **options)


def variables_of(module, *inputs):
    return jax.jit(module.init)(KEY, *inputs)


@pytest.mark.parametrize("size", [28, 64])
def test_sizes(size):
    def both(z, label):
        x, _ = stylegan2.Generator((size, size, 2), classes=3, size=6, **TINY).init_with_output(KEY, z, label)
        d = stylegan2.Discriminator(classes=3, heads=(("class", 3),), features=True, **TINY)
        return x, d.init_with_output(KEY, x, label)[0]

    x, (logits, heads) = jax.eval_shape(both, jnp.ones((4, 5)), jnp.arange(4) % 3)
    assert (x.shape, logits.shape, heads["class"].shape) == ((4, size, size, 2), (4,), (4, 3))
    assert heads["features"][0].shape[1] == size // 2


def generator_count(widths, base, z=512, w=512, depth=8, channels=3):
    def style(c):
        return (w + 1) * c

    def layer(c, n):  # kernel, style, bias, strength
        return 9 * c * n + style(c) + n + 1

    def image(c):
        return c * channels + style(c) + channels

    total = (z + 1) * w + (depth - 1) * (w + 1) * w + base**2 * widths[0] + layer(widths[0], widths[0])
    total += image(widths[0])
    for c, n in pairwise(widths):
        total += layer(c, n) + layer(n, n) + image(n)
    return total


def discriminator_count(widths, base, channels=3):
    total, last = (channels + 1) * widths[0], widths[-1]
    for c, n in pairwise(widths):
        total += (9 * c + 1) * c + (9 * c + 1) * n + c * n
    return total + (9 * (last + 1) + 1) * last + (base**2 * last + 1) * last + last + 1


def test_parameters_of_the_papers_networks():
    """The sums at 1024 px are those of configuration F; at 256 px they are held against the modules."""
    widths = [512, 512, 512, 512, 512, 256, 128, 64, 32]
    assert generator_count(widths, 4) == 30_370_060
    assert discriminator_count(widths[::-1], 4) == 29_012_513
    widths = [512, 512, 512, 512, 256, 128, 64]
    assert count(stylegan2.Generator((256, 256, 3), 64), jnp.ones((1, 512))) == generator_count(widths, 4)
    images = jnp.ones((4, 256, 256, 3))
    assert count(stylegan2.Discriminator(64), images) == discriminator_count(widths[::-1], 4)


def styles(g, variables, z=Z, keys=KEYS, train=True):
    def run(z, keys):
        out, changed = g.apply(variables, z, key=keys, train=train, mutable=["average"])
        return out.z["w"], changed

    return jax.jit(run)(z, keys)


def test_mixing_changes_styles_from_one_layer_on():
    g = tiny(shows_w=True, mixing=1.0)
    variables = variables_of(g, Z)
    mixed, _ = styles(g, variables)
    plain, _ = styles(g.clone(mixing=0.0), variables)
    assert mixed.shape == (8, 4, 6)
    assert (plain == plain[:, :1]).all()
    same = np.asarray((mixed == plain).all(-1))
    first = same.sum(1)
    for row, n in zip(same, first, strict=True):
        assert row.tolist() == [True] * n + [False] * (4 - n)
    assert set(first) == {1, 2, 3}
    others = np.asarray(mixed[:, -1])
    np.testing.assert_allclose(np.asarray(mixed)[~same], np.repeat(others, 4 - first, axis=0))
    # an example depends on its key alone, not on its batch
    halves = [styles(g, variables, Z[i : i + 4], KEYS[i : i + 4]) for i in (0, 4)]
    np.testing.assert_allclose(mixed, jnp.concatenate([w for w, _ in halves]), atol=1e-6)


def test_the_average_of_w_and_truncation():
    g = tiny(shows_w=True, mixing=1.0)
    variables = variables_of(g, Z)
    w = styles(g.clone(mixing=0.0), variables)[0][:, 0]
    assert not jnp.any(variables["average"]["w"])
    changed = styles(g, variables)[1]  # w of the first latents alone
    np.testing.assert_allclose(changed["average"]["w"], 0.002 * w.mean(0), rtol=1e-3)
    twice = styles(g, {**variables, **changed})[1]
    expected = (0.998 * 0.002 + 0.002) * w.mean(0)
    np.testing.assert_allclose(twice["average"]["w"], expected, rtol=1e-3)

    mean = jax.random.normal(KEY, (6,))
    moved = {**variables, "average": {"w": mean}}
    truncated, changed = styles(g.clone(psi=0.3), moved, train=False)
    np.testing.assert_allclose(truncated[:, 2], mean + 0.3 * (w - mean), rtol=1e-4, atol=1e-5)
    assert (changed["average"]["w"] == mean).all()


def test_the_average_is_over_all_devices():
    g = tiny()
    full, split = (from_linen(g.clone(axis=axis)) for axis in (None, "d"))
    params, stats = jax.jit(full.init)(KEY, Z)
    expected, after = jax.jit(lambda z, k: full.apply(params, stats, z, key=k, train=True))(Z, KEYS)
    run = jax.vmap(lambda z, k: split.apply(params, stats, z, key=k, train=True), axis_name="d")
    got, averaged = jax.jit(run)(Z.reshape(2, 4, 5), KEYS.reshape(2, 4))
    np.testing.assert_allclose(got.reshape(expected.shape), expected, atol=1e-5)
    for device in (0, 1):
        np.testing.assert_allclose(averaged["average"]["w"][device], after["average"]["w"], rtol=1e-4)


def test_a_term_sees_w_and_g_takes_it():
    """What path length regularisation reads: the images of view.z, and their gradient in every layer's w."""

    def loss(view):
        images, pullback = jax.vjp(lambda w: view.g({"w": w}), view.z["w"])
        (slope,) = pullback(jnp.ones_like(images))
        length = jnp.sqrt(jnp.square(slope).sum(axis=2).mean(axis=1))
        return length + 1e6 * jnp.abs(images - view.fake_plain).max()

    term = jg.terms.stateless("length", loss)
    game = jg.gan(
        from_linen(tiny(shows_w=True)),
        from_linen(jg.models.mlp.Discriminator((4,))),
        latent=jg.latents.normal(5),
        objective=jg.objectives.non_saturating(),
        g_terms=[term],
    )
    batch = {"x": jax.random.normal(KEY, (8, 8, 8, 1)), "index": jnp.arange(8)}

    @jax.jit
    def run(batch):
        g, d, extra = game.init(KEY, batch)
        context = Context(g.stats, d.stats, extra, jnp.int32(0), batch, KEY, jnp.int32(0))
        (_, aux), grads = jax.value_and_grad(game.g_loss, has_aux=True)(g.params, d.params, context)
        return g, aux, grads

    g, aux, grads = run(batch)
    assert 0 < float(aux.metrics["g/length"]) < 1e3
    assert all(jnp.any(leaf) for leaf in jax.tree.leaves(grads["mapping"]))
    assert jnp.any(aux.g_stats["average"]["w"])
    decoded = jax.eval_shape(lambda w: game.looks.decode(g, {"w": w}, {}), jnp.ones((3, 6)))
    sampled = jax.eval_shape(lambda key: game.sample(g, key, jnp.arange(3), {}), KEY)
    assert decoded.shape == sampled.shape == (3, 8, 8, 1)


def test_the_discriminators_block_and_logit_by_hand():
    x, h, label = jax.random.normal(KEY, (4, 4, 4, 3)), jax.random.normal(KEY, (4, 5)), jnp.arange(4) % 2
    block, logit = stylegan2._Down(6), stylegan2.StyleLogit(2, 2)

    @jax.jit
    def run(x, h):
        params = block.init(KEY, x)["params"]
        silent = {**params, "conv1": jax.tree.map(jnp.zeros_like, params["conv1"])}
        logits, variables = logit.init_with_output(KEY, h, label)
        return block.apply({"params": silent}, x), params, logits, variables["params"]

    y, params, logits, head = run(x, h)
    short = np.asarray(fir_down(x)) @ params["short"]["kernel"][0, 0] / np.sqrt(3)
    np.testing.assert_allclose(y, short / np.sqrt(2), atol=1e-5)

    def unit(v):
        return v / np.sqrt(np.square(v).mean(-1, keepdims=True) + 1e-8)

    def leaky(v):
        return np.sqrt(2) * np.where(v > 0, v, 0.2 * v)

    v = unit(np.asarray(head["mapping"]["Embed_0"]["embedding"]))
    for i in (0, 1):
        p = head["mapping"][f"EqualDense_{i}"]
        v = leaky(v @ p["kernel"] * 0.01 / np.sqrt(5))
    expected = ((h @ head["dense"]["kernel"] / np.sqrt(5)) * v[label]).sum(1) / np.sqrt(5)
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_refused():
    with pytest.raises(Refused, match="StyleGAN2 cannot make images of 30 px"):
        stylegan2.Generator((30, 30, 3))
    with pytest.raises(Refused, match="one key per example"):
        jax.eval_shape(lambda: tiny().apply(tiny().init(KEY, Z), Z, train=True, mutable=["average"]))
    with pytest.raises(Refused, match="given no labels"):
        jax.eval_shape(tiny(classes=3).init, KEY, Z)
    with pytest.raises(Refused, match="classes=0 and was given labels"):
        jax.eval_shape(stylegan2.Discriminator(**TINY).init, KEY, jnp.ones((4, 8, 8, 1)), jnp.arange(4))
