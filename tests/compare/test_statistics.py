"""The statistics against SciPy, the published tables of statsmodels, and simulated experiments."""

import numpy as np
import pytest
from scipy import stats

from jaxgan.compare import statistics

RANDOM = np.random.RandomState(3)
A, B = RANDOM.normal(0.0, 1.0, 7), RANDOM.normal(0.8, 2.0, 9)


def test_the_mean_has_the_interval_of_a_t_test():
    expected = stats.ttest_1samp(A, 0).confidence_interval(0.95)
    np.testing.assert_allclose(statistics.mean(A), (A.mean(), *expected), rtol=1e-12)


def test_one_seed_has_no_interval():
    assert statistics.mean(np.array([3.0]))[0] == 3.0
    assert np.isnan(statistics.mean(np.array([3.0]))[1:]).all()


@pytest.mark.parametrize("n", [1, 5, 8, 20])
def test_a_proportion_has_the_interval_of_clopper_and_pearson(n):
    for count in range(n + 1):
        low = stats.beta.ppf(0.025, count, n - count + 1) if count else 0.0
        high = stats.beta.ppf(0.975, count + 1, n - count) if count < n else 1.0
        expected = (count / n, low, high)
        np.testing.assert_allclose(statistics.proportion(count, n), expected, rtol=1e-9, atol=1e-12)


def test_paired_differences():
    difference, t_test = statistics.paired_t(A, B[:7]), stats.ttest_rel(B[:7], A)
    np.testing.assert_allclose(difference.p, t_test.pvalue, rtol=1e-12)
    np.testing.assert_allclose(difference.interval[1:], t_test.confidence_interval(0.95), rtol=1e-12)
    flips = stats.permutation_test(
        (A, B[:7]), lambda x, y: np.mean(y - x), permutation_type="samples", n_resamples=np.inf
    )
    np.testing.assert_allclose(difference.p_shuffled, flips.pvalue)
    assert (difference.paired, difference.seeds) == (True, 7)


def test_unpaired_differences():
    difference, t_test = statistics.welch_t(A, B), stats.ttest_ind(B, A, equal_var=False)
    np.testing.assert_allclose(difference.p, t_test.pvalue, rtol=1e-12)
    np.testing.assert_allclose(difference.interval[1:], t_test.confidence_interval(0.95), rtol=1e-12)
    shuffles = stats.permutation_test(
        (A, B), lambda x, y: abs(y.mean() - x.mean()), n_resamples=np.inf, alternative="greater"
    )
    np.testing.assert_allclose(difference.p_shuffled, shuffles.pvalue)
    assert (difference.paired, difference.seeds) == (False, 7)


def test_many_seeds_are_permuted_at_random():
    """With too many arrangements to try all, p is an estimate, and never 0."""
    x, y = RANDOM.normal(0.0, 1.0, 40), RANDOM.normal(0.5, 1.0, 40)
    for difference in (statistics.paired_t(x, y), statistics.welch_t(x, y)):
        np.testing.assert_allclose(difference.p_shuffled, difference.p, atol=0.01)
    assert 0 < statistics.paired_t(x, x + 1 + 0.01 * y).p_shuffled < 1e-4


def test_spreads_and_failures():
    more, p = statistics.brown_forsythe(A, B)
    np.testing.assert_allclose(p, stats.levene(A, B, center="median").pvalue)
    np.testing.assert_allclose(more, abs(B - np.median(B)).mean() - abs(A - np.median(A)).mean())
    assert statistics.brown_forsythe(np.ones(4), np.zeros(4)) == (0.0, 1.0)
    table = [[5, 3], [1, 9]]
    np.testing.assert_allclose(statistics.fisher((5, 8), (1, 10)), stats.fisher_exact(table).pvalue)


def test_the_smallest_possible_permutation_p():
    """Of two groups that do not overlap."""
    for n, m in ((2, 2), (4, 4), (3, 4), (5, 2)):
        low, high = np.arange(n) + 0.0, 100.0 + np.arange(m) ** 2
        difference = statistics.welch_t(low, high)
        assert difference.p_shuffled == pytest.approx(difference.least)
        if n == m:
            difference = statistics.paired_t(low, high)
            assert difference.p_shuffled == difference.least


def test_spreads_of_two_seeds_and_four_are_never_significant():
    random = np.random.RandomState(0)
    assert {
        statistics.brown_forsythe(random.normal(size=2), random.normal(size=4))[1] for _ in range(50)
    } == {1.0}


