"""Whatever a part remembers is in the state: a run resumed from a checkpoint is the run that went on.

One small game has every memory that there is, so that all share one program. Each of them is live: it moves
in two updates, and a run that lost it alone at the checkpoint would have come to something else.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from support import same

import jaxgan as jg
from jaxgan.folder.checkpoint import Checkpoints
from jaxgan.models import bottleneck
from jaxgan.parts.generated import flatten_latent
from jaxgan.parts.information import mine, mine_init
from jaxgan.rules import paces
from jaxgan.rules.guard import guarded

KEY, B = jax.random.key(0), 8
DATA = {
    "x": jax.random.normal(KEY, (1, 1, B, 2)),
    "index": jnp.arange(B, dtype=jnp.uint32).reshape(1, 1, B),
}
MEMORIES = {
    "BEGAN's k": ".extra['d'][0]",
    "Fisher's multiplier": ".extra['d'][1]",
    "LeCam's means": ".extra['d'][2]",
    "the weight of a bottleneck": ".extra['d'][3]",
    "MINE's mean": ".extra['d'][4]",
    "the length of paths": ".extra['g'][0]",
    "ADA's probability": ".extra['augment']",
    "APA's probability": ".extra['deceive']",
    "the pool of fakes": ".extra['history']",
    "D's average": ".extra['average']",
    "G's mean parameters": ".g.opt_state[0]",
    "the gap-aware rate": ".rule.inner.pace",
    "the accuracy gate": ".rule.inner.inner.pace",
    "the losses of a ratio": ".rule.inner.inner.inner.pace",
    "the plateau": ".rule.inner.inner.inner.inner.pace",
    "Adam's moments": ".d.opt_state[1]",
}
"""Where each is in the state."""


def bound(view, memory):
    estimate, memory = mine(view.real_out, view.fake_out, memory)
    return jnp.full(view.keys.shape, -0.01 * estimate), memory


def jitter(key, x):
    return x + 0.1 * jax.random.normal(key, x.shape)


def as_before(view):
    return 0.1 * jnp.square(view.real_out - view.averaged(view.real).logit)


D_TERMS = [
    *jg.objectives.fisher(0.1).d_terms,
    jg.terms.lecam(start=0),
    jg.terms.bottleneck(rate=0.1),
    jg.Term("mine", mine_init, bound, whole=True),
    jg.terms.stateless("as_before", as_before),
]
G_TERMS = [jg.terms.path_length()]


def game():
    by_sign = {"steps": 4, "every": 1, "sign": lambda view: jnp.ones_like(view.real_out)}
    network = jg.from_linen(bottleneck.Discriminator(nn.Sequential([nn.Dense(4), nn.tanh]), 2))
    critic = jg.adversary(
        jg.heads.with_logit(network, lambda output: output.logit - 1),  # energies above 0
        jg.objectives.began(gamma=2.0, rate=0.1),
        d_terms=D_TERMS,
        g_terms=G_TERMS,
        augment=jg.augmentations.adaptive(lambda p: jg.augmentations.sometimes(jitter, p), **by_sign),
        deceive=jg.augmentations.apa(**by_sign),
        history_size=4,
        average=jg.ema(0.5),
    )
    generator = nn.Sequential([flatten_latent, nn.Dense(4), nn.tanh, nn.Dense(2)])
    latent = jg.latents.parts(w=jg.latents.normal(2))
    return jg.generator_game(critic, jg.from_linen(generator), latent=latent)


def rule():
    """Every pace around the next: rates are products of all, and D's never quite 0, so that all count."""
    made = game()

    def paced(ways, g=1.0, d=1.0):
        if ways:
            return jg.by_feedback(lambda rates: paced(ways[1:], g * rates.g, d * (0.1 + rates.d)), ways[0])
        past = jg.historical_averaging(0.1)
        both = [optax.chain(past, jg.scaled(optax.adam(1e-2), rate)) for rate in (g, d)]
        return jg.alternating(made, *both, average=jg.ema(0.5))

    ways = (
        paces.gap_aware(1.0, smoothing=0.5),
        paces.accuracy_gate(0.3),
        paces.loss_change_ratio(),
        paces.plateau(lambda metrics: jnp.ones_like(metrics["d/adv"]), patience=1),
    )
    return guarded(paced(ways))


@pytest.fixture(scope="module")
def update():
    return jax.jit(rule().update)


@pytest.fixture(scope="module")
def states(update, tmp_path_factory):
    """The state at the start, after two updates, as a checkpoint of those, and after two more."""
    init = jax.jit(rule().init)
    # as a checkpoint's, or the update would be compiled once for either
    start = jax.device_put(init(KEY, DATA), jax.devices()[0])
    middle = played(update, start)
    with Checkpoints(tmp_path_factory.mktemp("memories") / "c") as checkpoints:
        checkpoints.save(2, middle)
        checkpoints.wait()
        again = checkpoints.at(2, init(jax.random.key(1), DATA))
    return start, middle, again, played(update, middle)


def played(update, state, steps=2):
    for _ in range(steps):
        state, _ = update(state, DATA)
    return state


def test_a_run_with_every_memory_resumes_bitwise(update, states):
    _, middle, again, end = states
    same(middle, again)
    same(played(update, again), end)
    assert int(end.rule.failed) == -1


@pytest.mark.parametrize("name", MEMORIES)
def test_a_run_that_lost_this_memory_would_be_another(name, update, states):
    start, middle, _, end = states

    def first(path, new, old):
        return old if jax.tree_util.keystr(path).startswith(MEMORIES[name]) else new

    lost = jax.tree_util.tree_map_with_path(first, middle, start)
    with pytest.raises(AssertionError, match="leaves differ"):
        same(lost, middle)
    other = played(update, lost)
    assert not all(
        np.array_equal(a, b)
        for a, b in zip(
            jax.tree.leaves((other.g.params, other.d.params)),
            jax.tree.leaves((end.g.params, end.d.params)),
            strict=True,
        )
    )
