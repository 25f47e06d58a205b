"""Terms that read the whole batch or pair its examples: the same loss, gradient and memory on any devices."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec as P
from views import view_of

from jaxgan.parts import terms
from jaxgan.parts.types import Lowering
from jaxgan.scale.devices import DATA, data_mesh

X, Z = jax.random.normal(jax.random.key(0), (2, 16, 3))
KEYS = jax.random.key_data(jax.random.split(jax.random.key(1), 16))
W = jax.random.normal(jax.random.key(2), (3, 3))
TERMS = (
    terms.lecam(start=0),
    terms.bottleneck(rate=0.1),
    terms.mode_seeking(),
    terms.mode_seeking(of_means=True),
    terms.log_distances(),
    terms.path_length(decay=0.3),
)


def losses(lowering, w, x, z, keys):
    """The sum of all terms' losses, each of linear players with weights w, and their memories."""
    heads = {"mean": x @ w, "deviation": jnp.exp(x @ w / 9)}
    total, memories = 0.0, []
    for i, term in enumerate(TERMS):
        latents = {"w": z} if term.name == "path_length" else z
        v = view_of(
            x,
            z @ w,
            lambda x: x.sum(1) + jnp.square(x @ w).sum(1),
            z=latents,
            g=lambda z: (z["w"] if isinstance(z, dict) else z) @ w,
            keys=jax.random.wrap_key_data(keys),
            step=jnp.int32(3),
            real_heads=heads,
            fake_heads=heads,
            lowering=lowering,
        )
        loss, memory = term.apply(v, term.init())
        total += (i + 1) * lowering.mean(loss)
        memories.append(memory)
    return total, memories


def gradient(lowering, *arrays):
    value, slope = jax.value_and_grad(partial(losses, lowering), has_aux=True)(*arrays)
    return value, lowering.average(slope)


def test_devices_change_nothing():
    single = jax.jit(partial(gradient, Lowering()))(W, X, Z, KEYS)
    for count in (1, 2, 4, 8):
        shared = jax.jit(
            jax.shard_map(
                partial(gradient, Lowering(DATA)),
                mesh=data_mesh(jax.devices()[:count]),
                in_specs=(P(), P(DATA), P(DATA), P(DATA)),
                out_specs=P(),
            )
        )(W, X, Z, KEYS)
        for a, b in zip(jax.tree.leaves(single), jax.tree.leaves(shared), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=f"on {count}")
