"""Losses of D's heads but for embeddings: closed forms, a second formula, gradients, devices, refusals."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P
from parts.head_views import LABEL, RANDOM, SIZE, K, N, ce, losses, losses_sum, outputs, view

from jaxgan.errors import Refused
from jaxgan.models import mlp
from jaxgan.parts import heads, latents, objectives
from jaxgan.parts.heads.codes import normal_nll
from jaxgan.parts.heads.rotation import turn
from jaxgan.parts.network import from_linen
from jaxgan.parts.objectives.multi_hinge import crammer_singer
from jaxgan.parts.output import Output, read_head
from jaxgan.parts.types import Lowering
from jaxgan.scale.devices import DATA, data_mesh


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


# classifiers


def test_an_auxiliary_classifier_learns_from_both_and_the_modified_one_from_real_examples_alone():
    real, fake = outputs(N, K), outputs(N, K)
    v = view({"class": real}, {"class": fake})
    task = heads.auxiliary_classifier(K, 2.0, 0.5)
    np.testing.assert_allclose(losses(task.d_terms, v)["class"], 2 * (ce(real, LABEL) + ce(fake, LABEL)))
    np.testing.assert_allclose(losses(task.g_terms, v)["class"], 0.5 * ce(fake, LABEL))
    modified = heads.auxiliary_classifier(K, fakes=False)
    np.testing.assert_allclose(losses(modified.d_terms, v)["class"], ce(real, LABEL))

    def d_loss(fake, task):
        return losses_sum(task.d_terms, v._replace(fake_heads={"class": fake}))

    assert not jax.grad(d_loss)(fake, modified).any()  # D's gradient on fakes
    assert jax.grad(d_loss)(fake, task).any()


def test_twin_classifiers_are_read_each_by_its_own_term():
    """The known bug reads the classifier twice, so that G's two terms cancel and the twin never learns."""
    real, fake = ({"class": outputs(N, K), "twin": outputs(N, K)} for _ in range(2))
    task, v = heads.twin_classifiers(K, 1.0, 0.7), view(real, fake)
    d, g = losses(task.d_terms, v), losses(task.g_terms, v)
    np.testing.assert_allclose(d["class"], ce(real["class"], LABEL))
    np.testing.assert_allclose(d["twin"], 0.7 * ce(fake["twin"], LABEL))
    np.testing.assert_allclose(g["class"], ce(fake["class"], LABEL))
    np.testing.assert_allclose(g["twin"], -0.7 * ce(fake["twin"], LABEL))
    equal = losses(heads.twin_classifiers(K).g_terms, view(real, {**fake, "twin": fake["class"]}))
    assert (equal["class"] + equal["twin"] == 0).all()
    different = losses(heads.twin_classifiers(K).g_terms, v)
    assert (different["class"] + different["twin"] != 0).all()


def test_discriminative_classifier_is_two_cross_entropies_and_with_one_class_a_plain_discriminator():
    real, fake = outputs(N, 2 * K), outputs(N, 2 * K)
    v, task = view({"class": real}, {"class": fake}), heads.discriminative_classifier(K)
    expected = ce(real, 2 * LABEL) + ce(fake, 2 * LABEL + 1)
    np.testing.assert_allclose(losses(task.d_terms, v)["class"], expected)
    difference = ce(fake, 2 * LABEL) - ce(fake, 2 * LABEL + 1)
    np.testing.assert_allclose(losses(task.g_terms, v)["class"], difference, atol=1e-12)

    one, zero = heads.discriminative_classifier(1), np.zeros(N, int)
    real, fake = outputs(N, 2), outputs(N, 2)
    v = view({"class": real}, {"class": fake}, zero)
    plain = objectives.non_saturating().d_loss(real[:, 0] - real[:, 1], fake[:, 0] - fake[:, 1])
    np.testing.assert_allclose(losses(one.d_terms, v)["class"], plain)
    np.testing.assert_allclose(losses(one.g_terms, v)["class"], fake[:, 1] - fake[:, 0])


