"""Disentanglement, the mutual information gap and DCI: closed forms, and a library's mutual information."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from jaxgan.errors import Refused
from jaxgan.metrics.disentanglement import dci, dci_of_importances, mutual_information_gap

RANDOM = np.random.RandomState(0)
X, Y, Z = RANDOM.randint(0, 5, 4000), RANDOM.randint(0, 8, 4000), RANDOM.normal(size=4000)


def test_a_code_for_each_factor_has_a_gap_of_nearly_one_and_mixed_codes_of_nearly_none():
    apart = mutual_information_gap({"a": X, "b": Y}, {"shape": X, "colour": Y})
    np.testing.assert_allclose(apart.told, np.eye(2), atol=0.01)
    assert apart.gap.value > 0.99
    mixed = mutual_information_gap({"a": 8 * X + Y, "b": 8 * X + Y}, {"shape": X, "colour": Y})
    assert mixed.gap.value == 0.0
    noise = mutual_information_gap({"a": Z, "b": RANDOM.normal(size=4000)}, {"shape": X, "colour": Y})
    assert noise.gap.value < 0.005  # without the correction 20 bins by 8 would tell 1 % by chance
    assert noise.gap.low <= noise.gap.value <= noise.gap.high


def test_a_noisy_code_tells_as_much_as_its_channel():
    """A code that is right with probability q, else one of the others: I = H - H(q) - (1 - q) log (k - 1)."""
    right = RANDOM.uniform(size=10_000) < 0.7
    x = RANDOM.randint(0, 4, 10_000)
    code = np.where(right, x, (x + RANDOM.randint(1, 4, 10_000)) % 4)
    result = mutual_information_gap({"a": code, "b": RANDOM.randint(0, 3, 10_000)}, {"x": x})
    expected = np.log(4) + 0.7 * np.log(0.7) + 0.3 * np.log(0.3 / 3)
    assert result.gaps["x"].low < expected / np.log(4) < result.gaps["x"].high
    information = mutual_info_score(code, x) / np.log(4)
    assert abs(result.told[0, 0] - information) < 6e-4  # the library's without the correction


def test_numbers_are_binned_by_rank_so_that_a_monotone_code_tells_all():
    result = mutual_information_gap({"a": np.exp(Z), "b": RANDOM.normal(size=4000)}, {"x": Z})
    assert result.told[0, 0] > 0.95


def test_the_interval_holds_over_other_samples():
    def sample(seed):
        random = np.random.RandomState(seed)
        x = random.randint(0, 4, 1000)
        code = np.where(random.uniform(size=1000) < 0.6, x, random.randint(0, 4, 1000))
        return mutual_information_gap({"a": code, "b": random.randint(0, 4, 1000)}, {"x": x}).gap

    p = np.full(4, 0.1)
    p[0] = 0.7  # right, or drawn right
    truth = 1 + (p * np.log(p)).sum() / np.log(4)
    held = sum(gap.low <= truth <= gap.high for gap in map(sample, range(20)))
    assert held >= 16


def test_factors_that_do_not_vary_are_left_out_and_too_few_codes_refused():
    assert mutual_information_gap({"a": X, "b": Y}, {"shape": X, "scale": 0 * X}).factors == ("shape",)
    with pytest.raises(Refused, match="needs two codes and a factor that varies, not 1 and 1"):
        mutual_information_gap({"a": X}, {"shape": X})
    with pytest.raises(Refused, match="not 2 and 0"):
        mutual_information_gap({"a": X, "b": Y}, {"scale": 0 * X})


def test_importances_of_a_permutation_are_disentangled_and_complete_and_equal_ones_neither():
    assert dci_of_importances(np.eye(4)[[2, 0, 3, 1]]) == (1.0, 1.0)
    assert dci_of_importances(np.ones((3, 5))) == (0.0, 0.0)
    # a code for two factors is half of the codes' importance here, and either factor needs it alone
    one_for_two = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
    np.testing.assert_allclose(dci_of_importances(one_for_two), (0.5, 1.0))
    np.testing.assert_allclose(dci_of_importances(one_for_two.T), (1.0, 0.5))


def test_scores_of_importances_agree_with_scipy_and_a_code_of_no_use_does_not_count():
    from scipy.stats import entropy

    r = RANDOM.uniform(size=(5, 3))
    rows = 1 - entropy(r, base=3, axis=1)
    columns = 1 - entropy(r, base=5, axis=0)
    expected = np.average(rows, weights=r.sum(axis=1)), columns.mean()
    np.testing.assert_allclose(dci_of_importances(r), expected)
    unused = np.concatenate([r, np.zeros((1, 3))])
    np.testing.assert_allclose(dci_of_importances(unused)[0], expected[0])  # a plain mean would rise


def test_dci_of_own_codes_of_mixed_codes_and_of_noise():
    n = 600
    x, y, z = X[:n], Y[:n], Z[:n]
    apart = dci({"a": x, "b": y, "c": z}, {"shape": x, "colour": y, "place": z, "same": 0 * x})
    assert apart.factors == ("shape", "colour", "place")
    np.testing.assert_allclose(apart.importances, np.eye(3), atol=0.02)
    assert min(score.value for score in apart[3:]) > 0.9
    u, v = RANDOM.uniform(size=(2, n))
    mixed = dci({"a": u + v, "b": u - v}, {"u": u, "v": v})  # turned by 45 degrees: all is told, by both
    assert mixed.disentanglement.high < 0.3
    assert mixed.completeness.high < 0.3
    assert mixed.informativeness.value > 0.9
    noise = dci({"a": u, "b": v}, {"shape": x, "place": z})
    assert noise.informativeness.value < 0.1
    for score in (*apart[3:], *mixed[3:], *noise[3:]):
        assert 0 <= score.low <= score.value <= score.high <= 1


def test_dci_refuses_what_has_no_entropy():
    with pytest.raises(Refused, match="DCI needs two codes and two factors that vary, not 2 and 1"):
        dci({"a": X, "b": Y}, {"shape": X, "scale": 0 * X})
    with pytest.raises(Refused, match="at least 20 examples, not 10"):
        dci({"a": X[:10], "b": Y[:10]}, {"x": X[:10], "y": Y[:10]})
