"""Intervals stay within the bounds of their number."""

from math import log

import numpy as np
import pytest

from jaxgan.metrics.frechet import frechet, intra_class, moments
from jaxgan.metrics.kernel import kernel_distance
from jaxgan.metrics.memorisation import memorisation
from jaxgan.metrics.metric import compute_metric, interval
from jaxgan.metrics.mixture import coverage_metric
from jaxgan.metrics.neighbours import precision_recall
from jaxgan.metrics.plane import transport
from jaxgan.metrics.score import inception_score
from jaxgan.metrics.ssim import similarity

DRAW = np.random.RandomState(0)
RING = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4])
FEATURES = DRAW.normal(size=(200, 3))


def lopsided():
    """Samples of eight modes, one of which has a single sample."""
    mode = np.append(np.arange(350) % 7, 7)
    return RING[mode] + 0.01 * DRAW.normal(size=(351, 2))


CASES = [
    (
        coverage_metric(RING, 0.02),
        lopsided(),
        {"modes": (0, 8), "high_quality": (0, 1), "width": (0, np.inf)},
    ),
    (coverage_metric(RING, 0.02), lopsided()[:2], {"imbalance": (0, 7 / 8), "reverse_kl": (0, log(8))}),
    (
        coverage_metric(RING, 0.02),
        RING.repeat(10, axis=0),
        {"reverse_kl": (0, log(8)), "width_min": (0, np.inf)},
    ),
    (frechet(moments(FEATURES)), FEATURES[:30], {"frechet": (0, np.inf)}),
    (
        intra_class({0: moments(FEATURES)}),
        (FEATURES[:30], np.zeros(30)),
        {"intra_class_frechet": (0, np.inf)},
    ),
    (
        memorisation(FEATURES[:100], FEATURES[100:]),
        FEATURES[:8] + 0.05,
        {"data_copying": (0, 1), "train_share": (0, 1), "copies": (-1, 1)},
    ),
    (memorisation(FEATURES[:100], FEATURES[100:]), FEATURES[100:140], {"repeats": (0, 1)}),
    (precision_recall(FEATURES), FEATURES[:6] * [9, 9, 1], {"density": (0, np.inf), "recall": (0, 1)}),
    (transport(FEATURES[:, :2]), FEATURES[:20, :2] + 99 * np.eye(20)[:, :2], {"wasserstein": (0, np.inf)}),
    (inception_score(2), np.eye(3)[[0, 1, 2, 0]] * 9, {"inception_score": (1, 3)}),
    (inception_score(2), np.eye(3)[[0, 1, 2, 0]] * 9, {"inception_score_whole": (1, 3)}),
    (similarity(), np.stack([np.ones((11, 11, 1)), *DRAW.normal(size=(3, 11, 11, 1))]), {"ms_ssim": (0, 1)}),
]


@pytest.mark.parametrize(("metric", "samples", "bounds"), CASES)
def test_intervals_stay_within_bounds(metric, samples, bounds):
    estimates = compute_metric(metric, [samples])
    for name, (least, most) in bounds.items():
        value, low, high = estimates[name]
        assert least <= low <= value <= high <= most, (name, estimates[name])


def test_the_number_of_modes_has_a_lower_but_no_higher_interval():
    value, low, high = compute_metric(coverage_metric(RING, 0.02), [lopsided()])["modes"]
    assert (value, high) == (8, 8)
    assert low < 7.5


def test_unbiased_numbers_may_be_below_0():
    assert compute_metric(kernel_distance(FEATURES), [DRAW.normal(size=(50, 3))])["kernel_distance"].low < 0


def test_a_value_out_of_bounds_by_rounding_is_in_its_interval():
    assert interval(1 - 1e-16, 0.0, least=1.0) == (1 - 1e-16,) * 3
