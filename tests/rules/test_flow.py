"""What flows through an update: averages, statistics, memory, latents, the number of the step.

On games of one number, or of networks that count their calls, by hand: rules compared with themselves over
layouts cannot see what is wrong in all of them.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.games.game import Aux, Context, Game, Side
from jaxgan.games.gan import gan
from jaxgan.games.toy import bilinear, of_losses
from jaxgan.parts import latents, objectives, terms
from jaxgan.parts.average import ema
from jaxgan.parts.network import Network
from jaxgan.rules.alternating import alternating
from jaxgan.rules.competitive import adaptive_competitive, competitive
from jaxgan.rules.consensus import consensus
from jaxgan.rules.extragradient import extragradient
from jaxgan.rules.guard import guarded
from jaxgan.rules.look_through import look_through
from jaxgan.rules.lookahead import lookahead
from jaxgan.rules.simultaneous import simultaneous
from jaxgan.rules.unrolled import unrolled
from jaxgan.rules.vector_field import gradients

KEY, EMPTY = jax.random.key(0), {"x": jnp.zeros((1, 1, 1))}
SGD, WHOLE, STILL = optax.sgd(0.1), optax.sgd(1.0), optax.sgd(0.0)
BATCH = {"x": jnp.ones((4, 2)), "index": jnp.arange(4)}

# G(z) = z w; D(x) = x . v, and it counts its calls
TIMES = Network(
    lambda key, z: (jnp.ones(z.shape[-1:]), {}), lambda w, s, z, key=None, train=False: (z * w, s)
)
COUNTING = Network(
    lambda key, x: (jnp.ones(x.shape[1:]), {"calls": jnp.float32(0)}),
    lambda v, s, x, key=None, train=False: ((x * v).sum(-1), {"calls": s["calls"] + 1}),
)


def counting_game(objective=objectives.wasserstein(), **parts):  # noqa: B008
    return gan(TIMES, COUNTING, latent=latents.normal(2), objective=objective, **parts)


def scalar(d_loss, g_loss, g=1.0, d=1.0, extra=()):
    """A game of two numbers, by (g, d, context) -> (loss, memory)."""

    def loss(of):
        def value(g, d, context):
            worth, memory = of(g, d, context)
            return worth, Aux({}, {}, memory, {})

        return value

    def init(key, batch):
        return Side(jnp.float32(g), {}), Side(jnp.float32(d), {}), extra

    return Game(init, loss(d_loss), loss(g_loss), sample=lambda *given: None)


def layout(batch, batches=1, micros=1):
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (batches, micros, *x.shape)), batch)


def updated(rule, batches=EMPTY, steps=1):
    """The state after so many updates, and what was measured at the last."""
    state, metrics = rule.init(KEY, batches), {}
    for _ in range(steps):
        state, metrics = rule.update(state, batches)
    return state, metrics


def at_start(game, batch):
    g, d, extra = game.init(KEY, batch)
    context = Context(g.stats, d.stats, extra, jnp.int32(0), batch, jax.random.key(5), jnp.int32(0))
    return g.params, d.params, context


@pytest.mark.parametrize("rule", [simultaneous, consensus, alternating])
def test_the_average_follows_the_generator(rule):
    made = rule(bilinear(), SGD, SGD, average=ema(0.9, ramp=10.0))
    state = made.init(KEY, EMPTY)
    by_hand = float(state.g.params)
    for step in range(3):
        state, _ = made.update(state, EMPTY)
        decay = min(0.9, (1 + step) / (10 + step))
        by_hand = decay * by_hand + (1 - decay) * float(state.g.params)
    np.testing.assert_allclose(state.ema.params, by_hand, rtol=1e-6)


def test_the_average_is_of_the_fast_parameters():
    rule = lookahead(simultaneous(bilinear(), SGD, SGD, average=ema(0.0, ramp=1.0)), every=1, pull=0.0)
    state, _ = updated(rule)
    assert state.g.params == 1.0  # drawn back, all the way
    np.testing.assert_allclose(state.ema.params, 0.9, rtol=1e-6)


def test_statistics_of_d_pass_through_real_then_fake():
    game = counting_game()
    assert game.d_loss(*at_start(game, BATCH))[1].d_stats["calls"] == 2


def test_statistics_pass_through_micro_batches():
    state, _ = updated(alternating(counting_game(), SGD, SGD, d_steps=2), layout(BATCH, 2, 3))
    assert state.d.stats["calls"] == 2 * 2 * 3


def test_statistics_and_term_states_are_constants_of_the_parameters():
    """G's loss is g m, where m is where D stood: its gradient by d is 0, though m was d."""
    game = scalar(lambda g, d, c: (d, d), lambda g, d, c: (g * c.extra, c.extra), d=2.0, extra=jnp.zeros(()))
    state, _ = updated(consensus(game, WHOLE, WHOLE, weight=1.0))
    assert (state.g.params, state.d.params) == (1.0 - 2.0, 2.0 - 1.0)


