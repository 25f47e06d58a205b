"""Terms in a whole game: a weight of 0 changes no bit."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxgan as jg

N = 16


NEUTRAL = {
    "d_terms": [
        jg.terms.lecam(0.0, start=0),
        jg.terms.latent_consistency(0.0),
        jg.terms.alp(0.0),
        jg.terms.finite_r1(0.0),
    ],
    "g_terms": [
        jg.terms.latent_diversity(0.0),
        jg.terms.mode_seeking(0.0),
        jg.terms.jacobian_clamping(weight=0.0),
        jg.terms.transport_cost(0.0),
    ],
}


class Logit(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(1)(x)[:, 0]


def trained(**parts):
    """The players' parameters and the metrics after two steps."""
    game = jg.gan(
        jg.from_linen(nn.Sequential([nn.Dense(4), nn.tanh, nn.Dense(2)])),
        jg.from_linen(nn.Sequential([nn.Dense(4), nn.tanh, Logit()])),
        latent=jg.latents.normal(2),
        objective=jg.objectives.non_saturating(),
        lowering=jg.Lowering(unroll=False),
        **parts,
    )
    rule = jg.simultaneous(game, optax.sgd(0.05), optax.sgd(0.05))
    x = jax.random.normal(jax.random.key(3), (1, 1, N, 2)) + 1
    batches = {"x": x, "index": jnp.arange(N, dtype=jnp.uint32).reshape(x.shape[:-1])}
    state, step = jax.jit(rule.init)(jax.random.key(0), batches), jax.jit(rule.update)
    for _ in range(2):
        state, metrics = step(state, batches)
    return jax.device_get(((state.g.side.params, state.d.side.params), metrics))


def test_a_weight_of_0_changes_no_bit():
    params, metrics = trained(**NEUTRAL)
    plain_params, plain_metrics = trained()
    jax.tree.map(np.testing.assert_array_equal, params, plain_params)
    for name in metrics.keys() - plain_metrics.keys():
        assert metrics[name] == 0, name
    for name in ("d/adv", "g/adv"):
        assert metrics[name] == plain_metrics[name]
