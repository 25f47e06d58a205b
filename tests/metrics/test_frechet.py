import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from jaxgan.errors import Refused
from jaxgan.metrics.frechet import Moments, frechet, frechet_distance, intra_class, moments
from jaxgan.metrics.metric import compute_metric


def normal(mean, covariance):
    """The moments that a large sample of a normal distribution has on average."""
    return Moments(10**6, np.asarray(mean, float), (10**6 - 1) * np.asarray(covariance, float))


def by_scipy(mean, covariance, real):
    other = real.scatter / (real.size - 1)
    cross = sqrtm(covariance @ other).real.trace()
    return np.square(mean - real.mean).sum() + covariance.trace() + other.trace() - 2 * cross


def measure(metric, *blocks):
    (estimate,) = compute_metric(metric, blocks).values()
    return estimate


def test_frozen_number_of_torch_fidelity():
    random = np.random.RandomState(5)
    x, y = random.randn(120, 6), 1.5 * random.rand(90, 6)
    assert frechet_distance(moments(x), moments(y)) == pytest.approx(5.615384591901885, rel=1e-12)
    assert measure(frechet(moments(y)), x).value == pytest.approx(5.615384591901885, rel=1e-12)


@pytest.mark.parametrize("dimensions", [1, 2, 7])
def test_two_normals_against_scipy(dimensions):
    random = np.random.RandomState(dimensions)
    mean = random.randn(2, dimensions)
    a, b = (m @ m.T for m in random.randn(2, dimensions, dimensions + 1))
    expected = by_scipy(mean[0], a, normal(mean[1], b))
    assert frechet_distance(normal(mean[0], a), normal(mean[1], b)) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(normal(mean[1], b), normal(mean[0], a)) == pytest.approx(expected, rel=1e-9)


def test_closed_form_of_normals_that_commute():
    a, b = np.array([4.0, 9.0, 1.0]), np.array([1.0, 1.0, 0.25])
    distance = frechet_distance(normal([0, 0, 0], np.diag(a)), normal([1, 2, 0], np.diag(b)))
    assert distance == pytest.approx(5 + np.square(np.sqrt(a) - np.sqrt(b)).sum(), rel=1e-12)


def test_the_distance_of_a_sample_to_itself_is_0():
    for seed in range(20):
        x = moments(np.random.RandomState(seed).randn(40, 5))
        assert 0 <= frechet_distance(x, x) < 1e-12


def test_singular_covariances():
    """Features that are always 0, or duplicates of another, in one sample or both."""
    random = np.random.RandomState(0)
    x = random.randn(300, 6) * 3
    x[:, 4], x[:, 5] = 0, x[:, 0]
    shift = np.arange(6.0)
    assert frechet_distance(moments(x), moments(x + shift)) == pytest.approx(55, rel=1e-7)
    assert measure(frechet(moments(x)), x + shift).value == pytest.approx(55, rel=1e-7)
    dead = normal([0, 0], np.diag([4.0, 0.0]))
    assert frechet_distance(dead, normal([0, 0], np.diag([0.0, 9.0]))) == pytest.approx(13, rel=1e-9)
    assert frechet_distance(normal([0, 0], np.zeros((2, 2))), normal([3, 4], np.zeros((2, 2)))) == 25
    assert frechet_distance(normal([0, 0], np.eye(2)), normal([0, 0], np.zeros((2, 2)))) == pytest.approx(2)


def test_interval_of_singular_covariances():
    random = np.random.RandomState(0)
    x, y = random.randn(2, 400, 3)
    dead = [np.concatenate([a, np.zeros((400, 5)), a[:, :1]], axis=1) for a in (x, y + 0.5)]
    twice = [a * [2**0.5, 1, 1] for a in (x, y + 0.5)]  # duplicated = scaled by sqrt(2)
    expected = measure(frechet(moments(twice[0])), twice[1])
    assert measure(frechet(moments(dead[0])), dead[1]) == pytest.approx(expected, rel=1e-6)


