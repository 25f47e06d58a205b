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


def one(metric, *blocks):
    (estimate,) = compute_metric(metric, blocks).values()
    return estimate


def test_torch_fidelity_had_the_same_number():
    random = np.random.RandomState(5)
    x, y = random.randn(120, 6), 1.5 * random.rand(90, 6)
    assert frechet_distance(moments(x), moments(y)) == pytest.approx(5.615384591901885, rel=1e-12)
    assert one(frechet(moments(y)), x).value == pytest.approx(5.615384591901885, rel=1e-12)


@pytest.mark.parametrize("dimensions", [1, 2, 7])
def test_two_normals_by_scipy(dimensions):
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


def test_nothing_is_nearer_than_a_sample_to_itself():
    for seed in range(20):
        x = moments(np.random.RandomState(seed).randn(40, 5))
        assert 0 <= frechet_distance(x, x) < 1e-12


def test_singular_covariances():
    """Features that are always 0, or that repeat another, of one sample or of both."""
    random = np.random.RandomState(0)
    x = random.randn(300, 6) * 3
    x[:, 4], x[:, 5] = 0, x[:, 0]
    apart = np.arange(6.0)
    assert frechet_distance(moments(x), moments(x + apart)) == pytest.approx(55, rel=1e-7)
    assert one(frechet(moments(x)), x + apart).value == pytest.approx(55, rel=1e-7)
    dead = normal([0, 0], np.diag([4.0, 0.0]))
    assert frechet_distance(dead, normal([0, 0], np.diag([0.0, 9.0]))) == pytest.approx(13, rel=1e-9)
    assert frechet_distance(normal([0, 0], np.zeros((2, 2))), normal([3, 4], np.zeros((2, 2)))) == 25
    assert frechet_distance(normal([0, 0], np.eye(2)), normal([0, 0], np.zeros((2, 2)))) == pytest.approx(2)


def test_interval_of_singular_covariances():
    random = np.random.RandomState(0)
    x, y = random.randn(2, 400, 3)
    dead = [np.concatenate([a, np.zeros((400, 5)), a[:, :1]], axis=1) for a in (x, y + 0.5)]
    twice = [a * [2**0.5, 1, 1] for a in (x, y + 0.5)]  # a feature said twice counts as one that is longer
    expected = one(frechet(moments(twice[0])), twice[1])
    assert one(frechet(moments(dead[0])), dead[1]) == pytest.approx(expected, rel=1e-6)


def test_features_in_float32_are_summed_in_float64():
    random = np.random.RandomState(0)
    x = (random.randn(5000, 3) * 0.5 + 1000).astype(np.float32)
    got = moments(x)
    np.testing.assert_allclose(got.mean, x.astype(np.longdouble).mean(axis=0).astype(float), rtol=1e-13)
    np.testing.assert_allclose(got.scatter, 4999 * np.cov(x.astype(float), rowvar=False), rtol=1e-9)
    assert one(frechet(got), x + np.float32(0.25)).value == pytest.approx(3 / 16, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=5), st.floats(-1e3, 1e3))
def test_any_blocks_give_the_same(cuts, offset):
    x = np.random.RandomState(1).randn(60, 3) + offset
    blocks = np.split(x, sorted(cuts))
    metric = frechet(moments(x[:40] * 1.5))
    assert one(metric, *blocks) == pytest.approx(one(metric, x), rel=1e-9)


def test_more_rows_than_are_held_at_a_time(monkeypatch):
    x = np.random.RandomState(1).randn(50, 3)
    whole = one(frechet(moments(x[:20])), x)
    monkeypatch.setattr("jaxgan.metrics.frechet.ROWS", 7)
    assert one(frechet(moments(x[:20])), x) == pytest.approx(whole, rel=1e-9)


def test_the_interval_is_that_of_finite_differences():
    random = np.random.RandomState(2)
    x, y = random.randn(80, 3) @ random.randn(3, 3), random.randn(70, 3) + 1
    real, mean, covariance = moments(y), x.mean(axis=0), np.cov(x, rowvar=False)
    base, step = by_scipy(mean, covariance, real), 1e-6

    def moved(example):  # the distance once this example has gained `step` of the weight
        off = example - mean
        return by_scipy(mean + step * off, (1 - step) * (covariance + step * np.outer(off, off)), real)

    slopes = [(moved(example) - base) / step for example in x]
    got = one(frechet(real), x)
    reach = 1.959964 * np.std(slopes, ddof=1) / 80**0.5
    assert (got.low, got.high) == pytest.approx((base - reach, base + reach), rel=1e-4)


def said_and_scattered(scale, apart):
    random = np.random.RandomState(3)
    metric = frechet(normal(np.zeros(4), np.eye(4)))
    got = [one(metric, scale * random.randn(300, 4) + apart) for _ in range(300)]
    return np.mean([g.high - g.low for g in got]) / 2 / 1.96, np.std([g.value for g in got])


