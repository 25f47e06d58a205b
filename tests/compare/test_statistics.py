"""The statistics against SciPy, statsmodels' published tables and simulated experiments."""

import numpy as np
import pytest
from scipy import stats

from jaxgan.compare import statistics

RANDOM = np.random.RandomState(3)
A, B = RANDOM.normal(0.0, 1.0, 7), RANDOM.normal(0.8, 2.0, 9)


def test_a_mean_is_that_of_a_t_test():
    ours, theirs = statistics.mean(A), stats.ttest_1samp(A, 0).confidence_interval(0.95)
    np.testing.assert_allclose(ours, (A.mean(), *theirs), rtol=1e-12)


def test_a_lone_seed_has_no_interval():
    assert statistics.mean(np.array([3.0]))[0] == 3.0
    assert np.isnan(statistics.mean(np.array([3.0]))[1:]).all()


@pytest.mark.parametrize("of", [1, 5, 8, 20])
def test_a_share_is_clopper_and_pearsons(of):
    for count in range(of + 1):
        ours = statistics.share(count, of)
        theirs = stats.binomtest(count, of).proportion_ci(0.95, method="exact")
        np.testing.assert_allclose(ours, (count / of, *theirs), rtol=1e-9, atol=1e-12)


def test_paired_differences():
    found, theirs = statistics.paired(A, B[:7]), stats.ttest_rel(B[:7], A)
    np.testing.assert_allclose(found.p, theirs.pvalue, rtol=1e-12)
    np.testing.assert_allclose(found.interval[1:], theirs.confidence_interval(0.95), rtol=1e-12)
    flips = stats.permutation_test(
        (A, B[:7]), lambda x, y: np.mean(y - x), permutation_type="samples", n_resamples=np.inf
    )
    np.testing.assert_allclose(found.p_shuffled, flips.pvalue)
    assert (found.paired, found.seeds) == (True, 7)


def test_unpaired_differences():
    found, theirs = statistics.unpaired(A, B), stats.ttest_ind(B, A, equal_var=False)
    np.testing.assert_allclose(found.p, theirs.pvalue, rtol=1e-12)
    np.testing.assert_allclose(found.interval[1:], theirs.confidence_interval(0.95), rtol=1e-12)
    shuffles = stats.permutation_test(
        (A, B), lambda x, y: abs(y.mean() - x.mean()), n_resamples=np.inf, alternative="greater"
    )
    np.testing.assert_allclose(found.p_shuffled, shuffles.pvalue)
    assert (found.paired, found.seeds) == (False, 7)


def test_many_seeds_are_rearranged_at_random():
    """Beyond what can be gone through, p is an estimate, and never 0."""
    x, y = RANDOM.normal(0.0, 1.0, 40), RANDOM.normal(0.5, 1.0, 40)
    for found in (statistics.paired(x, y), statistics.unpaired(x, y)):
        np.testing.assert_allclose(found.p_shuffled, found.p, atol=0.01)
    assert 0 < statistics.paired(x, x + 1 + 0.01 * y).p_shuffled < 1e-4


def test_spreads_and_failures():
    more, p = statistics.spreads(A, B)
    np.testing.assert_allclose(p, stats.levene(A, B, center="median").pvalue)
    np.testing.assert_allclose(more, abs(B - np.median(B)).mean() - abs(A - np.median(A)).mean())
    assert statistics.spreads(np.ones(4), np.zeros(4)) == (0.0, 1.0)
    table = [[5, 3], [1, 9]]
    np.testing.assert_allclose(statistics.failures((5, 8), (1, 10)), stats.fisher_exact(table).pvalue)


def test_what_rearranging_can_show_at_best():
    """Of seeds that lie as far apart as can be."""
    for n, m in ((2, 2), (4, 4), (3, 4), (5, 2)):
        low, high = np.arange(n) + 0.0, 100.0 + np.arange(m) ** 2
        found = statistics.unpaired(low, high)
        assert found.p_shuffled == pytest.approx(found.least)
        if n == m:
            found = statistics.paired(low, high)
            assert found.p_shuffled == found.least


