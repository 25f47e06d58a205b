import subprocess
import sys
from math import prod
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import binomtest

from jaxgan.errors import Refused
from jaxgan.metrics.metric import compute_metric
from jaxgan.metrics.neighbours import precision_recall, radii


def values(real, generated, k=5, block=4096):
    return {
        name: result.value
        for name, result in precision_recall(real, k, block=block).compute((generated,)).items()
    }


def by_definition(real, generated, k):
    """The four numbers as their papers define them, from all distances in float64."""
    within = [np.sort(cdist(x, x), axis=1)[:, k] for x in (real, generated)]
    between = cdist(real, generated)
    in_real, in_generated = between < within[0][:, None], between < within[1]
    return {
        "precision": in_real.any(axis=0).mean(),
        "recall": in_generated.any(axis=1).mean(),
        "density": in_real.sum() / (k * len(generated)),
        "coverage": (between.min(axis=1) < within[0]).mean(),
    }


def test_golden_numbers_of_prdc():
    """Those of compute_prdc of prdc 0.2."""
    draw = np.random.RandomState(0)
    real = draw.normal(size=(200, 16)).astype(np.float32)
    fake = (0.8 * draw.normal(size=(150, 16)) + 0.3).astype(np.float32)
    assert values(real, fake, k=3) == pytest.approx(
        {"precision": 0.92, "recall": 0.385, "density": 1.6244444444444444, "coverage": 0.805}, abs=1e-12
    )
    assert values(real, fake, k=5) == pytest.approx(
        {"precision": 0.9666666666666667, "recall": 0.535, "density": 1.5853333333333335, "coverage": 0.89},
        abs=1e-12,
    )


@pytest.mark.parametrize(("d", "k", "block"), [(3, 4, 4096), (3, 1, 13), (40, 4, 13)])
def test_definition_with_ties_and_any_block_size(d, k, block):
    draw = np.random.RandomState(d)
    # few values in few dimensions: many examples are equal, and many are on the boundary of a ball
    real, generated = np.zeros((39, d)), np.zeros((26, d))
    real[:, :3], generated[:, :3] = draw.randint(0, 4, (39, 3)), draw.randint(0, 4, (26, 3))
    assert values(real, generated, k, block) == pytest.approx(by_definition(real, generated, k), abs=1e-12)


@pytest.mark.parametrize("offset", [0, 1000])
def test_definition_far_from_the_origin(offset):
    draw = np.random.RandomState(1)
    real, generated = ((draw.normal(size=(90, 64)) + offset).astype(np.float32) for _ in range(2))
    expected = by_definition(real.astype(float), generated.astype(float), 3)
    assert values(real, generated, 3) == pytest.approx(expected, abs=1e-12)


def test_equal_examples_on_both_sides():
    # each k-th neighbour is exactly on the boundary, and rounding must not move it inside
    x = np.random.RandomState(2).normal(size=(100, 64))
    assert values(x, x) == {"precision": 1.0, "recall": 1.0, "density": 1.0, "coverage": 1.0}


def test_scores_of_a_perfect_sampler():
    """In closed form, whatever the distribution (Naeem et al., 2020, appendix)."""
    n, m, k, trials = 60, 45, 3, 40
    draw = np.random.RandomState(3)
    result = [values(draw.gamma(2, size=(n, 4)), draw.gamma(2, size=(m, 4)), k) for _ in range(trials)]
    coverage = 1 - prod((n - 1 - i) / (n + m - 1 - i) for i in range(k))
    for name, expected in (("coverage", coverage), ("density", 1.0)):
        got = [f[name] for f in result]
        assert abs(np.mean(got) - expected) < 3 * np.std(got) / trials**0.5


def test_a_dropped_and_an_invented_mode():
    draw = np.random.RandomState(4)
    one, two = draw.normal(size=(100, 40)), draw.normal(size=(100, 40)) + 100
    three = draw.normal(size=(100, 40)) - 100
    dropped, invented = values(np.concatenate([one, two]), one), values(one, np.concatenate([one, three]))
    assert (dropped["precision"], dropped["recall"], dropped["coverage"]) == (1.0, 0.5, 0.5)
    assert (invented["precision"], invented["recall"], invented["coverage"]) == (0.5, 1.0, 1.0)


def test_a_single_repeated_sample():
    draw = np.random.RandomState(5)
    real = draw.normal(size=(100, 40))
    result = values(real, np.repeat(real[:1], 50, axis=0))
    assert result["precision"] == 1.0
    assert result["recall"] == 0.0
    assert result["coverage"] <= 0.3


def test_intervals_are_over_the_side_whose_share_it_is():
    draw = np.random.RandomState(6)
    real, generated = draw.normal(size=(400, 3)), 2 * draw.normal(size=(100, 3))
    result = precision_recall(real, 1).compute((generated,))
    for name, n in (("precision", 100), ("recall", 400)):
        p, low, high = result[name]
        assert 0.1 < p < 0.9
        wilson = binomtest(round(p * n), n).proportion_ci(method="wilson")
        assert (low, high) == pytest.approx((wilson.low, wilson.high), rel=1e-6)
    inside = cdist(real, generated) < radii(real, 1)[:, None]
    spread = inside.sum(axis=0).std() / 10
    assert (result["density"].high - result["density"].low) / 2 == pytest.approx(1.96 * spread, rel=0.01)


def test_block_boundaries_do_not_change_the_result():
    draw = np.random.RandomState(7)
    real, generated = draw.normal(size=(60, 5)), draw.normal(size=(50, 5))
    whole = precision_recall(real).compute((generated,))
    assert compute_metric(precision_recall(real), [generated[:20], generated[20:21], generated[21:]]) == whole


def test_invalid_examples_are_refused():
    x, damaged = np.zeros((6, 3)), np.full((6, 3), np.nan)
    with pytest.raises(Refused, match=r"5 nearest neighbours .* at least 6 examples, not 5"):
        precision_recall(x[:5])
    with pytest.raises(Refused, match="at least 6 examples, not 5"):
        precision_recall(x).compute((x[:5],))
    with pytest.raises(Refused, match="0 nearest neighbours need k >= 1"):
        precision_recall(x, k=0)
    with pytest.raises(Refused, match="6 of 6 generated examples are not finite"):
        precision_recall(x).compute((damaged,))
    with pytest.raises(Refused, match="6 of 6 real examples"):
        precision_recall(damaged)
    with pytest.raises(Refused, match="there are no real examples"):
        precision_recall(x[:0])
    with pytest.raises(Refused, match="there are no generated examples"):
        precision_recall(x).compute((x[:0],))
    with pytest.raises(Refused, match=r"generated examples of 2 numbers .* 3"):
        precision_recall(x).compute((x[:, :2],))


@pytest.mark.slow
def test_memory_use_is_that_of_a_block():
    """All distances of 24,000 to 24,000 would be 2.3 GB."""
    home = Path(__file__).parents[2]
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.metrics", "neighbours", "--n", "24000", "--d", "64"],
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(process.stdout.split(" GB beyond")[0].split()[-1]) < 1.0, process.stdout


@pytest.mark.parametrize(("d", "sigma"), [(64, 1e-3), (300, 3e-3)])
def test_modes_too_narrow_for_float32_are_exact(d, sigma):
    draw = np.random.RandomState(0)
    centres = 3 * draw.randn(2, d)
    generated, real = (
        (centres[np.arange(n) % 2] + sigma * draw.randn(n, d)).astype(np.float32) for n in (200, 150)
    )
    for block in (4096, 64):
        assert values(real, generated, 5, block) == pytest.approx(by_definition(real, generated, 5))