def test_features_in_float32_are_summed_in_float64():
    random = np.random.RandomState(0)
    x = (random.randn(5000, 3) * 0.5 + 1000).astype(np.float32)
    result = moments(x)
    np.testing.assert_allclose(result.mean, x.astype(np.longdouble).mean(axis=0).astype(float), rtol=1e-13)
    np.testing.assert_allclose(result.scatter, 4999 * np.cov(x.astype(float), rowvar=False), rtol=1e-9)
    assert measure(frechet(result), x + np.float32(0.25)).value == pytest.approx(3 / 16, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=5), st.floats(-1e3, 1e3))
def test_block_boundaries_do_not_change_the_result(cuts, offset):
    x = np.random.RandomState(1).randn(60, 3) + offset
    blocks = np.split(x, sorted(cuts))
    metric = frechet(moments(x[:40] * 1.5))
    assert measure(metric, *blocks) == pytest.approx(measure(metric, x), rel=1e-9)


def test_rows_in_memory_do_not_change_the_result(monkeypatch):
    x = np.random.RandomState(1).randn(50, 3)
    expected = measure(frechet(moments(x[:20])), x)
    monkeypatch.setattr("jaxgan.metrics.frechet.ROWS", 7)
    assert measure(frechet(moments(x[:20])), x) == pytest.approx(expected, rel=1e-9)


def test_the_interval_agrees_with_finite_differences():
    random = np.random.RandomState(2)
    x, y = random.randn(80, 3) @ random.randn(3, 3), random.randn(70, 3) + 1
    real, mean, covariance = moments(y), x.mean(axis=0), np.cov(x, rowvar=False)
    base, step = by_scipy(mean, covariance, real), 1e-6

    def perturbed(example):  # the distance with `step` more weight on this example
        c = example - mean
        return by_scipy(mean + step * c, (1 - step) * (covariance + step * np.outer(c, c)), real)

    slopes = [(perturbed(example) - base) / step for example in x]
    estimate = measure(frechet(real), x)
    reach = 1.959964 * np.std(slopes, ddof=1) / 80**0.5
    assert (estimate.low, estimate.high) == pytest.approx((base - reach, base + reach), rel=1e-4)


def width_and_deviation(scale, shift):
    random = np.random.RandomState(3)
    metric = frechet(normal(np.zeros(4), np.eye(4)))
    estimates = [measure(metric, scale * random.randn(300, 4) + shift) for _ in range(300)]
    return np.mean([g.high - g.low for g in estimates]) / 2 / 1.96, np.std([g.value for g in estimates])


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 1.0), (1.5, 0.0)])
def test_the_interval_is_as_wide_as_values_vary(scale, shift):
    width, deviation = width_and_deviation(scale, shift)
    assert width == pytest.approx(deviation, rel=0.12)


def test_the_interval_of_equal_distributions_is_too_wide_rather_than_too_narrow():
    width, deviation = width_and_deviation(1.0, 0.0)
    assert deviation < width < 2 * deviation


def test_intra_class_is_the_mean_over_classes():
    random = np.random.RandomState(4)
    real = {label: moments(random.randn(50, 3) + label) for label in (0, 3)}
    x, labels = random.randn(90, 3), np.array([0, 0, 3] * 30)
    x[labels == 3] *= 2
    zero, three = (measure(frechet(real[label]), x[labels == label]) for label in (0, 3))
    estimate = measure(intra_class(real), (x[:35], labels[:35]), (x[35:], labels[35:]))
    assert estimate.value == pytest.approx((zero.value + three.value) / 2, rel=1e-9)
    reach = np.hypot(zero.high - zero.value, three.high - three.value) / 2
    assert estimate.high - estimate.value == pytest.approx(
        reach, rel=0.02
    )  # 59 of 60 degrees of freedom, or 89 of 90
    assert estimate.value - estimate.low == pytest.approx(estimate.high - estimate.value)


