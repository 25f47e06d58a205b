"""95 % intervals contain the average in 95 % of draws of the side that they are over."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from jaxgan.metrics import neighbours
from jaxgan.metrics.metric import QUANTILE, compute_metric
from jaxgan.metrics.neighbours import precision_recall
from jaxgan.metrics.plane import transport

K = 5


def coverage(real, generated):
    """Coverage by its definition."""
    radii = cKDTree(real).query(real, K + 1)[0][:, -1]
    return float((cKDTree(generated).query(real)[0] < radii).mean())


def coverage_and_width(estimates):
    """The share of intervals that contain the mean value, and their width relative to the deviation."""
    value, low, high = np.array(estimates).T
    width = np.sqrt(np.mean(np.square(high - low))) / (2 * QUANTILE * value.std(ddof=1))
    return ((low <= value.mean()) & (value.mean() <= high)).mean(), width


@pytest.mark.parametrize(("n", "d", "shift"), [(300, 4, 0.0), (200, 2, 0.5), (200, 16, 0.0)])
def test_the_design_effect_of_overlapping_balls(n, d, shift):
    """Known from 300 draws of the reference, and estimated from each."""
    draw = np.random.RandomState(d)
    generated = draw.normal(size=(n, d)) + shift
    real = [draw.normal(size=(n, d)) for _ in range(300)]
    values = np.array([coverage(x, generated) for x in real])
    effect = values.var(ddof=1) / (values.mean() * (1 - values.mean()) / n)
    result = [neighbours._design_effect(x, generated, K, 4096) for x in real[:8]]
    assert effect > 1.2
    assert np.mean(result) == pytest.approx(effect, rel=0.3)
    one = precision_recall(real[0]).compute((generated,))["coverage"]
    assert one.value == values[0]


def test_few_or_constant_examples_get_the_default_design_effect():
    draw = np.random.RandomState(0)
    few, real, far = draw.normal(size=(30, 2)), draw.normal(size=(300, 2)), 99 + draw.normal(size=(300, 2))
    for one, other in ((few, few), (real, far)):
        assert neighbours._design_effect(one, other, K, 4096) == neighbours.DEFAULT_EFFECT
    result = precision_recall(real).compute((far,))["coverage"]
    assert result.value == result.low == 0 < result.high < 0.05


def test_examples_ordered_by_class_are_split_randomly():
    """With half of the classes dropped, a part of a single class would be covered entirely or not at all."""
    draw = np.random.RandomState(0)
    mode = np.repeat(np.arange(10), 40)
    real, generated = (9 * np.eye(10)[m] + draw.normal(size=(400, 10)) for m in (mode, mode // 2))
    assert neighbours._design_effect(real, generated, K, 4096) < 5


def test_the_interval_of_wasserstein_holds_if_samples_differ_from_the_data():
    draw = np.random.RandomState(1)

    def draw_estimate():
        return compute_metric(transport(draw.normal(size=(300, 2)) + 1), [draw.normal(size=(300, 2))])

    share, width = coverage_and_width([draw_estimate()["wasserstein"] for _ in range(120)])
    assert share > 0.91
    assert 0.9 < width < 1.15


SAMPLERS = {
    "as the data": lambda draw, n, d: draw.normal(size=(n, d)),
    "shifted": lambda draw, n, d: draw.normal(size=(n, d)) + 0.5,
    "too narrow": lambda draw, n, d: 0.7 * draw.normal(size=(n, d)),
}


def check_all(estimates, names):
    for name in names:
        share, _ = coverage_and_width([each[name] for each in estimates])
        assert 0.91 <= share <= 0.99, (name, share)  # 0.95 within three deviations


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("n", "d"), [(300, 2), (300, 16)])
def test_recall_and_coverage_under_300_draws_of_the_reference(n, d, sampler):
    draw = np.random.RandomState(n + d)
    generated = SAMPLERS[sampler](draw, n, d)
    result = [precision_recall(draw.normal(size=(n, d))).compute((generated,)) for _ in range(300)]
    check_all(result, ("recall", "coverage"))


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_precision_and_density_under_300_draws_of_the_samples(sampler):
    draw = np.random.RandomState(0)
    metric = precision_recall(draw.normal(size=(300, 4)))
    check_all(
        [metric.compute((SAMPLERS[sampler](draw, 300, 4),)) for _ in range(300)], ("precision", "density")
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "shift", "scale"), [(100, 1.0, 1.0), (300, 1.0, 1.0), (300, 0.0, 1.5), (300, 0.3, 1)]
)
def test_wasserstein_under_300_draws_of_both_sides(n, shift, scale):
    draw = np.random.RandomState(n)

    def draw_estimate():
        samples = scale * draw.normal(size=(n, 2)) + shift
        return compute_metric(transport(draw.normal(size=(n, 2))), [samples])["wasserstein"]

    share, width = coverage_and_width([draw_estimate() for _ in range(300)])
    assert 0.915 <= share <= 0.985
    assert width < 1.2


@pytest.mark.slow
def test_the_interval_of_wasserstein_is_too_wide_for_equal_distributions():
    draw = np.random.RandomState(0)
    result = [
        compute_metric(transport(draw.normal(size=(200, 2))), [draw.normal(size=(200, 2))])
        for _ in range(300)
    ]
    share, width = coverage_and_width([each["wasserstein"] for each in result])
    assert share > 0.95
    assert 1 < width < 1.55
