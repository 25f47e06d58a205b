"""Autoencoding discriminators: energies by hand, shapes and parameter counts, and the games with them."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan as jg
from jaxgan.models import autoencoder, mlp

KEY = jax.random.key(0)


@pytest.mark.parametrize("error", [jnp.square, jnp.abs])
def test_the_dense_energy_by_hand(error):
    x = jax.random.normal(KEY, (4, 3))
    d = autoencoder.Dense((5,), code=2, error=error)
    variables = d.init(KEY, x)
    layers = [variables["params"][f"Dense_{i}"] for i in range(4)]
    h = x
    for i, layer in enumerate(layers):
        h = h @ layer["kernel"] + layer["bias"]
        if i in (0, 2):
            h = np.maximum(h, 0)
        if i == 1:
            code = h
    out = d.apply(variables, x)
    np.testing.assert_allclose(out.logit, -error(h - x).mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(out.heads["code"], code, rtol=1e-5, atol=1e-6)


def test_the_energy_has_the_gradient_of_the_target_too():
    """Of a linear autoencoder of error A x + c it is -2/n A^T (A x + c). Public code holds the target still
    in G's loss, which leaves the part of I out of A^T."""
    x = jax.random.normal(KEY, (4, 3))
    d = autoencoder.Dense((), code=2)
    variables = d.init(KEY, x)
    first, second = (variables["params"][f"Dense_{i}"] for i in range(2))
    a = first["kernel"] @ second["kernel"] - np.eye(3)
    expected = -2 / 3 * (x @ a + first["bias"] @ second["kernel"] + second["bias"]) @ a.T
    slope = jax.jit(jax.grad(lambda x: d.apply(variables, x).logit.sum()))(x)
    np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=1e-6)


def count(module, x):
    return sum(p.size for p in jax.tree.leaves(jax.eval_shape(module.init, KEY, x)["params"]))


def test_parameter_counts():
    dense = autoencoder.Dense((20, 10), code=3)
    by_hand = 64 * 20 + 20 + 20 * 10 + 10 + 10 * 3 + 3 + 3 * 10 + 10 + 10 * 20 + 20 + 20 * 64 + 64
    assert count(dense, jnp.ones((2, 8, 8, 1))) == by_hand
    convolutional = autoencoder.Convolutional(width=4, code=6)
    there = 16 * 3 * 4 + 4 + 16 * 4 * 8 + 8 + 4 * 4 * 8 * 6 + 6  # 16 px, 8 px of 4 channels, 4 px of 8
    back = 6 * 128 + 128 + 16 * 8 * 4 + 4 + 16 * 4 * 3 + 3
    assert count(convolutional, jnp.ones((2, 16, 16, 3))) == there + back


@pytest.mark.parametrize("norm", ["batch", "spectral"])
@pytest.mark.parametrize("packed", [1, 2])
def test_norms_and_packs_fit(norm, packed):
    d = jg.from_linen(autoencoder.Convolutional(2, 3, norm=norm))
    x = jnp.ones((4, 16, 16, packed))

    def play(x):
        params, stats = d.init(KEY, x)
        return d.apply(params, stats, x, train=True), stats

    (out, changed), stats = jax.eval_shape(play, x)
    assert (out.logit.shape, out.heads["code"].shape) == ((4,), (4, 3))
    assert jax.tree.structure(changed) == jax.tree.structure(stats)
    assert set(changed) == {"batch": {"batch_stats"}, "spectral": {"spectral"}}[norm]


def test_energies_are_summed_in_float32():
    d = jg.bfloat16(jg.from_linen(autoencoder.Dense((4,), 2)))
    out, _ = jax.eval_shape(lambda x: d.apply(*d.init(KEY, x), x), jnp.ones((4, 8)))
    assert out.logit.dtype == out.heads["code"].dtype == jnp.float32


def test_images_of_other_sizes_are_refused():
    with pytest.raises(jg.Refused, match="the autoencoder cannot make images of 9 px"):
        jax.eval_shape(autoencoder.Convolutional().init, KEY, jnp.ones((1, 9, 9, 1)))


@pytest.mark.parametrize(
    ("objective", "g_terms"),
    [(jg.objectives.ebgan(1.0), [jg.terms.pulling_away()]), (jg.objectives.began(), [])],
)
def test_games_of_an_autoencoder_make_an_update(objective, g_terms):
    game = jg.gan(
        jg.from_linen(mlp.Generator((2,), (4,), final=mlp.identity)),
        jg.from_linen(autoencoder.Dense((4,), 2, nn.elu)),
        latent=jg.latents.normal(3),
        objective=objective,
        g_terms=g_terms,
    )
    rule = jg.alternating(game, *[optax.adam(1e-3)] * 2)
    batches = {"x": jnp.ones((1, 1, 4, 2)), "index": jnp.zeros((1, 1, 4), jnp.uint32)}
    before = jax.eval_shape(rule.init, KEY, batches)
    after, metrics = jax.eval_shape(rule.update, before, batches)
    assert jax.tree.map(jax.typeof, before) == jax.tree.map(jax.typeof, after)
    assert {"g/pulling_away", "d/balance"} & metrics.keys()
