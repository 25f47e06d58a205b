import os
import zlib
from functools import cache
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image
from support import picture_folder, pixels, png

from jaxgan.data import load
from jaxgan.data.files import listing
from jaxgan.data.folder import folder
from jaxgan.data.source import examples
from jaxgan.errors import Refused, Unreadable


@cache
def expected_images(count):
    return np.stack([pixels(i) for i in range(count)]).astype(np.float32) / 127.5 - 1


def take_all(source):
    read = source.read(np.arange(source.size))
    return np.asarray(source.take(read, jax.random.key(0), np.arange(source.size))["x"]), read.get("label")


def test_classes_and_pixels(tmp_path):
    source = folder(picture_folder(tmp_path))
    assert (source.shape, source.classes) == ((8, 8, 3), 2)
    x, label = take_all(source)
    assert abs(x).max() <= 1
    for image, k in zip(x, label, strict=True):
        (number,) = np.flatnonzero((expected_images(40) == image).all(axis=(1, 2, 3)))
        assert number % 2 == k


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


def test_train_and_test_folders_are_the_splits(tmp_path):
    picture_folder(tmp_path / "train", 10)
    picture_folder(tmp_path / "test", 4)
    assert (folder(tmp_path).size, folder(tmp_path, split="test").size) == (10, 4)


def test_train_alone_is_split_like_any_folder(tmp_path):
    picture_folder(tmp_path / "faces" / "train", 200)
    (tmp_path / "faces" / "about.txt").write_text("copyright")
    picture_folder(tmp_path / "plain", 200)
    for split in ("train", "test"):
        faces, plain = (folder(tmp_path / name, split=split) for name in ("faces", "plain"))
        assert (faces.size, faces.classes, faces.fingerprint) == (plain.size, 2, plain.fingerprint)


def test_split_folders_may_have_any_case(tmp_path):
    picture_folder(tmp_path / "Train", 10)
    picture_folder(tmp_path / "TEST", 4)
    assert (folder(tmp_path).size, folder(tmp_path, split="test").size) == (10, 4)
    for name in ("test", "train"):
        picture_folder(tmp_path / name, 2)
        with pytest.raises(Refused, match=rf"has {name.title() if name == 'train' else 'TEST'} and {name}: "):
            folder(tmp_path)


@pytest.mark.parametrize("name", ["testing", "bicycle", "0.png"])
def test_other_names_beside_train_are_refused(name, tmp_path):
    picture_folder(tmp_path / "train", 10)
    if name == "0.png":
        (tmp_path / name).write_bytes(png(pixels(0)))
    else:
        picture_folder(tmp_path / name, 4)
    for split in ("train", "test"):
        with pytest.raises(
            Refused, match=rf"has train and {name}, .* test, validation, valid, val"
        ) as refusal:
            folder(tmp_path, split=split)
    assert "\n" not in str(refusal.value)
    picture_folder(tmp_path / "val", 6)
    assert folder(tmp_path, split="test").size == 6


@pytest.mark.parametrize("name", ["val", "valid", "validation", "test"])
def test_names_of_the_held_out_folder(name, tmp_path):
    picture_folder(tmp_path / "train", 10)
    picture_folder(tmp_path / name, 4)
    train, held_out = folder(tmp_path), folder(tmp_path, split="test")
    assert (train.size, held_out.size, train.classes) == (10, 4, 2)
    picture_folder(tmp_path / "test", 6)  # comes before the others
    assert folder(tmp_path, split="test").size == 6 if name != "test" else 4


def test_a_split_without_images_is_refused(tmp_path):
    picture_folder(tmp_path / "train", 10)
    (tmp_path / "test").mkdir()
    assert folder(tmp_path).size == 10
    with pytest.raises(Refused, match=r"no images in .*/test: their names must end in"):
        folder(tmp_path, split="test")


def test_a_class_has_one_number_in_both_splits(tmp_path):
    for split, classes in (("train", "abc"), ("test", "bcd")):
        picture_folder(tmp_path / split, 9, tuple(classes))
    train, test = folder(tmp_path), folder(tmp_path, split="test")
    assert train.classes == test.classes == 4
    for source in (train, test):
        numbers = {
            (Path(file).parts[-2], k)
            for file, k in zip(source.read.files, source.read.values["label"], strict=True)
        }
        assert numbers <= {("a", 0), ("b", 1), ("c", 2), ("d", 3)}


@pytest.mark.parametrize("split_folders", [False, True])
def test_both_splits_have_the_shape_of_the_first_image(split_folders, tmp_path):
    for i in range(40):
        split = ("test" if i % 4 == 0 else "train") if split_folders else ""
        (tmp_path / split).mkdir(exist_ok=True)
        shape = (10 + i, 10 + i, 3) if i % 5 else (10 + i, 10 + i)  # some are grey
        (tmp_path / split / f"{i:02}.png").write_bytes(png(pixels(i, shape)))
    if not split_folders:
        (tmp_path / "00.png").unlink()  # else the first is grey
    train, test = folder(tmp_path), folder(tmp_path, split="test")
    assert train.shape == test.shape == (11, 11, 3)
    assert take_all(test)[0].shape[1:] == (11, 11, 3)
    counts = "8 of 40" if split_folders else "7 of 39"
    assert train.note == test.note == f"{counts} images that were checked are grey"


def test_a_class_without_training_images_is_noted(tmp_path):
    picture_folder(tmp_path)
    (tmp_path / "rare").mkdir()
    number = next(n for n in range(99) if zlib.crc32(f"rare/{n}.png".encode()) % 10 == 0)
    (tmp_path / "rare" / f"{number}.png").write_bytes(png(pixels(0)))
    assert folder(tmp_path).note == "no image to train on of rare"
    assert folder(tmp_path, split="test").note == ""


