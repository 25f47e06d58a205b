from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.errors import Refused
from jaxgan.games.game import Context
from jaxgan.models import fastgan
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(4, 32, 32, 3)).astype("f")


@pytest.mark.parametrize("size", [48, 64])
def test_sizes(size):
    def both(z):
        made, _ = fastgan.Generator((size, size, 1), 4, 8, reach=4).init_with_output(KEY, z)
        d = fastgan.Discriminator(4, 8, channels=1)
        return made, d.init_with_output(KEY, made.shown)[0]

    made, (logits, heads) = jax.eval_shape(both, jnp.ones((2, 5)))
    side = {48: 12, 64: 8}[size]  # where a logit is given per patch
    half = {48: 12, 64: 8}[size]
    assert made.x.shape == (2, size, size, 1)
    assert logits.shape == (2, (side - 3) ** 2 + (half - 3) ** 2)
    assert {heads[name].shape for name in ("whole", "small", "part")} == {(2, 16, 16, 1)}


def test_parameters_of_the_generator():
    """At 32 px with width 8: dense, three doublings, of which one has one convolution, two excitations."""
    z, widths = 16, [64, 32, 16, 8]

    def up(c, n, twice):
        rest = 2 * 2 * n + twice  # BatchNorm, strength of noise
        return 9 * c * 2 * n + rest + (9 * n * 2 * n + rest if twice else 0)

    g = z * 16 * 2 * 64 + 2 * 2 * 64 + up(64, 32, 1) + up(32, 16, 0) + up(16, 8, 1)
    g += sum(16 * c * n + n * n for c, n in [(64, 16), (32, 8)])
    g += (16 + 1) * 3 + (9 * 8 + 1) * 3
    shapes = jax.eval_shape(fastgan.Generator(width=8).init, KEY, jnp.ones((2, z)))["params"]
    assert sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(shapes)) == g
    assert widths[0] == 8 << 3


def test_averages_over_windows_and_quarters():
    x = X[:, :10, :10]
    got = np.asarray(fastgan.averaged(x, 4))
    for i in range(4):
        a, b = int(np.floor(i * 2.5)), int(np.ceil((i + 1) * 2.5))
        np.testing.assert_allclose(got[:, i, i], x[:, a:b, a:b].mean((1, 2)), atol=1e-5)
    np.testing.assert_array_equal(fastgan.averaged(x, 20), np.repeat(np.repeat(x, 2, 1), 2, 2))
    crops = fastgan.crop(X, jnp.array([0, 1, 2, 3]))
    for i, (a, b) in enumerate([(0, 0), (0, 16), (16, 0), (16, 16)]):
        np.testing.assert_array_equal(crops[i], X[i, a : a + 16, b : b + 16])


def test_excitation_scales_channels_by_a_function_of_the_small_image():
    large, small = X[:, :8, :8], X[:, 8:12, 8:12]
    layer = fastgan.Excitation()
    variables = jax.jit(layer.init)(KEY, large, small)
    y = jax.jit(layer.apply)(variables, large, small)
    ratio = np.asarray(y / large)
    assert ((ratio > 0) & (ratio < 1)).all()
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1, :1], ratio.shape), rtol=1e-3)
    assert len(np.unique(ratio[:, 0, 0, 0])) == 4


def test_reconstruction_is_of_the_quarter_that_d_drew():
    quarter = jnp.array([3, 0, 2, 1])
    real = fastgan.halves(jnp.asarray(X))
    heads = {
        "whole": fastgan.averaged(X, 16),
        "small": fastgan.averaged(X, 16),
        "part": fastgan.crop(X, quarter),
        "quarter": quarter,
    }

    def loss(**changed):
        return 2 * fastgan.reconstruction(SimpleNamespace(real=real, real_heads={**heads, **changed}))

    np.testing.assert_allclose(loss(), 0, atol=1e-5)
    np.testing.assert_allclose(loss(whole=heads["whole"] + 0.25), 0.5, rtol=1e-4)
    assert float(loss(quarter=quarter[::-1])[0]) > 1
    with pytest.raises(Refused, match=r"needs the heads of fastgan\.Discriminator"):
        fastgan.reconstruction(SimpleNamespace(real=real, real_heads=()))


def test_a_game_of_both():
    options = {"width": 2, "most": 4}
    game = jg.gan(
        from_linen(fastgan.Generator(**options)),
        from_linen(fastgan.Discriminator(**options)),
        latent=jg.latents.normal(3),
        objective=jg.objectives.hinge(),
        d_terms=[jg.terms.stateless("reconstruction", fastgan.reconstruction)],
        reals=fastgan.halves,
    )

    @jax.eval_shape
    def shapes():
        batch = {"x": jnp.asarray(X), "index": jnp.arange(4)}
        g, d, extra = game.init(KEY, batch)
        context = Context(g.stats, d.stats, extra, jnp.int32(0), batch, KEY, jnp.int32(0))
        return game.d_loss(g.params, d.params, context)[1].metrics, game.looks.judge(d, batch["x"], {})

    assert "d/reconstruction" in shapes[0]
    assert shapes[1].shape == (4,)
