import os
import zlib
from functools import cache
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image
from support import picture_folder, pixels, png

from jaxgan.data import folder as room
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


def test_a_folder_of_train_alone_is_split_as_any_other(tmp_path):
    picture_folder(tmp_path / "faces" / "train", 200)
    (tmp_path / "faces" / "about.txt").write_text("whose they are")
    picture_folder(tmp_path / "plain", 200)
    for split in ("train", "test"):
        one, other = (folder(tmp_path / name, split=split) for name in ("faces", "plain"))
        assert (one.size, one.classes, one.fingerprint) == (other.size, 2, other.fingerprint)


def test_names_of_splits_in_any_case(tmp_path):
    picture_folder(tmp_path / "Train", 10)
    picture_folder(tmp_path / "TEST", 4)
    assert (folder(tmp_path).size, folder(tmp_path, split="test").size) == (10, 4)
    for name in ("test", "train"):
        picture_folder(tmp_path / name, 2)
        with pytest.raises(Refused, match=rf"has {name.title() if name == 'train' else 'TEST'} and {name}: "):
            folder(tmp_path)


@pytest.mark.parametrize("name", ["testing", "bicycle", "0.png"])
def test_what_lies_beside_train_under_an_unknown_name_is_refused(name, tmp_path):
    picture_folder(tmp_path / "train", 10)
    if name == "0.png":
        (tmp_path / name).write_bytes(png(pixels(0)))
    else:
        picture_folder(tmp_path / name, 4)
    for split in ("train", "test"):
        with pytest.raises(Refused, match=rf"has train and {name}, .* test, validation, valid, val") as said:
            folder(tmp_path, split=split)
    assert "\n" not in str(said.value)
    picture_folder(tmp_path / "val", 6)
    assert folder(tmp_path, split="test").size == 6


@pytest.mark.parametrize("name", ["val", "valid", "validation", "test"])
def test_other_names_of_what_is_held_out(name, tmp_path):
    picture_folder(tmp_path / "train", 10)
    picture_folder(tmp_path / name, 4)
    train, held_out = folder(tmp_path), folder(tmp_path, split="test")
    assert (train.size, held_out.size, train.classes) == (10, 4, 2)
    picture_folder(tmp_path / "test", 6)  # comes before the others
    assert folder(tmp_path, split="test").size == 6 if name != "test" else 4


def test_a_split_without_pictures_is_named(tmp_path):
    picture_folder(tmp_path / "train", 10)
    (tmp_path / "test").mkdir()
    assert folder(tmp_path).size == 10
    with pytest.raises(Refused, match=r"no pictures in .*/test: files that end in"):
        folder(tmp_path, split="test")


def test_a_class_has_one_number_in_both_splits(tmp_path):
    for split, classes in (("train", "abc"), ("test", "bcd")):
        picture_folder(tmp_path / split, 9, tuple(classes))
    train, test = folder(tmp_path), folder(tmp_path, split="test")
    assert train.classes == test.classes == 4
    for source in (train, test):
        found = {
            (Path(file).parts[-2], k) for file, k in zip(source.read.files, source.read.label, strict=True)
        }
        assert found <= {("a", 0), ("b", 1), ("c", 2), ("d", 3)}


@pytest.mark.parametrize("apart", [False, True])
def test_both_splits_are_cut_as_the_first_picture_is(apart, tmp_path):
    for i in range(40):
        split = ("test" if i % 4 == 0 else "train") if apart else ""
        (tmp_path / split).mkdir(exist_ok=True)
        shape = (10 + i, 10 + i, 3) if i % 5 else (10 + i, 10 + i)  # some are grey
        (tmp_path / split / f"{i:02}.png").write_bytes(png(pixels(i, shape)))
    if not apart:
        (tmp_path / "00.png").unlink()  # else the first is grey
    train, test = folder(tmp_path), folder(tmp_path, split="test")
    assert train.shape == test.shape == (11, 11, 3)
    assert everything(test)[0].shape[1:] == (11, 11, 3)
    assert (
        train.note == test.note == f"{8 if apart else 7} of {40 if apart else 39} pictures looked at are grey"
    )