def test_colour_after_a_grey_image_is_refused(tmp_path):
    picture_folder(tmp_path, classes=())
    assert folder(tmp_path).note == ""
    (tmp_path / "0000.png").write_bytes(png(pixels(0, (8, 8))))
    with pytest.raises(Refused, match=r"0000\.png is grey.*0001\.png is in colour: convert") as refusal:
        folder(tmp_path, split="test")
    assert "\n" not in str(refusal.value)


def test_links_are_followed_but_not_in_circles(tmp_path):
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
    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(Unreadable, match=f"{tmp_path} cannot be read: Permission denied"):
        folder(picture_folder(tmp_path))


def test_hidden_files_are_skipped(tmp_path):
    picture_folder(tmp_path)
    picture_folder(tmp_path / ".thumbnails", 5)
    (tmp_path / "cat" / "._0000.png").write_bytes(b"metadata of macOS")
    (tmp_path / "cat" / "folder.png").mkdir()
    source = folder(tmp_path)
    assert (source.classes, source.size + folder(tmp_path, split="test").size) == (2, 40)


def test_file_names_may_have_any_bytes(tmp_path):
    picture_folder(tmp_path)
    name = os.path.join(os.fsencode(tmp_path), b"cat", b"caf\xe9.png")
    Path(os.fsdecode(name)).write_bytes(png(pixels(999)))
    sources = [folder(tmp_path, split=split) for split in ("train", "test")]
    assert sum(source.size for source in sources) == 41
    Path(os.fsdecode(name)).write_bytes(b"no picture")
    with pytest.raises(Unreadable, match=r"caf\\udce9\.png .*it is no PNG") as refusal:
        [source.read(np.arange(source.size)) for source in sources]
    str(refusal.value).encode()


def test_different_pixels_have_different_fingerprints(tmp_path):
    for i in range(12):
        Image.new("L", (8, 8), 3).save(tmp_path / f"{i}.bmp")
    fingerprints = {folder(tmp_path).fingerprint for _ in range(2)}
    Image.new("L", (8, 8), 200).save(folder(tmp_path).read.files[2])
    assert len({*fingerprints, folder(tmp_path).fingerprint}) == 2


def test_the_fingerprint_of_many_images_reads_some_of_them(tmp_path, monkeypatch):
    picture_folder(tmp_path, 200, ())
    monkeypatch.setattr(listing, "HASHED", (50, 2**29))
    read = []
    hash_file = listing._hash_file
    monkeypatch.setattr(
        listing, "_hash_file", lambda digest, path: read.append(path) or hash_file(digest, path)
    )
    size = folder(tmp_path).size
    assert 40 < len(read) == -(-size // 4) <= 50
    monkeypatch.setattr(listing, "HASHED", (1000, sum(path.stat().st_size for path in read)))
    folder(tmp_path)
    assert len(set(read)) < 100 < size


def test_a_folder_without_classes_by_load(tmp_path):
    source = load(str(picture_folder(tmp_path, classes=())), size=4)
    assert (source.shape, source.classes) == ((4, 4, 3), 0)
    assert examples(source, 3).shape == (3, 4, 4, 3)


def test_images_of_many_sizes_are_cropped_to_the_middle(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = (255, 0, 0)  # the square in the middle
    (tmp_path / "a.png").write_bytes(png(wide))
    (tmp_path / "b.png").write_bytes(png(wide.transpose(1, 0, 2)))
    Image.fromarray(wide[..., 0]).save(tmp_path / "c.png")  # grey, after a colour image
    source = folder(tmp_path)
    x, _ = take_all(source)
    assert source.shape == (10, 10, 3)
    np.testing.assert_array_equal(x[:2], np.broadcast_to([1, -1, -1], (2, 10, 10, 3)))
    np.testing.assert_array_equal(x[2:], np.ones((1, 10, 10, 3)))


def test_shrinking_does_not_alias(tmp_path):
    """Stripes finer than a pixel become grey, which needs a filter that widens (Parmar et al., 2022)."""
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "a.png")
    x, _ = take_all(folder(tmp_path, size=8))
    assert abs(x).max() < 0.05


def test_refused(tmp_path):
    with pytest.raises(Refused, match="no images in"):
        folder(tmp_path)
    with pytest.raises(Refused, match="there is no folder"):
        folder(tmp_path / "nowhere")
    picture_folder(tmp_path, 2)
    with pytest.raises(Refused, match=r"has 2 images, and none of them is held out"):
        folder(tmp_path, split="test")
    with pytest.raises(Refused, match="no data set is called ''"):
        load("")
    (tmp_path / "loose.png").write_bytes(png(pixels(0)))
    with pytest.raises(Refused, match=r"both in subfolders.*loose\.png"):
        folder(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is no PNG"),
        (b"no picture at all", "it is no PNG"),
        (png(pixels(0))[:150], "truncated"),
        (png(np.zeros((8, 8), np.uint16)), "more than 8 bits"),
        (None, "No such file"),
    ],
)
def test_a_broken_file_is_named(content, reason, tmp_path):
    source = folder(picture_folder(tmp_path))
    path = tmp_path / "cat" / "0002.png"
    number = source.read.files.index(str(path))
    path.unlink() if content is None else path.write_bytes(content)
    message = rf"cat/0002\.png \(example {number}\) cannot be read: .*{reason}"
    with pytest.raises(Unreadable, match=message) as refusal:
        source.read(np.arange(source.size))
    assert "\n" not in str(refusal.value)
