"""95 % intervals hold what they are said to hold in 95 % of draws, of whichever side they are said to be."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from jaxgan.metrics import neighbours
from jaxgan.metrics.metric import QUANTILE, compute_metric
from jaxgan.metrics.neighbours import precision_recall
from jaxgan.metrics.plane import transport

K = 5


def coverage(real, generated):
    """As it is defined, without its interval."""
    radii = cKDTree(real).query(real, K + 1)[0][:, -1]
    return float((cKDTree(generated).query(real)[0] < radii).mean())


def held(estimates):
    """How many of the intervals hold the mean of the numbers, and how wide they are to how these vary."""
    value, low, high = np.array(estimates).T
    wide = np.sqrt(np.mean(np.square(high - low))) / (2 * QUANTILE * value.std(ddof=1))
    return ((low <= value.mean()) & (value.mean() <= high)).mean(), wide


@pytest.mark.parametrize(("n", "d", "shift"), [(300, 4, 0.0), (200, 2, 0.5), (200, 16, 0.0)])
def test_real_balls_that_overlap_are_no_independent_coins(n, d, shift):
    """So many together tell what one alone would: known from 300 draws of the reference, seen in each."""
    draw = np.random.RandomState(d)
    generated = draw.normal(size=(n, d)) + shift
    real = [draw.normal(size=(n, d)) for _ in range(300)]
    values = np.array([coverage(x, generated) for x in real])
    effect = values.var(ddof=1) / (values.mean() * (1 - values.mean()) / n)
    found = [neighbours._design_effect(x, generated, K, 4096) for x in real[:8]]
    assert effect > 1.2
    assert np.mean(found) == pytest.approx(effect, rel=0.3)
    one = precision_recall(real[0]).compute((generated,))["coverage"]
    assert one.value == values[0]


def test_of_few_examples_and_of_what_does_not_vary_the_usual_is_taken():
    draw = np.random.RandomState(0)
    few, real, far = draw.normal(size=(30, 2)), draw.normal(size=(300, 2)), 99 + draw.normal(size=(300, 2))
    for one, other in ((few, few), (real, far)):
        assert neighbours._design_effect(one, other, K, 4096) == neighbours.DEFAULT_EFFECT
    found = precision_recall(real).compute((far,))["coverage"]
    assert found.value == found.low == 0 < found.high < 0.05


def test_examples_that_come_class_by_class_are_dealt_into_parts_alike():
    """Of classes half of which are dropped, a part to a class would be covered or not as a whole."""
    draw = np.random.RandomState(0)
    mode = np.repeat(np.arange(10), 40)
    real, generated = (9 * np.eye(10)[m] + draw.normal(size=(400, 10)) for m in (mode, mode // 2))
    assert neighbours._design_effect(real, generated, K, 4096) < 5


def test_wasserstein_s_interval_holds_where_samples_differ_from_the_data():
    draw = np.random.RandomState(1)

    def one():
        return compute_metric(transport(draw.normal(size=(300, 2)) + 1), [draw.normal(size=(300, 2))])

    often, wide = held([one()["wasserstein"] for _ in range(120)])
    assert often > 0.91
    assert 0.9 < wide < 1.15


SAMPLERS = {
    "as the data": lambda draw, n, d: draw.normal(size=(n, d)),
    "moved": lambda draw, n, d: draw.normal(size=(n, d)) + 0.5,
    "too narrow": lambda draw, n, d: 0.7 * draw.normal(size=(n, d)),
}


def all_hold(estimates, names):
    for name in names:
        often, _ = held([each[name] for each in estimates])
        assert 0.91 <= often <= 0.99, (name, often)  # 0.95 within three deviations, and shares are steps


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("n", "d"), [(300, 2), (300, 16)])
def test_recall_and_coverage_under_300_draws_of_the_reference(n, d, sampler):
    draw = np.random.RandomState(n + d)
    generated = SAMPLERS[sampler](draw, n, d)
    found = [precision_recall(draw.normal(size=(n, d))).compute((generated,)) for _ in range(300)]
    all_hold(found, ("recall", "coverage"))


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_precision_and_density_under_300_draws_of_the_samples(sampler):
    draw = np.random.RandomState(0)
    metric = precision_recall(draw.normal(size=(300, 4)))
    all_hold(
        [metric.compute((SAMPLERS[sampler](draw, 300, 4),)) for _ in range(300)], ("precision", "density")
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "shift", "scale"), [(100, 1.0, 1.0), (300, 1.0, 1.0), (300, 0.0, 1.5), (300, 0.3, 1)]
)
def test_wasserstein_under_300_draws_of_both_sides(n, shift, scale):
    draw = np.random.RandomState(n)

    def one():
        samples = scale * draw.normal(size=(n, 2)) + shift
        return compute_metric(transport(draw.normal(size=(n, 2))), [samples])["wasserstein"]

    often, wide = held([one() for _ in range(300)])
    assert 0.915 <= often <= 0.985
    assert wide < 1.2


@pytest.mark.slow
def test_wasserstein_of_the_data_themselves_is_too_wide_rather_than_too_narrow():
    draw = np.random.RandomState(0)
    found = [
        compute_metric(transport(draw.normal(size=(200, 2))), [draw.normal(size=(200, 2))])
        for _ in range(300)
    ]
    often, wide = held([each["wasserstein"] for each in found])
    assert often > 0.95
    assert 1 < wide < 1.55
