"""Truncated samples: latents by SciPy's law, styles by their formula, and which games have neither."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from scipy.stats import kstest, truncnorm

import jaxgan as jg
from jaxgan.errors import Refused
from jaxgan.models import mlp, stylegan2, stylegan3
from jaxgan.models.layers import averaged_style
from jaxgan.run.sample import truncated

KEY, INDEX = jax.random.key(0), jnp.arange(2000)
D = jg.from_linen(mlp.Discriminator((4,)))
NOISE = jg.Network(
    lambda key, z: ((), {}), lambda params, stats, z, key=None, train=False: (z["noise"], stats)
)
PARTS = jg.latents.parts(noise=jg.latents.normal(1), which=jg.latents.categorical(3))


def game(generator, latent):
    return jg.gan(generator, D, latent=latent, objective=jg.objectives.hinge())


def several(latent):
    return jg.networks_game(
        jg.adversary(D, jg.objectives.hinge()),
        {"g": NOISE},
        latent=latent,
        play=lambda call, z, batch, turn: (None, {}),
        decode=lambda call, z, given: call("g", z),
    )


@pytest.mark.parametrize(
    ("made", "side"),
    [(game(NOISE, PARTS), jg.Side((), {})), (several(PARTS), jg.Side({"g": ()}, {"g": {}}))],
)
def test_normal_latents_are_truncated_and_other_parts_are_not(made, side):
    x = truncated(made, 0.7).sample(side, KEY, INDEX, {})[:, 0]
    assert kstest(np.asarray(x), truncnorm(-0.7, 0.7).cdf).pvalue > 1e-3
    plain = made.sample(side, KEY, INDEX, {})[:, 0]
    np.testing.assert_array_equal(np.argsort(x), np.argsort(plain))  # each sample stays itself
    drawn = jax.vmap(PARTS.draw)(jg.each(KEY, INDEX))
    assert PARTS.truncate is not None
    np.testing.assert_array_equal(PARTS.truncate(drawn, 0.7)["which"], drawn["which"])
    with pytest.raises(Refused, match="the bound of truncated latents must be above 0, not 0"):
        truncated(made, 0)


class Styled(nn.Module):
    psi: float = 1.0

    @nn.compact
    def __call__(self, z, *, train=False):
        return 2 * averaged_style(self, z, train, decay=0.0, psi=self.psi, axis=None)


@pytest.mark.parametrize("wrap", [lambda network: network, jg.bfloat16])
def test_styles_move_towards_their_average(wrap):
    network = wrap(jg.from_linen(Styled()))
    z = jax.random.normal(KEY, (50, 3)) + 1
    params, stats = network.init(KEY, z)
    _, stats = network.apply(params, stats, z, train=True)
    made, g, mean = game(network, jg.latents.normal(3)), jg.Side(params, stats), z.mean(axis=0)
    plain = made.sample(g, KEY, INDEX[:5], {})
    moved = truncated(made, 0.3).sample(g, KEY, INDEX[:5], {})
    np.testing.assert_allclose(moved, 2 * mean + 0.3 * (plain - 2 * mean), atol=0.03)
    np.testing.assert_array_equal(truncated(made, 1).sample(g, KEY, INDEX[:5], {}), plain)
    with pytest.raises(Refused, match="the truncation of styles must be between 0 and 1, not 2"):
        truncated(made, 2)


def test_both_stylegans_have_styles():
    for module in (stylegan2.Generator((8, 8, 1)), stylegan3.Generator((8, 8, 1))):
        assert jg.from_linen(module).reads_psi
    assert not jg.from_linen(mlp.Generator((2,))).reads_psi


@pytest.mark.parametrize("latent", [jg.latents.uniform(2), jg.latents.sphere(2), jg.latents.mixture(3, 2)])
def test_other_latents_have_no_truncation(latent):
    with pytest.raises(Refused, match="cannot be truncated: latents are not normal, and G has no styles"):
        truncated(game(NOISE, jg.latents.parts(noise=latent)), 0.7)
