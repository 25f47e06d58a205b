"""Adversarial losses against numbers worked out by hand and the optima their papers prove."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.parts import objectives as o
from jaxgan.parts.types import Lowering

REAL, FAKE = jnp.array([0.5, -1.0, 3.0]), jnp.array([-0.25, 2.0, 0.0])


def _log_d(logit: float) -> float:
    return math.log(1 / (1 + math.exp(-logit)))


def _log_not_d(logit: float) -> float:
    return math.log(1 - 1 / (1 + math.exp(-logit)))


MEAN_R, MEAN_F = float(REAL.mean()), float(FAKE.mean())
CENTRE = (MEAN_R + MEAN_F) / 2
PARTITION = sum(math.exp(logit) for logit in [*REAL.tolist(), *FAKE.tolist()])


def _contrast(logit: float, others) -> float:
    """-log of the share of one logit's exponential beside those of all the others."""
    return -math.log(math.exp(logit) / (math.exp(logit) + sum(math.exp(float(other)) for other in others)))


# (objective, D's loss of one pair, G's loss of one pair), from the papers in terms of D = sigmoid(logit)
GOLDEN = {
    "minimax": (o.minimax(), lambda r, f: -_log_d(r) - _log_not_d(f), lambda r, f: _log_not_d(f)),
    "non_saturating": (o.non_saturating(), lambda r, f: -_log_d(r) - _log_not_d(f), lambda r, f: -_log_d(f)),
    "least_squares": (
        o.least_squares(-1.0, 1.0, 0.5),
        lambda r, f: 0.5 * (r - 1) ** 2 + 0.5 * (f + 1) ** 2,
        lambda r, f: 0.5 * (f - 0.5) ** 2,
    ),
    "hinge": (o.hinge(), lambda r, f: max(0, 1 - r) + max(0, 1 + f), lambda r, f: -f),
    "wasserstein": (o.wasserstein(), lambda r, f: f - r, lambda r, f: -f),
    "relativistic": (o.relativistic(), lambda r, f: -_log_d(r - f), lambda r, f: -_log_d(f - r)),
    "relativistic_average": (
        o.relativistic_average(),
        lambda r, f: -_log_d(r - MEAN_F) - _log_not_d(f - MEAN_R),
        lambda r, f: -_log_d(f - MEAN_R) - _log_not_d(r - MEAN_F),
    ),
    "relativistic_least_squares": (
        o.relativistic(o.margins.least_squares),
        lambda r, f: (r - f - 1) ** 2,
        lambda r, f: (f - r - 1) ** 2,
    ),
    "relativistic_hinge": (
        o.relativistic(o.margins.hinge),
        lambda r, f: max(0, 1 - r + f),
        lambda r, f: max(0, 1 - f + r),
    ),
    "relativistic_average_least_squares": (
        o.relativistic_average(o.margins.least_squares),
        lambda r, f: (r - MEAN_F - 1) ** 2 + (f - MEAN_R + 1) ** 2,
        lambda r, f: (f - MEAN_R - 1) ** 2 + (r - MEAN_F + 1) ** 2,
    ),
    "relativistic_average_hinge": (
        o.relativistic_average(o.margins.hinge),
        lambda r, f: max(0, 1 - (r - MEAN_F)) + max(0, 1 + (f - MEAN_R)),
        lambda r, f: max(0, 1 - (f - MEAN_R)) + max(0, 1 + (r - MEAN_F)),
    ),
    "relativistic_centred": (
        o.relativistic_centred(o.margins.least_squares),
        lambda r, f: (r - CENTRE - 1) ** 2 + (f - CENTRE + 1) ** 2,
        lambda r, f: (f - CENTRE - 1) ** 2 + (r - CENTRE + 1) ** 2,
    ),
    "boundary_seeking": (
        o.boundary_seeking(),
        lambda r, f: -_log_d(r) - _log_not_d(f),
        lambda r, f: 0.5 * (_log_d(f) - _log_not_d(f)) ** 2,
    ),
    "softmax_gan": (
        o.softmax_gan(),
        lambda r, f: -math.log(math.exp(r) / PARTITION),
        lambda r, f: -math.log(math.exp(r) / PARTITION) / 2 - math.log(math.exp(f) / PARTITION) / 2,
    ),
    "dual_contrastive": (
        o.dual_contrastive(),
        lambda r, f: _contrast(r, FAKE) + _contrast(-f, -REAL),
        lambda r, f: -_contrast(r, FAKE) - _contrast(-f, -REAL),
    ),
    "dual_contrastive_swapped": (
        o.dual_contrastive(saturating=False),
        lambda r, f: _contrast(r, FAKE) + _contrast(-f, -REAL),
        lambda r, f: _contrast(f, REAL) + _contrast(-r, -FAKE),
    ),
    "ebgan": (o.ebgan(1.5), lambda r, f: -r + max(0, 1.5 + f), lambda r, f: -f),
}
COMPARE = ("relativistic", "wasserstein", "softmax", "dual")  # these have no labels


