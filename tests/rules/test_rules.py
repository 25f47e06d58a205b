"""Rules against closed forms, and the layouts that may not change them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgan.errors import Refused
from jaxgan.games.gan import gan
from jaxgan.games.toy import bilinear
from jaxgan.models import mlp
from jaxgan.parts import conditioning, latents, objectives, terms
from jaxgan.parts.average import ema
from jaxgan.parts.network import from_linen
from jaxgan.parts.types import Lowering
from jaxgan.rules.alternating import alternating
from jaxgan.rules.guard import guarded
from jaxgan.rules.simultaneous import simultaneous

EMPTY = {"x": jnp.zeros((1, 1, 1))}


def play(rule, steps, batches=EMPTY, seed=0):
    state = jax.jit(rule.init)(jax.random.key(seed), batches)
    update, path = jax.jit(rule.update), []
    for _ in range(steps):
        state, metrics = update(state, batches)
        path.append(metrics)
    return state, path


def radius(state):
    return float(jnp.hypot(state.g.params, state.d.params))


def test_simultaneous_steps_spiral_out_at_the_proven_rate():
    """On min max g d each step multiplies the radius by sqrt(1 + h^2)."""
    state, _ = play(simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1)), 100)
    np.testing.assert_allclose(radius(state), 2**0.5 * (1 + 0.01) ** 50, rtol=1e-4)


def test_alternating_steps_stay_on_an_orbit():
    """The step has determinant 1 and keeps g^2 + h g d + d^2."""
    h = 0.1
    rule = alternating(bilinear(), optax.sgd(h), optax.sgd(h))
    g, d = 1.0, 1.0
    state, _ = play(rule, 50)
    for _ in range(50):
        d = d + h * g
        g = g - h * d
    np.testing.assert_allclose([state.g.params, state.d.params], [g, d], rtol=1e-4)
    np.testing.assert_allclose(g * g + h * g * d + d * d, 2 + h, rtol=1e-6)


def test_d_steps_are_counted():
    rule = alternating(bilinear(), optax.sgd(0.0), optax.sgd(0.1), d_steps=3)
    state, _ = play(rule, 4, {"x": jnp.zeros((3, 1, 1))})
    assert rule.batches == 3
    np.testing.assert_allclose(state.d.params, 1 + 0.1 * 12, rtol=1e-5)


# a GAN with everything that may depend on layout: BatchNorm, spectral norm, dropout, every kind of draw
def everything(lowering=Lowering(), micro_safe=False):  # noqa: B008
    norm = "none" if micro_safe else "batch"
    return gan(
        from_linen(mlp.Generator(shape=(2,), widths=(8,), norm=norm, axis=lowering.axis)),
        from_linen(
            mlp.Discriminator(
                widths=(8,), norm="none" if micro_safe else "spectral", dropout=0.2, activation=nn.tanh
            )
        ),
        latent=latents.normal(4),
        objective=objectives.wasserstein() if micro_safe else objectives.relativistic_average(),
        d_terms=[terms.lazily(terms.wgan_gp(1.0) if micro_safe else terms.dragan(1.0), 2)],
        conditioning=conditioning.concatenation(3),
        label_noise=0.1,
        instance_noise=0.1,
        packing=2,
        lowering=lowering,
    )


def batches(d_steps, micro, b):
    n = d_steps * micro * b
    leaves = {
        "x": jax.random.normal(jax.random.key(3), (n, 2)),
        "label": jnp.arange(n) % 3,
        "index": jnp.arange(n, dtype=jnp.uint32),
    }
    return {k: v.reshape(d_steps, micro, b, *v.shape[1:]) for k, v in leaves.items()}


def rule_of(game, d_steps=1, tx=optax.sgd(0.05)):  # noqa: B008
    return alternating(game, tx, tx, d_steps=d_steps, average=ema(0.9))


def close(a, b, atol=1e-6):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=atol), a, b)


def test_micro_batches_add_up_to_the_batch():
    """Without batch statistics, 2 x 8 examples make the same steps as 1 x 16."""
    game = everything(micro_safe=True)
    one, _ = play(rule_of(game), 4, batches(1, 1, 16))
    two, _ = play(rule_of(game), 4, batches(1, 2, 8))
    close((one.g, one.d, one.ema), (two.g, two.d, two.ema), atol=1e-5)


def test_scanned_is_unrolled():
    unrolled, m = play(rule_of(everything(), d_steps=2), 4, batches(2, 2, 8))
    scan = Lowering(unroll=False)
    scanned, n = play(rule_of(everything(scan), d_steps=2), 4, batches(2, 2, 8))
    close(unrolled.replace(key=0), scanned.replace(key=0), atol=1e-5)
    close(m, n, atol=1e-4)


def both_at_once(game):
    return simultaneous(game, optax.sgd(0.05), optax.sgd(0.05))


@pytest.mark.parametrize(("mapped", "make"), [("shard_map", rule_of), ("pmap", both_at_once)])
def test_the_axis_name_is_all_a_recipe_needs_to_know_of_devices(mapped, make):
    """The same update over 4 devices, with SGD: gradients, statistics, draws and metrics are the batch's."""
    whole, split = make(everything()), make(everything(Lowering(axis="data")))
    data = batches(whole.batches, 1, 16)
    state = jax.jit(whole.init)(jax.random.key(0), data)
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,), devices=jax.devices()[:4])
    spec = jax.sharding.PartitionSpec
    if mapped == "shard_map":
        update = jax.jit(
            jax.shard_map(
                split.update,
                mesh=mesh,
                in_specs=(spec(), spec(None, None, "data")),
                out_specs=(spec(), spec()),
            )
        )
        theirs = (state, data)
    else:
        update = jax.pmap(
            split.update, axis_name="data", devices=jax.devices()[:4], in_axes=(None, 2), out_axes=None
        )
        theirs = (state, jax.tree.map(lambda x: x.reshape(*x.shape[:2], 4, 4, *x.shape[3:]), data))
    sharded = theirs[0]
    one = jax.jit(whole.update)
    for _ in range(5):
        state, metrics = one(state, data)
        sharded, split_metrics = update(sharded, theirs[1])
        sharded = jax.device_get(sharded) if mapped == "pmap" else sharded
    close(state.replace(key=0), sharded.replace(key=0), atol=1e-5)
    close(metrics, split_metrics, atol=1e-4)


