"""InceptionV3, its weights file, resizers and numbers against references: `pip install -e ".[verify]"`.

Against torch-fidelity and clean-fid, with the same random weights in both: networks can be compared without
the published file.
"""

import hashlib
from collections import OrderedDict

import jax
import numpy as np
import pytest
from support import same

from evaluate import weights
from jaxgan.evaluate import extractor, inception, pickled, resizers
from jaxgan.metrics import frechet, kernel, score
from jaxgan.metrics.metric import compute_metric
from jaxgan.models.inception import InceptionV3

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
cleanfid = pytest.importorskip("cleanfid.resize")

from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3  # noqa: E402
from torch_fidelity.interpolate_compat_tensorflow import (  # noqa: E402
    interpolate_bilinear_2d_like_tensorflow1x,
)
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric  # noqa: E402
from torch_fidelity.metric_isc import isc_features_to_metric  # noqa: E402
from torch_fidelity.metric_kid import kid_features_to_metric  # noqa: E402

FORMATS = {"zip": True, "legacy": False}


@pytest.fixture(scope="module")
def state():
    return weights.state_dict()


@pytest.fixture(scope="module")
def files(state, tmp_path_factory):
    """The same weights in both formats of PyTorch."""
    folder = tmp_path_factory.mktemp("weights")
    tensors = OrderedDict((name, torch.from_numpy(x)) for name, x in state.items())
    for name, new in FORMATS.items():
        torch.save(tensors, folder / name, _use_new_zipfile_serialization=new)
    return folder


@pytest.fixture(scope="module")
def theirs(files):
    return FeatureExtractorInceptionV3(
        "theirs", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(files / "zip")
    )


def of_torch(images):
    return torch.from_numpy(np.moveaxis(images, -1, 1).copy())


def relative_difference(ours, theirs):
    """The largest difference, relative to the largest number."""
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


def test_every_layer_agrees(state, theirs):
    images = weights.images(2, 299)
    seen = {}

    def keep(name):
        return lambda module, given, made: seen.update({name: made.numpy().copy()})

    hooks = [
        module.register_forward_hook(keep(name))
        for name, module in theirs.named_modules()
        if type(module).__name__ == "BasicConv2d" or (name.startswith("Mixed") and "." not in name)
    ]
    expected = [x.numpy() for x in theirs(of_torch(images))]
    for hook in hooks:
        hook.remove()
    network = inception.variables(state)
    (features, logits), result = jax.jit(
        lambda v, x: InceptionV3().apply(
            v,
            x,
            capture_intermediates=lambda m, _: type(m).__name__ in ("Conv", "Mixed") and m.name != "conv",
        )
    )(network, images)
    assert len(seen) == 94 + 11
    for name, x in seen.items():
        ours = result["intermediates"]
        for part in name.split("."):
            ours = ours[part]
        assert relative_difference(np.moveaxis(np.asarray(ours["__call__"][0]), -1, 1), x) < 1e-5, name
    assert relative_difference(np.asarray(features), expected[0]) < 1e-5
    assert relative_difference(np.asarray(logits), expected[1]) < 1e-5


@pytest.mark.parametrize("format", FORMATS)
def test_files_of_torch_are_read_exactly(state, files, format):
    same(pickled.arrays(files / format), state)


def test_numbers_from_the_file_agree(files, theirs, monkeypatch):
    n = 12
    monkeypatch.setattr(extractor, "BLOCK", n)
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256((files / "legacy").read_bytes()).hexdigest())
    images = np.concatenate([weights.images(n, 32), 255 - weights.images(n, 32, seed=1) // 2])
    seen = inception.inception(files / "legacy", resizers.tf1).apply(images.astype(np.float32) / 127.5 - 1)
    features, logits = theirs(of_torch(images))
    assert relative_difference(seen.features, features.numpy()) < 1e-5
    assert relative_difference(seen.logits, logits.numpy()) < 1e-5

    # the metrics, of six features only, since few images do not determine 2048 x 2048 covariances
    few, ours = features[:, :6], seen.features[:, :6]
    expected = fid_statistics_to_metric(*map(fid_features_to_statistics, (few[:n], few[n:])), False)
    result = frechet.frechet_distance(frechet.moments(ours[:n]), frechet.moments(ours[n:]))
    assert result == pytest.approx(expected["frechet_inception_distance"], rel=1e-4)

    expected = isc_features_to_metric(logits, splits=2)
    result = compute_metric(score.inception_score(splits=2), [seen.logits])["inception_score"]
    assert result.value == pytest.approx(expected["inception_score_mean"], rel=1e-4)

    expected = kid_features_to_metric(features[:n], features[n:], kid_subsets=1, kid_subset_size=n)
    (result,) = kernel.subset_distances(seen.features[:n], seen.features[n:], 1, n)
    assert result == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-4)


@pytest.mark.parametrize("side", [8, 32, 299, 400])
def test_resizers_agree(side):
    images = np.random.RandomState(side).randint(0, 256, (2, side, side + 3, 3)).astype(np.uint8)
    x = of_torch(images).float()
    expected = interpolate_bilinear_2d_like_tensorflow1x(x, (299, 299), align_corners=False).numpy()
    result = np.moveaxis(np.asarray(resizers.tf1(images)), -1, 1)
    np.testing.assert_allclose(result, expected, rtol=0, atol=2e-4)
    resize = cleanfid.make_resizer("PIL", False, "bicubic", (299, 299))
    expected = np.stack([resize(image) for image in images])
    np.testing.assert_allclose(resizers.clean(images), expected, rtol=0, atol=1e-4)
