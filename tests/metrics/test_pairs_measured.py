"""Pictures beside their true answers: closed forms, and formulas written otherwise."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from jaxgan.errors import Refused
from jaxgan.metrics.metric import QUANTILE, compute_metric
from jaxgan.metrics.pairs import DISTANCES, compare, diversity, l1, mean_of, psnr
from jaxgan.metrics.ssim import ssim


def pictures(n=6, size=16, channels=3, seed=0):
    random = np.random.RandomState(seed)
    truths = random.uniform(-1, 1, (n, size, size, channels))
    noise = random.randn(n, size, size, channels) * np.linspace(0.01, 0.5, n)[:, None, None, None]
    return np.clip(truths + noise, -1, 1).astype(np.float32), truths.astype(np.float32)


def test_l1_and_psnr_are_those_of_bytes():
    """The usual formula: pixels from 0 to 255, and a peak of 255."""
    samples, truths = pictures()
    bytes_x, bytes_y = ((255 * (a.astype(np.float64) + 1) / 2) for a in (samples, truths))
    for i in range(len(samples)):
        error = [abs(a - b) for a, b in zip(bytes_x[i].ravel(), bytes_y[i].ravel(), strict=True)]
        assert l1(samples, truths)[i] == pytest.approx(2 / 255 * sum(error) / len(error))
        square = sum(e * e for e in error) / len(error)
        assert psnr(samples, truths)[i] == pytest.approx(20 * math.log10(255) - 10 * math.log10(square))


def test_the_psnr_of_a_set_is_the_mean_over_pictures():
    """Public code often takes the PSNR of the mean squared error: less, by Jensen's inequality."""
    samples, truths = pictures()
    of_the_mean = 10 * np.log10(4 / np.square(samples - truths).mean())
    got = compare(samples, truths)["psnr"]
    assert got == pytest.approx(np.mean([psnr(samples[i : i + 1], truths[i : i + 1])[0] for i in range(6)]))
    assert got - of_the_mean > 3


def test_equal_pictures_have_the_psnr_of_rounding():
    truths = pictures()[1]
    rounded = np.round((truths.astype(np.float64) + 1) * 127.5) / 127.5 - 1
    assert psnr(truths, truths) == pytest.approx(np.full(6, 58.92), abs=0.01)
    assert psnr(rounded, truths.astype(np.float64)).mean() == pytest.approx(58.92, abs=0.1)
    off_by_one = np.where(truths > 0, truths - 2 / 255, truths + 2 / 255)
    assert psnr(off_by_one, truths) == pytest.approx(np.full(6, 20 * math.log10(255)), abs=1e-4)


def test_ssim_is_that_of_filtered_pictures():
    """Wang's definition by SciPy's Gaussian filter, as scikit-image has it, where the window fits."""
    samples, truths = (a.astype(np.float64) + 1 for a in pictures(size=20))

    def local(a):
        return gaussian_filter(a, 1.5, truncate=3.5, mode="reflect")[5:-5, 5:-5]

    expected = []
    for x, y in zip(samples, truths, strict=True):
        channels = []
        for a, b in zip(np.moveaxis(x, -1, 0), np.moveaxis(y, -1, 0), strict=True):
            covariance = local(a * b) - local(a) * local(b)
            spread = local(a * a) - local(a) ** 2 + local(b * b) - local(b) ** 2
            top = (2 * local(a) * local(b) + 0.02**2) * (2 * covariance + 0.06**2)
            bottom = (local(a) ** 2 + local(b) ** 2 + 0.02**2) * (spread + 0.06**2)
            channels.append((top / bottom).mean())
        expected.append(np.mean(channels))
    assert ssim(samples - 1, truths - 1) == pytest.approx(expected, abs=1e-9)


def test_ssim_agrees_with_scikit_image():
    measure = pytest.importorskip("skimage.metrics", reason="scikit-image is not installed")
    samples, truths = (a.astype(np.float64) + 1 for a in pictures(size=24))
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 2}
    for x, y, got in zip(samples, truths, ssim(samples - 1, truths - 1), strict=True):
        assert got == pytest.approx(measure.structural_similarity(x, y, channel_axis=2, **options), abs=1e-9)


def test_a_mean_has_its_interval_whatever_the_blocks():
    samples, truths = pictures(n=9)
    whole = compute_metric(mean_of("l1", l1), [(samples, truths)])["l1"]
    blocks = [(samples[:4], truths[:4]), (samples[4:], truths[4:])]
    assert compute_metric(mean_of("l1", l1), blocks)["l1"] == pytest.approx(whole)
    each = np.abs(samples.astype(np.float64) - truths).mean(axis=(1, 2, 3))
    reach = QUANTILE * each.std(ddof=1) / 3
    assert whole == pytest.approx((each.mean(), each.mean() - reach, each.mean() + reach))
    perfect = compute_metric(mean_of("ssim", ssim, -1, 1), [(truths, truths)])["ssim"]
    assert perfect == pytest.approx((1, 1, 1))


def test_diversity_is_that_of_different_answers():
    random = np.random.RandomState(0)
    answers = random.randn(5, 4, 3, 3, 1)
    expected = [
        np.mean([np.abs(q[i] - q[j]).mean() for i in range(4) for j in range(4) if i != j]) for q in answers
    ]
    assert diversity(answers) == pytest.approx(expected)
    with_itself = np.abs(answers[:, :, None] - answers[:, None]).mean(axis=(1, 2, 3, 4, 5))
    assert diversity(answers) == pytest.approx(with_itself * 4 / 3)  # the trap: a quarter of them are 0
    assert not diversity(np.repeat(answers[:, :1], 3, axis=1)).any()
    assert diversity(answers, lambda x, y: np.arange(5.0)).tolist() == [0, 1, 2, 3, 4]
    estimate = compute_metric(mean_of("diversity", diversity), [(answers[:2],), (answers[2:],)])["diversity"]
    assert estimate.value == pytest.approx(np.mean(expected))


def test_small_pictures_have_no_ssim():
    small = np.zeros((3, 10, 12, 1), np.float32)
    assert list(compare(small, small)) == ["l1", "psnr"]
    assert list(compare(*pictures(size=11))) == list(DISTANCES)
    with pytest.raises(Refused, match="SSIM needs images of at least 11 px, not 10x12"):
        compute_metric(mean_of("ssim", ssim), [(small, small)])


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (lambda x: l1(x, x[:2]), r"shape \(6, 16, 16, 3\) are no pairs with those of shape \(2, 16, 16, 3\)"),
        (lambda x: psnr(x, x[..., :1]), "are no pairs"),
        (lambda x: l1(np.zeros_like(x, np.uint8), x), "must be floats in"),
        (lambda x: compare(np.where(x > 0.9, np.nan, x), x), "of 6 examples hold NaN"),
        (lambda x: diversity(x[:, None]), "at least two answers to each"),
        (lambda x: compute_metric(mean_of("l1", l1), []), "no examples were given"),
        (lambda x: compute_metric(mean_of("l1", l1), [(x[:1], x[:1])]), "at least two examples"),
    ],
)
def test_what_are_no_pairs_is_refused_in_one_line(measure, message):
    with pytest.raises(Refused, match=message) as refused:
        measure(pictures()[0])
    assert "\n" not in str(refused.value)