def poisoned(step):
    """A game whose D loss is NaN at one step."""

    def bad(view):
        return jnp.where(view.step == step, jnp.nan, 0.0) * view.real_out

    return gan(
        from_linen(mlp.Generator(shape=(2,), widths=(4,), norm="batch")),
        from_linen(mlp.Discriminator(widths=(4,), norm="spectral")),
        latent=latents.normal(2),
        objective=objectives.hinge(),
        d_terms=[terms.stateless("bad", bad)],
    )


def arrays(state):
    return jax.device_get((state.g, state.d, state.ema, state.extra))


def test_a_guarded_run_stands_still_at_what_is_not_finite():
    rule = guarded(rule_of(poisoned(3), tx=optax.adam(1e-3)))
    data = batches(1, 1, 8)
    before, _ = play(rule, 3, data)
    after, path = play(rule, 6, data)
    assert int(after.rule.failed) == 3
    assert int(after.step) == 6
    assert np.isnan(path[3]["d/bad"])
    jax.tree.map(np.testing.assert_array_equal, arrays(before), arrays(after))


def test_a_guarded_run_may_skip_it():
    rule = guarded(rule_of(poisoned(3), tx=optax.adam(1e-3)), skip=True)
    data = batches(1, 1, 8)
    before, _ = play(rule, 3, data)
    at, _ = play(rule, 4, data)
    after, _ = play(rule, 5, data)
    jax.tree.map(np.testing.assert_array_equal, arrays(before), arrays(at))
    assert int(at.step) == 4
    assert int(after.rule.skipped) == 1
    assert int(after.rule.failed) == -1
    assert not np.allclose(jax.tree.leaves(after.g.params)[0], jax.tree.leaves(at.g.params)[0])
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(arrays(after)))


def test_a_guard_changes_nothing_while_all_is_well():
    data = batches(1, 1, 8)
    plain, _ = play(rule_of(everything()), 5, data)
    watched, _ = play(guarded(rule_of(everything())), 5, data)
    close(plain.replace(key=0), watched.replace(rule=(), key=0), atol=1e-6)


def test_each_player_keeps_its_own_statistics():
    """D's step leaves G's BatchNorm alone, and G's step D's spectral vectors."""
    frozen_g = alternating(everything(), optax.sgd(0.0), optax.sgd(0.0), d_steps=2)
    data = batches(2, 1, 8)
    once, _ = play(frozen_g, 1, data)
    mean = jax.tree.leaves(once.g.stats["batch_stats"])[0]
    lone = alternating(everything(), optax.sgd(0.0), optax.sgd(0.0), d_steps=1)
    same, _ = play(lone, 1, jax.tree.map(lambda x: x[1:], data))
    np.testing.assert_allclose(mean, jax.tree.leaves(same.g.stats["batch_stats"])[0], rtol=1e-5)


def test_seeds_map_as_lanes():
    """vmap over everything but the step, as lanes will: the same as single runs, the lazy term included."""
    rule, data = rule_of(everything()), batches(1, 1, 8)
    keys = jax.vmap(jax.random.key)(jnp.arange(3))
    state = jax.vmap(lambda key: rule.init(key, data))(keys)
    axes = jax.tree.map(lambda _: 0, state).replace(step=None)
    lanes = jax.jit(jax.vmap(rule.update, in_axes=(axes, None), out_axes=(axes, 0)))
    state = state.replace(step=jnp.int32(0))
    for _ in range(3):
        state, _ = lanes(state, data)
    single, _ = play(rule, 3, data, seed=1)
    close(jax.tree.map(lambda x: x[1], (state.g, state.d)), (single.g, single.d), atol=1e-5)


@pytest.mark.parametrize("rule", [alternating, simultaneous])
def test_what_is_no_part_of_a_rule_is_refused(rule):
    with pytest.raises(Refused, match=r"0.001 is no optimiser: give one of optax, such as"):
        rule(bilinear(), 0.001, optax.sgd(0.1))
    with pytest.raises(Refused, match=r"0.999 is no Average: give one such as jg.ema\(0.999\)"):
        rule(bilinear(), optax.sgd(0.1), optax.sgd(0.1), average=0.999)
