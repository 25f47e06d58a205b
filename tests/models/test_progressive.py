import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.games.game import Context
from jaxgan.models import progressive
from jaxgan.models.biggan import repeat_2x2
from jaxgan.models.layers import halve
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)
TINY = {"width": 4, "most": 4, "phase": 10}
Z = jax.random.normal(KEY, (4, 3))


def at_level(value):
    return jnp.int32(round({0: 0, 0.25: 12.5, 0.5: 15, 1: 25, 1.5: 35, 2: 99}[value]))


def part(large, small):
    """The parameters of the larger network that the smaller one has."""
    return {
        name: part(large[name], small[name]) if isinstance(small[name], dict) else large[name]
        for name in small
    }


def test_what_is_not_faded_in_is_the_smaller_network_upsampled():
    g, d = progressive.Generator((16, 16, 1), **TINY), progressive.Discriminator(**TINY)
    small = progressive.Generator((8, 8, 1), **TINY)

    @jax.jit
    def run(z):
        params = g.init(KEY, z, step=at_level(0))["params"]
        lower = part(params, jax.eval_shape(small.init, KEY, z, step=at_level(0))["params"])
        x = g.apply({"params": params}, z, step=at_level(1))
        y = small.apply({"params": lower}, z, step=at_level(2))
        d_params = d.init(KEY, x, step=at_level(0))["params"]
        d_lower = part(d_params, jax.eval_shape(d.init, KEY, y, step=at_level(0))["params"])
        logits = d.apply({"params": d_params}, x, step=at_level(1))
        few = d.apply({"params": d_lower}, y, step=at_level(2))

        def loss(params):
            return jnp.square(g.apply({"params": params}, z, step=at_level(1))).sum()

        return x, repeat_2x2(y), logits, few, jax.grad(loss)(params)

    x, doubled, logits, few, gradient = run(Z)
    np.testing.assert_array_equal(x, doubled)
    np.testing.assert_allclose(logits, few, atol=1e-5)
    still = {name for name, layer in gradient.items() if not any(map(jnp.any, jax.tree.leaves(layer)))}
    assert still == {"image0", "image2", "stage2_conv0", "stage2_conv1"}


def test_real_images_are_faded_as_the_generators_are():
    x = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("f")

    def pooled(n):
        means = x.reshape(2, 16 // n, n, 16 // n, n, 3).mean((2, 4))
        return np.repeat(np.repeat(means, n, 1), n, 2)

    shown = jax.jit(progressive.reals(10))
    np.testing.assert_allclose(shown(x, at_level(0)), pooled(4), atol=1e-6)
    np.testing.assert_allclose(shown(x, at_level(1)), pooled(2), atol=1e-6)
    np.testing.assert_array_equal(shown(x, at_level(2)), x)
    np.testing.assert_allclose(shown(x, at_level(0.5)), (pooled(4) + pooled(2)) / 2, atol=1e-6)
    np.testing.assert_allclose(shown(x, at_level(1.5)), (pooled(2) + x) / 2, atol=1e-6)


def test_parameters_at_32_px():
    c = 512

    def count(module, x):
        shapes = jax.eval_shape(lambda: module.init(KEY, x, step=jnp.int32(0)))["params"]
        return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(shapes))

    conv = 9 * c * c + c
    g = (c + 1) * 16 * c + conv + 3 * 2 * conv + 4 * 3 * (c + 1)
    assert count(progressive.Generator(), jnp.ones((4, c))) == g
    d = 4 * (3 * c + c) + 3 * 2 * conv + 9 * (c + 1) * c + c + (16 * c + 1) * c + c + 1
    assert count(progressive.Discriminator(), jnp.ones((4, 32, 32, 3))) == d


def test_a_game_shows_d_both_at_the_same_level():
    game = jg.gan(
        from_linen(progressive.Generator((8, 8, 1), **TINY)),
        from_linen(progressive.Discriminator(**TINY)),
        latent=jg.latents.normal(3),
        objective=jg.objectives.wasserstein(),
        d_terms=[jg.terms.stateless("detail", lambda view: detail(view.real) + detail(view.fake))],
        reals=progressive.reals(10),
    )

    def detail(x):
        return jnp.square(x - repeat_2x2(halve(x))).sum(axis=(1, 2, 3))

    batch = {"x": jax.random.normal(KEY, (4, 8, 8, 1)), "index": jnp.arange(4)}

    @jax.jit
    def run(update):
        g, d, extra = game.init(KEY, batch)
        context = Context(g.stats, d.stats, extra, jnp.int32(0), batch, KEY, update)
        metrics = game.d_loss(g.params, d.params, context)[1].metrics
        return metrics["d/detail"], game.looks.judge(d, batch["x"], {})

    assert float(run(at_level(0))[0]) == pytest.approx(0, abs=1e-9)
    assert float(run(at_level(1))[0]) > 1
    assert run(at_level(0))[1].shape == (4,)
