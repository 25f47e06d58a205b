"""The transport cost of adversarial flows, and what it does to the map that G learns."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan as jg
from jaxgan.models import mlp

sys.path.append(str(Path(__file__).parents[2] / "experiments" / "methods"))


def test_excess_is_the_cost_above_the_monotone_map():
    from adversarial_flow import excess

    rng = np.random.default_rng(0)
    z = rng.normal(size=(300, 1))
    assert excess(z, 2 + 0.5 * z) == pytest.approx(0, abs=1e-9)
    x = rng.normal(size=(300, 1))
    by_sorting = np.square(z - x).mean() - np.square(np.sort(z, 0) - np.sort(x, 0)).mean()
    assert excess(z, x) == pytest.approx(by_sorting)
    assert excess(z, -z) == pytest.approx(4 * np.square(z).mean(), rel=0.1)
    plane = rng.normal(size=(300, 2))
    turned = plane @ np.array([[0.0, 1.0], [-1.0, 0.0]])  # a quarter turn of equal lengths: 2 |z|^2
    assert excess(plane, plane + 3) == pytest.approx(0, abs=1e-9)
    assert excess(plane, turned) == pytest.approx(2 * np.square(plane).sum(1).mean(), rel=0.15)


@pytest.mark.slow
def test_the_distance_to_the_optimal_plan_falls_with_the_transport_weight():
    """From N(0, 1) to N(1, 0.5^2) the optimal map is 1 + z / 2; the means of 8 seeds of each weight."""
    steps, batch, half_life = 1000, 64, 150

    def distance(weight, seed):
        def transport(view):
            return weight * 0.5 ** (view.step / half_life) * jnp.square(view.fake_plain - view.z)[:, 0]

        game = jg.gan(
            jg.from_linen(mlp.Generator((1,), (16, 16), jax.nn.tanh, mlp.identity)),
            jg.from_linen(mlp.Discriminator((32, 32), jax.nn.tanh)),
            latent=jg.latents.normal(1),
            objective=jg.objectives.relativistic(),
            d_terms=[jg.terms.r1(0.1), jg.terms.r2(0.1)],
            g_terms=[jg.terms.stateless("transport", transport)],
        )
        adam = optax.adam(3e-3, b1=0.0, b2=0.99)
        rule = jg.alternating(game, adam, adam)
        key = jax.random.key(seed)

        def draw(step):
            n = jax.random.normal(jax.random.fold_in(key, step), (1, 1, batch, 1))
            return {"x": 1 + n / 2, "index": jnp.arange(batch).reshape(1, 1, batch)}

        def update(state, step):
            return rule.update(state, draw(step))[0], ()

        state, _ = jax.lax.scan(update, rule.init(key, draw(0)), jnp.arange(steps))
        z = jnp.linspace(-2, 2, 101)[:, None]
        x = game.looks.decode(state.g.side, z, {})
        density = jnp.exp(-jnp.square(z) / 2)
        return (jnp.square(x - 1 - z / 2) * density).sum() / density.sum()

    weights, seeds = jnp.array([0.0, 0.003, 0.03]), jnp.arange(8)
    distances = jax.jit(jax.vmap(lambda w: jax.vmap(lambda s: distance(w, s))(seeds)))(weights)
    none, little, more = np.mean(distances, axis=1)  # .55, .22 and .02 when this was written
    assert none > 1.5 * little
    assert little > 1.5 * more
    assert more < 0.05