@pytest.mark.parametrize("name", GOLDEN)
def test_losses_match_their_formulas_also_under_jit(name):
    objective, d_by_hand, g_by_hand = GOLDEN[name]
    for loss, by_hand in ((objective.d_loss, d_by_hand), (objective.g_loss, g_by_hand)):
        expected = [by_hand(float(r), float(f)) for r, f in zip(REAL, FAKE, strict=True)]
        np.testing.assert_allclose(loss(REAL, FAKE), expected, rtol=1e-5)
        np.testing.assert_allclose(jax.jit(loss)(REAL, FAKE), expected, rtol=1e-5)
        lanes = jax.vmap(loss)(jnp.stack([REAL, -REAL]), jnp.stack([FAKE, FAKE]))
        np.testing.assert_allclose(lanes[0], expected, rtol=1e-5)


@pytest.mark.parametrize("name", GOLDEN)
def test_finite_at_extreme_logits(name):
    objective = GOLDEN[name][0]

    @jax.jit
    def slopes(real, fake):
        losses = [lambda r, f: objective.d_loss(r, f).sum(), lambda r, f: objective.g_loss(r, f).sum()]
        return [jax.value_and_grad(loss, argnums=(0, 1))(real, fake) for loss in losses]

    for real in (-1e4, 1e4):
        for fake in (-real, real):
            numbers = jax.tree.leaves(slopes(jnp.full(4, real), jnp.full(4, fake)))
            assert all(np.isfinite(number).all() for number in numbers)


def test_only_separable_losses_have_d_told_fake():
    for name, (objective, *_) in GOLDEN.items():
        assert (objective.d_told_fake is None) == name.startswith(COMPARE)
        if objective.d_told_fake is not None:  # D's loss is a part of r plus this part of f
            split = objective.d_loss(REAL, FAKE) - objective.d_told_fake(FAKE)
            moved = objective.d_loss(REAL, FAKE + 1) - objective.d_told_fake(FAKE + 1)
            np.testing.assert_allclose(split, moved, atol=1e-5)


P, Q = jnp.array([0.1, 0.2, 0.3, 0.4]), jnp.array([0.4, 0.1, 0.3, 0.2])


@pytest.mark.parametrize(
    ("objective", "optimum"),
    [
        (o.minimax(), jnp.log(P / Q)),
        (o.non_saturating(), jnp.log(P / Q)),
        (o.least_squares(-1.0, 1.0, 0.0), (P - Q) / (P + Q)),
    ],
    ids=["minimax", "non_saturating", "least_squares"],
)
def test_the_optimal_discriminator_is_as_proved(objective, optimum):
    """Two densities on four points; D is a table of logits, the expectation is exact."""

    def expected_loss(logits):
        pairs = jax.vmap(lambda r: objective.d_loss(jnp.full(4, r), logits))(logits)
        return jnp.sum(P[:, None] * Q[None, :] * pairs)

    step = jax.jit(lambda logits: logits - 1.5 * jax.grad(expected_loss)(logits))
    logits = jnp.zeros(4)
    for _ in range(400):
        logits = step(logits)
    np.testing.assert_allclose(logits, optimum, atol=1e-4)


