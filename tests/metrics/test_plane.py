from itertools import permutations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from jaxgan.errors import Refused
from jaxgan.metrics.metric import compute_metric
from jaxgan.metrics.plane import _pair, _potentials, transport, wasserstein

RNG = np.random.default_rng(0)


def test_against_scipy_in_one_dimension():
    x, y = RNG.normal(size=(80, 1)), 2 * RNG.normal(size=(80, 1)) + 1
    assert wasserstein(x, y) == pytest.approx(wasserstein_distance(x[:, 0], y[:, 0]), abs=1e-12)


@pytest.mark.parametrize("d", [2, 3])
def test_no_other_pairing_is_shorter(d):
    x, y = RNG.normal(size=(6, d)), RNG.normal(size=(6, d))
    means = [np.linalg.norm(x[list(order)] - y, axis=1).mean() for order in permutations(range(6))]
    assert wasserstein(x, y) == pytest.approx(min(means), abs=1e-12)


def test_a_shift_has_its_own_length_as_distance():
    x = RNG.normal(size=(200, 2))
    assert wasserstein(x, RNG.permutation(x) + np.array([3.0, 4.0])) == pytest.approx(5)
    assert wasserstein(x, RNG.permutation(x)) == 0


def test_the_metric_takes_blocks_and_equally_many_real_examples():
    samples, real = RNG.normal(size=(200, 2)), RNG.normal(size=(250, 2))
    estimate = compute_metric(transport(real), np.split(samples, [1, 150]))["wasserstein"]
    assert estimate.value == pytest.approx(wasserstein(samples, real[:200]))
    assert estimate.low + estimate.high == pytest.approx(2 * estimate.value)


def test_potentials_are_positions_if_all_mass_moves_one_way():
    """In one dimension W1 is then the difference of the means, and its error that of two means."""
    samples, real = RNG.normal(size=(100, 1)), RNG.exponential(size=(100, 1)) + 9
    estimate = compute_metric(transport(real), [samples])["wasserstein"]
    assert estimate.value == pytest.approx(real.mean() - samples.mean())
    error = np.sqrt((samples.var(ddof=1) + real.var(ddof=1)) / 100)
    assert (estimate.high - estimate.value) / 1.96 == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_potentials_attain_their_lower_bound(shift):
    x, y = RNG.normal(size=(90, 2)), RNG.normal(size=(90, 2)) + shift
    distance, pair = _pair(x, y)
    f, g = _potentials(distance, pair)
    assert f.mean() + g.mean() == pytest.approx(wasserstein(x, y))
    assert (f[:, None] + g - distance).max() < 3e-3 * wasserstein(x, y)


def test_samples_equal_to_the_real_ones_have_potentials():
    x = RNG.normal(size=(64, 2)).round(1)
    near = x + 1e-17 * RNG.normal(size=(64, 2))
    for samples in (x, near):
        assert compute_metric(transport(x), [samples])["wasserstein"].high < 1e-9


def test_invalid_samples_are_refused():
    x = np.zeros((30, 2))
    for other in (np.zeros((29, 2)), np.zeros((30, 3)), np.zeros(30)):
        with pytest.raises(Refused, match="cannot be paired"):
            wasserstein(x, other)
    with pytest.raises(Refused, match="at most 2500"):
        wasserstein(np.zeros((2501, 2)), np.zeros((2501, 2)))
    with pytest.raises(Refused, match="not finite"):
        wasserstein(x, np.full((30, 2), np.nan))
    with pytest.raises(Refused, match="31 samples cannot be paired with 30 real ones"):
        compute_metric(transport(x), [np.zeros((31, 2))])
    with pytest.raises(Refused, match="at least 20"):
        compute_metric(transport(x), [x[:19]])
