"""Games in which D sees several levels of each image, with noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.games.game import Context
from jaxgan.games.gan import gan
from jaxgan.models import gat
from jaxgan.parts import latents, objectives
from jaxgan.parts.augmentations import chain, level_noise, noise_amounts, per_level, saturation, translation
from jaxgan.parts.network import from_linen
from jaxgan.parts.terms import r1

KEY = jax.random.key(0)


def test_noise_amounts_of_the_paper():
    assert np.round(noise_amounts(4), 3).tolist() == [0.885, 0.76, 0.51, 0.01]
    assert noise_amounts(1) == (0.01,)


def test_levels_of_noise_are_normal_and_nested():
    """Variance t_i^2, and of two levels the later's variance times (1 - t_i) / (1 - t_j)."""
    t = np.array(noise_amounts(3))
    x = jnp.ones((20_000, 1, 3)) * jnp.array([1.0, 2.0, 3.0])
    noisy = np.asarray(jax.jit(level_noise(3))(KEY, x))[:, 0] - (1 - t) * np.array([1.0, 2.0, 3.0])
    expected = np.array(
        [[t[max(i, j)] ** 2 * (1 - t[min(i, j)]) / (1 - t[max(i, j)]) for j in range(3)] for i in range(3)]
    )
    np.testing.assert_allclose(np.cov(noisy.T), expected, atol=0.02)
    np.testing.assert_allclose(noisy.mean(0), 0, atol=0.02)


def test_of_equal_images_a_level_tells_nothing_beyond_the_next():
    """Level i is a multiple of level i + 1 and noise independent of it, as unrelated noise is not."""
    noisy = np.asarray(jax.jit(level_noise(2, 0.6, 0.5))(KEY, jnp.ones((20_000, 1, 2))))[:, 0]
    t = np.array(noise_amounts(2, 0.6, 0.5))
    rest = noisy[:, 0] - (1 - t[0]) / (1 - t[1]) * noisy[:, 1]
    assert abs(np.corrcoef(rest, noisy[:, 1])[0, 1]) < 0.03


def test_augmentations_are_the_same_on_every_level():
    x, both = jax.random.normal(KEY, (4, 4, 3)), chain(saturation(), translation())
    augmented = per_level(both, 2)(KEY, jnp.concatenate([x, x], axis=-1))
    np.testing.assert_array_equal(augmented[..., :3], augmented[..., 3:])
    np.testing.assert_allclose(augmented[..., :3], both(KEY, x), atol=1e-6)


def losses(game, batch):
    g, d, extra = game.init(KEY, batch)
    context = Context(g.stats, d.stats, extra, jnp.int32(0), batch, KEY, jnp.int32(0))
    return [loss(g.params, d.params, context)[0] for loss in (game.d_loss, game.g_loss)]


def test_gat_fits_with_noise_augmentation_and_a_penalty():
    options = {"patch": 2, "width": 4, "depth": 2, "attention_heads": 1}
    game = gan(
        from_linen(gat.Generator((4, 4, 1), **options, levels=2)),
        from_linen(gat.Discriminator(**options, projection=4)),
        latent=latents.normal(3),
        objective=objectives.relativistic(),
        augment=chain(per_level(translation(), 2), level_noise(2)),
        d_terms=[r1(0.1)],
        reals=gat.repeated(2),
    )
    batch = {"x": jnp.zeros((4, 4, 4, 1)), "index": jnp.arange(4)}
    got = jax.eval_shape(lambda: losses(game, batch))
    assert [loss.shape for loss in got] == [(), ()]


def test_refused():
    with pytest.raises(Refused, match="5 channels are not divisible into 2 levels"):
        level_noise(2)(KEY, jnp.ones((4, 4, 5)))
    with pytest.raises(Refused, match="levels of 1 or more"):
        level_noise(0)