def test_spreads_of_two_seeds_beside_four_tell_nothing():
    random = np.random.RandomState(0)
    assert {statistics.spreads(random.normal(size=2), random.normal(size=4))[1] for _ in range(50)} == {1.0}


@pytest.mark.parametrize("n", [2, 3])
def test_spreads_of_few_seeds_tell_nothing(n):
    """Two seeds lie equally far from their median, but for rounding, which is no evidence."""
    random = np.random.RandomState(0)
    alarms = [statistics.spreads(*random.normal(5, 1, (2, n)).round(3))[1] < 0.05 for _ in range(200)]
    assert np.mean(alarms) < 0.05


def test_holm():
    """The step-down of Holm (1979), as statsmodels' multipletests has it."""
    np.testing.assert_allclose(statistics.holm([0.01, 0.02, 0.03, 0.005]), [0.03, 0.04, 0.04, 0.02])
    np.testing.assert_allclose(statistics.holm([0.6, 0.7]), [1.0, 1.0])


def test_seeds_that_do_not_spread():
    """A t-test would be certain, and its interval without width; rearranging the seeds is not."""
    same, above = np.full(5, 7.0), np.full(5, 8.0)
    steps = np.array([0.1, 0.2, 0.3, 0.4, 0.5])  # the differences are alike but for rounding
    for found, p in (
        (statistics.paired(same, same), 1.0),
        (statistics.paired(same, above), 2 / 2**5),
        (statistics.paired(steps, steps + 0.1), 2 / 2**5),
        (statistics.unpaired(same, above), 2 / 252),
    ):
        assert (found.p, found.shown) == (pytest.approx(p), 0.0)
        assert np.isnan(found.interval[1:]).all()
    assert statistics.mean(same)[0] == 7.0
    assert np.isnan(statistics.mean(same)[1:]).all()


@pytest.mark.parametrize(("n", "effect"), [(4, 2.127949), (8, 1.156035), (16, 0.749465)])
def test_what_could_have_been_shown(n, effect):
    """In standard deviations of the differences, as TTestPower().solve_power(power=0.8) of statsmodels."""
    each = np.arange(n) - (n - 1) / 2
    each /= each.std(ddof=1)
    np.testing.assert_allclose(statistics.paired(np.zeros(n), each).shown, effect, rtol=1e-5)


def test_what_could_have_been_shown_of_one_pair_among_ten():
    """4,000 experiments with that true difference: in four of five the p is below 0.05 / 10."""
    random = np.random.RandomState(0)
    each = random.normal(size=8)
    shown = statistics.paired(np.zeros(8), each, among=10).shown / each.std(ddof=1)
    drawn = random.normal(shown, 1.0, (4000, 8))
    assert np.mean(stats.ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.005) == pytest.approx(0.8, abs=0.02)
    assert statistics.unpaired(A, B, among=10).shown > statistics.unpaired(A, B).shown


@pytest.mark.parametrize("n", [3, 6])
def test_intervals_hold_the_truth_as_often_as_they_say(n):
    """2,000 experiments: 95 % of them, give or take the 0.5 % of so many."""
    random = np.random.RandomState(n)
    a, b = random.normal(1.0, 1.0, (2000, n)), random.normal(1.5, 3.0, (2000, n))
    seed = random.normal(0.0, 5.0, (2000, n))  # shared: only pairs are rid of it
    intervals = {
        "mean": [statistics.mean(x)[1:] for x in a],
        "paired": [statistics.paired(x + s, y + s).interval[1:] for x, y, s in zip(a, b, seed, strict=True)],
        "unpaired": [statistics.unpaired(x, y).interval[1:] for x, y in zip(a[:, :4], b, strict=True)],
    }
    for name, truth, slack in (("mean", 1.0, 0.0), ("paired", 0.5, 0.0), ("unpaired", 0.5, 0.01)):
        low, high = np.array(intervals[name]).T
        held = ((low <= truth) & (truth <= high)).mean()
        assert abs(held - 0.95) < 3 * 0.0049 + slack, (name, held)  # Welch's is not exact
