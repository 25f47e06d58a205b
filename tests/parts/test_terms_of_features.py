"""Feature matching, GDPP and top-k: loops, closed forms, and the traps of public code."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from games.linear import BATCH, LINEAR_G
from parts.feature_views import FAKE, REAL, W, rows, view

from jaxgan.errors import Refused
from jaxgan.games.adversary import Meeting, Turn, adversary
from jaxgan.games.gan import gan
from jaxgan.models import mlp
from jaxgan.parts import latents, terms
from jaxgan.parts import objectives as o
from jaxgan.parts.network import from_linen
from jaxgan.parts.terms.gdpp import eigen
from jaxgan.rules.alternating import alternating


def test_feature_matching_by_hand():
    x, y = np.asarray(jnp.tanh(REAL @ W), np.float64), np.asarray(jnp.tanh(FAKE @ W), np.float64)
    difference = x.mean(0) - y.mean(0)
    seen = view(REAL, FAKE, W)
    squared, absolute = np.square(difference).sum(), np.abs(difference).mean()
    np.testing.assert_allclose(rows(terms.feature_matching(3.0), seen), np.full(16, 3 * squared), rtol=1e-4)
    np.testing.assert_allclose(
        rows(terms.feature_matching_l1(3.0), seen), np.full(16, 3 * absolute), rtol=1e-4
    )
    assert (rows(terms.feature_matching(0.0), seen) == 0).all()


def gdpp_by_hand(x, y, magnitude):
    def eigenpairs(h):
        h = h / np.linalg.norm(h, axis=1, keepdims=True)
        values, vectors = np.linalg.eig(h @ h.T)
        order = np.argsort(values.real)
        return values.real[order], vectors.real[:, order]

    (p, u), (q, v) = eigenpairs(np.asarray(x, np.float64)), eigenpairs(np.asarray(y, np.float64))
    scaled = (p - p.min()) / (p.max() - p.min())
    cosines = [abs(u[:, i] @ v[:, i]) for i in range(len(p))]
    return magnitude * np.square(p - q).mean() - sum(a * b for a, b in zip(scaled, cosines, strict=True))


def test_gdpp_by_another_decomposition():
    x, y = jax.random.normal(jax.random.key(0), (2, 5, 7))
    value = rows(terms.gdpp(2.0, magnitude=0.3), view(x, y))
    np.testing.assert_allclose(value, np.full(5, 2 * gdpp_by_hand(x, y, 0.3)), rtol=1e-4)


def test_gdpp_of_equal_features_is_the_sum_of_scaled_eigenvalues():
    """Also where the sign of each eigenvector is opposite, as an eigensolver may return it."""
    x = jax.random.normal(jax.random.key(1), (5, 7))
    h = np.asarray(x / jnp.linalg.norm(x, axis=1, keepdims=True))
    values = np.linalg.eigvalsh(h @ h.T)
    expected = -((values - values[0]) / (values[-1] - values[0])).sum()
    np.testing.assert_allclose(rows(terms.gdpp(), view(x, -x)), np.full(5, expected), rtol=1e-4)


def test_the_gradient_of_gdpp():
    """Where eigenvalues differ it is that of `eigh`; with fewer features than examples, whose similarities
    have 0 as an eigenvalue many times over, that of `eigh` is not finite, and this one is."""
    s = jax.random.normal(jax.random.key(2), (5, 5))
    s, w = s @ s.T, jax.random.normal(jax.random.key(3), (5, 5))

    def loss(solver):
        def value(s):
            values, vectors = solver((s + s.T) / 2)
            return (jnp.square(values) * jnp.arange(5)).sum() + jnp.square(vectors * w).sum()

        return jax.jit(jax.grad(value))

    np.testing.assert_allclose(loss(eigen)(s), loss(jnp.linalg.eigh)(s), rtol=1e-2, atol=1e-3)
    assert not np.isfinite(loss(jnp.linalg.eigh)(jnp.eye(5))).all()
    assert np.isfinite(loss(eigen)(jnp.eye(5))).all()

    def penalty(y):
        return terms.gdpp().apply(view(REAL[:, :2], y), ())[0].mean()

    grad = jax.jit(jax.grad(penalty))(FAKE[:, :2])
    assert np.isfinite(grad).all()
    assert np.abs(grad).max() < 100


@pytest.mark.parametrize(("share", "kept"), [(0.5, [1, 3]), (1.0, [0, 1, 2, 3]), (0.1, [3]), (0.0, [3])])
def test_top_k_keeps_the_fakes_that_d_judges_best(share, kept):
    fake = jnp.array([[-1.0], [2.0], [0.5], [3.0]])
    objective = o.top_k(o.hinge(), lambda step: share * step / 2)
    value = rows(objective.g_terms[0], view(fake, fake, step=2))
    expected = [-float(f) * 4 / len(kept) if i in kept else 0 for i, f in enumerate(fake[:, 0])]
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert value.mean() == pytest.approx(-fake[:, 0][np.array(kept)].mean())
    equal = rows(objective.g_terms[0], view(fake, jnp.ones((4, 1)), step=2))
    assert (equal != 0).tolist() == [i < len(kept) for i in range(4)]  # of equal ones the first


def test_top_k_takes_means_over_the_batch_as_the_objective_does():
    objective = o.top_k(o.relativistic_average(), 0.5)
    seen = view(REAL, FAKE)
    losses = o.relativistic_average().g_loss(seen.real_out, seen.fake_out)
    best = np.argsort(-np.asarray(seen.fake_out))[:8]
    np.testing.assert_allclose(rows(objective.g_terms[0], seen).mean(), losses[best].mean(), rtol=1e-5)
    assert objective.over is not None


def played(objective):
    game = gan(
        LINEAR_G,
        from_linen(mlp.Discriminator((4,))),
        latent=latents.normal(4),
        objective=objective,
    )
    rule = alternating(game, optax.sgd(0.1), optax.sgd(0.1))
    batches = jax.tree.map(lambda x: x[None, None], BATCH)
    state = rule.init(jax.random.key(0), batches)
    update = jax.jit(rule.update)
    for _ in range(3):
        state, _ = update(state, batches)
    return state.g.params, state.d.params


def test_all_fakes_are_the_plain_loss_to_the_bit():
    for plain in (o.non_saturating(), o.relativistic_average()):
        for a, b in zip(
            jax.tree.leaves(played(plain)), jax.tree.leaves(played(o.top_k(plain, 1.0))), strict=True
        ):
            np.testing.assert_array_equal(a, b)


def test_top_k_refuses_what_it_cannot_choose_from():
    with pytest.raises(Refused, match="are terms: ot"):
        o.top_k(o.ot(), 0.5)
    with pytest.raises(Refused, match="takes an objective"):
        o.top_k(o.hinge, 0.5)
    with pytest.raises(Refused, match="share of top_k must be between 0 and 1"):
        o.top_k(o.hinge(), 1.5)


def test_the_weight_of_an_adversary_scales_the_terms_of_its_objective():
    network = from_linen(mlp.Discriminator((4,), features=True))

    def metrics(weight, objective):
        critic = adversary(network, objective, g_terms=[terms.feature_matching()], weight=weight)
        turn = Turn(jax.random.split(jax.random.key(0), 16), jnp.int32(0), jnp.int32(0))
        meeting = Meeting(REAL, FAKE)
        side, memory = critic.init(jax.random.key(1), meeting, turn.keys)
        seen, _, memory = critic.meet("g", *side, memory, meeting, turn)
        return critic.g_loss(seen, memory)[1]

    one, half = (metrics(weight, o.top_k(o.hinge(), 0.5)) for weight in (1.0, 0.5))
    assert half["g/top_k"] == one["g/top_k"] / 2
    assert half["g/feature_matching"] == one["g/feature_matching"]  # a term of the recipe's own
