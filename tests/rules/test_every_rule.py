"""What every rule promises, whatever it computes: a GAN, a guard, lanes, a resume, micro-batches, devices."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from support import same

from jaxgan.folder.checkpoint import Checkpoints
from jaxgan.games.gan import gan
from jaxgan.models import mlp
from jaxgan.parts import latents, objectives, terms
from jaxgan.parts.average import ema
from jaxgan.parts.network import from_linen
from jaxgan.parts.types import Lowering
from jaxgan.rules.competitive import adaptive_competitive, competitive
from jaxgan.rules.consensus import consensus
from jaxgan.rules.extragradient import extragradient, past_extragradient
from jaxgan.rules.guard import guarded
from jaxgan.rules.look_through import look_through
from jaxgan.rules.lookahead import lookahead
from jaxgan.rules.optimistic import optimistic
from jaxgan.rules.simultaneous import simultaneous
from jaxgan.rules.symplectic import symplectic
from jaxgan.rules.unrolled import unrolled
from jaxgan.scale.devices import DATA, data_mesh, data_parallel
from jaxgan.scale.lanes import stack, take_lane, vmap_lanes

PLAIN = Lowering()
B = 8
RULES = {
    "extragradient": lambda game, tx, rate, **parts: extragradient(game, tx, tx, **parts),
    "past_extragradient": lambda game, tx, rate, **parts: past_extragradient(game, tx, tx, **parts),
    "optimistic": lambda game, tx, rate, **parts: optimistic(game, tx, tx, **parts),
    "consensus": lambda game, tx, rate, **parts: consensus(game, tx, tx, weight=0.1, **parts),
    "symplectic": lambda game, tx, rate, **parts: symplectic(game, tx, tx, weight=0.1, **parts),
    "look_through": lambda game, tx, rate, **parts: look_through(game, tx, tx, rate=rate, **parts),
    "unrolled": lambda game, tx, rate, **parts: unrolled(game, tx, tx, steps=2, **parts),
    "competitive": lambda game, tx, rate, **parts: competitive(game, rate, rate, products=2, **parts),
    "adaptive": lambda game, tx, rate, **parts: adaptive_competitive(
        game, rate, rate, eps=1.0, products=2, **parts
    ),
    "lookahead": lambda game, tx, rate, **parts: lookahead(simultaneous(game, tx, tx, **parts), every=3),
}

KINDS = ("past_extragradient", "symplectic", "unrolled", "competitive")
"""One of each kind: another point, second derivatives, through steps of the optimiser, a linear system."""
IN_TURN = [pytest.param(name, marks=() if name in KINDS else pytest.mark.slow) for name in RULES]
"""Every rule, of which the default suite takes one of each kind."""


def lecam():
    """A term that remembers means of D's logits."""

    def apply(view, means):
        real, fake = means
        loss = 0.1 * ((view.real_out - fake) ** 2 + (view.fake_out - real) ** 2)
        real, fake = (0.5 * m + 0.5 * view.mean(x) for m, x in ((real, view.real_out), (fake, view.fake_out)))
        return loss, (real, fake)

    return terms.Term("lecam", lambda: (jnp.zeros(()), jnp.zeros(())), apply)


def remembering(lowering=PLAIN):
    """Statistics in both networks and a term's memory beside them."""
    return gan(
        from_linen(mlp.Generator((2,), (3,), nn.tanh, mlp.identity, norm="batch", axis=lowering.axis)),
        from_linen(mlp.Discriminator((3,), nn.tanh, norm="spectral")),
        latent=latents.normal(2),
        objective=objectives.non_saturating(),
        d_terms=[lecam()],
        lowering=lowering,
    )


def forgetting(lowering=PLAIN):
    """Nothing but parameters, and a penalty that is itself a derivative."""
    return gan(
        from_linen(mlp.Generator((2,), (3,), nn.tanh, mlp.identity)),
        from_linen(mlp.Discriminator((3,), nn.tanh)),
        latent=latents.normal(2),
        objective=objectives.non_saturating(),
        d_terms=[terms.r1(0.1)],
        lowering=lowering,
    )


def batches(micro=1, b=B):
    n = micro * b
    return {
        "x": jax.random.normal(jax.random.key(3), (1, micro, b, 2)),
        "index": jnp.arange(n, dtype=jnp.uint32).reshape(1, micro, b),
    }


def rule_of(name, game=None, tx=None, rate=0.05):
    game, tx = game or remembering(), tx or optax.sgd(rate)
    return RULES[name](game, tx, rate, average=ema(0.9))


def played(rule, steps, data, seed=0, update=None):
    state, update = jax.jit(rule.init)(jax.random.key(seed), data), update or jax.jit(rule.update)
    for _ in range(steps):
        state, metrics = update(state, data)
    return state, metrics


@cache
def alone(name):
    return played(rule_of(name), 4, batches(), seed=1)


@cache
def at_rest():
    """Simultaneous steps of nobody, against which all rules are held."""
    still = optax.sgd(0.0)
    return played(simultaneous(remembering(), still, still), 2, batches())[0]


def close(a, b, atol=1e-5):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=atol, rtol=1e-5), a, b)


def parts(state):
    return state.g, state.d, state.ema, state.extra, state.rule


