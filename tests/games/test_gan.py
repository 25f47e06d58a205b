"""The GAN game: the inputs and losses of both players."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from games.linear import BATCH, LINEAR_D, LINEAR_G, B, X, losses, make, probe, start

from jaxgan.games.gan import gan
from jaxgan.models import mlp
from jaxgan.parts import augmentations, conditioning, latents, objectives, terms
from jaxgan.parts.network import Network, from_linen
from jaxgan.parts.objectives import Objective
from jaxgan.parts.rng import each, fold
from jaxgan.rules.alternating import alternating


def test_losses_by_hand():
    game = make()
    g, d, context = start(game)
    _, d_aux = game.d_loss(g, d, context)
    keys = fold(each(context.key, BATCH["index"]), "z")
    z = jnp.stack([jax.random.normal(key, (4,)) for key in keys])
    real, fake = np.asarray(X @ d, np.float64), np.asarray(z @ g @ d, np.float64)
    np.testing.assert_allclose(
        d_aux.metrics["d/adv"], np.mean(np.log1p(np.exp(-real)) + np.log1p(np.exp(fake))), rtol=1e-5
    )
    loss, g_aux = game.g_loss(g, d, context)
    np.testing.assert_allclose(loss, np.mean(np.log1p(np.exp(-fake))), rtol=1e-5)
    np.testing.assert_allclose(d_aux.metrics["d/fake"], fake.mean(), rtol=1e-5)
    assert set(g_aux.metrics) == {"g/adv"}


def test_both_losses_reach_both_players():
    """No gradient is stopped: rules that look through the other player need it."""
    game = make(d_terms=[terms.r2()])
    g, d, context = start(game)
    for loss in (game.d_loss, game.g_loss):
        for grads in jax.grad(loss, argnums=(0, 1), has_aux=True)(g, d, context)[0]:
            assert float(jnp.abs(grads).max()) > 1e-4


def test_the_same_key_gives_the_same_latents_in_both_losses():
    game = make(objectives.wasserstein())
    g, d, context = start(game)
    d_metrics, g_metrics = (loss(g, d, context)[1].metrics for loss in (game.d_loss, game.g_loss))
    assert d_metrics["d/fake"] == -g_metrics["g/adv"]


def test_an_example_is_drawn_by_its_index_alone():
    """Half the batch alone gives the same latents as within the whole: the device count cannot matter."""
    looks = []
    game = make(d_terms=[probe("look", lambda v: looks.append(v) or v.real_out)], instance_noise=0.3)
    g, d, context = start(game)
    game.d_loss(g, d, context)
    half = jax.tree.map(lambda x: x[B // 2 :], BATCH)
    game.d_loss(g, d, context._replace(batch=half))
    full, part = looks
    for name in ("z", "real", "fake"):  # the keys are the same to the bit, a vectorised normal to a rounding
        np.testing.assert_allclose(getattr(full, name)[B // 2 :], getattr(part, name), rtol=1e-5)
    assert (full.keys[B // 2 :] == part.keys).all()


def test_one_sided_smoothing_is_the_soft_target_formula():
    game = make(label_smoothing=0.1)
    g, d, context = start(game)
    looks = []
    again = make(d_terms=[probe("look", lambda v: looks.append(v) or 0 * v.real_out)])
    again.d_loss(g, d, context._replace(extra={"g": (), "d": ((),)}))
    real, fake = np.asarray(looks[0].real_out, np.float64), np.asarray(looks[0].fake_out, np.float64)
    soft = -0.9 * np.log(1 / (1 + np.exp(-real))) - 0.1 * np.log(1 / (1 + np.exp(real)))
    expected = np.mean(soft - np.log(1 / (1 + np.exp(fake))))
    np.testing.assert_allclose(game.d_loss(g, d, context)[0], expected, rtol=1e-5)


def test_label_noise_swaps_pairs():
    plain = make(objectives.wasserstein())
    g, d, context = start(plain)
    always = make(objectives.wasserstein(), label_noise=1.0)
    np.testing.assert_allclose(always.d_loss(g, d, context)[0], -plain.d_loss(g, d, context)[0], rtol=1e-5)
    big = {**BATCH, "x": jnp.ones((20000, 2)), "index": jnp.arange(20000)}
    big.pop("label")
    count = gan(
        LINEAR_G,
        LINEAR_D,
        latent=latents.normal(4),
        objective=objectives.Objective(lambda r, f: jnp.where(r == 2.0, 0.0, 1.0), lambda r, f: f),
        label_noise=0.3,
    )
    _, _, context = start(count, big)
    swapped = count.d_loss(0 * g, jnp.ones(2), context)[0]  # real logit 2, fake 0
    np.testing.assert_allclose(swapped, 0.3, atol=0.015)


def test_swapped_pairs_are_smoothed_too():
    """With every pair swapped the loss is that of swapped logits, whichever loss it is."""
    smoothed = objectives.non_saturating()
    swapped = Objective(lambda r, f: smoothed.d_loss(f, r), smoothed.g_loss, smoothed.d_told_fake)
    game, by_hand = make(smoothed, label_noise=1.0, label_smoothing=0.3), make(swapped, label_smoothing=0.3)
    g, d, context = start(game)
    np.testing.assert_allclose(game.d_loss(g, d, context)[0], by_hand.d_loss(g, d, context)[0], rtol=1e-6)
    assert game.d_loss(g, d, context)[0] != make(smoothed, label_noise=1.0).d_loss(g, d, context)[0]


def test_one_swapped_pair_moves_the_means_of_all():
    """The relativistic average of logits of which some have changed places, and not of places of losses."""
    average, looks = objectives.relativistic_average(), []
    objective = average._replace(d_loss=lambda r, f: looks.append((r, f)) or average.d_loss(r, f), over=None)
    game = make(objective, label_noise=0.5)
    g, d, context = start(game)
    loss, _ = game.d_loss(g, d, context)
    plain = start(make(objective))[2]
    make(objective).d_loss(g, d, plain)
    (r, f), (real, fake) = looks
    moved = np.asarray(r != real)
    assert 0 < moved.sum() < B
    np.testing.assert_array_equal(r, np.where(moved, fake, real))
    np.testing.assert_array_equal(f, np.where(moved, real, fake))
    np.testing.assert_allclose(loss, average.d_loss(r, f).mean(), rtol=1e-6)


def test_noise_and_smoothing_may_be_traced():
    def loss(share):
        game = make(label_noise=share, label_smoothing=share, instance_noise=share)
        g, d, context = start(game)
        return game.d_loss(g, d, context)[0]

    lanes = jax.vmap(loss)(jnp.array([0.0, 0.2]))
    np.testing.assert_allclose(lanes, [loss(0.0), loss(0.2)], rtol=1e-5)


def test_instance_noise_follows_its_schedule():
    x = jnp.zeros((4000, 2))
    batch = {"x": x, "index": jnp.arange(4000)}
    looks = []
    game = make(
        d_terms=[probe("look", lambda v: looks.append(v) or v.real_out)],
        instance_noise=lambda step: 0.5 * 0.5**step,
    )
    g, d, context = start(game, batch)
    for step in (0, 2):
        game.d_loss(0 * g, d, context._replace(update=jnp.int32(step)))
        np.testing.assert_allclose(np.std(looks[-1].real), 0.5 * 0.5**step, rtol=0.05)
        np.testing.assert_allclose(np.std(looks[-1].fake), 0.5 * 0.5**step, rtol=0.05)
        assert not np.allclose(looks[-1].real, looks[-1].fake)


def test_noise_follows_updates_and_weights_follow_the_players_steps():
    """Where D makes five steps to one, both are shown the noise of the same update."""
    shown, weights = [], []

    def record(x, step):
        shown.append(float(np.std(x)))
        weights.append(int(step))

    def look(view):
        jax.debug.callback(record, view.fake, view.step)
        return 0 * view.real_out

    game = make(
        d_terms=[probe("look", look)],
        g_terms=[probe("look", look)],
        instance_noise=lambda update: jnp.where(update == 1, 100.0, 0.0),
    )
    rule = alternating(game, optax.sgd(0.0), optax.sgd(0.0), d_steps=5)
    batches = jax.tree.map(lambda x: jnp.stack([x[None]] * 5), BATCH)
    state = rule.init(jax.random.key(0), batches)
    for _ in range(2):
        state, _ = rule.update(state, batches)
    jax.effects_barrier()
    assert (np.array(shown) > 50).tolist() == [False] * 6 + [True] * 6
    assert weights == [0, 1, 2, 3, 4, 0, 5, 6, 7, 8, 9, 1]


def test_all_inputs_of_d_are_augmented_and_differentiably():
    """Reals and fakes in either loss, each by its own draw; samples and judgements are left as they were."""

    def augment(key, x):
        return x * jax.random.uniform(key)

    looks = []
    look = probe("look", lambda v: looks.append(v) or 0 * v.real_out)
    game = make(objectives.wasserstein(), augment=augment, d_terms=[look], g_terms=[look])
    plain = make(objectives.wasserstein(), d_terms=[look], g_terms=[look])
    g, d, context = start(game)
    keys = each(context.key, BATCH["index"])
    by = {name: jax.vmap(jax.random.uniform)(fold(keys, f"augment_{name}")) for name in ("real", "fake")}
    slopes = [jax.grad(of.g_loss, has_aux=True)(g, d, context)[0] for of in (game, plain)]
    for of in (game, plain):
        of.d_loss(g, d, context)
        of.g_loss(g, d, context)
    for shown, as_it_is in (looks[2:6:2], looks[3:6:2]):  # in D's loss, and in G's
        np.testing.assert_allclose(shown.real, by["real"][:, None] * as_it_is.real, rtol=1e-5)
        np.testing.assert_allclose(shown.fake, by["fake"][:, None] * as_it_is.fake, rtol=1e-5)
    z = looks[2].z
    np.testing.assert_allclose(slopes[0], -jnp.outer((z * by["fake"][:, None]).mean(0), d), rtol=1e-5)
    np.testing.assert_allclose(slopes[1], -jnp.outer(z.mean(0), d), rtol=1e-5)
    sides = game.init(jax.random.key(0), BATCH)[:2]
    np.testing.assert_array_equal(
        *(which.sample(sides[0], jax.random.key(1), jnp.arange(4), {}) for which in (game, plain))
    )
    np.testing.assert_array_equal(*(which.looks.judge(sides[1], X, {}) for which in (game, plain)))


@pytest.mark.parametrize("options", [{"dropout": 0.5}, {"norm": "spectral"}], ids=str)
def test_only_the_augmentation_is_inconsistent(options):
    """Not the masks of dropout, which D(x) and D(T(x)) share, nor the power iterations between them."""
    same = [of(augmentations.unchanged) for of in (terms.consistency, terms.consistency_of_fakes)]
    d = from_linen(mlp.Discriminator(widths=(16,), **options))
    metrics = losses(make(discriminator=d, d_terms=same))[0][1].metrics
    assert metrics["d/cr"] == metrics["d/cr_fake"] == 0
    assert metrics["d/adv"] > 0


def test_packing_concatenates_neighbours():
    looks = []
    game = make(packing=2, d_terms=[probe("look", lambda v: looks.append(v) or v.real_out), terms.r1(2.0)])
    g, d, context = start(game)
    _, aux = game.d_loss(g, d, context)
    np.testing.assert_array_equal(looks[0].real, X.reshape(B // 2, 4))
    assert d.shape == (4,)
    # the gradient is that of the packed input: |v|^2 over both examples, not half of it
    np.testing.assert_allclose(aux.metrics["d/r1"], float(d @ d), rtol=1e-5)


def test_packed_images_are_channels():
    x = jax.random.normal(jax.random.key(0), (4, 3, 3, 2))
    looks = []
    image_g = Network(
        lambda key, z: ((), {}), lambda p, s, z, key=None, train=False: (jnp.zeros((len(z), 3, 3, 2)), s)
    )
    look = probe("look", lambda v: looks.append(v) or v.real_out)
    game = make(generator=image_g, packing=2, d_terms=[look])
    g, d, context = start(game, {"x": x, "index": jnp.arange(4)})
    game.d_loss(g, d, context)
    np.testing.assert_array_equal(looks[0].real, np.concatenate([x[::2], x[1::2]], axis=-1))


@pytest.mark.parametrize("cond", [conditioning.concatenation(3), conditioning.projection(3)])
@pytest.mark.parametrize("packing", [1, 2])
def test_labels_reach_both_players(cond, packing):
    classes = 3 if cond.d(X, BATCH)[1:] else 0
    game = make(
        generator=from_linen(mlp.Generator(shape=(2,), widths=(8,))),
        discriminator=from_linen(mlp.Discriminator(widths=(8,), classes=classes)),
        conditioning=cond,
        packing=packing,
        d_terms=[terms.r1(), terms.wgan_gp()],
    )
    g, d, context = start(game)
    other = context._replace(batch={**BATCH, "label": (BATCH["label"] + 1) % 3})
    for loss in (game.d_loss, game.g_loss):
        assert float(loss(g, d, context)[0]) != float(loss(g, d, other)[0])
    side = game.init(jax.random.key(0), BATCH)[0]
    zero, one = (
        game.sample(side, jax.random.key(1), jnp.arange(4), {"label": jnp.full(4, c)}) for c in (0, 1)
    )
    assert not np.allclose(zero, one)


def test_the_state_of_a_term_of_g_is_updated():
    counting = terms.Term("count", lambda: jnp.int32(0), lambda v, n: (0.0 * v.fake_out + n, n + 1))
    game = make(g_terms=[counting])
    g, d, context = start(game)
    _, aux = game.g_loss(g, d, context)
    _, aux = game.g_loss(g, d, context._replace(extra=aux.extra))
    assert aux.extra == {"g": (2,), "d": ()}
    assert aux.metrics["g/count"] == 1.0


def test_statistics_made_inside_a_term_are_discarded():
    net = mlp.Discriminator(widths=(8,), norm="spectral")
    plain, with_term = (make(discriminator=from_linen(net), d_terms=t) for t in ([], [terms.r1()]))
    results = []
    for game in (plain, with_term):
        g, d, context = start(game)
        results.append(game.d_loss(g, d, context)[1].d_stats)
    jax.tree.map(np.testing.assert_array_equal, *results)


def test_samples_depend_on_key_and_index():
    game = make()
    g, _, _ = game.init(jax.random.key(0), BATCH)
    many = game.sample(g, jax.random.key(1), jnp.arange(8), {})
    few = game.sample(g, jax.random.key(1), jnp.arange(3), {})
    np.testing.assert_allclose(many[:3], few, rtol=1e-5)
    assert not np.allclose(many, game.sample(g, jax.random.key(2), jnp.arange(8), {}))


def test_decoding_latents_gives_the_samples():
    """What is sampled by number is decoded from the latents of these numbers."""
    game = make()
    g, _, _ = game.init(jax.random.key(0), BATCH)
    looks = game.looks
    z = looks.latents(g, each(jax.random.key(1), jnp.arange(3)))
    assert z.shape == (3, 4)
    np.testing.assert_allclose(looks.decode(g, z, {}), z @ g.params, rtol=1e-5)
    np.testing.assert_allclose(
        game.sample(g, jax.random.key(1), jnp.arange(3), {}), looks.decode(g, z, {}), rtol=1e-5
    )


@pytest.mark.parametrize("packing", [1, 2])
def test_judging_an_example_does_not_depend_on_the_others(packing):
    game = make(packing=packing)
    _, d, _ = game.init(jax.random.key(0), BATCH)
    by_hand = X @ d.params if packing == 1 else np.concatenate([X, X], axis=1) @ d.params
    np.testing.assert_allclose(game.looks.judge(d, X, {}), by_hand, rtol=1e-5)
    conditional = make(
        packing=packing,
        conditioning=conditioning.projection(3),
        discriminator=from_linen(mlp.Discriminator((4,), classes=3)),
    )
    _, d, _ = conditional.init(jax.random.key(0), BATCH)
    judge, label = conditional.looks.judge, BATCH["label"]
    judged = judge(d, X, {"label": label})
    one = [judge(d, X[i : i + 1], {"label": label[i : i + 1]})[0] for i in range(B)]
    np.testing.assert_allclose(judged, one, rtol=1e-5)
    assert not np.allclose(judged, judge(d, X, {"label": (label + 1) % 3}))


def test_expected_loss_at_the_start():
    """A discriminator that knows nothing costs log 4 (Goodfellow et al., 2014)."""
    game = make(objectives.minimax())
    g, d, context = start(game)
    np.testing.assert_allclose(game.d_loss(g, 0 * d, context)[0], math.log(4), rtol=1e-6)