def test_unknown_labels_add_nothing_and_labels_out_of_range_are_not_numbers():
    label = LABEL.copy()
    label[[0, 3]] = -1
    label[5] = K
    value = losses(
        heads.auxiliary_classifier(K, fakes=False).d_terms, view({"class": outputs(N, K)}, (), label)
    )
    assert (value["class"][[0, 3]] == 0).all()
    assert np.isnan(value["class"][5])
    assert np.isfinite(np.delete(value["class"], 5)).all()


# semi-supervised


def test_semi_supervised_loss_is_the_mean_over_known_labels_of_all_devices():
    label, real = np.where(np.arange(N) % 3 == 1, LABEL, -1), outputs(N, K)
    (term,) = heads.semi_supervised(K).d_terms
    known = label >= 0
    mean = ce(real[known], label[known]).mean()
    np.testing.assert_allclose(term.apply(view({"class": real}, (), label), ())[0].mean(), mean)
    assert not term.apply(view({"class": real}, (), np.full(N, -1)), ())[0].any()  # none is known
    plain = heads.auxiliary_classifier(K, fakes=False).d_terms[0].apply(view({"class": real}), ())[0]
    assert (term.apply(view({"class": real}), ())[0] == plain).all()  # all are known: bit for bit

    def loss(real, label):
        v = view({"class": real}, (), label, lowering=Lowering(DATA))
        return jax.lax.pmean(term.apply(v, ())[0].mean(), DATA)

    mesh = data_mesh(jax.devices()[:4])
    shared = jax.shard_map(loss, mesh=mesh, in_specs=(P(DATA), P(DATA)), out_specs=P())
    np.testing.assert_allclose(jax.jit(shared)(real, jnp.asarray(label)), mean)


def discriminator(**options):
    return from_linen(mlp.Discriminator((8,), **options))


def test_logit_of_any_class_is_real_against_a_class_whose_output_is_zero():
    d, x = discriminator(heads=(("class", K),)), outputs(N, 2)
    side = heads.any_class(d).init(jax.random.key(0), x)
    a = d.apply(*side, x)[0].heads["class"]
    logit = heads.any_class(d).apply(*side, x)[0].logit
    with_generated = jax.nn.softmax(jnp.concatenate([a, jnp.zeros((N, 1))], axis=1), axis=1)
    np.testing.assert_allclose(jax.nn.sigmoid(logit), 1 - with_generated[:, -1], rtol=1e-6)
    one = discriminator(heads=(("class", 1),))
    side = one.init(jax.random.key(0), x)
    plain = one.apply(*side, x)[0].heads["class"][:, 0]
    np.testing.assert_allclose(heads.any_class(one).apply(*side, x)[0].logit, plain)


# several discriminators, multi-hinge


def test_logit_of_the_own_class_is_that_entry_and_with_one_class_there_is_no_condition():
    d, x, label = discriminator(heads=(("class", K),)), outputs(N, 2), jnp.asarray(LABEL)
    own = heads.own_class(d, K)
    side = own.init(jax.random.key(0), x, label)
    a = d.apply(*side, x)[0].heads["class"]
    np.testing.assert_array_equal(own.apply(*side, x, label)[0].logit, a[np.arange(N), LABEL])
    packs = own.apply(*side, x[:8], label.reshape(8, 2))[0].logit
    np.testing.assert_allclose(packs, a[:8][np.arange(8)[:, None], LABEL.reshape(8, 2)].sum(axis=1))
    one = discriminator(heads=(("class", 1),))
    logit = heads.own_class(one, 1).apply(*one.init(jax.random.key(0), x), x, jnp.zeros(N, int))[0].logit
    np.testing.assert_array_equal(
        logit, one.apply(*one.init(jax.random.key(0), x), x)[0].heads["class"][:, 0]
    )
    with pytest.raises(Refused, match="needs labels"):
        own.apply(*side, x)
    with pytest.raises(Refused, match="4 outputs for 3 classes"):
        heads.own_class(d, 3).apply(*side, x, label)