@pytest.mark.parametrize("name", RULES)
def test_a_run_resumes_bitwise_from_its_state(name, tmp_path):
    """Adam, the guard and the average included; states donated, so that no buffer may serve twice."""
    rule, data = guarded(rule_of(name, tx=optax.adam(1e-2, eps_root=1e-8))), batches()
    init, update = jax.jit(rule.init), jax.jit(rule.update, donate_argnums=0)
    shapes = jax.eval_shape(rule.update, jax.eval_shape(rule.init, jax.random.key(0), data), data)[0]
    # on a device by name, as a checkpoint's are, or the update would be compiled once for either
    state, seen = jax.device_put(init(jax.random.key(0), data), jax.devices()[0]), []
    assert jax.tree.map(lambda x: (x.shape, x.dtype), state) == jax.tree.map(
        lambda x: (x.shape, x.dtype), shapes
    )
    with Checkpoints(tmp_path / "c") as checkpoints:
        for step in range(5):
            if step == 2:
                checkpoints.save(2, state)
                checkpoints.wait()
            seen.append(jax.device_get((state.g.params, state.d.params)))
            state, metrics = update(state, data)
        again = checkpoints.at(2, init(jax.random.key(1), data))
    for _ in range(3):
        again, _ = update(again, data)
    same(state, again)
    assert int(state.rule.failed) == -1
    assert {"g/adv", "d/adv", "d/lecam"} <= metrics.keys()
    assert all(x.shape == () and np.isfinite(x) for x in metrics.values())
    first, second = (jnp.concatenate([x.ravel() for x in jax.tree.leaves(point)]) for point in seen[:2])
    assert (first != second).mean() > 0.9  # and it moves


@pytest.mark.parametrize("name", IN_TURN)
def test_statistics_and_memories_move_once_per_update(name):
    """Where nobody moves, BatchNorm, spectral norm and terms remember what simultaneous steps leave."""
    data = batches()

    def remembered(state):
        return state.g.stats, state.d.stats, state.extra

    rule = rule_of(name, rate=0.0)
    before = jax.jit(rule.init)(jax.random.key(0), data)
    result, _ = played(rule, 2, data)
    close(remembered(result), remembered(at_rest()), atol=1e-6)
    for old, new in zip(remembered(before), remembered(result), strict=True):
        assert any((x != y).any() for x, y in zip(*map(jax.tree.leaves, (old, new)), strict=True))


def halved():
    """Parameters in half precision, of which not every product is."""
    game = forgetting()

    def init(key, batch):
        g, d, extra = game.init(key, batch)
        g, d = (side._replace(params=optax.tree.cast(side.params, jnp.bfloat16)) for side in (g, d))
        return g, d, extra

    return game._replace(init=init)


@pytest.mark.parametrize("name", RULES)
def test_traced_hyperparameters_keep_all_dtypes(name):
    """By tracing alone: a traced rate is of 32 bits, and promotes what it is multiplied by."""

    def rule(rate):
        game, tx = halved(), optax.adam(rate, b1=rate, eps_root=1e-8)
        others = {
            "consensus": lambda: consensus(game, tx, tx, weight=rate),
            "symplectic": lambda: symplectic(game, tx, tx, weight=rate),
            "adaptive": lambda: adaptive_competitive(game, rate, rate, decay=rate, products=2),
            "lookahead": lambda: lookahead(simultaneous(game, tx, tx), pull=rate),
        }
        return others[name]() if name in others else RULES[name](game, tx, rate)

    data, rate = batches(), jnp.float32(0.1)
    state = jax.eval_shape(lambda rate: rule(rate).init(jax.random.key(0), data), rate)
    moved = jax.eval_shape(lambda rate, state: rule(rate).update(state, data)[0], rate, state)
    assert {x.dtype for x in jax.tree.leaves((state.g.params, state.d.params))} == {jnp.dtype(jnp.bfloat16)}
    assert jax.tree.map(lambda x: x.dtype, moved) == jax.tree.map(lambda x: x.dtype, state)


@pytest.mark.parametrize("name", IN_TURN)
def test_a_lane_is_its_single_run(name):
    rule, data = rule_of(name), batches()
    init = jax.jit(rule.init)
    state = stack([init(jax.random.key(seed), data) for seed in range(2)])
    lanes = jax.jit(vmap_lanes(rule.update))
    for _ in range(4):
        state, _ = lanes(state, jax.tree.map(lambda x: jnp.stack([x, x]), data))
    close(parts(take_lane(state, 1)), parts(alone(name)[0]))


def adds_up(name):
    scan = Lowering(unroll=False)
    one, _ = played(rule_of(name, forgetting()), 2, batches())
    two, _ = played(rule_of(name, forgetting(scan)), 2, batches(2, B // 2))
    close(parts(one), parts(two))


@pytest.mark.parametrize("name", ["unrolled", "competitive"])
def test_micro_batches_add_up_and_loops_may_be_scans(name):
    """Without statistics 2 x 4 examples make the steps of 1 x 8, written out or not."""
    adds_up(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_micro_batches_add_up_for_every_rule(name):
    adds_up(name)


def devices_agree(name, way):
    """With SGD, statistics and a term's memory included; adaptive rates are kept from dividing by noise."""
    split = rule_of(name, remembering(Lowering(DATA))).update
    shared = jax.jit(data_parallel(split, data_mesh(jax.devices()[:2]), way))
    one, metrics = alone(name)
    two, shared_metrics = played(rule_of(name), 4, batches(), seed=1, update=shared)
    close(parts(one), parts(two))
    close(metrics, shared_metrics, atol=1e-4)


@pytest.mark.parametrize("name", IN_TURN)
def test_two_devices_agree(name):
    devices_agree(name, "shard_map")


def test_two_devices_agree_where_means_are_not_tracked():
    """Under pmap a product with the Jacobian is each device's own until it is averaged."""
    devices_agree("symplectic", "pmap")


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_two_devices_agree_under_pmap(name):
    devices_agree(name, "pmap")
