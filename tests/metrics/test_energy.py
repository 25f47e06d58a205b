import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist
from scipy.stats import energy_distance as scipy_energy_distance

from jaxgan.errors import Refused
from jaxgan.metrics.energy import energy_distance

RNG = np.random.default_rng(0)


def test_against_scipy_in_one_dimension():
    x, y = RNG.normal(size=40), 1.5 * RNG.normal(size=30) + 0.5
    # scipy: the root of 2 A - B' - C', whose B' and C' count the zero distances of examples to themselves
    with_selves = scipy_energy_distance(x, y) ** 2
    within_x, within_y = pdist(x[:, None]).mean(), pdist(y[:, None]).mean()
    distance = energy_distance(x[:, None], y[:, None])
    assert distance == pytest.approx(with_selves - within_x / 40 - within_y / 30, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 4), st.integers(1, 5), st.floats(-1e3, 1e3))
def test_definition_with_any_block_size_and_offset(n, m, d, block, offset):
    rng = np.random.default_rng(n * 100 + m)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 1
    by_hand = 2 * cdist(x, y).mean() - pdist(x).mean() - pdist(y).mean()
    assert energy_distance(x + offset, y + offset, block) == pytest.approx(by_hand, abs=1e-6)
    assert energy_distance(y, x) == pytest.approx(by_hand, abs=1e-9)


def test_closed_form_of_two_normals():
    # E|N(mu, s^2)| with mu = 3, s^2 = 2 against 2 / sqrt(pi) twice
    from scipy.stats import foldnorm

    expected = 2 * foldnorm(3 / np.sqrt(2), scale=np.sqrt(2)).mean() - 4 / np.sqrt(np.pi)
    rng = np.random.default_rng(1)
    trials = [energy_distance(rng.normal(size=(500, 1)), rng.normal(size=(500, 1)) + 3) for _ in range(80)]
    assert abs(np.mean(trials) - expected) < 4 * np.std(trials) / np.sqrt(80) < 0.08


def test_the_estimate_is_unbiased():
    trials = [energy_distance(RNG.normal(size=(20, 3)), RNG.normal(size=(30, 3))) for _ in range(400)]
    assert abs(np.mean(trials)) < 4 * np.std(trials) / 20
    assert min(trials) < 0


def test_images_are_flattened():
    x, y = RNG.normal(size=(5, 4, 4, 1)).astype(np.float32), RNG.normal(size=(6, 4, 4, 1)).astype(np.float32)
    assert energy_distance(x, y) == energy_distance(x.reshape(5, 16), y.reshape(6, 16))


def test_invalid_examples_are_refused():
    with pytest.raises(Refused, match="3 features cannot be compared with 2"):
        energy_distance(np.zeros((5, 3)), np.zeros((5, 2)))
    with pytest.raises(Refused, match="1 of 5 examples hold NaN"):
        energy_distance(np.where(np.arange(5)[:, None] == 2, np.nan, np.zeros((5, 3))), np.zeros((5, 3)))
    with pytest.raises(Refused, match="not 1 and 5"):
        energy_distance(np.zeros((1, 3)), np.zeros((5, 3)))