@pytest.mark.parametrize(("scale", "apart"), [(1.0, 1.0), (1.5, 0.0)])
def test_the_interval_is_as_wide_as_the_values_scatter(scale, apart):
    said, scattered = said_and_scattered(scale, apart)
    assert said == pytest.approx(scattered, rel=0.12)


def test_the_interval_of_equal_distributions_is_rather_too_wide():
    said, scattered = said_and_scattered(1.0, 0.0)
    assert scattered < said < 2 * scattered


def test_intra_class_is_the_mean_over_classes():
    random = np.random.RandomState(4)
    real = {label: moments(random.randn(50, 3) + label) for label in (0, 3)}
    x, labels = random.randn(90, 3), np.array([0, 0, 3] * 30)
    x[labels == 3] *= 2
    zero, three = (one(frechet(real[label]), x[labels == label]) for label in (0, 3))
    got = one(intra_class(real), (x[:35], labels[:35]), (x[35:], labels[35:]))
    assert got.value == pytest.approx((zero.value + three.value) / 2, rel=1e-9)
    reach = np.hypot(zero.high - zero.value, three.high - three.value) / 2
    assert got.high - got.value == pytest.approx(
        reach, rel=0.02
    )  # 59 of 60 examples count freely, or 89 of 90
    assert got.value - got.low == pytest.approx(got.high - got.value)


def test_intra_class_sees_a_label_that_is_ignored():
    x = np.random.RandomState(5).randn(400, 2)
    labels = np.arange(400) % 2
    x[:, 0] += 6 * labels
    real = {label: moments(x[labels == label]) for label in (0, 1)}
    assert one(intra_class(real), (x, labels)).value == pytest.approx(0, abs=1e-9)
    assert one(intra_class(real), (x, 1 - labels)).value == pytest.approx(36, rel=0.1)
    assert one(frechet(moments(x)), x).value == pytest.approx(0, abs=1e-9)


def test_refused():
    random = np.random.RandomState(6)
    x = random.randn(40, 8)
    with pytest.raises(Refused, match="in 8 dimensions needs more than 8 examples, not 8"):
        one(frechet(moments(x)), x[:8])
    with pytest.raises(Refused, match="needs more than 8 examples of the real ones, not 5"):
        frechet(moments(x[:5]))
    with pytest.raises(Refused, match="needs more than 8 examples, not 5"):
        frechet_distance(moments(x), moments(x[:5]))
    with np.errstate(invalid="ignore"), pytest.raises(Refused, match="needs more than 8 examples, not 1"):
        frechet_distance(moments(x), moments(x[:1]))
    with pytest.raises(Refused, match="3 features cannot be held against 2"):
        one(frechet(moments(random.randn(9, 2))), random.randn(9, 3))
    x[3, 2], x[7] = np.nan, np.inf
    with pytest.raises(Refused, match="2 of 40 examples hold NaN or infinite"):
        moments(x)
    with pytest.raises(Refused, match="nothing to measure"):
        compute_metric(frechet(moments(random.randn(9, 2))), [])
    with pytest.raises(Refused, match="no examples"):
        moments(np.zeros((0, 3)))
    with pytest.raises(Refused, match="different shapes"):
        one(frechet(moments(random.randn(9, 2))), random.randn(9, 2), random.randn(9, 3))


def test_intra_class_needs_labels():
    with pytest.raises(Refused, match="needs labels"):
        one(intra_class({0: moments(np.random.RandomState(0).randn(9, 2))}), np.zeros((9, 2)))


def test_features_that_overflow_are_refused():
    x = np.random.RandomState(0).randn(9, 2) * 1e200
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(Refused, match="too large"):
        one(frechet(moments(x / 1e200)), x)
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(Refused, match="too large"):
        frechet(moments(x))


def test_intra_class_refused():
    x = np.random.RandomState(7).randn(20, 2)
    metric = intra_class({0: moments(x), 1: moments(x)})
    with pytest.raises(Refused, match="more than 2 examples of class 1, not 1"):
        one(metric, (x, np.arange(20) // 19))
    with pytest.raises(Refused, match="no real examples of class 2"):
        one(metric, (x, np.arange(20) % 3))
    with pytest.raises(Refused, match=r"20 examples need as many labels, not an array of shape \(20, 1\)"):
        one(metric, (x, np.zeros((20, 1))))
    with pytest.raises(Refused, match="of the real ones of class 5, not 2"):
        intra_class({5: moments(x[:2])})


def test_the_interval_within_classes_is_of_draws_within_classes():
    """Though one class is spread much wider than the other."""
    random = np.random.RandomState(3)
    real = {k: moments(random.randn(200, 2)) for k in (0, 1)}
    labels = np.repeat([0, 1], 200)
    x = random.randn(400, 2) * np.where(labels == 1, 4.0, 1.0)[:, None] + 1
    found = one(intra_class(real), (x, labels))
    again = []
    for _ in range(300):
        rows = np.concatenate([random.choice(np.flatnonzero(labels == k), 200) for k in (0, 1)])
        again.append(one(intra_class(real), (x[rows], labels)).value)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * np.std(again), rel=0.15)
