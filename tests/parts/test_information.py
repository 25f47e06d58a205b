"""Bounds on mutual information at the best critics of correlated normal numbers, which are known."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.parts import information as mi
from jaxgan.parts.types import Lowering

N, PAIRS, R = 100000, 2, 0.8
TRUTH = -PAIRS / 2 * math.log(1 - R**2)
X, NOISE = np.random.RandomState(0).normal(size=(2, N, PAIRS))
Y = R * X + math.sqrt(1 - R**2) * NOISE


def log_ratio(x, y):
    """log p(y|x) / p(y), summed over the pairs."""
    return ((y**2 - (y - R * x) ** 2 / (1 - R**2)) / 2).sum(axis=-1) - PAIRS / 2 * math.log(1 - R**2)


JOINT, PRODUCT = (jnp.asarray(log_ratio(X, y), jnp.float32) for y in (Y, np.roll(Y, -1, axis=0)))


def test_the_bounds_at_their_best_critics():
    np.testing.assert_allclose(mi.donsker_varadhan(JOINT + 3, PRODUCT + 3), TRUTH, rtol=0.03)
    np.testing.assert_allclose(mi.nwj(1 + JOINT, 1 + PRODUCT), TRUTH, rtol=0.03)
    bound = mi.jensen_shannon(JOINT, PRODUCT)
    p, q = np.asarray(JOINT, np.float64), np.asarray(PRODUCT, np.float64)
    # twice the divergence: E_joint log(2 p / (p + q)) + E_product log(2 q / (p + q))
    twice = np.log(2 / (1 + np.exp(-p))).mean() + np.log(2 / (1 + np.exp(q))).mean()
    np.testing.assert_allclose(bound, twice, rtol=1e-4)
    assert 0 < bound < math.log(4)


def test_a_worse_critic_gives_a_lower_bound():
    for bound, shift in ((mi.donsker_varadhan, 0), (mi.nwj, 1), (mi.jensen_shannon, 0)):
        best = bound(shift + JOINT, shift + PRODUCT)
        assert bound(shift + 0.5 * JOINT, shift + 0.5 * PRODUCT) < best
        grad = jax.grad(lambda a, bound=bound, shift=shift: bound(shift + a * JOINT, shift + a * PRODUCT))(
            1.0
        )
        assert abs(grad) < 0.1  # the best scale of the critic


def test_info_nce_approaches_the_information_from_below_and_cannot_pass_log_n():
    def mean(n, scores):
        x, y = X[: 40 * n].reshape(40, n, 1, PAIRS), Y[: 40 * n].reshape(40, 1, n, PAIRS)
        return jax.jit(jax.vmap(mi.info_nce))(jnp.asarray(scores(x, y), jnp.float32)).mean()

    values = [mean(n, log_ratio) for n in (4, 32, 128)]
    assert values[0] < values[1] < values[2] < TRUTH + 0.03
    np.testing.assert_allclose(values[2], TRUTH, rtol=0.05)
    # the sum is over the y: a function of x beside the critic cancels, one of y does not
    np.testing.assert_allclose(mean(32, lambda x, y: log_ratio(x, y) + 5 * x.sum(-1)), values[1], rtol=1e-4)
    assert mean(32, lambda x, y: log_ratio(x, y) + 5 * y.sum(-1)) < values[1] - 0.5
    certain = 100 * jnp.eye(8)
    np.testing.assert_allclose(mi.info_nce(certain), np.full(8, math.log(8)), rtol=1e-5)


def test_info_nce_of_own_rows_is_the_rows_of_the_whole():
    scores = jax.random.normal(jax.random.key(0), (6, 6))
    whole, own = mi.info_nce(scores), jax.jit(mi.info_nce)
    parts = [own(scores[i : i + 2], i + jnp.arange(2)) for i in (0, 2, 4)]
    np.testing.assert_allclose(jnp.concatenate(parts), whole, rtol=1e-6)
    with pytest.raises(Refused, match="needs own="):
        mi.info_nce(scores[:2])


def test_mine_has_the_value_of_the_batch_and_the_gradient_of_the_running_mean():
    joint, products = jnp.array([1.0, 2.0]), jnp.array([[0.3, -0.5, 0.9], [1.0, 0.1, -2.0]])
    memory, mean, rate = mi.mine_init(), None, 0.25

    @jax.jit
    def slopes(joint, product, memory):
        bound = lambda joint, product: mi.mine(joint, product, memory, rate)  # noqa: E731
        return jax.value_and_grad(bound, argnums=(0, 1), has_aux=True)(joint, product)

    for product in products:
        (bound, after), (of_joint, of_product) = slopes(joint, product, memory)
        np.testing.assert_allclose(bound, mi.donsker_varadhan(joint, product), rtol=1e-5)
        now = float(jnp.exp(product).mean())
        mean = now if mean is None else (1 - rate) * mean + rate * now  # the first batch's, not from 0
        np.testing.assert_allclose(after.log_mean, math.log(mean), rtol=1e-4)
        np.testing.assert_allclose(of_joint, np.full(2, 1 / 2))
        np.testing.assert_allclose(of_product, -np.exp(product) / 3 / mean, rtol=1e-4)
        memory = after
    plain = jax.grad(lambda p: mi.donsker_varadhan(joint, p))(product)  # of the batch's own mean
    assert abs(of_product - plain).max() > 0.01


def test_large_scores_do_not_overflow():
    value, memory = mi.mine(jnp.full(4, 200.0), jnp.full(4, 190.0), mi.mine_init())
    assert float(value) == pytest.approx(10, abs=1e-3)
    assert np.isfinite(memory.log_mean)


def test_deep_infomax_weighs_whole_and_places():
    whole, places = (
        jax.random.normal(jax.random.key(1), (2, 4)),
        jax.random.normal(jax.random.key(2), (2, 4, 9)),
    )
    by_place = np.mean([mi.jensen_shannon(places[0, :, k], places[1, :, k]) for k in range(9)])
    expected = 0.5 * mi.jensen_shannon(*whole) + 2 * by_place
    np.testing.assert_allclose(mi.deep_infomax(*whole, *places, beta=2.0), expected, rtol=1e-5)


def test_bounds_are_over_all_devices():
    joint, product = jax.random.normal(jax.random.key(3), (2, 8))
    on_four, shares = Lowering("data"), (joint.reshape(4, 2), product.reshape(4, 2))

    def all_bounds(lowering, joint, product):
        bounds = [f(joint, product, lowering) for f in (mi.donsker_varadhan, mi.nwj, mi.jensen_shannon)]
        return jnp.stack([*bounds, mi.mine(joint, product, mi.mine_init(), 0.1, lowering)[0]])

    shared = jax.jit(jax.vmap(lambda j, p: all_bounds(on_four, j, p), axis_name="data"))(*shares)
    np.testing.assert_allclose(shared, np.tile(all_bounds(Lowering(), joint, product), (4, 1)), rtol=1e-5)
