"""Rates by feedback: published curves on scripted losses, rest to the last bit, lanes, and resumed runs."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from support import same

from jaxgan.errors import Refused
from jaxgan.folder.checkpoint import Checkpoints
from jaxgan.games.gan import gan
from jaxgan.games.toy import bilinear
from jaxgan.models import mlp
from jaxgan.parts import latents, objectives
from jaxgan.parts.network import from_linen
from jaxgan.parts.optim import scaled
from jaxgan.rules.alternating import alternating
from jaxgan.rules.feedback import by_feedback
from jaxgan.rules.guard import guarded
from jaxgan.rules.paces import accuracy_gate, gap_aware, loss_change_ratio, plateau
from jaxgan.rules.simultaneous import simultaneous

EMPTY = {"x": jnp.zeros((1, 1, 1))}
B = 8
DATA = {"x": jax.random.normal(jax.random.key(3), (1, 1, B, 2)), "index": jnp.arange(B).reshape(1, 1, B)}


def rates(pace, **script):
    """The rates after each of a script's metrics, the first those of the start."""

    def step(memory, metrics):
        return pace.update(memory, metrics), pace.rates(memory)

    metrics = {name.replace("_", "/", 1): jnp.asarray(x, jnp.float32) for name, x in script.items()}
    memory, path = jax.jit(lambda memory: jax.lax.scan(step, memory, metrics))(pace.init())
    g, d = (np.append(x, y) for x, y in zip(np.broadcast_arrays(*path), pace.rates(memory), strict=True))
    return g, d


def test_the_gap_aware_rate_is_the_papers_curve():
    """By a loop of its own: the mean first, then the rate of the next update."""
    losses, mean, expected = np.array([1.0, 2.5, 1.2, 3.0, 9.0, 0.1, 0.1, 0.1]), np.log(4), [1.0]
    for loss in losses:
        mean = 0.6 * mean + 0.4 * loss
        share = abs(mean - np.log(4)) / (0.1 * np.log(4))
        expected.append(2 ** min(share, 1) if mean >= np.log(4) else 0.1 ** min(share, 1))
    g, d = rates(gap_aware(smoothing=0.6), d_adv=losses)
    np.testing.assert_allclose(d, expected, rtol=1e-4)
    np.testing.assert_array_equal(g, 1)


@pytest.mark.parametrize("ideal", [float(np.log(4)), 2.0, 0.25, 0.7])
def test_a_loss_at_the_ideal_is_a_rate_of_1_bit_for_bit(ideal):
    _, d = rates(gap_aware(ideal), d_adv=np.full(500, ideal, np.float32))
    assert (d == 1).all()


def test_d_rests_above_its_accuracy():
    real, fake = [0.9, 0.9, 0.75, 0.81], [0.9, 0.6, 0.75, 0.8]  # means .9, .75, .75, .805
    _, d = rates(accuracy_gate(0.8), d_acc_real=real, d_acc_fake=fake)
    assert d.tolist() == [1, 0, 1, 1, 0]


def test_the_player_whose_loss_changes_more_moves():
    d_losses, g_losses = [1.0, 1.5, 1.5, -3.0, -3.3], [1.0, 1.1, 2.2, 2.0, 0.0]
    g, d = rates(loss_change_ratio(2.0), d_adv=d_losses, g_adv=g_losses)
    # changes of d: 1/2, 0, 3, 1/10, of g: 1/10, 1, 1/11, 1, against twice as much of g's
    assert d.tolist() == [1, 1, 1, 0, 1, 0]
    assert g.tolist() == [1, 1, 0, 1, 0, 1]


def test_rates_fall_on_a_plateau():
    scores = [5, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3]
    pace = plateau(lambda m: m["d/adv"], patience=3, factor=0.5, smoothing=0.0, least=0.2)
    g, d = rates(pace, d_adv=scores)
    assert g.tolist() == d.tolist() == [1] * 8 + [0.5] * 3 + [0.25, 0.25]
    slower = plateau(lambda m: m["d/adv"], patience=3, factor=0.5, smoothing=0.0, least=0.5)
    assert rates(slower, d_adv=scores + [3] * 9)[0].min() == 0.5


def networks(**parts):
    """With Adam's moments, a vector of spectral norm and BatchNorm in G."""
    return gan(
        from_linen(mlp.Generator((2,), (4,), nn.tanh, mlp.identity, norm="batch")),
        from_linen(mlp.Discriminator((4,), nn.tanh, norm="spectral")),
        latent=latents.normal(2),
        objective=objectives.non_saturating(),
        **parts,
    )


def paced(pace):
    adam = optax.adam(1e-2)
    return by_feedback(
        lambda rates: alternating(networks(), scaled(adam, rates.g), scaled(adam, rates.d)), pace
    )


