from math import log

import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.metrics.mixture import mode_coverage

RNG = np.random.default_rng(0)
ANGLE = 2 * np.pi * np.arange(8) / 8
RING = np.stack([np.cos(ANGLE), np.sin(ANGLE)], axis=1)


def perfect(n, modes=RING, sigma=0.01):
    return modes[RNG.integers(len(modes), size=n)] + sigma * RNG.normal(size=(n, modes.shape[1]))


def test_a_perfect_sampler():
    trials = [mode_coverage(perfect(2500), RING, 0.01) for _ in range(40)]
    mean = {name: np.mean([t[name] for t in trials]) for name in trials[0]}
    assert mean["modes"] == 8
    assert mean["high_quality"] == pytest.approx(0.9889, abs=0.001)
    assert mean["reverse_kl"] == pytest.approx(7 / 5000, rel=0.4)


@pytest.mark.parametrize("dimensions", [1, 3, 50])
def test_other_dimensions_score_the_same(dimensions):
    centres = 1000.0 * RNG.normal(size=(3, dimensions))
    got = mode_coverage(perfect(10_000, centres, 0.5), centres, 0.5)
    assert got["high_quality"] == pytest.approx(0.9889, abs=0.005)


def test_noise_in_a_subspace():
    centres = np.zeros((1, 20))
    samples = np.zeros((10_000, 20))
    samples[:, :4] = RNG.normal(size=(10_000, 4))
    assert mode_coverage(samples, centres, 1.0, dimensions=4)["high_quality"] == pytest.approx(
        0.9889, abs=0.005
    )


def test_by_hand():
    samples = np.concatenate([np.repeat(RING[:1], 3, axis=0), RING[1:2], np.zeros((4, 2))])
    got = mode_coverage(samples, RING, 0.01)
    assert (got["modes"], got["high_quality"]) == (2, 0.5)
    assert got["reverse_kl"] == pytest.approx(0.75 * log(6) + 0.25 * log(2))


def test_extremes():
    assert mode_coverage(np.repeat(RING[:1], 5, axis=0), RING, 0.01)["reverse_kl"] == pytest.approx(log(8))
    assert mode_coverage(RING, RING, 0.01)["reverse_kl"] == pytest.approx(0, abs=1e-12)
    none = mode_coverage(np.full((5, 2), np.nan), RING, 0.01)
    assert none == {"modes": 0.0, "high_quality": 0.0, "reverse_kl": log(8)}


def test_refused():
    with pytest.raises(Refused, match=r"\(5, 3\) cannot be held against centres of shape \(8, 2\)"):
        mode_coverage(np.zeros((5, 3)), RING, 0.01)
