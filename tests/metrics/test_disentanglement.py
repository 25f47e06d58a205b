"""Mutual information gaps: closed forms, chance, what does not change them, and intervals."""

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from jaxgan.errors import Refused
from jaxgan.metrics.disentanglement import mutual_information, mutual_information_gap, shares

RANDOM = np.random.RandomState(0)
N = 4000
FACTORS = {"shape": RANDOM.randint(0, 5, N), "colour": RANDOM.randint(0, 8, N)}


def test_mutual_information_is_that_of_scikit_learn():
    a, b = RANDOM.randint(0, 4, 300), RANDOM.randint(0, 6, 300)
    b = np.where(RANDOM.rand(300) < 0.4, a, b)
    np.testing.assert_allclose(mutual_information(a, b), mutual_info_score(a, b))


def test_noise_that_replaces_a_factor_has_the_information_of_a_symmetric_channel():
    """A code that is the factor of k values, or with probability p another: log k - H(p) - p log (k - 1)."""
    k, p = 5, 0.3
    other = (FACTORS["shape"] + RANDOM.randint(1, k, N)) % k
    code = np.where(RANDOM.rand(N) < p, other, FACTORS["shape"])
    expected = np.log(k) + p * np.log(p / (k - 1)) + (1 - p) * np.log(1 - p)
    found = shares(code[:, None], {"shape": FACTORS["shape"]})[0, 0] * np.log(k)
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_a_code_for_each_factor_has_the_gap_1_two_alike_0_and_one_for_all_its_share():
    separate = np.stack(list(FACTORS.values()), axis=1)
    both = mutual_information_gap(separate, FACTORS)
    assert all(gap.value > 0.99 for gap in both.values())
    alike = mutual_information_gap(separate[:, [0, 0, 1, 1]], FACTORS)
    assert all(gap.value == 0 for gap in alike.values())
    half = mutual_information_gap(separate[:, :1], {**FACTORS, "shape": FACTORS["shape"]})
    assert half["mig_shape"].value > 0.99
    np.testing.assert_allclose(half["mig"].value, 0.5, atol=0.01)


def test_continuous_codes_are_binned_so_that_scale_and_order_do_not_matter():
    code = FACTORS["shape"] + 0.3 * RANDOM.rand(N)
    told = shares(np.stack([code, np.exp(code), -code], axis=1), FACTORS)
    assert told[0, 0] > 0.8
    np.testing.assert_allclose(told, told[:1].repeat(3, axis=0), atol=0.02)
    chance = 19 * 4 / (2 * N) / np.log(5)
    np.testing.assert_allclose(shares(RANDOM.rand(N, 1), FACTORS)[0, 0], chance, atol=chance)


def test_the_interval_contains_the_value_and_narrows_with_examples():
    code = np.where(RANDOM.rand(N) < 0.5, FACTORS["shape"], RANDOM.randint(0, 5, N))[:, None]
    few = {name: factor[:400] for name, factor in FACTORS.items()}
    wide, narrow = (mutual_information_gap(c, f)["mig"] for c, f in ((code[:400], few), (code, FACTORS)))
    assert wide.low < wide.value < wide.high
    assert narrow.high - narrow.low < 0.5 * (wide.high - wide.low)


def test_a_factor_that_does_not_vary_is_told_by_nothing():
    assert shares(FACTORS["shape"][:, None], {"same": np.zeros(N, int)}).tolist() == [[0.0]]


@pytest.mark.parametrize("codes", [np.zeros(N), np.zeros((N - 1, 2)), np.full((N, 1), np.nan)])
def test_codes_that_do_not_fit_the_factors_are_refused(codes):
    with pytest.raises(Refused):
        mutual_information_gap(codes, FACTORS)