def test_a_class_with_no_picture_to_train_on_is_said(tmp_path):
    """A generator would be asked for it all the same."""
    picture_folder(tmp_path)
    (tmp_path / "rare").mkdir()
    number = next(n for n in range(99) if zlib.crc32(f"rare/{n}.png".encode()) % 10 == 0)
    (tmp_path / "rare" / f"{number}.png").write_bytes(png(pixels(0)))
    assert folder(tmp_path).note == "no picture to train on of rare"
    assert folder(tmp_path, split="test").note == ""


def test_colour_after_a_grey_picture_is_refused(tmp_path):
    picture_folder(tmp_path, classes=())
    assert folder(tmp_path).note == ""
    (tmp_path / "0000.png").write_bytes(png(pixels(0, (8, 8))))
    with pytest.raises(Refused, match=r"0000\.png, .* is grey .*0001\.png is in colour: convert") as said:
        folder(tmp_path, split="test")
    assert "\n" not in str(said.value)


def test_links_are_followed_and_never_in_circles(tmp_path):
    root = tmp_path / "pets"
    picture_folder(tmp_path / "elsewhere", 10, ())
    picture_folder(root, 10, ("cat",))
    (root / "dog").symlink_to(tmp_path / "elsewhere")
    (root / "cat" / "again").symlink_to(root)
    (root / "cat" / "more").symlink_to(root / "dog")
    train, test = folder(root), folder(root, split="test")
    assert (train.classes, train.size + test.size) == (2, 30)
    (root / "cat" / "lost.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(Unreadable, match=r"lost\.png cannot be read: it is a link to nothing; remove it"):
        folder(root)


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def closed(place):
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(Unreadable, match=f"{tmp_path} cannot be read: Permission denied"):
        folder(picture_folder(tmp_path))


def test_hidden_names_are_left_out(tmp_path):
    picture_folder(tmp_path)
    picture_folder(tmp_path / ".thumbnails", 5)
    (tmp_path / "cat" / "._0000.png").write_bytes(b"what macOS leaves behind")
    (tmp_path / "cat" / "folder.png").mkdir()
    source = folder(tmp_path)
    assert (source.classes, source.size + folder(tmp_path, split="test").size) == (2, 40)


def test_a_name_of_any_bytes(tmp_path):
    picture_folder(tmp_path)
    odd = os.path.join(os.fsencode(tmp_path), b"cat", b"caf\xe9.png")
    Path(os.fsdecode(odd)).write_bytes(png(pixels(999)))
    parts = [folder(tmp_path, split=split) for split in ("train", "test")]
    assert sum(source.size for source in parts) == 41
    Path(os.fsdecode(odd)).write_bytes(b"no picture")
    with pytest.raises(Unreadable, match=r"caf\\udce9\.png .*it is no PNG") as said:
        [source.read(np.arange(source.size)) for source in parts]
    str(said.value).encode()


def test_other_pixels_have_another_fingerprint(tmp_path):
    for i in range(12):
        Image.new("L", (8, 8), 3).save(tmp_path / f"{i}.bmp")
    prints = {folder(tmp_path).fingerprint for _ in range(2)}
    Image.new("L", (8, 8), 200).save(folder(tmp_path).read.files[2])
    assert len({*prints, folder(tmp_path).fingerprint}) == 2


def test_of_many_pictures_the_fingerprint_reads_some(tmp_path, monkeypatch):
    picture_folder(tmp_path, 200, ())
    monkeypatch.setattr(room, "HASHED", (50, 2**29))
    read = []
    add = room._add
    monkeypatch.setattr(room, "_add", lambda digest, path: read.append(path) or add(digest, path))
    size = folder(tmp_path).size
    assert 40 < len(read) == -(-size // 4) <= 50
    monkeypatch.setattr(room, "HASHED", (1000, sum(path.stat().st_size for path in read)))
    folder(tmp_path)
    assert len(set(read)) < 100 < size


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
    with pytest.raises(Refused, match="no data is called ''"):
        load("")
    (tmp_path / "loose.png").write_bytes(png(pixels(0)))
    with pytest.raises(Refused, match=r"both in subfolders.*loose\.png"):
        folder(tmp_path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is no PNG"),
        (b"no picture at all", "it is no PNG"),
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