def test_multi_hinge_is_zero_beyond_the_margin_and_with_one_class_the_hinge():
    def by_loops(a, y):
        return max(0, 1 + max(a[j] for j in range(len(a)) if j != y) - a[y])

    real, fake = outputs(N, K + 1), outputs(N, K + 1)
    objective, v = objectives.multi_hinge(2.0, 0.05), view({"class": real}, {"class": fake})
    d, g = losses(objective.d_terms, v)["multi_hinge"], losses(objective.g_terms, v)["multi_hinge"]
    each = [by_loops(r, y) + by_loops(f, K) for r, f, y in zip(real, fake, LABEL, strict=True)]
    np.testing.assert_allclose(d, 2 * np.array(each))
    np.testing.assert_allclose(g, [0.05 * by_loops(f, y) for f, y in zip(fake, LABEL, strict=True)])
    assert not objective.d_loss(v.real_out, v.fake_out).any()
    assert not crammer_singer(5 * jnp.eye(K), jnp.arange(K)).any()

    r, f = outputs(N), outputs(N)
    with_zero = ({"class": jnp.stack([a, jnp.zeros(N)], axis=1)} for a in (r, f))
    one = losses(objectives.multi_hinge().d_terms, view(*with_zero, np.zeros(N, int)))["multi_hinge"]
    np.testing.assert_allclose(one, objectives.hinge().d_loss(r, f))


# rotation


def test_four_quarter_turns_are_none_and_turns_are_those_of_numpy():
    x = outputs(4, 3, 3, 2)
    turned = turn(x, jnp.arange(4))
    for k in range(4):
        np.testing.assert_array_equal(turned[k], np.rot90(x[k], k))
    again = x
    for _ in range(4):
        again = turn(again, jnp.ones(4, int))
    np.testing.assert_array_equal(again, x)
    with pytest.raises(Refused, match="only square images"):
        turn(x[:, :2], jnp.arange(4))


def images_of(judge):
    real, fake = outputs(N, 3, 3, 1), outputs(N, 3, 3, 1)
    return view(label=None, real=(), fake=(), judge=judge)._replace(real=real, fake=fake)


def test_a_head_that_sees_nothing_has_the_loss_log_4_in_both_terms():
    v = images_of(lambda x: Output(x[:, 0, 0, 0], {"rotation": jnp.full((N, 4), 0.3)}))
    task = heads.rotation()
    np.testing.assert_allclose(losses(task.d_terms, v)["rotation"], np.log(4))
    np.testing.assert_allclose(losses(task.g_terms, v)["rotation"], 0.2 * np.log(4))


def test_each_player_turns_its_own_images_and_all_turns_occur():
    """A corner that alone is bright tells the turn: a head that reads the corners is always right."""
    corner = jnp.zeros((N, 3, 3, 1)).at[:, 0, 0].set(30.0)

    def judge(x):  # a quarter turn to the left takes the corner down
        corners = jnp.stack([x[:, 0, 0, 0], x[:, 2, 0, 0], x[:, 2, 2, 0], x[:, 0, 2, 0]], axis=1)
        return Output(x[:, 0, 0, 0], {"rotation": corners})

    v, task = images_of(judge), heads.rotation()
    assert losses(task.d_terms, v._replace(real=corner))["rotation"].max() < 1e-9
    assert losses(task.d_terms, v)["rotation"].mean() > 1  # noise has no corner
    assert losses(task.g_terms, v._replace(fake=corner))["rotation"].max() < 1e-9

    def always_upright(x):
        return Output(x[:, 0, 0, 0], {"rotation": jnp.eye(4)[jnp.zeros(N, int)] * 9})

    wrong = losses(task.d_terms, v._replace(judge=always_upright))["rotation"] > 1
    assert 0 < wrong.sum() < N
    fake_slope = jax.grad(lambda fake: losses_sum(task.d_terms, v._replace(fake=fake)))(v.fake)
    assert not fake_slope.any()  # D does not learn from the rotation of fakes


