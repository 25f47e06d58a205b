"""Methods with memories and inner gradients take the same steps on any number of devices."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.data import load
from jaxgan.data.source import batch
from jaxgan.games.gan import gan
from jaxgan.models import mlp
from jaxgan.parts import augmentations, latents, objectives
from jaxgan.parts.latent_steps import natural
from jaxgan.parts.network import from_linen
from jaxgan.parts.optim import scaled
from jaxgan.parts.types import Lowering
from jaxgan.rules.alternating import alternating
from jaxgan.rules.feedback import by_feedback
from jaxgan.rules.paces import gap_aware
from jaxgan.scale.devices import DATA, data_mesh, data_parallel, replicated

SOURCE = load("digits")


def methods(axis):
    """A latent step through BatchNorm, fakes shown as real, an augmentation with a memory, a rate of D."""
    game = gan(
        from_linen(mlp.Generator((8, 8, 1), (8,), norm="batch", axis=axis)),
        from_linen(mlp.Discriminator((8,))),
        latent=latents.normal(4),
        objective=objectives.non_saturating(),
        latent_step=natural(bound=None),
        deceive=augmentations.apa(steps=4, every=1, target=-1.1),  # 1/4 more in every step
        augment=augmentations.adaptive(augmentations.blit, steps=4, every=1, target=-1.1),
        lowering=Lowering(axis),
    )
    sgd = optax.sgd(0.1)
    return by_feedback(lambda rates: alternating(game, sgd, scaled(sgd, rates.d)), gap_aware(smoothing=0.5))


@cache
def train(way, count):
    mesh = data_mesh(jax.devices()[:count])
    rule = methods(None if way == "jit" else DATA)
    update = data_parallel(rule.update, mesh, way)
    batches = partial(batch, SOURCE, (1, 1, 16))

    @partial(jax.jit, out_shardings=replicated(mesh))
    def init(key, arrays):
        return rule.init(key, batches(arrays, key, jnp.int32(0)))

    @partial(jax.jit, out_shardings=replicated(mesh))
    def step(state, arrays):
        return update(state, batches(arrays, state.key, state.step))

    arrays = jax.device_put(SOURCE.arrays, replicated(mesh))
    state = init(jax.device_put(jax.random.key(0), replicated(mesh)), arrays)
    for _ in range(3):
        state, metrics = step(state, arrays)
    return jax.device_get((state.replace(key=()), metrics))


@pytest.mark.parametrize(
    ("way", "count"), [("shard_map", 4), pytest.param("pmap", 2, marks=pytest.mark.slow)]
)
def test_three_steps_agree(way, count):
    single = train("jit", 1)
    assert single[1]["d/deceived"] == 0.75
    for (path, a), b in zip(
        jax.tree_util.tree_flatten_with_path(single)[0], jax.tree.leaves(train(way, count)), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=2e-5, rtol=2e-5, err_msg=jax.tree_util.keystr(path))