def played(rule, state, steps):
    update, rows = jax.jit(rule.update), []
    for _ in range(steps):
        state, metrics = update(state, DATA)
        rows.append({name: float(x) for name, x in metrics.items()})
    return state, rows


def test_a_rate_of_1_is_the_rule_without_it_bit_for_bit():
    """Operation by operation: in a compiled program a product by 1 keeps the compiler from fusing others."""
    adam = optax.adam(1e-2)
    plain = alternating(bilinear(), adam, adam)
    ones = by_feedback(
        lambda rates: alternating(bilinear(), scaled(adam, rates.g), scaled(adam, rates.d)),
        plateau(lambda metrics: metrics["d/adv"]),
    )
    state, paced_state = (rule.init(jax.random.key(0), EMPTY) for rule in (plain, ones))
    for _ in range(3):
        state, metrics = plain.update(state, EMPTY)
        paced_state, paced_metrics = ones.update(paced_state, EMPTY)
        assert paced_metrics == {**metrics, "g/rate": 1, "d/rate": 1}
    same(state, paced_state.replace(rule=()))


def test_a_resting_player_keeps_its_parameters_and_moments():
    """The vectors of spectral norm move on, and so does the other player."""
    rule = paced(accuracy_gate(0.0))
    moved, _ = played(rule, rule.init(jax.random.key(0), DATA), 1)
    rests, (row,) = played(rule, moved, 1)
    assert (row["d/rate"], row["g/rate"]) == (0, 1)
    same(rests.d.params, moved.d.params)
    same(rests.d.opt_state, moved.d.opt_state)
    changed = jax.tree.map(lambda a, b: bool((a != b).any()), rests.d.stats, moved.d.stats)
    assert any(jax.tree.leaves(changed))
    assert any(
        jax.tree.leaves(jax.tree.map(lambda a, b: bool((a != b).any()), rests.g.params, moved.g.params))
    )


def test_the_factor_is_of_steps_and_not_of_gradients():
    """Half of Adam's step: half of its gradient would be a whole one."""
    adam, half = optax.adam(0.1), lambda tx: scaled(tx, 0.5)
    whole, halved = (simultaneous(bilinear(), tx, tx) for tx in (adam, half(adam)))
    start = whole.init(jax.random.key(0), EMPTY)
    steps = [rule.update(start, EMPTY)[0].d.params - start.d.params for rule in (whole, halved)]
    np.testing.assert_allclose(steps[1], steps[0] / 2, rtol=1e-5)


def test_lanes_have_rates_of_their_own():
    script = jnp.array([[1.0, 3.0], [1.5, 0.5]])  # of lane and update

    def build(rates):
        rule = alternating(bilinear(), optax.sgd(0.1), scaled(optax.sgd(0.1), rates.d))

        def update(state, batches):
            new, metrics = rule.update(state, batches)
            return new, {**metrics, "d/adv": state.extra[jnp.minimum(state.step, 1)]}

        return rule._replace(update=update)

    rule = guarded(by_feedback(build, gap_aware(smoothing=0.5)))
    state = rule.init(jax.random.key(0), EMPTY)
    states = jax.tree.map(lambda x: jnp.stack([x, x]), state.replace(extra=())).replace(extra=script)
    step = jax.jit(jax.vmap(rule.update, (0, None)))
    seen = []
    for _ in range(3):
        states, metrics = step(states, EMPTY)
        seen.append(np.asarray(metrics["d/rate"]))
    for lane in (0, 1):
        _, expected = rates(gap_aware(smoothing=0.5), d_adv=script[lane])
        np.testing.assert_allclose(np.array(seen)[:, lane], expected, rtol=1e-5)


def test_a_run_resumes_with_its_rates_bit_for_bit(tmp_path):
    rule = paced(gap_aware(smoothing=0.5))
    middle, _ = played(rule, rule.init(jax.random.key(0), DATA), 2)
    with Checkpoints(tmp_path / "c") as checkpoints:
        checkpoints.save(2, middle)
        checkpoints.wait()
        again = checkpoints.at(2, rule.init(jax.random.key(1), DATA))
    same(played(rule, middle, 2)[0], played(rule, again, 2)[0])
    assert float(again.rule.pace) != np.float32(np.log(4))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gap_aware(0.0), "gap_aware needs width=..., the distance of the loss"),
        (lambda: accuracy_gate(80), "the accuracy of accuracy_gate must be between 0 and 1, not 80"),
        (lambda: loss_change_ratio(-1.0), "the weight of loss_change_ratio must be 0 or more, not -1"),
        (lambda: plateau(lambda m: m["d/adv"], patience=0), "plateau needs patience=1 or more updates"),
    ],
)
def test_numbers_out_of_range_are_refused(make, words):
    with pytest.raises(Refused, match=words):
        make()