def test_relativistic_average_is_over_all_devices():
    """Under a mapped axis the mean is the whole batch's, not the shard's."""
    over = o.relativistic_average().over(Lowering(axis="data"))
    real, fake = jnp.arange(8.0), jnp.arange(8.0)[::-1] / 3
    shards = jax.vmap(over.d_loss, axis_name="data")(real.reshape(4, 2), fake.reshape(4, 2))
    np.testing.assert_allclose(shards.reshape(-1), o.relativistic_average().d_loss(real, fake), rtol=1e-6)


def test_softmax_gan_pulls_the_softmax_to_its_targets():
    """The gradient of the mean is softmax - t, with t 1/N on real examples for D, 1/2N on all for G; and with
    equal logits both losses are log 2N."""
    with jax.enable_x64(True):
        r, f = jax.random.normal(jax.random.key(0), (2, 5), jnp.float64) * 3
        shares = jax.nn.softmax(jnp.concatenate([r, f])).reshape(2, 5)
        loss = o.softmax_gan()
        for player, targets in ((loss.d_loss, [[1 / 5], [0.0]]), (loss.g_loss, [[1 / 10], [1 / 10]])):
            slopes = jax.jit(jax.grad(lambda both, player=player: player(*both).mean()))(jnp.stack([r, f]))
            np.testing.assert_allclose(slopes, shares - np.array(targets), rtol=0, atol=1e-12)
            np.testing.assert_allclose(player(f * 0 + 7, f * 0 + 7), math.log(10), rtol=1e-12)


def test_dual_contrastive_of_one_pair_is_twice_the_relativistic_loss():
    r, f = jnp.array([0.3]), jnp.array([-1.1])
    np.testing.assert_allclose(
        o.dual_contrastive().d_loss(r, f), 2 * o.relativistic().d_loss(r, f), rtol=1e-6
    )
    zeros = jnp.zeros(7)
    np.testing.assert_allclose(
        o.dual_contrastive().d_loss(zeros, zeros), np.full(7, 2 * math.log(8)), rtol=1e-6
    )


@pytest.mark.parametrize("objective", [o.softmax_gan(), o.dual_contrastive()])
def test_sums_of_exponentials_do_not_overflow(objective):
    np.testing.assert_allclose(
        objective.d_loss(REAL + 500, FAKE + 500), objective.d_loss(REAL, FAKE), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("h", [o.margins.logistic, o.margins.least_squares, o.margins.hinge])
def test_relativistic_means_have_gradients_and_both_halves(h):
    """D's loss by loops over pairs, differentiated by finite differences: were the means held still, or a
    half left out, it would be another gradient. G's loss is D's with the roles swapped."""
    with jax.enable_x64(True):
        r, f = jnp.asarray(REAL, jnp.float64), jnp.asarray(FAKE, jnp.float64)
        for objective, reference in (
            (o.relativistic_average(h), lambda r, f: (f.mean(), r.mean())),
            (o.relativistic_centred(h), lambda r, f: ((r.mean() + f.mean()) / 2,) * 2),
        ):

            def by_loops(both, reference=reference):
                r, f = np.split(both, 2)
                below, above = reference(r, f)
                return sum(float(h(a - below)) + float(h(above - b)) for a, b in zip(r, f, strict=True)) / 3

            both, step = np.concatenate([r, f]), 1e-6
            slope = [(by_loops(both + step * e) - by_loops(both - step * e)) / 2 / step for e in np.eye(6)]
            ours = jax.jit(jax.grad(lambda both, loss=objective.d_loss: loss(*both).mean()))(
                jnp.stack([r, f])
            )
            np.testing.assert_allclose(ours.ravel(), slope, atol=1e-7)
            np.testing.assert_array_equal(objective.g_loss(r, f), objective.d_loss(f, r))


def test_boundary_weights_are_those_of_the_optimal_discriminator():
    """With D of the logits log p/q they are p/q, normalised over the samples, and have no gradient."""
    logits = jnp.log(P / Q)[None, :]
    np.testing.assert_allclose(o.boundary_weights(logits)[0], (P / Q) / (P / Q).sum(), rtol=1e-6)
    assert not jax.grad(lambda x: o.boundary_weights(x)[0, 0])(logits).any()
