"""One discriminator on one stream of fakes: patches, scales, heads, and preprocessing of its inputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import jaxgan as jg
from jaxgan.games.adversary import Meeting, Turn, adversary
from jaxgan.games.several import several
from jaxgan.parts.augmentations import Adaptive, Augmentation
from jaxgan.parts.network import Network
from jaxgan.parts.output import Output
from jaxgan.parts.rng import each

B = 8
REAL, FAKE = jax.random.normal(jax.random.key(0), (2, B, 3))
KEYS = each(jax.random.key(1), jnp.arange(B))
W = jnp.array([[1.0, -2.0], [0.5, 1.0], [3.0, 0.0]])


def net(say, params=W, **more):
    """A network with one array of weights that returns `say(weights, x)`."""

    def apply(w, stats, x, *conditions, key=None, train=False):
        return say(w, x, *conditions), stats

    return Network(lambda key, *inputs: (params, {}), apply, **more)


def met(one, who="d", memory=None, step=0, update=0, given=None, fake=FAKE):
    meeting = Meeting(REAL, fake, given or {}, fake)
    side, fresh = one.init(jax.random.key(2), meeting, KEYS)
    turn = Turn(KEYS, jnp.int32(step), jnp.int32(update))
    view, _, memory = one.meet(who, side.params, side.stats, memory or fresh, meeting, turn)
    loss, metrics, memory = (one.d_loss if who == "d" else one.g_loss)(view, memory)
    return view, float(loss), metrics, memory


def test_losses_of_patches_are_averaged_and_not_their_logits():
    hinge = jg.objectives.hinge()
    _, loss, metrics, _ = met(adversary(net(lambda w, x: x @ w), hinge))
    by_patch = np.maximum(1 - REAL @ W, 0) + np.maximum(1 + FAKE @ W, 0)
    np.testing.assert_allclose(loss, by_patch.mean(), rtol=1e-6)
    of_mean = np.maximum(1 - (REAL @ W).mean(1), 0) + np.maximum(1 + (FAKE @ W).mean(1), 0)
    assert abs(loss - of_mean.mean()) > 0.1
    np.testing.assert_allclose(metrics["d/real"], (REAL @ W).mean(), rtol=1e-5)


def test_scales_have_equal_weight_whatever_their_patches():
    def scales(w, x):
        return x[:, 0] * w[0, 0], (x @ w)[:, :, None] * jnp.ones(5)

    _, loss, _, _ = met(adversary(net(scales), jg.objectives.wasserstein()), "g")
    expected = -(FAKE[:, 0].mean() + (FAKE @ W).mean()) / 2
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_smoothing_and_noise_of_labels_reach_patches():
    smooth = adversary(net(lambda w, x: x @ w), jg.objectives.hinge(), label_smoothing=0.2, label_noise=1.0)
    r, f = np.asarray(FAKE @ W), np.asarray(REAL @ W)  # all changed places
    fake_loss = np.maximum(1 + r, 0) + np.maximum(1 + f, 0)
    loss = 0.8 * (np.maximum(1 - r, 0) + np.maximum(1 + f, 0)) + 0.2 * fake_loss
    np.testing.assert_allclose(met(smooth)[1], loss.mean(), rtol=1e-5)


def test_terms_see_heads_and_conditions():
    label = jnp.arange(B) % 2
    d = net(lambda w, x: Output(x[:, 0], {"class": x @ w}))
    classify = jg.terms.stateless(
        "class", lambda v: -jax.nn.log_softmax(v.real_heads["class"])[jnp.arange(B), v.given["label"]]
    )
    one = adversary(d, jg.objectives.hinge(), d_terms=[classify], conditioning=jg.conditioning.auxiliary(2))
    _, _, metrics, _ = met(one, given={"label": label})
    by_hand = -jax.nn.log_softmax(REAL @ W)[jnp.arange(B), label].mean()
    np.testing.assert_allclose(metrics["d/class"], by_hand, rtol=1e-5)


@pytest.mark.parametrize("plain", [False, True])
def test_the_gradient_is_in_the_inputs_of_d_or_the_plain_examples(plain):
    """D sees 2 x, so that its slope is 2 w in the examples themselves, and w in what it was shown."""
    one = adversary(
        net(lambda w, x: x @ w[:, 0]),
        jg.objectives.hinge(),
        augment=lambda key, x: 2 * x,
        d_terms=[jg.terms.r1(2.0, plain=plain), jg.terms.r2(2.0, plain=plain)],
    )
    metrics = met(one)[2]
    expected = float(W[:, 0] @ W[:, 0]) * (4 if plain else 1)
    np.testing.assert_allclose([metrics["d/r1"], metrics["d/r2"]], expected, rtol=1e-5)


@pytest.mark.parametrize("plain", [False, True])
def test_the_penalty_of_a_pack_is_summed_over_its_examples(plain):
    w = jnp.arange(1.0, 7.0)
    one = adversary(
        net(lambda w, x: x @ w, w), jg.objectives.hinge(), packing=2, d_terms=[jg.terms.r1(2.0, plain=plain)]
    )
    np.testing.assert_allclose(met(one)[2]["d/r1"], float(w @ w), rtol=1e-5)


def test_penalties_share_the_calls_of_d():
    calls = []

    def say(w, x):
        calls.append(x)
        return x @ w[:, 0]

    for penalties in ([], [jg.terms.r1(), jg.terms.r2()]):
        one = adversary(net(say), jg.objectives.hinge(), d_terms=penalties)
        meeting = Meeting(REAL, FAKE)
        side, memory = one.init(jax.random.key(0), meeting, KEYS)
        calls.clear()
        view, _, memory = one.meet("d", *side, memory, meeting, Turn(KEYS, jnp.int32(0), jnp.int32(0)))
        one.d_loss(view, memory)
        assert len(calls) == 2


def test_a_term_that_uses_gradients_without_declaring_it_is_refused():
    one = adversary(
        net(lambda w, x: x @ w[:, 0]),
        jg.objectives.hinge(),
        d_terms=[jg.terms.stateless("own", lambda v: v.real_gradient().sum(axis=1))],
    )
    with pytest.raises(jg.Refused, match="must say so: gradients=True"):
        met(one)


def test_the_weight_of_gs_adversarial_loss_is_a_schedule_of_its_steps():
    late = adversary(
        net(lambda w, x: x @ w), jg.objectives.wasserstein(), weight=lambda step: 1.0 * (step >= 3)
    )
    assert met(late, "g", step=2)[1] == 0
    np.testing.assert_allclose(met(late, "g", step=3)[1], -(FAKE @ W).mean(), rtol=1e-5)


def test_d_sees_old_fakes_only_in_its_own_loss():
    one = adversary(net(lambda w, x: x @ w), jg.objectives.hinge(), history_size=B)
    view, _, _, memory = met(one)
    np.testing.assert_array_equal(view.fake, FAKE)  # the pool fills first
    np.testing.assert_array_equal(memory["history"].kept, FAKE)
    view, _, _, after = met(one, memory=memory, fake=FAKE + 100)
    old = np.asarray(view.fake).max(axis=1) < 50
    assert 0 < old.sum() < B
    # what came back was in the pool, and what was not shown took its place there
    assert all(np.isclose(np.asarray(FAKE), x).all(axis=1).any() for x in np.asarray(view.fake)[old])
    replaced = np.asarray(after["history"].kept).max(axis=1) > 50
    assert replaced.sum() == old.sum()
    np.testing.assert_array_equal(met(one, "g", memory=memory, fake=FAKE + 100)[0].fake, FAKE + 100)


def test_two_critics_of_the_same_fakes_add_up():
    a = adversary(net(lambda w, x: x @ w), jg.objectives.hinge())
    b = adversary(net(lambda w, x: x @ w[:, 0], W + 1), jg.objectives.wasserstein(), d_terms=[jg.terms.r1()])
    both = several({"a": a, "b": b})
    meetings = {name: Meeting(REAL, FAKE) for name in "ab"}
    side, memory = both.init(jax.random.key(0), meetings, KEYS)
    turn = Turn(KEYS, jnp.int32(0), jnp.int32(0))
    views, stats, memory = both.meet("d", *side, memory, meetings, turn)
    loss, metrics, memory = both.d_loss(views, memory)
    np.testing.assert_allclose(loss, met(a)[1] + met(b)[1], rtol=1e-5)
    assert {"d/a/adv", "d/b/adv", "d/b/r1", "d/a/acc_real"} <= metrics.keys()
    assert stats.keys() == memory.keys() == {"a", "b"}


def test_terms_see_the_average_of_d():
    keep = jg.terms.stateless(
        "keep", lambda v: jnp.square(v.averaged(v.real).logit - v.real_out).mean(axis=1)
    )
    one = adversary(
        net(lambda w, x: x @ w), jg.objectives.hinge(), d_terms=[keep], average=jg.ema(0.5, ramp=1.0)
    )
    meeting = Meeting(REAL, FAKE)
    _, memory = one.init(jax.random.key(0), meeting, KEYS)
    for update, w in ((0, W + 1), (0, W + 1), (1, W + 3)):  # two micro-batches, then another update
        turn = Turn(KEYS, jnp.int32(update), jnp.int32(update))
        view, _, memory = one.meet("d", w, {}, memory, meeting, turn)
        _, metrics, memory = one.d_loss(view, memory)
    average = ((W + W + 1) / 2 + W + 3) / 2
    np.testing.assert_allclose(memory["average"][0].params, average, rtol=1e-6)
    by_hand = jnp.square(REAL @ (average - W - 3)).mean()
    np.testing.assert_allclose(metrics["d/keep"], by_hand, rtol=1e-4)


def test_an_augmentation_adapts_to_the_logits_of_d():
    """p goes up while D says of more than 80 % of real examples that they are, and down else."""
    shifted = jg.augmentations.adaptive(lambda p: lambda key, x: x + p, steps=8, every=2)
    sure = adversary(net(lambda w, x: x[:, 0] * 0 + 1), jg.objectives.hinge(), augment=shifted)
    memory, seen = None, []
    for step in range(6):
        view, _, metrics, memory = met(sure, memory=memory, step=step, update=step)
        seen.append((round(float((view.real - REAL).mean()), 5), round(float(metrics["d/augment"]), 5)))
    assert seen == [(0, 0), (0, 0.25), (0.25, 0.25), (0.25, 0.5), (0.5, 0.5), (0.5, 0.75)]
    assert met(sure, "g", memory=memory)[3]["augment"] == memory["augment"]  # G's loss changes nothing
    lost = adversary(net(lambda w, x: -jnp.ones(B)), jg.objectives.hinge(), augment=shifted)
    memory = {**memory, "augment": Adaptive(jnp.float32(0.1), jnp.float32(-1), jnp.int32(1))}
    assert met(lost, memory=memory)[3]["augment"].probability == 0.0


def test_an_augmentation_may_follow_a_schedule():
    rising = jg.augmentations.scheduled(lambda p: lambda key, x: x + p, lambda step: 0.1 * step)
    one = adversary(net(lambda w, x: x @ w), jg.objectives.hinge(), augment=rising)
    for update in (0, 5):
        view = met(one, update=update)[0]
        np.testing.assert_allclose(view.real, REAL + 0.1 * update, rtol=1e-6)
    assert isinstance(rising, Augmentation)


class Fading(nn.Module):
    @nn.compact
    def __call__(self, x, step):
        return nn.Dense(3)(x) * jnp.minimum(step / 4, 1.0)


def test_a_network_that_reads_the_step_is_sampled_at_its_last():
    game = jg.gan(
        jg.from_linen(Fading()),
        net(lambda w, x: x @ w),
        latent=jg.latents.normal(2),
        objective=jg.objectives.hinge(),
    )
    batch = {"x": REAL, "index": jnp.arange(B)}
    g, d, extra = game.init(jax.random.key(0), batch)
    assert not game.sample(g, jax.random.key(1), jnp.arange(4), {}).any()
    context = jg.Context(g.stats, d.stats, extra, jnp.int32(2), batch, jax.random.key(3), jnp.int32(2))
    _, aux = game.g_loss(g.params, d.params, context)
    half = game.sample(jg.Side(g.params, aux.g_stats), jax.random.key(1), jnp.arange(4), {})
    full = game.sample(jg.Side(g.params, {"step": jnp.int32(9)}), jax.random.key(1), jnp.arange(4), {})
    np.testing.assert_allclose(half, full / 2, rtol=1e-6)


def test_the_parameters_of_a_prior_are_trained_with_g():
    game = jg.gan(
        jg.from_linen(nn.Dense(3)),
        net(lambda w, x: x @ w),
        latent=jg.latents.mixture(4, 2),
        objective=jg.objectives.hinge(),
    )
    batch = {"x": REAL, "index": jnp.arange(B)}
    g, d, extra = game.init(jax.random.key(0), batch)
    assert g.params.keys() == {"latent", "network"}
    context = jg.Context(g.stats, d.stats, extra, jnp.int32(0), batch, jax.random.key(3), jnp.int32(0))
    grads = jax.grad(lambda p: game.g_loss(p, d.params, context)[0])(g.params)
    assert float(jnp.abs(grads["latent"]["mean"]).max()) > 0
    moved = {**g.params, "latent": jax.tree.map(lambda x: x + 1, g.params["latent"])}
    before, after = (
        game.sample(jg.Side(p, {}), jax.random.key(1), jnp.arange(4), {}) for p in (g.params, moved)
    )
    assert float(jnp.abs(after - before).min()) > 0


def test_a_condition_is_any_leaf_of_the_batch():
    move = jg.from_linen(nn.Dense(3))
    game = jg.gan(
        move,
        net(lambda w, x, source: (x - source) @ w),
        latent=jg.latents.nothing(),
        objective=jg.objectives.hinge(),
        conditioning=jg.conditioning.leaves("source", latent=False),
    )
    assert game.given == ("source",)
    batch = {"x": REAL, "index": jnp.arange(B), "source": FAKE}
    g, _, _ = game.init(jax.random.key(0), batch)
    made = game.sample(g, jax.random.key(1), jnp.arange(B), {"source": FAKE})
    np.testing.assert_allclose(made, move.apply(*g, FAKE)[0], rtol=1e-6)
    with pytest.raises(
        jg.Refused, match="conditional on source, but the examples have no leaf called source"
    ):
        game.init(jax.random.key(0), {"x": REAL, "index": jnp.arange(B)})


def test_frozen_weights_are_state_and_not_constants():
    eyes = jg.from_linen(nn.Dense(5))
    frozen = jg.Frozen(eyes, *eyes.init(jax.random.key(7), REAL))
    near = jg.by_frozen(
        "near", frozen, lambda v, see: jnp.square(see(v.fake_plain) - see(v.real_plain)).mean(-1)
    )
    one = adversary(net(lambda w, x: x @ w), jg.objectives.hinge(), g_terms=[near])
    _, _, metrics, memory = met(one, "g")
    kernel = frozen.params["kernel"]
    np.testing.assert_allclose(metrics["g/near"], jnp.square((FAKE - REAL) @ kernel).mean(), rtol=1e-4)
    np.testing.assert_array_equal(memory["g"][0][0]["kernel"], kernel)
    # other weights in the memory, other numbers from the same program
    other = {**memory, "g": (jax.tree.map(jnp.zeros_like, memory["g"][0]),)}
    assert met(one, "g", memory=other)[2]["g/near"] == 0
