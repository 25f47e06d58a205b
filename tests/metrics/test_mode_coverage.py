from math import log

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binomtest, chi, entropy

from jaxgan.errors import Refused
from jaxgan.metrics.metric import compute_metric
from jaxgan.metrics.mixture import TEN_SIGMA, WITHIN, coverage_metric, label_coverage, mode_coverage
from jaxgan.metrics.mixture import perfect as expected

RNG = np.random.default_rng(0)
ANGLE = 2 * np.pi * np.arange(8) / 8
RING = np.stack([np.cos(ANGLE), np.sin(ANGLE)], axis=1)


def perfect(n, modes=RING, sigma=0.01):
    return modes[RNG.integers(len(modes), size=n)] + sigma * RNG.normal(size=(n, modes.shape[1]))


@pytest.mark.parametrize(("modes", "n"), [(2, 500), (8, 2500), (25, 1000)])
def test_perfect_gives_the_mean_scores_of_a_perfect_sampler(modes, n):
    angle = 2 * np.pi * np.arange(modes) / modes
    centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    trials = [mode_coverage(perfect(n, centres), centres, 0.01) for _ in range(150)]
    mean = {name: np.mean([t[name] for t in trials]) for name in trials[0]}
    floor = expected(modes, round(WITHIN * n))
    assert mean["modes"] == floor["modes"]
    assert mean["high_quality"] == pytest.approx(floor["high_quality"], abs=0.001)
    for name in ("reverse_kl", "imbalance"):
        error = np.std([t[name] for t in trials]) / np.sqrt(len(trials))
        assert abs(mean[name] - floor[name]) < 3.5 * error < 0.5 * floor[name]
    assert mean["width"] == pytest.approx(1, abs=0.005)
    assert 1 - 0.5 / np.sqrt(n / modes) * 4 < mean["width_min"] < 1


@pytest.mark.parametrize("dimensions", [1, 3, 50])
def test_a_perfect_sampler_scores_the_same_in_other_dimensions(dimensions):
    centres = 1000.0 * RNG.normal(size=(3, dimensions))
    got = mode_coverage(perfect(10_000, centres, 0.5), centres, 0.5)
    assert got["high_quality"] == pytest.approx(0.9889, abs=0.005)
    assert got["width"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("dimensions", "radius"), [(1, None), (2, None), (7, 2.0), (700, None)])
def test_width_is_1_for_normal_modes_truncated_at_the_radius(dimensions, radius):
    """E[r^2 | r < radius] by integrating a chi density; two opposite samples at its root have that spread."""
    distribution = chi(dimensions)
    reach = distribution.ppf(1 - np.exp(-4.5)) if radius is None else radius
    inside = quad(distribution.pdf, max(reach - 20, 0), reach)[0]
    root = np.sqrt(quad(lambda r: r**2 * distribution.pdf(r), max(reach - 20, 0), reach)[0] / inside)
    offset = np.zeros((2, dimensions))
    offset[:, 0] = [root, -root]
    got = mode_coverage(3 + 0.1 * offset, np.full((1, dimensions), 3.0), 0.1, radius=radius)
    assert got["width"] == pytest.approx(np.sqrt(2), rel=1e-6)  # unbiased: of two, twice the square


def test_widths_are_per_mode():
    """Around the mode's sample mean; the median over modes, and the least; none for a single sample."""
    share = np.array([1.0, 0.5, 0.25, 0.3, 0.8])
    parts = [RING[k] + 0.005 + 0.01 * share[k] * RNG.uniform(-1, 1, size=(4000, 2)) for k in range(5)]
    samples = np.concatenate([*parts, RING[5:6]])
    got = mode_coverage(samples, RING, 0.01)
    whole = np.sqrt(2 / 3) / np.sqrt(2 * (1 - 4.5 * np.exp(-4.5) / (1 - np.exp(-4.5))))
    assert got["modes"] == 6
    assert got["width"] == pytest.approx(0.5 * whole, rel=0.02)
    assert got["width_min"] == pytest.approx(0.25 * whole, rel=0.02)


def test_noise_in_a_subspace():
    centres = np.zeros((1, 20))
    samples = np.zeros((10_000, 20))
    samples[:, :4] = RNG.normal(size=(10_000, 4))
    assert mode_coverage(samples, centres, 1.0, dimensions=4)["high_quality"] == pytest.approx(
        0.9889, abs=0.005
    )


def test_definition():
    samples = np.concatenate([np.repeat(RING[:1], 3, axis=0), RING[1:2], np.zeros((4, 2))])
    got = mode_coverage(samples, RING, 0.01)
    assert (got["modes"], got["high_quality"]) == (2, 0.5)
    assert got["reverse_kl"] == pytest.approx(0.75 * log(6) + 0.25 * log(2))
    assert got["imbalance"] == pytest.approx(((0.75 - 1 / 8) + (0.25 - 1 / 8) + 6 / 8) / 2)


def test_extremes():
    one = mode_coverage(np.repeat(RING[:1], 5, axis=0), RING, 0.01)
    assert one["reverse_kl"] == pytest.approx(log(8))
    assert (one["imbalance"], one["width"]) == (7 / 8, 0)
    assert mode_coverage(RING, RING, 0.01)["reverse_kl"] == pytest.approx(0, abs=1e-12)
    none = mode_coverage(np.full((5, 2), np.nan), RING, 0.01)
    worst = {"reverse_kl": log(8), "imbalance": 7 / 8}
    assert none == {"modes": 0.0, "high_quality": 0.0, **worst, "width": 0.0, "width_min": 0.0}


