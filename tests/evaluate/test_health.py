"""The numbers of the health hook, against their definitions."""

import jax
import numpy as np
import pytest
from scipy.spatial.distance import pdist
from support import ring_game, rule_of

import jaxgan as jg
from jaxgan.data import load
from jaxgan.data.arrays import arrays
from jaxgan.data.source import batch, examples
from jaxgan.evaluate.health import health, mean_distance, spectral_norms


def moment(sample):
    ring, game = load("ring"), ring_game()
    batches = batch(ring, (1, 1, 16), ring.arrays, jax.random.key(0), 0)
    state = rule_of(game).init(jax.random.key(0), batches)
    return jg.Moment(0, state, game, sample)


def test_diversity_is_1_for_examples_and_0_for_equal_samples():
    ring = load("ring")
    call = health(ring)
    assert abs(call(moment(lambda g, n: examples(ring, 2 * n)[n:]))["diversity"] - 1) < 0.1
    assert call(moment(lambda g, n: np.ones((n, 2))))["diversity"] < 1e-6


def test_the_mean_distance_is_that_of_all_pairs():
    x = np.random.RandomState(0).randn(40, 3, 2)
    np.testing.assert_allclose(mean_distance(x), pdist(x.reshape(40, -1)).mean(), rtol=1e-9)


def test_spectral_norms_are_largest_singular_values():
    random = np.random.RandomState(0)
    a, b = random.randn(3, 3, 4, 7), random.randn(9, 2)
    params = {"a": {"kernel": a, "bias": np.ones(7)}, "b": {"kernel": b}}
    norms = spectral_norms(params)
    assert norms.keys() == {"a", "b"}
    np.testing.assert_allclose(norms["a"], np.linalg.norm(a.reshape(36, 7), 2))
    np.testing.assert_allclose(norms["b"], np.linalg.norm(b, 2))


def test_the_lag_of_the_average():
    at = moment(lambda g, n: np.arange(2.0 * n).reshape(n, 2))
    call = health(load("ring"))
    assert call(at)["g/average"] == 0
    doubled = jax.tree.map(lambda x: 2 * x, at.state.ema.params)
    state = at.state.replace(ema=at.state.ema._replace(params=doubled))
    np.testing.assert_allclose(call(at._replace(state=state))["g/average"], 1, rtol=1e-6)
    assert "g/average" not in call(at._replace(state=at.state.replace(ema=None)))


def test_the_samples_are_those_of_the_averaged_generator():
    at = moment(lambda generator, n: np.asarray(generator.params) * np.arange(n)[:, None])
    g, ema = (at.state.g.replace(params=jax.numpy.float32(x)) for x in (1.0, 3.0))
    averaged = health(load("ring"))(at._replace(state=at.state.replace(g=g, ema=ema)))["diversity"]
    current = health(load("ring"))(at._replace(state=at.state.replace(g=g, ema=None)))["diversity"]
    assert averaged == pytest.approx(3 * current)


def test_examples_that_are_all_the_same_are_refused():
    with pytest.raises(jg.Refused, match="all the same"):
        health(arrays(np.zeros((9, 2))))(moment(lambda g, n: np.ones((n, 2))))
