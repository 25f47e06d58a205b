import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.errors import Refused
from jaxgan.metrics.metric import compute_metric
from jaxgan.metrics.sliced import sliced_wasserstein


def measure(metric, *blocks):
    (estimate,) = compute_metric(metric, blocks).values()
    return estimate


def test_frozen_number_of_python_optimal_transport():
    random = np.random.RandomState(5)
    x, y = random.randn(120, 6), 1.5 * random.rand(90, 6)
    # ot.sliced_wasserstein_distance of POT 0.9.7 along the same directions, p = 2
    assert measure(sliced_wasserstein(y), x).value == pytest.approx(0.9705931211856126, rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(1, 12))
def test_one_dimension_and_unequal_sizes(n, m):
    """In one dimension; repeating each example as often as the other side has examples equals the sizes."""
    random = np.random.RandomState(n * 100 + m)
    x, y = random.randn(n, 1), random.randn(m, 1) + 1
    gaps = np.sort(np.repeat(x, m)) - np.sort(np.repeat(y, n))
    assert measure(sliced_wasserstein(y, 4), x).value == pytest.approx(
        np.square(gaps).mean() ** 0.5, rel=1e-9
    )


def test_closed_form_of_two_normals():
    from scipy.stats import norm

    quantiles = norm.ppf((np.arange(4000) + 0.5) / 4000)[:, None]
    got = measure(sliced_wasserstein(2 * quantiles + 3, 3), quantiles[::2])
    assert got.value == pytest.approx(np.sqrt(3**2 + (2 - 1) ** 2), rel=1e-3)


@pytest.mark.parametrize("dimensions", [3, 50])
def test_closed_form_of_a_shift(dimensions):
    x = np.random.RandomState(0).randn(40, dimensions)
    shift = np.random.RandomState(1).randn(dimensions)
    # the mean squared coordinate of a direction is 1 / d; 4,000 directions estimate it within 4 %
    expected = np.square(shift).sum() / dimensions
    assert measure(sliced_wasserstein(x, 4000), x + shift).value ** 2 == pytest.approx(expected, rel=0.08)
    assert measure(sliced_wasserstein(x), x) == (0, 0, 0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=5))
def test_block_boundaries_do_not_change_the_result(cuts):
    random = np.random.RandomState(2)
    x, y = random.randn(60, 3), random.randn(45, 3) + 1
    metric = sliced_wasserstein(y, 20)
    assert measure(metric, *np.split(x, sorted(cuts))) == pytest.approx(measure(metric, x), rel=1e-9)


def test_rows_in_memory_do_not_change_the_result(monkeypatch):
    random = np.random.RandomState(2)
    x, y = random.randn(60, 3), random.randn(45, 3) + 1
    whole = measure(sliced_wasserstein(y, 20), x)
    monkeypatch.setattr("jaxgan.metrics.sliced.ROWS", 7)
    monkeypatch.setattr("jaxgan.metrics.sliced.DIRECTIONS", 3)
    assert measure(sliced_wasserstein(y, 20), x) == pytest.approx(whole, rel=1e-9)


def test_images_are_flattened_and_summed_in_float64():
    x, y = np.random.RandomState(3).rand(2, 20, 4, 4, 1).astype(np.float32)
    exact = measure(sliced_wasserstein(y.reshape(20, 16).astype(float)), x.reshape(20, 16).astype(float))
    assert measure(sliced_wasserstein(y), x) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("m", [30, 25])
def test_the_interval_agrees_with_finite_differences(m):
    random = np.random.RandomState(4)
    x, y = random.randn(30, 3), 2 * random.randn(m, 3) + 0.3
    metric, copies = sliced_wasserstein(y, 5), 100
    estimate, many = measure(metric, x), np.repeat(x, copies, axis=0)

    def more(example, weight):  # every example `copies` times, this one `weight` times more
        return measure(metric, many, np.repeat(example[None], weight, axis=0)).value ** 2

    def less(example):
        number = int(np.flatnonzero((x == example).all(axis=1))[0])
        return measure(metric, np.delete(many, number * copies, axis=0)).value ** 2

    slopes = [(more(example, 1) - less(example)) * len(many) / 2 for example in x]
    reach = 1.959964 * np.std(slopes, ddof=1) / 30**0.5
    assert estimate.high**2 - estimate.value**2 == pytest.approx(reach, rel=1e-3)
    assert estimate.value**2 - estimate.low**2 == pytest.approx(reach, rel=1e-3)


def test_the_interval_is_as_wide_as_values_vary():
    random = np.random.RandomState(5)
    metric = sliced_wasserstein(random.randn(2000, 3), 30)
    got = [measure(metric, 2 * random.randn(200, 3)) for _ in range(200)]
    deviation, width = np.std([g.value for g in got]), np.mean([g.high - g.low for g in got]) / 2 / 1.96
    assert width == pytest.approx(deviation, rel=0.15)


def test_no_interval_extends_below_0():
    random = np.random.RandomState(7)
    lows = [measure(sliced_wasserstein(random.randn(9, 2), 5), random.randn(9, 2)).low for _ in range(50)]
    assert min(lows) == 0 < np.count_nonzero(lows)


def test_invalid_examples_are_refused():
    x = np.random.RandomState(6).randn(10, 3)
    with pytest.raises(Refused, match="at least 1 direction, not 0"):
        sliced_wasserstein(x, projections=0)
    with pytest.raises(Refused, match="3 features cannot be compared with 2"):
        measure(sliced_wasserstein(x[:, :2]), x)
    with pytest.raises(Refused, match="1 of 10 examples hold NaN"):
        measure(sliced_wasserstein(x), np.where(np.arange(10)[:, None] == 4, np.inf, x))
    with pytest.raises(Refused, match="at least two examples"):
        measure(sliced_wasserstein(x), x[:1])
