from functools import cache

import jax
import numpy as np
import pytest
from PIL import Image
from support import picture_folder, pixels, png

from jaxgan.data import load
from jaxgan.data.folder import folder
from jaxgan.data.source import examples
from jaxgan.errors import Refused, Unreadable


@cache
def as_shown(count):
    return np.stack([pixels(i) for i in range(count)]).astype(np.float32) / 127.5 - 1


def everything(source):
    read = source.read(np.arange(source.size))
    return np.asarray(source.take(read, jax.random.key(0), np.arange(source.size))["x"]), read.get("label")


def test_classes_and_pixels(tmp_path):
    source = folder(picture_folder(tmp_path))
    assert (source.shape, source.classes) == ((8, 8, 3), 2)
    x, label = everything(source)
    assert abs(x).max() <= 1
    for picture, k in zip(x, label, strict=True):
        same = np.flatnonzero((as_shown(40) == picture).all(axis=(1, 2, 3)))
        assert len(same) == 1
        assert same[0] % 2 == k


def test_the_splits_are_fixed_disjoint_and_complete(tmp_path):
    picture_folder(tmp_path, 200)
    train, test = folder(tmp_path), folder(tmp_path, split="test")
    assert train.size + test.size == 200
    assert 8 <= test.size <= 35
    assert not set(train.read.files) & set(test.read.files)
    assert train.fingerprint != test.fingerprint
    held_out = set(test.read.files)
    (tmp_path / "cat" / "new.png").write_bytes(png(pixels(999)))
    assert held_out <= set(folder(tmp_path, split="test").read.files)


def test_folders_that_are_splits(tmp_path):
    picture_folder(tmp_path / "train", 10)
    picture_folder(tmp_path / "test", 4)
    assert (folder(tmp_path).size, folder(tmp_path, split="test").size) == (10, 4)


def test_without_classes_and_through_load(tmp_path):
    source = load(str(picture_folder(tmp_path, classes=())), size=4)
    assert (source.shape, source.classes) == ((4, 4, 3), 0)
    assert examples(source, 3).shape == (3, 4, 4, 3)


def test_pictures_of_many_sizes_are_cropped_to_the_middle(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = (255, 0, 0)  # the square in the middle
    (tmp_path / "a.png").write_bytes(png(wide))
    (tmp_path / "b.png").write_bytes(png(wide.transpose(1, 0, 2)))
    Image.fromarray(wide[..., 0]).save(tmp_path / "c.png")  # grey, in a set that begins with colour
    source = folder(tmp_path)
    x, _ = everything(source)
    assert source.shape == (10, 10, 3)
    np.testing.assert_array_equal(x[:2], np.broadcast_to([1, -1, -1], (2, 10, 10, 3)))
    np.testing.assert_array_equal(x[2:], np.ones((1, 10, 10, 3)))


def test_shrinking_does_not_alias(tmp_path):
    """Stripes finer than a pixel become grey, which needs a filter that widens (Parmar et al., 2022)."""
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "a.png")
    x, _ = everything(folder(tmp_path, size=8))
    assert abs(x).max() < 0.05


def test_refused(tmp_path):
    with pytest.raises(Refused, match="no pictures in"):
        folder(tmp_path)
    with pytest.raises(Refused, match="there is no folder"):
        folder(tmp_path / "nowhere")
    picture_folder(tmp_path, 2)
    with pytest.raises(Refused, match=r"has 2 pictures, and none of them is held out"):
        folder(tmp_path, split="test")
    (tmp_path / "loose.png").write_bytes(png(pixels(0)))
    with pytest.raises(Refused, match=r"both in subfolders.*loose\.png"):
        folder(tmp_path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "cannot identify"),
        (b"no picture at all", "cannot identify"),
        (png(pixels(0))[:150], "truncated"),
        (png(np.zeros((8, 8), np.uint16)), "more than 8 bits"),
        (None, "No such file"),
    ],
)
def test_a_broken_file_is_named(content, why, tmp_path):
    source = folder(picture_folder(tmp_path))
    path = tmp_path / "cat" / "0002.png"
    number = source.read.files.index(str(path))
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(
        Unreadable, match=rf"cat/0002\.png \(example {number}\) cannot be read: .*{why}"
    ) as said:
        source.read(np.arange(source.size))
    assert "\n" not in str(said.value)
