"""Samplers by normal distributions in one dimension, where D's logit and every law are known."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest, norm, truncnorm

from jaxgan.errors import Refused
from jaxgan.games.game import Side
from jaxgan.models import mlp
from jaxgan.parts.network import from_linen
from jaxgan.parts.rng import each
from jaxgan.sampling import (
    calibrated,
    first_accepted,
    invert,
    langevin,
    log_acceptance,
    metropolis,
    shrunk,
    standing_statistics,
    truncated,
)

KEYS = each(jax.random.key(0), jnp.arange(4000))
TARGET = norm(0.5, 0.6)


def logit(z):
    """log N(0.5, 0.6^2) / N(0, 1): what a perfect D says where G is the identity."""
    return -((z - 0.5) ** 2) / (2 * 0.36) + z**2 / 2 - jnp.log(0.6)


HIGHEST = float(logit(jnp.array(0.5 / 0.64)))  # where its derivative vanishes
prior = jax.vmap(jax.random.normal)


def follows_the_target(z):
    assert kstest(np.asarray(z), TARGET.cdf).pvalue > 1e-3


def test_langevin_has_the_stationary_law_of_its_steps():
    """N(w, I / (1 - size / 4)) for a linear logit w z: an autoregression of first order."""
    w, size = jnp.array([1.0, -0.5]), 0.4
    z = jax.jit(partial(langevin, lambda z: z @ w, size=size, steps=60))(jnp.zeros((4000, 2)), KEYS)
    np.testing.assert_allclose(z.mean(axis=0), w, atol=0.07)
    variance = size / (1 - (1 - size / 2) ** 2)
    np.testing.assert_allclose(variance, 1 / (1 - size / 4))
    np.testing.assert_allclose(
        z.var(axis=0), variance, rtol=0.08
    )  # of sqrt(size): a noise of `size` has 0.44


def test_langevin_ends_where_p_is():
    z = jax.jit(partial(langevin, lambda z: logit(z[:, 0]), size=0.02, steps=300))(prior(KEYS)[:, None], KEYS)
    np.testing.assert_allclose([z.mean(), z.std()], [0.5, 0.6], atol=0.04)


def test_the_first_accepted_follows_p():
    z, accepted = jax.jit(partial(first_accepted, logit, prior, highest=HIGHEST, proposals=40))(KEYS)
    assert accepted.all()
    follows_the_target(z)
    _, at_once = jax.jit(partial(first_accepted, logit, prior, highest=HIGHEST, proposals=1))(KEYS)
    np.testing.assert_allclose(at_once.mean(), np.exp(-HIGHEST), atol=0.03)


def test_the_acceptance_is_that_of_rejection_sampling():
    logits = jnp.linspace(-3, 0, 7)
    np.testing.assert_allclose(log_acceptance(logits + 2, 2.0), logits, atol=1e-4)
    with jax.enable_x64(True):
        away, gamma = np.array([-2.0, -0.7]), 0.4
        expected = 1 / (1 + np.exp(-(away - np.log(1 - np.exp(away - 1e-6)) - gamma)))
        np.testing.assert_allclose(jnp.exp(log_acceptance(jnp.asarray(away), 0.0, gamma)), expected)
    assert jnp.isfinite(log_acceptance(jnp.array([5.0]), 0.0)).all()  # log(1 - exp(5)) would be no number


def test_metropolis_follows_p():
    z, moves = jax.jit(partial(metropolis, logit, prior, proposals=30))(KEYS)
    follows_the_target(z)
    assert 5 < moves.mean() < 29
    far = jax.jit(partial(metropolis, logit, prior, proposals=5))(KEYS, start=jnp.full(4000, 50.0))
    assert not far[1].any()  # more real than anything that G makes


@pytest.mark.parametrize("sampler", [partial(first_accepted, highest=HIGHEST, proposals=4), metropolis])
def test_a_sample_depends_on_its_key_alone(sampler):
    run = jax.jit(partial(sampler, logit, prior, **({} if sampler is not metropolis else {"proposals": 4})))
    z = run(KEYS[:32])[0]
    np.testing.assert_array_equal(run(KEYS[:32][::-1])[0], z[::-1])


def test_logits_are_calibrated_back():
    """Of two unit normals at 0 and 1 log p / q is z - 1/2; from 3 z + 5 a logistic regression recovers it."""
    real, fake = prior(KEYS) + 1, prior(each(jax.random.key(1), jnp.arange(4000)))
    back = calibrated(lambda z: 3 * z + 5, 3 * real + 5, 3 * fake[:1000] + 5)
    np.testing.assert_allclose(back(jnp.array([0.0, 1.0, 2.0])), [-0.5, 0.5, 1.5], atol=0.2)


def test_inversion_finds_the_latents_of_a_linear_g():
    w, z = jax.random.normal(jax.random.key(3), (3, 5)), jax.random.normal(jax.random.key(4), (6, 3))
    back, distances = jax.jit(lambda x: invert(lambda z: z @ w, x, jnp.zeros((6, 3)), steps=800))(z @ w)
    np.testing.assert_allclose(back, z, atol=1e-2)
    assert distances.max() < 1e-4


def test_truncation_has_the_law_of_scipy():
    z = jnp.linspace(-4, 4, 33)
    expected = truncnorm(-0.7, 0.7).ppf(norm.cdf(np.asarray(z, float)))
    np.testing.assert_allclose(truncated(z, 0.7), expected, atol=1e-5)
    np.testing.assert_allclose(truncated(z[8:-8], 50.0), z[8:-8], atol=1e-4)
    np.testing.assert_array_equal(shrunk(z, jnp.float32(0), 1.0), z)
    with pytest.raises(Refused, match="the bound of truncation must be above 0, not 0"):
        truncated(z, 0.0)


def test_standing_statistics_are_means_over_batches():
    """Of unequal sizes, by NumPy; whatever the running averages were before."""
    network = from_linen(mlp.Generator((2,), (3,), norm="batch"))
    batches = [jax.random.normal(jax.random.key(n), (size, 4)) for n, size in enumerate((8, 20, 8))]
    params, stats = network.init(jax.random.key(9), batches[0])
    stats = jax.tree.map(lambda x: x + 7, stats)
    standing = standing_statistics(network, Side(params, stats), [(x,) for x in batches], jax.random.key(5))
    kernel, bias = (
        np.asarray(params["Dense_0"][name], float) if name in params["Dense_0"] else 0.0
        for name in ("kernel", "bias")
    )
    hidden = [np.asarray(x) @ kernel + bias for x in batches]
    result = standing.stats["batch_stats"]["BatchNorm_0"]
    np.testing.assert_allclose(result["mean"], np.mean([h.mean(0) for h in hidden], axis=0), atol=1e-5)
    np.testing.assert_allclose(result["var"], np.mean([h.var(0) for h in hidden], axis=0), rtol=1e-4)
    plain = from_linen(mlp.Generator((2,), (3,)))
    g = Side(*plain.init(jax.random.key(9), batches[0]))
    assert standing_statistics(plain, g, [], jax.random.key(5)) is g
