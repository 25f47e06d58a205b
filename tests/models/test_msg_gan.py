import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.errors import Refused
from jaxgan.games.game import Context
from jaxgan.models import msg_gan
from jaxgan.models.layers import stacked, unstacked
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)
TINY = {"width": 4, "most": 4}
X = np.random.default_rng(0).normal(size=(4, 8, 8, 2)).astype("f")


def test_images_of_all_sides_are_averages_and_come_back():
    small = X.reshape(4, 4, 2, 4, 2, 2).mean((2, 4))
    images = unstacked(msg_gan.pyramid(X), 2, 2)
    np.testing.assert_allclose(images[0], small, atol=1e-6)
    np.testing.assert_array_equal(images[1], X)
    # a pack of two examples, as the game makes it: the channels of one after those of the other
    pack = jnp.concatenate([msg_gan.pyramid(X[:2]), msg_gan.pyramid(X[2:])], axis=-1)
    low, high = unstacked(pack, 2, 2)
    np.testing.assert_allclose(low, np.concatenate([small[:2], small[2:]], -1), atol=1e-6)
    np.testing.assert_array_equal(high, np.concatenate([X[:2], X[2:]], -1))
    with pytest.raises(Refused, match="2 images of 3 channels, and is given 4"):
        unstacked(msg_gan.pyramid(X), 2, 3)


def test_a_penalty_in_a_game_is_of_all_images_jointly():
    """R1 of the stacked images is the sum of the squared gradients of the images themselves."""
    d = msg_gan.Discriminator(**TINY, channels=2)
    game = jg.gan(
        from_linen(msg_gan.Generator((8, 8, 2), **TINY)),
        from_linen(d),
        latent=jg.latents.normal(3),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.r1(2.0)],
        reals=msg_gan.pyramid,
    )
    batch = {"x": jnp.asarray(X), "index": jnp.arange(4)}

    @jax.jit
    def run(batch):
        g, side, extra = game.init(KEY, batch)
        context = Context(g.stats, side.stats, extra, jnp.int32(0), batch, KEY, jnp.int32(0))
        metrics = game.d_loss(g.params, side.params, context)[1].metrics
        gradient = jax.grad(lambda p: game.g_loss(p, side.params, context)[0])(g.params)
        images = unstacked(msg_gan.pyramid(batch["x"]), 2, 2)

        def logits(images):
            return d.apply({"params": side.params}, stacked(images), train=True).sum()

        slopes = jax.grad(logits)(images)
        return (
            metrics["d/r1"],
            [jnp.square(s).sum() / 4 for s in slopes],
            gradient,
            game.looks.judge(side, batch["x"], {}),
        )

    penalty, each, gradient, logits = run(batch)
    assert all(float(x) > 0 for x in each)
    assert float(penalty) == pytest.approx(float(sum(each)), rel=1e-4)
    assert all(jnp.any(gradient[name]["kernel"]) for name in ("image0", "image1"))
    assert logits.shape == (4,)


def test_parameters_at_32_px():
    c = 512

    def count(module, x):
        shapes = jax.eval_shape(module.init, KEY, x)["params"]
        return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(shapes))

    conv = 9 * c * c + c
    g = (c + 1) * 16 * c + conv + 3 * 2 * conv + 4 * 3 * (c + 1)
    assert count(msg_gan.Generator(), jnp.ones((4, c))) == g
    joins = 4 * c + 3 * (c + 4) * c
    d = joins + 3 * 2 * conv + 9 * (c + 1) * c + c + (16 * c + 1) * c + c + 1
    assert count(msg_gan.Discriminator(), jnp.ones((4, 32, 32, 12))) == d
