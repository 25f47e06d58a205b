"""Losses between examples: the same number and gradient on any number of devices, however they share."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from jaxgan.parts.types import Lowering
from jaxgan.scale.devices import DATA, data_mesh

X = jax.random.normal(jax.random.key(0), (16, 4))
W = jax.random.normal(jax.random.key(1), (4, 3))


def contrastive(lowering, w, x):
    """Each example against all others, as in NT-Xent: rows of this device's examples only."""
    z = x @ w
    every = lowering.gather(z)
    start = 0 if lowering.axis is None else jax.lax.axis_index(lowering.axis) * len(z)
    labels = start + jnp.arange(len(z))
    scores = z @ every.T
    return lowering.mean(jax.nn.logsumexp(scores, axis=1) - scores[jnp.arange(len(z)), labels] / 2)


def softmax(lowering, w, x):
    """log of the partition function over the whole batch, as in Softmax GAN, and the largest logit."""
    logit = (x @ w)[:, 0]
    return lowering.logsumexp(logit) + 0.3 * lowering.max(logit) - lowering.mean(logit)


def gradient_of(loss, lowering, w, x):
    """As rules take it: of a loss that is a mean over devices, averaged over them once more."""
    value, slope = jax.value_and_grad(partial(loss, lowering))(w, x)
    return value, lowering.average(slope)


@pytest.mark.parametrize("loss", [contrastive, softmax])
@pytest.mark.parametrize("way", ["shard_map", "pmap"])
def test_gradients_do_not_depend_on_the_devices(loss, way):
    single = jax.jit(partial(gradient_of, loss, Lowering()))(W, X)
    for count in (1, 2, 4, 8):
        step = partial(gradient_of, loss, Lowering(DATA))
        if way == "shard_map":
            mesh = data_mesh(jax.devices()[:count])
            shared = jax.jit(jax.shard_map(step, mesh=mesh, in_specs=(P(), P(DATA)), out_specs=P()))(W, X)
        else:
            devices = jax.devices()[:count]
            mapped = jax.pmap(step, axis_name=DATA, in_axes=(None, 0), out_axes=None, devices=devices)
            shared = mapped(W, X.reshape(count, -1, 4))
        for a, b in zip(single, shared, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6, err_msg=f"{way} on {count}")
