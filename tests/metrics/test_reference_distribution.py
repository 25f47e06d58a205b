"""Frechet distance, KID and score by torch-fidelity, SSIM by scikit-image: `pip install -e ".[verify]"`."""

import numpy as np
import pytest

from jaxgan.metrics.frechet import frechet, moments
from jaxgan.metrics.kernel import kernel_distance, subset_distances
from jaxgan.metrics.metric import compute_metric
from jaxgan.metrics.score import inception_score
from jaxgan.metrics.ssim import ssim

torch = pytest.importorskip("torch")

try:
    import torchvision  # noqa: F401
except ImportError:
    pass
except RuntimeError:  # a build for CUDA with a PyTorch without CUDA lacks two operators
    operators = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
pytest.importorskip("torch_fidelity")

from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric  # noqa: E402
from torch_fidelity.metric_isc import isc_features_to_metric  # noqa: E402
from torch_fidelity.metric_kid import kid_features_to_metric  # noqa: E402

KERNEL = {
    "kid_kernel": "poly",
    "kid_kernel_poly_degree": 3,
    "kid_kernel_poly_gamma": None,
    "kid_kernel_poly_coef0": 1.0,
}


def samples(n, m, d):
    """Samples like an extractor's features: non-negative and correlated."""
    random = np.random.RandomState(d)
    mix = random.randn(d, d) / d**0.5
    return np.maximum(random.randn(n, d) @ mix, 0), np.maximum(random.randn(m, d) @ mix + 0.1, 0)


@pytest.mark.parametrize(("n", "m", "d"), [(300, 200, 16), (900, 1200, 256)])
def test_frechet_agrees_with_torch_fidelity(n, m, d):
    x, y = samples(n, m, d)
    theirs = [fid_features_to_statistics(torch.from_numpy(a)) for a in (x, y)]
    expected = fid_statistics_to_metric(*theirs, verbose=False)["frechet_inception_distance"]
    got = compute_metric(frechet(moments(y)), np.array_split(x, 7))["frechet"].value
    assert got == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("d", [16, 256])
def test_kernel_distance_agrees_with_torch_fidelity(d):
    x, y = samples(600, 600, d)

    def theirs(subsets, size):
        options = {"kid_subsets": subsets, "kid_subset_size": size, "rng_seed": 2020, "verbose": False}
        got = kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), **options, **KERNEL)
        return got["kernel_inception_distance_mean"], got["kernel_inception_distance_std"]

    subsets = subset_distances(x, y, subsets=10, size=200)
    assert (subsets.mean(), subsets.std()) == pytest.approx(theirs(10, 200), rel=1e-9)
    distance = compute_metric(kernel_distance(y), np.array_split(x, 7))["kernel_distance"].value
    assert distance == pytest.approx(theirs(1, 600)[0], rel=1e-9)


@pytest.mark.parametrize("classes", [10, 1008])
def test_inception_score_agrees_with_torch_fidelity(classes):
    logits = 3 * np.random.RandomState(classes).randn(503, classes).astype(np.float32)
    got = compute_metric(inception_score(), np.array_split(logits, 7))
    theirs = isc_features_to_metric(torch.from_numpy(logits))
    assert got["inception_score"].value == pytest.approx(theirs["inception_score_mean"], rel=1e-9)
    single = isc_features_to_metric(torch.from_numpy(logits), splits=1)["inception_score_mean"]
    assert got["inception_score_whole"].value == pytest.approx(single, rel=1e-9)


@pytest.mark.parametrize("shape", [(11, 11, 1), (28, 28, 1), (32, 40, 3), (64, 64, 3)])
def test_ssim_agrees_with_scikit_image(shape):
    skimage = pytest.importorskip("skimage.metrics")
    x, y = np.clip(np.random.RandomState(0).randn(2, 4, *shape), -1, 1)
    y = 0.6 * x + 0.4 * y
    expected = [
        skimage.structural_similarity(
            a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=2, channel_axis=2
        )
        for a, b in zip(x + 1, y + 1, strict=True)  # pixels relative to black
    ]
    assert ssim(x, y) == pytest.approx(expected, rel=1e-9)
