"""Interquartile mean, probability of improvement and profile, against rliable and closed forms."""

import numpy as np
import pytest
from scipy import stats

from jaxgan.compare.profiles import improvement, interquartile_mean, profile

RANDOM = np.random.default_rng(7)
A, B = RANDOM.normal(0.0, 1.0, (9, 3)), RANDOM.normal(0.6, 1.5, (12, 3))
THRESHOLDS = np.linspace(-3, 4, 41)


def reference(name):
    pytest.importorskip("rliable", reason="the extra `verify` is not installed")
    return pytest.importorskip(f"rliable.{name}", reason="what rliable needs is not installed")


@pytest.mark.parametrize("scores", [A, B, A[:1], A[:5, :1]])
def test_the_interquartile_mean_is_that_of_rliable(scores):
    expected = reference("metrics").aggregate_iqm(scores)
    assert interquartile_mean(scores) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_the_probability_of_improvement_is_that_of_rliable(ties):
    a, b = (A[:, :1].round(), B[:, :1].round()) if ties else (A[:, :1], B[:, :1])
    metrics = reference("metrics")
    assert improvement(a[:, 0], b[:, 0], "higher") == pytest.approx(metrics.probability_of_improvement(b, a))
    assert improvement(a[:, 0], b[:, 0], "lower") == pytest.approx(metrics.probability_of_improvement(-b, -a))


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_the_profile_and_its_band_are_those_of_rliable(better):
    library, sign = reference("library"), -1 if better == "lower" else 1
    np.random.seed(0)  # its bootstrap draws from NumPy's global state
    shares, bands = library.create_performance_profile({"a": sign * A}, sign * THRESHOLDS, reps=4000)
    ours = profile(list(A.T), THRESHOLDS, better)
    np.testing.assert_allclose(ours.share, shares["a"], atol=1e-12)
    low, high = bands["a"]
    one = 1 / A.size  # a percentile is a whole number of runs, and theirs has an error of simulation
    assert np.abs(ours.low - low).max() < 1.01 * one
    assert np.abs(ours.high - high).max() < 1.01 * one
    assert np.abs(ours.low - low).mean() < 0.1 * one
    assert np.abs(ours.high - high).mean() < 0.1 * one


def test_the_band_of_one_stratum_is_binomial():
    runs = np.arange(20.0)
    line = profile([runs], np.array([4.5, 100.0]), "higher")
    expected = stats.binom.ppf([0.025, 0.975], 20, 0.75) / 20
    np.testing.assert_allclose([line.low[0], line.high[0]], expected)
    assert (line.share[1], line.low[1], line.high[1]) == (0, 0, 0)


def test_the_band_of_strata_is_narrower_than_that_of_pooled_runs():
    """Of two tasks of which one always succeeds, nothing is drawn between them."""
    apart = [np.zeros(10), np.ones(10)]
    line, pooled = (profile(strata, np.array([0.5]), "higher") for strata in (apart, [np.concatenate(apart)]))
    assert line == pooled._replace(low=line.low, high=line.high)
    assert (line.low[0], line.high[0]) == (0.5, 0.5)
    assert pooled.low[0] < 0.4 < 0.6 < pooled.high[0]


def test_the_band_covers_the_true_share_as_often_as_it_says():
    draws = np.random.default_rng(3).normal(size=(400, 2, 30))
    lines = [profile(list(strata), np.array([0.0]), "lower") for strata in draws]
    covered = np.mean([line.low[0] <= 0.5 <= line.high[0] for line in lines])
    assert 0.9 < covered <= 1


def test_a_run_without_a_value_is_better_than_nothing():
    runs = np.array([1.0, 2.0, np.nan, 3.0])
    for better, threshold in (("higher", -9.0), ("lower", 9.0)):
        assert profile([runs], np.array([threshold]), better).share[0] == 0.75