def test_intra_class_detects_a_generator_that_ignores_its_label():
    x = np.random.RandomState(5).randn(400, 2)
    labels = np.arange(400) % 2
    x[:, 0] += 6 * labels
    real = {label: moments(x[labels == label]) for label in (0, 1)}
    assert measure(intra_class(real), (x, labels)).value == pytest.approx(0, abs=1e-9)
    assert measure(intra_class(real), (x, 1 - labels)).value == pytest.approx(36, rel=0.1)
    assert measure(frechet(moments(x)), x).value == pytest.approx(0, abs=1e-9)


def test_invalid_features_are_refused():
    random = np.random.RandomState(6)
    x = random.randn(40, 8)
    with pytest.raises(Refused, match="in 8 dimensions needs more than 8 examples, not 8"):
        measure(frechet(moments(x)), x[:8])
    with pytest.raises(Refused, match="needs more than 8 real examples, not 5"):
        frechet(moments(x[:5]))
    with pytest.raises(Refused, match="needs more than 8 examples, not 5"):
        frechet_distance(moments(x), moments(x[:5]))
    with np.errstate(invalid="ignore"), pytest.raises(Refused, match="needs more than 8 examples, not 1"):
        frechet_distance(moments(x), moments(x[:1]))
    with pytest.raises(Refused, match="3 features cannot be compared with 2"):
        measure(frechet(moments(random.randn(9, 2))), random.randn(9, 3))
    x[3, 2], x[7] = np.nan, np.inf
    with pytest.raises(Refused, match="2 of 40 examples hold NaN or infinite"):
        moments(x)
    with pytest.raises(Refused, match="nothing to measure"):
        compute_metric(frechet(moments(random.randn(9, 2))), [])
    with pytest.raises(Refused, match="no examples"):
        moments(np.zeros((0, 3)))
    with pytest.raises(Refused, match="different shapes"):
        measure(frechet(moments(random.randn(9, 2))), random.randn(9, 2), random.randn(9, 3))


def test_intra_class_needs_labels():
    with pytest.raises(Refused, match="needs labels"):
        measure(intra_class({0: moments(np.random.RandomState(0).randn(9, 2))}), np.zeros((9, 2)))


def test_features_that_overflow_are_refused():
    x = np.random.RandomState(0).randn(9, 2) * 1e200
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(Refused, match="too large"):
        measure(frechet(moments(x / 1e200)), x)
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(Refused, match="too large"):
        frechet(moments(x))


def test_intra_class_refuses_invalid_labels():
    x = np.random.RandomState(7).randn(20, 2)
    metric = intra_class({0: moments(x), 1: moments(x)})
    with pytest.raises(Refused, match="more than 2 examples of class 1, not 1"):
        measure(metric, (x, np.arange(20) // 19))
    with pytest.raises(Refused, match="no real examples of class 2"):
        measure(metric, (x, np.arange(20) % 3))
    with pytest.raises(Refused, match=r"20 examples need as many labels, not an array of shape \(20, 1\)"):
        measure(metric, (x, np.zeros((20, 1))))
    with pytest.raises(Refused, match="real examples of class 5, not 2"):
        intra_class({5: moments(x[:2])})


def test_the_intra_class_interval_is_over_draws_within_classes():
    """Even if one class has a much larger spread than the other."""
    random = np.random.RandomState(3)
    real = {k: moments(random.randn(200, 2)) for k in (0, 1)}
    labels = np.repeat([0, 1], 200)
    x = random.randn(400, 2) * np.where(labels == 1, 4.0, 1.0)[:, None] + 1
    estimate = measure(intra_class(real), (x, labels))
    values = []
    for _ in range(300):
        rows = np.concatenate([random.choice(np.flatnonzero(labels == k), 200) for k in (0, 1)])
        values.append(measure(intra_class(real), (x[rows], labels)).value)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1.96 * np.std(values), rel=0.15)