def test_the_published_radius_contains_no_mass_in_700_dimensions():
    centres = np.zeros((1, 700))
    samples = RNG.normal(size=(200, 700))
    assert mode_coverage(samples, centres, 1.0)["high_quality"] > 0.95
    assert mode_coverage(samples, centres, 1.0, radius=TEN_SIGMA)["high_quality"] == 0
    assert mode_coverage(samples / 3, centres, 1.0, radius=TEN_SIGMA)["high_quality"] == 1


WEIGHTS = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.08, 0.05, 0.02])


def test_modes_of_unequal_weight_are_compared_with_their_weights():
    """A sampler with the same weights is perfect, one with equal weights is not."""
    centres, n = RING, 2500

    def draw(w):
        return centres[RNG.choice(8, p=w, size=n)] + 0.01 * RNG.normal(size=(n, 2))

    def score(w):
        return mode_coverage(draw(w), centres, 0.01, weights=WEIGHTS)

    trials = [score(WEIGHTS) for _ in range(100)]
    floor = expected(8, round(WITHIN * n), WEIGHTS)
    for name in ("modes", "reverse_kl", "imbalance"):
        values = np.array([t[name] for t in trials])
        assert abs(values.mean() - floor[name]) < 4 * values.std() / 10 + 1e-3 * floor[name]
    even = score(np.full(8, 1 / 8))
    assert even["reverse_kl"] == pytest.approx(entropy(np.full(8, 1 / 8), WEIGHTS), rel=0.1)
    assert even["imbalance"] == pytest.approx(np.abs(WEIGHTS - 1 / 8).sum() / 2, rel=0.1)
    far = mode_coverage(np.full((5, 2), 9.0), centres, 0.01, weights=WEIGHTS)
    assert (far["reverse_kl"], far["imbalance"]) == (
        pytest.approx(log(50)),
        pytest.approx(0.98),
    )
    rarest = compute_metric(
        coverage_metric(centres, 0.01, weights=WEIGHTS), [np.repeat(centres[7:], 50, axis=0)]
    )
    for name in ("reverse_kl", "imbalance"):  # the worst value, and so the end of its interval
        assert rarest[name].value == rarest[name].high == pytest.approx(far[name])
    assert label_coverage(np.arange(2), 2, np.array([0.75, 0.25]))["imbalance"] == 0.25


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.5] * 8, [1.0] + 7 * [0.0], [np.nan] * 8])
def test_invalid_weights_are_refused(weights):
    with pytest.raises(Refused, match="the weights of 8 modes must be as many positive shares of sum 1"):
        mode_coverage(RING, RING, 0.01, weights=np.array(weights))


def test_labels():
    label = RNG.choice(1000, size=3000, p=RNG.dirichlet(np.ones(1000)))
    got, q = label_coverage(label, 1000), np.bincount(label, minlength=1000) / 3000
    assert got["modes"] == len(set(label))
    assert got["reverse_kl"] == pytest.approx(entropy(q, np.full(1000, 1e-3)))
    assert got["imbalance"] == pytest.approx(np.maximum(q - 1e-3, 0).sum())


def test_the_metric_takes_blocks_and_has_intervals():
    """Blocks of any size; intervals as wide as the numbers vary from sample to sample."""
    samples = perfect(1000)
    metric = coverage_metric(RING, 0.01)
    got = compute_metric(metric, np.split(samples, [1, 10, 700]))
    assert got == compute_metric(metric, [samples])
    assert {name: one.value for name, one in got.items()} == mode_coverage(samples, RING, 0.01)
    trials = [mode_coverage(perfect(1000), RING, 0.01) for _ in range(200)]
    for name in ("high_quality", "imbalance", "width"):
        half = (got[name].high - got[name].low) / 2
        assert half == pytest.approx(1.96 * np.std([t[name] for t in trials]), rel=0.35)


def test_invalid_shapes_and_labels_are_refused():
    with pytest.raises(Refused, match=r"\(5, 3\) cannot be compared with centres of shape \(8, 2\)"):
        mode_coverage(np.zeros((5, 3)), RING, 0.01)
    with pytest.raises(Refused, match="labels of 8 modes must be whole numbers from 0 to 7"):
        label_coverage(np.array([0, 8]), 8)


def test_the_floor_is_right_for_more_modes_than_draws():
    modes, n = 1000, 500
    draws = np.random.RandomState(0).multinomial(n, np.full(modes, 1 / modes), size=200)
    result = [label_coverage(np.repeat(np.arange(modes), count), modes) for count in draws]
    for name, value in expected(modes, n).items():
        if name in result[0]:
            assert value == pytest.approx(np.mean([numbers[name] for numbers in result]), rel=0.01)


def test_the_interval_of_high_quality_is_never_empty():
    result = compute_metric(coverage_metric(np.zeros((1, 2)), sigma=1.0), [np.zeros((100, 2))])[
        "high_quality"
    ]
    assert (result.value, result.high) == (1.0, pytest.approx(1.0))
    assert result.low == pytest.approx(binomtest(100, 100).proportion_ci(method="wilson").low, rel=1e-6)


def test_few_samples_that_do_not_vary_have_no_interval():
    """One sample near a mode is always in that mode, and so are its resamples."""
    result = compute_metric(coverage_metric(RING, 0.01), [np.concatenate([RING[:1], np.zeros((4, 2))])])
    assert result["reverse_kl"].value == pytest.approx(log(8))
    for name in ("reverse_kl", "imbalance", "width", "width_min"):
        assert np.isnan([result[name].low, result[name].high]).all()
    many = compute_metric(coverage_metric(RING, 0.01), [perfect(1000)])
    assert many["modes"] == (8, 8, 8)
