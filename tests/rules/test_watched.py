"""The signs of health that every update gives."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from support import ring_game

from jaxgan.data import load
from jaxgan.data.source import batch
from jaxgan.games.game import Context
from jaxgan.parts.rng import fold
from jaxgan.rules.alternating import alternating
from jaxgan.rules.update_norms import with_update_norms


def test_metrics_of_gradients_updates_and_accuracy():
    game, ring = ring_game(), load("ring")
    rule = with_update_norms(alternating(game, optax.sgd(0.5), optax.sgd(0.1)))
    batches = batch(ring, (1, 1, 64), ring.arrays, jax.random.key(0), 0)
    old = rule.init(jax.random.key(1), batches)
    new, metrics = rule.update(old, batches)

    first = jax.tree.map(lambda x: x[0, 0], batches)
    key = fold(old.key, old.step)
    step = jnp.int32(0)
    context = Context(old.g.stats, old.d.stats, old.extra, step, first, fold(key, "d", 0), step)
    grads, _ = jax.grad(game.d_loss, argnums=1, has_aux=True)(old.g.params, old.d.params, context)
    squares = sum(float(jnp.sum(x**2)) for x in jax.tree.leaves(grads))
    size = sum(float(jnp.sum(x**2)) for x in jax.tree.leaves(old.d.params))
    np.testing.assert_allclose(metrics["d/grad"], squares**0.5, rtol=1e-5)
    np.testing.assert_allclose(metrics["d/update"], 0.1 * (squares / size) ** 0.5, rtol=1e-4)
    moved = optax.tree.norm(optax.tree.sub(new.g.params, old.g.params)) / optax.tree.norm(old.g.params)
    np.testing.assert_allclose(metrics["g/update"], moved, rtol=1e-6)
    np.testing.assert_allclose(
        metrics["g/update"] * optax.tree.norm(old.g.params), 0.5 * metrics["g/grad"], rtol=1e-4
    )
    # the share right of the middle between both means, whatever is added to all of D's logits
    real = game.looks.judge(old.d.side, first["x"], {})
    middle = (metrics["d/real"] + metrics["d/fake"]) / 2
    np.testing.assert_allclose(metrics["d/acc_real"], (real > middle).mean(), atol=1e-6)


def test_update_norms_are_computed_only_when_asked():
    rule, ring = alternating(ring_game(), optax.sgd(0.5), optax.sgd(0.1)), load("ring")
    batches = batch(ring, (1, 1, 8), ring.arrays, jax.random.key(0), 0)
    every, third = with_update_norms(rule), with_update_norms(rule, lambda step: step % 3 == 0)
    state, sparse, dense = rule.init(jax.random.key(1), batches), [], []
    for _ in range(6):
        _, metrics = jax.jit(third.update)(state, batches)
        state, all_metrics = jax.jit(every.update)(state, batches)
        sparse.append(float(metrics["d/update"]))
        dense.append(float(all_metrics["d/update"]))
    assert all(dense)
    np.testing.assert_allclose(sparse, [0, 0, dense[2], 0, 0, dense[5]], rtol=1e-6)
