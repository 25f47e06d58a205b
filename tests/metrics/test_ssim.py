import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.errors import Refused
from jaxgan.metrics.metric import compute_metric
from jaxgan.metrics.ssim import multiscale_ssim, similarity, ssim


def noise(*shape, seed=0):
    return 2 * np.random.RandomState(seed).rand(*shape) - 1


def measure(metric, *blocks):
    (estimate,) = compute_metric(metric, blocks).values()
    return estimate


def test_frozen_numbers_of_scikit_image_and_pytorch_msssim():
    random = np.random.RandomState(6)
    a, b = 2 * random.rand(2, 2, 24, 30, 3) - 1
    # of pixels from black on, a + 1:
    # structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=2)
    assert ssim(a, 0.7 * a + 0.3 * b) == pytest.approx([0.8845235183350969, 0.8843034143978498], rel=1e-12)
    a, b = 2 * random.rand(2, 2, 176, 192, 3) - 1
    # ms_ssim(data_range=2, size_average=False) in float64, its window as well
    expected = [0.9056108206977678, 0.9101224513363003]
    assert multiscale_ssim(a, 0.7 * a + 0.3 * b) == pytest.approx(expected, rel=1e-7)


def test_an_image_has_similarity_1_to_itself():
    for x in (noise(3, 40, 33, 3), np.ones((1, 11, 11, 1)), np.zeros((1, 23, 50, 2))):
        assert ssim(x, x) == pytest.approx(np.ones(len(x)))
        assert multiscale_ssim(x, x) == pytest.approx(np.ones(len(x)))


def test_constant_images_differ_in_luminance_only():
    a, b = np.full((1, 44, 44, 1), 0.5), np.full((1, 44, 44, 1), 0.25)
    luminance = (2 * 1.5 * 1.25 + 0.0004) / (1.5**2 + 1.25**2 + 0.0004)
    assert ssim(a, b) == pytest.approx([luminance], rel=1e-9)
    weights = np.array([0.0448, 0.2856, 0.3001])  # 44, 22 and 11 px: three scales
    assert multiscale_ssim(a, b) == pytest.approx([luminance ** (weights[-1] / weights.sum())], rel=1e-9)


@pytest.mark.parametrize(
    ("side", "scales"), [(11, 1), (21, 1), (22, 2), (43, 2), (44, 3), (88, 4), (176, 5), (400, 5)]
)
def test_there_are_as_many_scales_as_contain_the_window(side, scales):
    luminance = (2 * 1.5 * 1.25 + 0.0004) / (1.5**2 + 1.25**2 + 0.0004)
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    power = weights[-1] / (1 if scales == 5 else weights.sum())
    got = multiscale_ssim(np.full((1, side, side + 3, 1), 0.5), np.full((1, side, side + 3, 1), 0.25))
    assert got == pytest.approx([luminance**power], rel=1e-9)


def test_two_scales_from_their_factors():
    """The finer scale's contrast and structure, which is its similarity if all means are equal."""
    a = np.tile([[1.0, -1.0], [-1.0, 1.0]], (11, 11))[None, :, :, None] * 0.5
    b = 0.5 * a  # at half scale a chessboard is 0, so both are equal
    weights = np.array([0.0448, 0.2856])
    fine = (2 * 0.125 + 0.0036) / (0.25 + 0.0625 + 0.0036)  # of variances 1/4 and 1/16, covariance 1/8
    assert multiscale_ssim(a, b) == pytest.approx([fine ** (0.0448 / weights.sum())], rel=1e-3)
    assert multiscale_ssim(a, -b) == [0]  # a negative factor counts as 0
    assert ssim(a, -b) == pytest.approx([(-2 * 0.125 + 0.0036) / (0.25 + 0.0625 + 0.0036)], rel=1e-3)


def test_grey_is_not_black():
    """Constant images slightly above and below mid-grey, 0, have similar luminance; black has none."""
    assert ssim(np.full((1, 11, 11, 1), 0.1), np.full((1, 11, 11, 1), -0.1)) > 0.97
    assert ssim(np.full((1, 11, 11, 1), -1.0), np.full((1, 11, 11, 1), -0.1)) < 0.001
    collapsed = 0.05 * noise(40, 1, 1, 1) + 0.02 * noise(40, 24, 24, 1, seed=1)
    assert measure(similarity(), collapsed).value > 0.9


