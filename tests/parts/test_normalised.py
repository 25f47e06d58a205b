"""Gradient normalisation against its formula, its bound on the slope, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan as jg
from jaxgan.models import mlp, patch
from jaxgan.parts.normalised import gradient_normalised
from jaxgan.parts.output import as_output

KEY = jax.random.key(0)
X = 3 * jax.random.normal(jax.random.key(1), (64, 3))


def network(**options):
    return jg.from_linen(mlp.Discriminator((8, 8), **options))


def test_the_logit_is_f_over_its_slope_and_size_and_its_slope_is_at_most_1():
    """ReLU networks are piecewise linear: the slope is (|grad f| / (|grad f| + |f|))^2."""
    plain = network()

    @jax.jit
    def both():
        params, stats = plain.init(KEY, X)
        params = jax.tree.map(lambda x: 5 * x + 0.1, params)

        def f(network):
            return lambda x: network.apply(params, stats, x[None])[0][0]

        slopes = [jax.vmap(jax.jacfwd(f(n)))(X) for n in (plain, gradient_normalised(plain))]
        return (
            plain.apply(params, stats, X)[0],
            gradient_normalised(plain).apply(params, stats, X)[0],
            *slopes,
        )

    logit, normalised, slope, new_slope = map(np.asarray, both())
    slope, new_slope = np.linalg.norm(slope, axis=1), np.linalg.norm(new_slope, axis=1)
    np.testing.assert_allclose(normalised, logit / (slope + np.abs(logit)), rtol=1e-4)
    assert np.abs(normalised).max() <= 1
    np.testing.assert_allclose(new_slope, (slope / (slope + np.abs(logit))) ** 2, rtol=1e-3)
    assert slope.max() > 1 >= new_slope.max()


def test_a_flat_discriminator_gives_0_and_finite_gradients():
    plain = network()
    params, stats = plain.init(KEY, X)

    def loss(params):
        return gradient_normalised(plain).apply(params, stats, X)[0].sum()

    value, slope = jax.jit(jax.value_and_grad(loss))(jax.tree.map(jnp.zeros_like, params))
    assert value == 0
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(slope))


def test_heads_and_statistics_pass_through_in_training():
    options = {"norm": "spectral", "dropout": 0.3, "classes": 3, "heads": (("class", 3),)}
    plain = network(**options)
    keys, label = jax.random.split(KEY, 64), jnp.arange(64) % 3

    @jax.jit
    def both():
        params, stats = gradient_normalised(plain).init(KEY, X, label)
        return [
            n.train(params, stats, X, label, key=keys, step=0) for n in (plain, gradient_normalised(plain))
        ]

    (plain_out, plain_stats), (out, stats) = both()
    jax.tree.map(np.testing.assert_array_equal, plain_stats, stats)
    np.testing.assert_allclose(plain_out.heads["class"], out.heads["class"], rtol=1e-6)
    assert (np.sign(plain_out.logit) == np.sign(out.logit)).all()


def test_in_a_game_with_packs_r1_and_half_precision():
    """The derivative of a penalty's gradient is the third; all of it fits."""
    game = jg.gan(
        jg.from_linen(mlp.Generator((3,), (4,))),
        jg.bfloat16(gradient_normalised(network())),
        latent=jg.latents.normal(4),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.r1()],
        packing=2,
    )
    rule = jg.alternating(game, optax.sgd(0.1), optax.sgd(0.1))
    batches = {"x": jnp.zeros((rule.batches, 1, 4, 3)), "index": jnp.zeros((rule.batches, 1, 4), jnp.uint32)}
    state = jax.eval_shape(rule.init, KEY, batches)
    assert jax.eval_shape(rule.update, state, batches)[1]["d/r1"].shape == ()


def test_what_has_no_gradient_of_its_own_is_refused():
    with pytest.raises(jg.Refused, match="a discriminator without BatchNorm"):
        jax.eval_shape(gradient_normalised(network(norm="batch")).init, KEY, X)
    patches = gradient_normalised(jg.from_linen(patch.Discriminator(2, depth=1)))
    x = jnp.ones((2, 16, 16, 1))
    with pytest.raises(jg.Refused, match="one logit per input, not one per patch"):
        jax.eval_shape(lambda: as_output(patches.apply(*patches.init(KEY, x), x)[0]))
