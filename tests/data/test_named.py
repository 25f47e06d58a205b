"""Arrays of an .npz file by name: kinds, splits, and what is refused."""

from pathlib import Path

import jax
import numpy as np
import pytest

from jaxgan.data import load
from jaxgan.data.arrays.named import parse_names
from jaxgan.data.kind import Attributes, Image, Label, Mask, Points, Tokens
from jaxgan.data.source import conditions_for, labelled
from jaxgan.errors import Refused

EMOJI = Path(__file__).parents[3] / "shared" / "data" / "emoji_pairs.npz"
RANDOM = np.random.RandomState(0)
N = 40
WORDS = ["a red Cat!", "two cats", "keycap: *", "red"]
FILE = {
    "photo": RANDOM.randint(0, 256, (N, 8, 8, 3)).astype(np.uint8),
    "sketch": RANDOM.randint(0, 256, (N, 4, 4)).astype(np.uint8),
    "caption": np.array(WORDS * (N // 4)),
    "kind": np.array(["cat", "dog"] * (N // 2)),
    "traits": RANDOM.randint(0, 2, (N, 3)).astype(bool),
    "traits_names": np.array(["red", "round", "new"]),
    "hole": (RANDOM.randint(0, 2, (N, 8, 8)) * 255).astype(np.uint8),
    "scene": np.repeat(np.arange(N // 4), 4),
    "place": RANDOM.normal(size=(N, 2)).astype(np.float32),
}
NAMES = "x=photo,source=sketch,text=caption,label=kind,attributes=traits,mask=hole,place"


@pytest.fixture
def path(tmp_path):
    np.savez(tmp_path / "a.npz", **FILE)
    return tmp_path / "a.npz"


def numbers_of(source):
    """Which pictures of the file the examples are."""
    place = {picture.tobytes(): n for n, picture in enumerate(FILE["photo"])}
    return [place[picture.tobytes()] for picture in np.asarray(source.arrays["x"])]


def test_kinds_are_guessed_from_types_and_names(path):
    source = load(f"{path}:{NAMES}")
    vocabulary = ("", "<unknown>", "a", "cat", "cats", "keycap", "red", "two")
    assert {name: leaf.kind for name, leaf in source.leaves.items()} == {
        "x": Image(),
        "source": Image(),
        "text": Tokens(vocabulary),
        "label": Label(2),
        "attributes": Attributes(("red", "round", "new")),
        "mask": Mask(),
        "place": Points(),
    }
    assert {name: leaf.shape for name, leaf in source.leaves.items()} == {
        "x": (8, 8, 3),
        "source": (4, 4, 1),
        "text": (3,),
        "label": (),
        "attributes": (3,),
        "mask": (8, 8, 1),
        "place": (2,),
    }
    assert source.asks == ("source", "mask")
    assert source.held_out().leaves == source.leaves


def test_the_leaves_of_an_example_stay_together(path):
    for split, size in (("train", 36), ("test", 4)):
        source = load(f"{path}:{NAMES}", split=split)
        taken = jax.device_get(jax.jit(source.take)(source.arrays, jax.random.key(0), np.arange(size)))
        number = numbers_of(source)
        np.testing.assert_allclose(taken["source"][..., 0], FILE["sketch"][number] / 127.5 - 1, atol=1e-6)
        np.testing.assert_array_equal(taken["attributes"], FILE["traits"][number])
        np.testing.assert_array_equal(taken["mask"][..., 0], FILE["hole"][number] / 255)
        np.testing.assert_array_equal(taken["label"], FILE["kind"][number] == "dog")
        words = source.leaves["text"].kind.vocabulary
        texts = [" ".join(words[n] for n in row if n) for row in np.asarray(taken["text"])]
        plain = {"a red Cat!": "a red cat", "keycap: *": "keycap"}
        assert texts == [plain.get(text, text) for text in FILE["caption"][number].tolist()]


def test_one_name_stands_for_leaf_and_array(tmp_path):
    np.savez(tmp_path / "b.npz", x=FILE["photo"], source=FILE["photo"][:, ::-1])
    pair = load(f"{tmp_path}/b.npz:source")
    assert (sorted(pair.leaves), pair.size, pair.asks) == (["source", "x"], 36, ("source",))
    assert pair.fingerprint != load(f"{tmp_path}/b.npz").fingerprint
    asked = conditions_for(pair, pair.asks)(np.arange(4))
    np.testing.assert_array_equal(asked["source"], labelled(pair.held_out(), 4)["x"][:, ::-1])


def test_pictures_are_resized_together_and_keep_their_ratio(path):
    source = load(f"{path}:x=photo,source=sketch,mask=hole", size=4)
    shapes = {name: leaf.shape for name, leaf in source.leaves.items()}
    assert shapes == {"x": (4, 4, 3), "source": (2, 2, 1), "mask": (4, 4, 1)}
    taken = jax.device_get(jax.jit(source.take)(source.arrays, jax.random.key(0), np.arange(2)))
    assert {name: leaf.shape[1:] for name, leaf in taken.items()} == shapes
    assert set(np.unique(taken["mask"])) <= {0.0, 1.0}
    with pytest.raises(Refused, match="source 4 x 4 px cannot be resized as x is, from 8 to 5 px"):
        load(f"{path}:x=photo,source=sketch", size=5)


def test_arrays_of_their_own_are_held_out(tmp_path):
    both = {"x": FILE["photo"], "text": FILE["caption"]}
    test = {"x_test": FILE["photo"][:3], "text_test": np.array(["a blue cat in a hat", "red", "a"])}
    np.savez(tmp_path / "c.npz", **both, **test)
    train = load(f"{tmp_path}/c.npz:text")
    held_out = train.held_out()
    assert (train.size, held_out.size, train.leaves) == (40, 3, held_out.leaves)
    assert "blue" not in train.leaves["text"].kind.vocabulary  # words to train on alone
    assert np.asarray(held_out.arrays["text"])[0].tolist() == [2, 1, 3, 1, 2, 1]  # the longest text of both


def test_examples_of_one_group_are_in_one_split(path):
    train, test = (load(f"{path}:x=photo,group=scene", split=split) for split in ("train", "test"))
    assert (sorted(train.leaves), train.size + test.size) == (["x"], N)
    assert test.size == 4
    scenes = [set(FILE["scene"][numbers_of(source)]) for source in (train, test)]
    assert not scenes[0] & scenes[1]
    plain = [set(FILE["scene"][numbers_of(load(f"{path}:x=photo", split=s))]) for s in ("train", "test")]
    assert plain[0] & plain[1]  # the trap: a plain split puts variants on both sides


@pytest.mark.parametrize("sizes", [[1] * 30, [5, 5, 30], [39, 1], [1, 39], [2, 3, 5, 7, 11, 12]])
def test_at_least_a_tenth_is_held_out_in_whole_groups(tmp_path, sizes):
    group = np.repeat(np.arange(len(sizes)), sizes)
    x = np.arange(len(group), dtype=np.float32)[:, None]
    np.savez(tmp_path / "d.npz", x=x, group=group)
    train, test = (load(f"{tmp_path}/d.npz:group", split=split) for split in ("train", "test"))
    numbers = [np.asarray(source.arrays["x"])[:, 0].astype(int) for source in (train, test)]
    assert sorted(np.concatenate(numbers)) == list(range(len(group)))
    assert not set(group[numbers[0]]) & set(group[numbers[1]])
    assert test.size >= min(len(group) / 10, min(sizes))


def test_names_are_parsed():
    assert parse_names("text=words,label=y") == {"x": "x", "text": "words", "label": "y"}
    for wrong in ("", "x=a,", "=a", "index=a", "a b"):
        with pytest.raises(Refused, match="names no array: write LEAF=ARRAY"):
            parse_names(wrong)
    with pytest.raises(Refused, match="x is named twice, as a and as b"):
        parse_names("x=a,x=b")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("x=photos", r"there is no array 'photos' for x \(did you mean photo\?\), only photo, sketch, cap"),
        ("x=photo,text=few", "photo has 40 examples, but few has 2: each needs its pair"),
        ("x=photo,mask=small", "masks of 4 x 4 for pictures of 8 x 8 px: both must have the same size"),
        ("x=photo,mask=sketch", r"sketch uint8 \(40, 4, 4\) are no masks .* of 0 and 1, or of 0 and 255"),
        ("x=photo,attributes=place", r"place float32 \(40, 2\) are no attributes"),
        ("x=photo,attributes=odd", "odd_names has 3 names for the 2 attributes of odd"),
        ("x=photo,label=place", r"labels of x have the shape \(40, 2\)"),
        ("x=photo,text=mute", "there are no words in mute"),
        ("x=photo,source=bright", "bright has images from 0 to 1, not in"),
        ("x=photo,source=whole", "whole is int64: give images as uint8"),
        ("x=photo,group=photo", r"the groups are uint8 \(40, 8, 8, 3\)"),
        ("x=photo,group=same", "all examples are of one group"),
        (
            "x=half,source=photo",
            "there is an array half_test, but no photo_test: add it, or rename half_test",
        ),
        ("x=half,source=other", r"other is float64 \(2,\), but other_test float64 \(3,\)"),
        ("x=half,group=base", "the group 7 of base has examples both to train on and held out"),
        ("x=photo,photo=text=a", "there is no array 'text=a' for photo"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path, names, message):
    more = {
        "few": np.array(["a", "b"]),
        "small": np.ones((N, 4, 4), np.uint8),
        "odd": FILE["traits"][:, :2],
        "odd_names": FILE["traits_names"],
        "mute": np.array(["?"] * N),
        "bright": np.tile(np.linspace(0, 1, 64).reshape(1, 8, 8, 1), (N, 1, 1, 1)),
        "whole": np.zeros((N, 3), np.int64),
        "same": np.zeros(N, int),
        "half": FILE["photo"][:20],
        "half_test": FILE["photo"][20:],
        "other": np.zeros((20, 2)),
        "other_test": np.zeros((20, 3)),
        "base": np.arange(20),
        "base_test": np.arange(7, 27) * 2 % 26 + 7,
    }
    np.savez(tmp_path / "e.npz", **FILE, **more)
    with pytest.raises(Refused, match=message) as refusal:
        load(f"{tmp_path}/e.npz:{names}")
    assert "\n" not in str(refusal.value)


@pytest.mark.skipif(not EMOJI.is_file(), reason="the emoji pairs are not on this machine")
def test_emoji_of_two_vendors():
    source = load(f"{EMOJI}:x=twitter,source=google,label=category,text=text")
    assert (source.size, source.held_out().size, source.classes) == (3440, 346, 10)
    assert source.leaves["text"].shape == (11,)