def test_channels_are_compared_separately():
    a, b = noise(2, 24, 24, 3), noise(2, 24, 24, 3) * 0.5 + 0.2
    for compare in (ssim, multiscale_ssim):
        channels = [compare(a[..., i : i + 1], b[..., i : i + 1]) for i in range(3)]
        assert compare(a, b) == pytest.approx(np.mean(channels, axis=0), rel=1e-12)
        transposed = compare(a.transpose(0, 2, 1, 3), b.transpose(0, 2, 1, 3))
        assert compare(a, b) == pytest.approx(transposed, rel=1e-12)


def test_collapsed_samples_are_similar_and_others_are_not():
    x = noise(40, 24, 24, 1)
    assert measure(similarity(), np.repeat(x[:1], 40, axis=0)) == pytest.approx((1, 1, 1))
    assert measure(similarity(), x).high < 0.2
    half = np.concatenate([x[:20], np.repeat(x[:1], 20, axis=0)])
    assert 0.1 < measure(similarity(), half).value < 0.6


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 41), max_size=5))
def test_block_boundaries_do_not_change_the_result(cuts):
    x = noise(41, 12, 12, 1)
    for pairs in (8, 1000):
        assert measure(similarity(pairs), *np.split(x, sorted(cuts))) == measure(similarity(pairs), x)


def test_pairs_are_disjoint_and_other_images_are_not_kept():
    x = noise(41, 12, 12, 1)
    assert measure(similarity(8), x) == measure(similarity(8), x[:16])
    metric = similarity(8)
    state = metric.empty
    for block in np.split(x[:40], 10):
        state = metric.merge(state, metric.of(block))
    assert sum(map(len, state)) == 16
    # every image occurs twice: 1 pair in 23 is equal, and all would be if an image were its own partner
    repeated = [
        measure(similarity(), noise(12, 12, 12, 1, seed=i).repeat(2, axis=0)).value for i in range(200)
    ]
    distinct = [measure(similarity(), noise(24, 12, 12, 1, seed=i)).value for i in range(200)]
    assert np.mean(repeated) - np.mean(distinct) < 0.1


def test_pairs_are_random_not_adjacent():
    """For samples that are sorted."""
    x = np.repeat(noise(20, 12, 12, 1), 20, axis=0)
    assert measure(similarity(), x).value < 0.2


def test_the_interval_is_as_wide_as_values_vary():
    random = np.random.RandomState(1)
    got = []
    for _ in range(200):
        strength = random.rand(60, 1, 1, 1)  # of the shared part
        got.append(
            measure(
                similarity(), strength * noise(1, 12, 12, 1) + (1 - strength) * random.randn(60, 12, 12, 1)
            )
        )
    deviation, width = np.std([g.value for g in got]), np.mean([g.high - g.low for g in got]) / 2 / 1.96
    assert width == pytest.approx(deviation, rel=0.15)


def test_invalid_images_are_refused():
    x = noise(6, 12, 12, 3)
    with pytest.raises(Refused, match=r"images of at least 11 px, not 8x12"):
        measure(similarity(), x[:, :8])
    with pytest.raises(Refused, match="at least 4 images, not 3"):
        measure(similarity(), x[:3])
    with pytest.raises(Refused, match=r"\(6, 12, 12, 3\) cannot be compared with \(6, 12, 12, 1\)"):
        ssim(x, x[..., :1])
    with pytest.raises(Refused, match="not uint8: scale bytes"):
        measure(similarity(), np.zeros((6, 12, 12, 3), np.uint8))
    with pytest.raises(Refused, match=r"give \[n, H, W, C\]"):
        measure(similarity(), x.reshape(6, -1))
    with pytest.raises(Refused, match="1 of 6 examples hold NaN"):
        measure(similarity(), np.where(np.arange(6)[:, None, None, None] == 4, np.nan, x))