# codes


def test_codes_are_learnt_by_the_likelihood_of_softmax_and_normal():
    digit, style = np.eye(K)[LABEL], RANDOM.uniform(-1, 1, (N, 2))
    logits, raw = outputs(N, K), outputs(N, 4)
    task = heads.codes({"digit": K}, {"style": 2}, 1.0, 0.1)
    assert task.heads == (("code_digit", K), ("code_style", 4))
    v = view((), {"code_digit": logits, "code_style": raw}, None, {"digit": digit, "style": style})
    mean, deviation = np.asarray(raw[:, :2]), np.exp(3 * np.tanh(np.asarray(raw[:, 2:]) / 3))
    density = np.exp(-(((style - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))
    expected = -np.log(density).sum(axis=1)
    for terms in (task.d_terms, task.g_terms):
        found = losses(terms, v)
        np.testing.assert_allclose(found["code_digit"], ce(logits, LABEL))
        np.testing.assert_allclose(found["code_style"], 0.1 * expected)
    assert jnp.isfinite(normal_nll(jnp.ones((1, 1)), jnp.array([[0.0, -1e6]]))).all()  # a bounded deviation


def test_the_bound_of_a_perfect_head_is_the_entropy_of_the_code():
    code = latents.parts(digit=latents.categorical(10)).draw(jax.random.key(0))["digit"][None]
    v = view((), {"code_digit": 50 * code}, [0], {"digit": code})
    (term,) = heads.codes({"digit": 10}).g_terms
    information = np.log(10) - term.apply(v, ())[0]
    np.testing.assert_allclose(information, np.log(10), atol=1e-12)


# refusals

TASKS = {
    "auxiliary": heads.auxiliary_classifier,
    "twin": heads.twin_classifiers,
    "discriminative": heads.discriminative_classifier,
    "contrastive": partial(heads.contrastive, size=SIZE),
    "data_to_data": partial(heads.data_to_data, size=SIZE),
}


@pytest.mark.parametrize("name", TASKS)
def test_without_the_head_or_labels_a_task_is_refused_in_one_line(name):
    task = TASKS[name](K)
    for term in (*task.d_terms, *task.g_terms):
        with pytest.raises(Refused, match="needs a head of D called") as error:
            term.apply(view(), ())
        assert "\n" not in str(error.value)
        all_heads = {head: jnp.ones((N, 2 * K)) for head, _ in task.heads}
        with pytest.raises(Refused, match="needs labels") as error:
            term.apply(view(all_heads, all_heads, None), ())
        assert "\n" not in str(error.value)
        packs = view(all_heads, all_heads)._replace(real_plain=jnp.zeros((2 * N, 2)))
        with pytest.raises(Refused, match="use packing=1"):
            term.apply(packs, ())


def test_other_tasks_are_refused_without_their_heads_parts_and_labels():
    semi_supervised, code = heads.semi_supervised(K).d_terms[0], heads.codes({"digit": K}).g_terms[0]
    one_hot = {"digit": jnp.ones((N, K))}
    cases = [
        (heads.rotation().d_terms[0], images_of(Output), "needs a head of D called rotation"),
        (semi_supervised, view(), "needs a head of D called class"),
        (semi_supervised, view(label=None), "needs labels"),
        (code, view(z=jnp.ones((N, 3))), "the latent has no part called digit"),
        (code, view(z=one_hot), "needs a head of D called code_digit"),
        (objectives.multi_hinge().d_terms[0], view(), "of K \\+ 1 outputs"),
    ]
    for term, of, message in cases:
        with pytest.raises(Refused, match=message) as error:
            term.apply(of, ())
        assert "\n" not in str(error.value)
    with pytest.raises(Refused, match="features=True"):
        read_head({}, "features", "feature matching")
    with pytest.raises(Refused, match="different names"):
        heads.codes()
