import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.errors import Refused
from jaxgan.metrics.kernel import kernel_distance, subset_distances
from jaxgan.metrics.metric import compute_metric


def measure(metric, *blocks):
    (estimate,) = compute_metric(metric, blocks).values()
    return estimate


def by_hand(x, y):
    def mean(a, b, distinct):
        kernels = [
            (np.dot(p, q) / len(p) + 1) ** 3
            for i, p in enumerate(a)
            for j, q in enumerate(b)
            if i != j or not distinct
        ]
        return np.mean(kernels)

    return mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)


def test_frozen_numbers_of_torch_fidelity():
    random = np.random.RandomState(5)
    x, y = random.randn(120, 6), 1.5 * random.rand(90, 6)
    subsets = subset_distances(x, y, subsets=7, size=60)
    assert subsets.mean() == pytest.approx(3.096787897341767, rel=1e-12)
    assert subsets.std() == pytest.approx(0.198336832352569, rel=1e-11)
    # a single subset of all examples
    assert measure(kernel_distance(y), x[:90]).value == pytest.approx(2.873707118643614, rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 4), st.lists(st.integers(0, 9), max_size=4))
def test_definition_with_any_block_boundaries(n, m, d, cuts):
    random = np.random.RandomState(n * 100 + m)
    x, y = random.randn(n, d), random.randn(m, d) + 1
    whole = measure(kernel_distance(y), x)
    assert whole.value == pytest.approx(by_hand(x, y), rel=1e-9, abs=1e-12)
    assert measure(kernel_distance(y), *np.split(x, sorted(cuts))) == pytest.approx(whole, rel=1e-9)


def test_tile_size_does_not_change_the_result(monkeypatch):
    random = np.random.RandomState(0)
    x, y = random.randn(20, 3), random.randn(17, 3) + 1
    whole = measure(kernel_distance(y), x)
    monkeypatch.setattr("jaxgan.metrics.kernel.TILE", 6)
    assert measure(kernel_distance(y), x) == pytest.approx(whole, rel=1e-9)


def test_features_in_float32_are_summed_in_float64():
    random = np.random.RandomState(0)
    x, y = (random.rand(2, 50, 9) * 30).astype(np.float32)
    exact = measure(kernel_distance(y.astype(float)), x.astype(float))
    assert measure(kernel_distance(y), x) == pytest.approx(exact, rel=1e-12)


def test_the_mean_over_subsets_estimates_the_same():
    random = np.random.RandomState(1)
    x, y = random.randn(300, 3), random.randn(280, 3) + 0.3
    subsets = subset_distances(x, y, subsets=400, size=50)
    whole = measure(kernel_distance(y), x).value
    assert abs(subsets.mean() - whole) < 4 * subsets.std() / 20 < 0.2 * whole


def test_equal_distributions_score_0_within_their_interval():
    random = np.random.RandomState(2)
    estimates = [measure(kernel_distance(random.randn(60, 3)), random.randn(60, 3)) for _ in range(400)]
    values = np.array([g.value for g in estimates])
    assert abs(values.mean()) < 4 * values.std() / 20
    assert values.min() < 0
    # as many real examples vary as much, and the interval allows for both; 95 %, less 4 sd of 400 trials
    assert np.mean([g.low < 0 < g.high for g in estimates]) > 0.906
    assert np.mean([g.high - g.low for g in estimates]) / 2 / 1.96 == pytest.approx(values.std(), rel=0.25)


def test_the_interval_is_as_wide_as_values_vary():
    random = np.random.RandomState(3)
    metric = kernel_distance(random.randn(400, 3))
    estimates = [measure(metric, random.randn(200, 3) + 0.5) for _ in range(300)]
    deviation, width = (
        np.std([g.value for g in estimates]),
        np.mean([g.high - g.low for g in estimates]) / 2 / 1.96,
    )
    assert width == pytest.approx(deviation, rel=0.12)


def test_invalid_features_are_refused():
    x = np.random.RandomState(4).randn(10, 3)
    with pytest.raises(Refused, match="3 features cannot be compared with 2"):
        measure(kernel_distance(x[:, :2]), x)
    with pytest.raises(Refused, match="two examples on each side"):
        kernel_distance(x[:1])
    with pytest.raises(Refused, match="two examples on each side"):
        measure(kernel_distance(x), x[:1])
    with pytest.raises(Refused, match="a subset needs at least two examples, not 1"):
        subset_distances(x, x, size=1)
    with pytest.raises(Refused, match="subsets of 11 cannot be drawn from 10"):
        subset_distances(x, np.zeros((12, 3)), size=11)
    with pytest.raises(Refused, match="3 features cannot be compared with 2"):
        subset_distances(x, x[:, :2], size=5)
    with pytest.raises(Refused, match="1 of 10 examples hold NaN"):
        measure(kernel_distance(x), np.where(np.arange(10)[:, None] == 4, np.nan, x))


def test_features_that_overflow_are_refused():
    x = 1e120 * np.random.RandomState(0).randn(9, 2)
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(Refused, match="too large"):
        kernel_distance(x).compute((x,))