@pytest.mark.parametrize("n", [2, 3])
def test_spreads_of_few_seeds_are_rarely_significant(n):
    """Two seeds are equally far from their median, except for rounding, which is no evidence."""
    random = np.random.RandomState(0)
    alarms = [statistics.brown_forsythe(*random.normal(5, 1, (2, n)).round(3))[1] < 0.05 for _ in range(200)]
    assert np.mean(alarms) < 0.05


def test_holm():
    """The step-down procedure of Holm (1979), with values from multipletests of statsmodels."""
    np.testing.assert_allclose(statistics.holm([0.01, 0.02, 0.03, 0.005]), [0.03, 0.04, 0.04, 0.02])
    np.testing.assert_allclose(statistics.holm([0.6, 0.7]), [1.0, 1.0])


def test_seeds_that_do_not_vary():
    """A t-test would be certain, with an interval of no width; the permutation test is not."""
    same, above = np.full(5, 7.0), np.full(5, 8.0)
    steps = np.array([0.1, 0.2, 0.3, 0.4, 0.5])  # the differences are equal except for rounding
    for difference, p in (
        (statistics.paired_t(same, same), 1.0),
        (statistics.paired_t(same, above), 2 / 2**5),
        (statistics.paired_t(steps, steps + 0.1), 2 / 2**5),
        (statistics.welch_t(same, above), 2 / 252),
    ):
        assert (difference.p, difference.shown) == (pytest.approx(p), 0.0)
        assert np.isnan(difference.interval[1:]).all()
    assert statistics.mean(same)[0] == 7.0
    assert np.isnan(statistics.mean(same)[1:]).all()


def test_one_group_that_does_not_vary_is_compared_without_a_warning():
    """SciPy warns of its precision, but Welch's t-test needs only one variance."""
    a, b = np.full(5, 8.0), np.array([5.0, 6.0, 7.0, 6.0, 5.0])
    interval = statistics.mean(b - 8.0)
    np.testing.assert_allclose(statistics.welch_t(a, b).interval, interval, rtol=1e-12)


@pytest.mark.parametrize(("n", "effect"), [(4, 2.127949), (8, 1.156035), (16, 0.749465)])
def test_the_detectable_difference(n, effect):
    """In standard deviations of the differences, as TTestPower().solve_power(power=0.8) of statsmodels."""
    each = np.arange(n) - (n - 1) / 2
    each /= each.std(ddof=1)
    np.testing.assert_allclose(statistics.paired_t(np.zeros(n), each).shown, effect, rtol=1e-5)


def test_the_detectable_difference_of_one_pair_in_ten():
    """In 4,000 experiments with that true difference, p is below 0.05 / 10 four times in five."""
    random = np.random.RandomState(0)
    each = random.normal(size=8)
    shown = statistics.paired_t(np.zeros(8), each, comparisons=10).shown / each.std(ddof=1)
    drawn = random.normal(shown, 1.0, (4000, 8))
    assert np.mean(stats.ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.005) == pytest.approx(0.8, abs=0.02)
    assert statistics.welch_t(A, B, comparisons=10).shown > statistics.welch_t(A, B).shown


@pytest.mark.parametrize("n", [3, 6])
def test_intervals_contain_the_truth_as_often_as_they_should(n, monkeypatch):
    """In 95 % of 2,000 experiments, whose standard error is 0.5 %."""
    monkeypatch.setattr(statistics, "_permutation_p", lambda a, b: 1.0)  # slow, and not tested here
    random = np.random.RandomState(n)
    a, b = random.normal(1.0, 1.0, (2000, n)), random.normal(1.5, 3.0, (2000, n))
    seed = random.normal(0.0, 5.0, (2000, n))  # shared: it cancels only in pairs
    intervals = {
        "mean": [statistics.mean(x)[1:] for x in a],
        "paired": [
            statistics.paired_t(x + s, y + s).interval[1:] for x, y, s in zip(a, b, seed, strict=True)
        ],
        "unpaired": [statistics.welch_t(x, y).interval[1:] for x, y in zip(a[:, :4], b, strict=True)],
    }
    for name, truth, slack in (("mean", 1.0, 0.0), ("paired", 0.5, 0.0), ("unpaired", 0.5, 0.01)):
        low, high = np.array(intervals[name]).T
        coverage = ((low <= truth) & (truth <= high)).mean()
        assert abs(coverage - 0.95) < 3 * 0.0049 + slack, (name, coverage)  # Welch's is not exact
