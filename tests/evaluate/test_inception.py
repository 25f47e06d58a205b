"""The Inception extractor: frozen numbers of torch-fidelity's network, and refusals.

The weights are random (`weights.state_dict`), the same in both; see also `test_reference_inception`.
"""

import hashlib
import re

import numpy as np
import pytest

from evaluate import weights
from jaxgan.errors import Refused
from jaxgan.evaluate import extractor, inception, pickled, resizers

# every 256th feature and every 126th logit of two images of 32 px, resized by tf1
FEATURES = [
    [0.0058608, 1.7544109, 0.74440604, 0.49600467, 3.2377288, 0.02659464, 0.0969903, 0.0238442],
    [0.00362956, 1.7452939, 0.791695, 0.5488256, 3.0291848, 0.01313183, 0.10713831, 0.01889297],
]
LOGITS = [
    [1.0120989, 0.9154427, -3.2993526, -1.3282216, -2.3108997, 0.6925124, -3.6307948, 1.1495125],
    [1.0136795, 0.805128, -3.5023427, -1.040692, -2.2114444, 0.4965334, -3.6983314, 0.9287509],
]


@pytest.fixture(scope="module")
def state():
    return weights.state_dict()


@pytest.fixture
def file(tmp_path, monkeypatch, state):
    """A file that is accepted as the published one and has the weights of these tests."""
    path = tmp_path / "weights.pth"
    path.write_bytes(b"weights")
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(b"weights").hexdigest())
    monkeypatch.setattr(pickled, "arrays", lambda path: state)
    monkeypatch.setattr(extractor, "BLOCK", 2)
    return path


def test_golden_numbers(file):
    made = inception.inception(file, resizers.tf1)
    assert made[:3] == ("inception", inception.SHA256, "tf1")
    images = weights.images(2, 32).astype(np.float32) / 127.5 - 1
    less = 0.4 / 127.5  # of a step of 8 bits: it must be rounded away, and 1.5 be clipped
    outputs = made.apply(np.where(images == 1, 1.5, images - less).astype(np.float32))
    np.testing.assert_allclose(outputs.features[:, ::256], FEATURES, rtol=0, atol=3e-5)
    np.testing.assert_allclose(outputs.logits[:, ::126], LOGITS, rtol=0, atol=1e-4)


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "inception_v3_google.pth"
    path.write_bytes(b"other")
    digest = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(Refused, match=f"pytorch-fid.*its sha256 is {digest}, not {inception.SHA256}"):
        inception.inception(path)


@pytest.mark.parametrize("shape", [(2, 28, 28, 1), (2, 28, 28, 4), (2, 28, 28)])
def test_images_without_three_channels_are_refused(file, shape):
    with pytest.raises(Refused, match=rf"not {re.escape(str(shape[1:]))}: repeat the channel"):
        inception.inception(file).apply(np.zeros(shape, np.float32))


def test_the_default_resizer_is_clean(file):
    assert inception.inception(file).resizer == "clean"


def test_other_weights_are_refused(state):
    with pytest.raises(Refused, match=r"there is no Mixed_7c\.branch3x3dbl_3b\.conv\.weight"):
        inception.variables({k: x for k, x in state.items() if k != "Mixed_7c.branch3x3dbl_3b.conv.weight"})
    # torchvision's Inception has 1000 classes
    with pytest.raises(Refused, match=r"fc\.weight is of \(1000, 2048\)"):
        inception.variables({**state, "fc.weight": np.zeros((1000, 2048), np.float32)})
