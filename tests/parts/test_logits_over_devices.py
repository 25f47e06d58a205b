"""Losses between examples of several devices: numbers, gradients and memories are those of a single one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P
from playing import played

import jaxgan as jg
from jaxgan.parts.types import Lowering
from jaxgan.scale.devices import DATA, data_mesh

o = jg.objectives
REAL, FAKE = jax.random.normal(jax.random.key(0), (2, 16, 3)) + jnp.array([[[1.0]], [[0.0]]])
WEIGHTS = jax.random.normal(jax.random.key(1), (3, 4))


def network(w, x):
    h = jnp.tanh(x @ w)
    return jg.Output(h.sum(axis=1), {"code": h})


OBJECTIVES = {
    "softmax_gan": o.softmax_gan(),
    "dual_contrastive": o.dual_contrastive(),
    "relativistic_average": o.relativistic_average(o.margins.least_squares),
    "relativistic_centred": o.relativistic_centred(),
    "began": o.began(rate=0.1),
    "fisher": o.fisher(0.5),
    "loss_sensitive": o.loss_sensitive(0.3),
}


def every_loss(lowering, w, real, fake):
    """Of each objective and term: its value, D's gradient, the gradient in the fakes, the memory after."""
    games = {name: {"objective": objective} for name, objective in OBJECTIVES.items()}
    games["max_gradient"] = {"d_terms": [jg.terms.max_gradient()]}
    games["pulling_away"] = {"who": "g", "g_terms": [jg.terms.pulling_away()]}
    found = {}
    for name, game in games.items():
        play = played(network, **game, lowering=lowering)

        def loss(w, fake, play=play):
            value, _, memory = play(w, real, fake)
            return value, memory

        (value, memory), (dw, dfake) = jax.value_and_grad(loss, (0, 1), has_aux=True)(w, fake)
        found[name] = {"whole": (value, lowering.average(dw), memory), "own": dfake}
    return found


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_devices_do_not_change_a_loss(count, single):
    specs = {name: {"whole": P(), "own": P(DATA)} for name in single}
    mesh = data_mesh(jax.devices()[:count])

    def step(w, real, fake):
        return every_loss(Lowering(DATA), w, real, fake)

    shared = jax.jit(jax.shard_map(step, mesh=mesh, in_specs=(P(), P(DATA), P(DATA)), out_specs=specs))(
        WEIGHTS, REAL, FAKE
    )
    for name in single:
        for a, b in zip(jax.tree.leaves(single[name]), jax.tree.leaves(shared[name]), strict=True):
            np.testing.assert_allclose(a, b, rtol=5e-5, atol=2e-6, err_msg=name)


@pytest.fixture(scope="module")
def single():
    return jax.jit(lambda *x: every_loss(Lowering(), *x))(WEIGHTS, REAL, FAKE)
