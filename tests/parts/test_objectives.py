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
}


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
@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_finite_at_extreme_logits(name, logit):
    objective = GOLDEN[name][0]
    far = jnp.full(4, logit)
    for loss in (objective.d_loss, objective.g_loss):
        for real, fake in ((far, -far), (far, far)):
            value, grads = jax.value_and_grad(lambda r, f, loss=loss: loss(r, f).sum(), argnums=(0, 1))(
                real, fake
            )
            assert np.isfinite(value)
            assert np.isfinite(grads).all()


def test_only_separable_losses_have_d_told_fake():
    for name, (objective, *_) in GOLDEN.items():
        assert (objective.d_told_fake is None) == name.startswith(("relativistic", "wasserstein"))
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
