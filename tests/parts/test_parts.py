"""Randomness, latents, conditioning, averages and projections."""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.parts import conditioning, latents
from jaxgan.parts.average import ema
from jaxgan.parts.optim import clip_weights, projected
from jaxgan.parts.rng import each, fold
from jaxgan.parts.types import Lowering

KEYS = jax.random.split(jax.random.key(0), 4000)


def test_fold_is_by_name_and_the_same_everywhere():
    """The stream of a name is part of a run's format: it is frozen here, and may never change."""
    key = jax.random.key(0)
    assert jax.random.key_data(fold(key, "g", 3)).tolist() == [2356878585, 253586192]
    assert fold(key, "g", 3) == jax.random.fold_in(jax.random.fold_in(key, zlib.crc32(b"g")), 3)
    assert (fold(KEYS[:3], "z") == jnp.stack([fold(k, "z") for k in KEYS[:3]])).all()


def test_each_depends_on_the_index_alone():
    key = jax.random.key(0)
    assert (each(key, jnp.arange(8))[4:] == each(key, jnp.arange(4, 8))).all()


@pytest.mark.parametrize(
    ("latent", "mean_square"),
    [
        (latents.normal(8), 1.0),
        (latents.uniform(8), 1 / 3),
        (latents.uniform(8, 0.0, 1.0), 1 / 3),
        (latents.sphere(8), 1.0),
        (latents.truncated(8, 2.0), 0.7737),  # 1 - 2 b phi(b) / (2 Phi(b) - 1) at b = 2
    ],
)
def test_latents_have_their_moments(latent, mean_square):
    z = jax.vmap(latent.draw)(KEYS)
    assert z.shape == (4000, 8)
    np.testing.assert_allclose(jnp.square(z).mean(), mean_square, rtol=0.02)


def test_latents_stay_in_their_range():
    z = jax.vmap(latents.sphere(8).draw)(KEYS[:50])
    np.testing.assert_allclose(jnp.linalg.norm(z, axis=-1), 8**0.5, rtol=1e-5)
    assert jnp.abs(jax.vmap(latents.truncated(8, 0.5).draw)(KEYS[:50])).max() < 0.5


def test_concatenation_appends_the_label():
    cond = conditioning.concatenation(3)
    label = jnp.array([2, 0])
    (z,) = cond.g(jnp.zeros((2, 5)), {"label": label})
    np.testing.assert_array_equal(z[:, 5:], [[0, 0, 1], [1, 0, 0]])
    (x,) = cond.d(jnp.zeros((2, 4, 4, 1)), {"label": label})
    np.testing.assert_array_equal(x[:, 2, 3, 1:], [[0, 0, 1], [1, 0, 0]])
    (flat,) = cond.d(jnp.zeros((2, 7)), {"label": label})
    assert flat.shape == (2, 10)


def test_labels_reach_both_networks_as_they_are():
    z, x, label = jnp.zeros((2, 5)), jnp.zeros((2, 7)), jnp.array([2, 0])
    cond = conditioning.labels(3)
    assert cond.classes == 3
    given = {"label": label}
    assert all(a is b for a, b in zip(cond.g(z, given) + cond.d(x, given), (z, label, x, label), strict=True))


def test_labels_of_a_pack_are_concatenated():
    (x,) = conditioning.concatenation(3).d(jnp.zeros((1, 4, 4, 2)), {"label": jnp.array([[2, 0]])})
    np.testing.assert_array_equal(x[0, 0, 0, 2:], [0, 0, 1, 1, 0, 0])


def test_ema_ramps_up_by_its_formula():
    average = ema(0.9, ramp=10.0)
    held = average.init(jnp.zeros(3), {})
    by_hand = 0.0
    for step in range(200):
        held = average.update(held, jnp.full(3, step + 1.0), {}, jnp.int32(step))
        b = min(0.9, (1 + step) / (10 + step))
        by_hand = b * by_hand + (1 - b) * (step + 1.0)
    np.testing.assert_allclose(held[0], by_hand, rtol=1e-5)


def test_emas_decay_may_be_a_schedule():
    average = ema(lambda step: 1 - 1 / (2 + step), ramp=1.0)
    held = average.init(jnp.zeros(3), {})
    update, by_hand = jax.jit(average.update), 0.0
    for step in range(50):
        held = update(held, jnp.full(3, float(step**2)), {}, jnp.int32(step))
        by_hand += (step**2 - by_hand) / (2 + step)
    np.testing.assert_allclose(held[0], by_hand, rtol=1e-5)


def test_ema_averages_batch_statistics_and_copies_spectral_vectors():
    """At any depth, so that a side of several networks is served as well."""
    average = ema(0.5, ramp=1.0)

    def stats(value):
        leaf = jnp.full(2, value)
        flax_s = {"mean": leaf, "layer_instance/kernel/u": leaf, "layer_instance/kernel/sigma": leaf}
        return {"a": {"batch_stats": flax_s, "spectral": {"u": leaf, "n": jnp.int32(value)}}}

    _, moved = average.update(average.init((), stats(0.0)), (), stats(4.0), jnp.int32(9))
    np.testing.assert_array_equal(moved["a"]["batch_stats"]["mean"], [2.0, 2.0])
    for part in ("u", "sigma"):
        np.testing.assert_array_equal(moved["a"]["batch_stats"][f"layer_instance/kernel/{part}"], [4.0, 4.0])
    np.testing.assert_array_equal(moved["a"]["spectral"]["u"], [4.0, 4.0])
    assert moved["a"]["spectral"]["n"] == 4
    assert moved["a"]["spectral"]["n"].dtype == jnp.int32


def test_ema_of_bfloat16_moves_by_less_than_its_digits():
    average = ema(0.999, ramp=1.0)
    start, end = jnp.ones(2, jnp.bfloat16), jnp.zeros(2, jnp.bfloat16)
    held = jax.lax.fori_loop(
        0, 3000, lambda step, held: average.update(held, end, {}, step), average.init(start, {})
    )
    np.testing.assert_allclose(held[0], 0.999**3000, rtol=1e-3)


def test_clipping_holds_after_every_step():
    tx = optax.chain(optax.sgd(1.0), clip_weights(0.25))
    params = {"w": jnp.array([0.2, -0.2, 0.0])}
    updates, _ = tx.update({"w": jnp.array([-1.0, 1.0, -0.1])}, tx.init(params), params)
    np.testing.assert_allclose(optax.apply_updates(params, updates)["w"], [0.25, -0.25, 0.1], rtol=1e-6)


def test_any_projection_works():
    tx = projected(optax.projections.projection_non_negative)
    params = jnp.array([1.0, 2.0])
    updates, _ = tx.update(jnp.array([-3.0, 1.0]), tx.init(params), params)
    np.testing.assert_allclose(params + updates, [0.0, 3.0])


@pytest.mark.parametrize("unroll", [True, False])
def test_loop_carries_and_collects(unroll):
    carry, ys = Lowering(unroll=unroll).loop(
        lambda c, x: (c + x, c * x), jnp.float32(1), jnp.arange(1.0, 4.0)
    )
    assert carry == 7
    np.testing.assert_array_equal(ys, [1, 4, 12])
