"""Small data sets that TFDS writes as array_record, read without TensorFlow."""

import importlib.util
import json
import subprocess
import sys

import jax
import numpy as np
import pytest
import support
from support import pixels, tfds_set

from jaxgan.cli.runs import prepare
from jaxgan.data import load, tfds
from jaxgan.errors import Refused, Unreadable

pytestmark = pytest.mark.filterwarnings("ignore:.*OpenCV")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    tfds._records.cache_clear()
    return tmp_path


def test_pixels_labels_and_splits(home):
    name = tfds_set(home, splits=("train", "test"))
    train, test = tfds.tfds(name), tfds.tfds(name, split="test")
    assert (train.shape, train.size, train.classes, test.size) == ((8, 8, 3), 40, 3, 40)
    assert train.fingerprint != test.fingerprint
    for source, first in ((train, 0), (test, 1000)):
        read = source.read(np.arange(40))
        x = np.asarray(source.take(read, jax.random.key(0), np.arange(40))["x"])
        expected = np.stack([pixels(i) for i in range(first, first + 40)]).astype(np.float32) / 127.5 - 1
        numbers = [int(np.flatnonzero((expected == image).all(axis=(1, 2, 3)))[0]) for image in x]
        assert sorted(numbers) == list(range(40))
        np.testing.assert_array_equal(read["label"], [(first + i) % 3 for i in numbers])


def test_a_data_set_with_one_split_holds_out_a_tenth(home):
    name = tfds_set(home)
    train, test = load(f"tfds:{name}"), load(f"tfds:{name}", split="test")
    assert (train.size, test.size) == (36, 4)
    both = np.concatenate([s.read(np.arange(s.size))["x"] for s in (train, test)])
    assert len(np.unique(both, axis=0)) == 40


def test_another_size(home):
    assert load(f"tfds:{tfds_set(home)}", size=16).read(np.arange(2))["x"].shape == (2, 16, 16, 3)


def test_the_first_training_image_decides_the_size_of_both_splits(home, monkeypatch):
    monkeypatch.setattr(support, "pixels", lambda i, shape: pixels(i, (8 + i // 1000, 20, 3)))
    name = tfds_set(home, shape=(None, None, 3), splits=("train", "test"))
    train, test = tfds.tfds(name), tfds.tfds(name, split="test")
    assert train.shape == test.shape == (8, 8, 3)
    assert test.read(np.arange(2))["x"].shape == (2, 8, 8, 3)


def test_missing_data_sets_and_files_are_refused(home):
    with pytest.raises(Refused, match=r"cifar10 is not prepared in .*: run `jaxgan prepare cifar10` once"):
        load("tfds:cifar10")
    with pytest.raises(Refused, match="TFDS does not understand 'cifar-10'"):
        load("tfds:cifar-10")
    name = tfds_set(home)
    for file in home.glob(f"{name}/*/*-train*"):
        file.unlink()
    with pytest.raises(Refused, match=rf"has lost .*train.*jaxgan prepare {name}"):
        tfds.tfds(name)


def test_another_format_is_refused(home):
    name = tfds_set(home)
    info = home / name / "1.0.0" / "dataset_info.json"
    info.write_text(json.dumps({**json.loads(info.read_text()), "fileFormat": "tfrecord"}))
    with pytest.raises(
        Refused, match=rf"prepared as tfrecord, which needs TensorFlow.*jaxgan prepare {name}"
    ):
        tfds.tfds(name)


def damaged(data, how):
    if how == "flipped":
        data[len(data) // 2] ^= 255
    return data if how == "flipped" else data[: {"half": len(data) // 2, "64 KB": 65536}[how]]


@pytest.mark.parametrize("how", ["flipped", "half", "64 KB"])
def test_a_damaged_record_is_named(home, how):
    name = tfds_set(home, count=800)  # 200 KB
    (file,) = home.glob(f"{name}/*/*-train*")
    assert file.stat().st_size > 2 * 65536
    file.write_bytes(damaged(bytearray(file.read_bytes()), how))
    source = tfds.tfds(name)
    with pytest.raises(Unreadable, match=rf"example \d+ of {name}'s split .* cannot be read: ") as refusal:
        source.read(np.arange(source.size))
    assert "\n" not in str(refusal.value)


def test_a_record_without_its_image_is_named(home, monkeypatch):
    """TFDS returns such records from files cut off at a block."""
    source = tfds.tfds(tfds_set(home))

    class Empty:
        def __getitems__(self, numbers):
            return [{"image": None, "label": 0} for _ in numbers]

    monkeypatch.setattr(tfds, "_records", lambda *where: Empty())
    with pytest.raises(Unreadable, match=r"example 7 of .* cannot be read: its file is truncated"):
        source.read(np.array([7, 8]))


def test_prepare_refuses_what_it_cannot_do(home, capsys):
    with pytest.raises(Refused, match="no data set 'cifarr10'; did you mean cifar10"):
        prepare("cifarr10")
    with pytest.raises(Refused, match="does not understand 'a b'"):
        prepare("a b")
    assert importlib.util.find_spec("tensorflow") is None
    with pytest.raises(Refused, match=r"TensorFlow to write this data set: install jaxgan\[prepare\]"):
        prepare("mnist")
    assert capsys.readouterr().out == ""


def test_prepare_announces_the_download(home, capsys, monkeypatch):
    """The download is replaced, since tests use no network."""
    import tensorflow_datasets

    printed = []

    def download(builder):
        printed.append(capsys.readouterr().out)
        raise ConnectionError("no network")

    monkeypatch.setattr(tfds.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(tensorflow_datasets.core.DatasetBuilder, "download_and_prepare", download)
    with pytest.raises(Refused, match="mnist could not be prepared: no network"):
        prepare("mnist")
    assert printed[0].startswith("downloading mnist (about 11 MB")
    assert str(home) in printed[0]


def test_tensorflow_is_never_imported(home):
    name = tfds_set(home)
    code = (
        f"import sys, numpy\nfrom jaxgan.data import load\nload('tfds:{name}').read(numpy.arange(3))\n"
        "print([m for m in ('tensorflow', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