def test_both_gradients_see_the_same_latents():
    game, batches = counting_game(), layout(BATCH)
    state = simultaneous(game, SGD, SGD).init(KEY, batches)
    metrics = gradients(game, state, jax.tree.map(lambda x: x[0], batches), jax.random.key(3)).metrics
    assert metrics["d/fake"] == -metrics["g/adv"]


def test_both_halves_of_an_extragradient_see_the_same_latents():
    """F(g) = g + n: the half step from 1 lands at -n, where F is 0."""
    game = scalar(lambda g, d, c: (0 * d, ()), lambda g, d, c: (g**2 / 2 + g * jax.random.normal(c.key), ()))
    np.testing.assert_allclose(updated(extragradient(game, WHOLE, WHOLE))[0].g.params, 1.0, rtol=1e-6)


def test_two_terms_draw_independently():
    def draws(name):
        return terms.stateless(name, lambda view: jax.vmap(jax.random.uniform)(view.keys))

    game = counting_game(d_terms=[draws("one"), draws("other")])
    metrics = game.d_loss(*at_start(game, BATCH))[1].metrics
    assert metrics["d/one"] != metrics["d/other"]


def test_metrics_of_d_are_the_mean_of_its_steps():
    turn = terms.stateless("turn", lambda view: view.step + 0 * view.real_out)
    rule = alternating(counting_game(d_terms=[turn]), STILL, STILL, d_steps=2)
    assert updated(rule, layout(BATCH, 2))[1]["d/turn"] == 0.5


def test_both_accuracies():
    game = counting_game()
    for scale, right in ((100, 1), (-100, 0)):
        metrics = game.d_loss(*at_start(game, BATCH | {"x": scale * BATCH["x"]}))[1].metrics
        assert metrics["d/acc_real"] == metrics["d/acc_fake"] == right


def test_unrolled_steps_have_their_own_step_numbers():
    """D goes up by 1, then by 2, and G answers to both."""
    game = scalar(lambda g, d, c: (-(1.0 + c.step) * d, ()), lambda g, d, c: (g * d, ()), d=0.0)
    state, _ = updated(unrolled(game, WHOLE, WHOLE, steps=2))
    assert state.g.params == 1.0 - (1.0 + 2.0)


@pytest.mark.parametrize(
    ("make", "who"),
    [
        (lambda rate: competitive(bilinear(), 0.1, rate, products=1), "d"),
        (lambda rate: adaptive_competitive(bilinear(), rate, 0.1, products=1), "g"),
        (lambda rate: adaptive_competitive(bilinear(), 0.1, rate, products=1), "d"),
    ],
)
def test_a_rate_may_fall_to_0(make, who):
    rule = make(lambda step: jnp.where(step == 0, 0.3, 0.0))
    (one, _), (two, _) = updated(rule), updated(rule, steps=2)
    assert getattr(one, who).params != 1.0
    assert getattr(two, who).params == getattr(one, who).params


def test_the_rate_of_look_through_may_fall_to_0():
    rule = look_through(bilinear(), SGD, SGD, rate=lambda step: jnp.where(step == 0, 0.3, 0.0))
    (one, _), (two, _) = updated(rule), updated(rule, steps=2)
    g, d = one.g.params, one.d.params
    np.testing.assert_allclose([two.g.params, two.d.params], [g - 0.1 * d, d + 0.1 * g], rtol=1e-6)


def test_the_first_failure_is_reported():
    """G falls by 1 a step, and is no number from -2 on: all later updates fail too."""
    game = of_losses(lambda g, d: g + d, lambda g, d: jnp.where(g <= -2.0, jnp.nan, 0.0) * d, 0.0, 0.0)
    assert updated(guarded(simultaneous(game, WHOLE, WHOLE)), steps=6)[0].rule.failed == 2


def test_a_metric_alone_that_is_not_finite_is_a_failure():
    rule = simultaneous(bilinear(), SGD, SGD)
    mute = rule._replace(update=lambda s, b: (rule.update(s, b)[0], {"d/adv": jnp.float32(jnp.nan)}))
    assert updated(guarded(mute))[0].rule.failed == 0


def test_a_halted_run_counts_no_skipped_updates():
    game = of_losses(lambda g, d: g + d, lambda g, d: jnp.nan * d, 0.0, 0.0)
    rule = guarded(simultaneous(game, WHOLE, WHOLE), skip=True)
    state = rule.init(KEY, EMPTY)
    stopped = state.replace(rule=state.rule._replace(failed=jnp.int32(0)))  # as a stop rule leaves it
    for _ in range(3):
        state, stopped = rule.update(state, EMPTY)[0], rule.update(stopped, EMPTY)[0]
    assert (state.rule.skipped, stopped.rule.skipped) == (3, 0)
