"""The conditions of --given on the command line."""

import numpy as np
import pytest
from PIL import Image as Picture

from jaxgan.data.kind import Attributes, Leaf, Mask, Tokens, image, label
from jaxgan.errors import Refused
from jaxgan.run.given import read_given

LEAVES = {
    "label": label(10),
    "source": image(4, 4, 1),
    "text": Leaf((3,), Tokens(("a", "b", "c"), ""), np.int32),
}


@pytest.fixture
def folder(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, grey in enumerate((0, 255)):
        Picture.new("L", (8, 8), grey).save(pictures / f"{number}.png")
    (pictures / "notes.md").write_text("no picture")
    (tmp_path / "words.txt").write_text("abc\ncab\n")
    np.savez(tmp_path / "own.npz", source=np.zeros((5, 4, 4, 1), np.uint8), label=np.arange(5), other=1)
    np.savez(tmp_path / "none.npz", other=np.zeros(3))
    np.savez(tmp_path / "small.npz", source=np.zeros((5, 3, 3, 1), np.float32))
    return tmp_path


def test_labels_pictures_texts_and_npz_files_can_be_given(folder):
    assert read_given(["label=7"], LEAVES)["label"].tolist() == [7]
    pictures = read_given([str(folder / "pictures")], LEAVES)["source"]
    assert pictures.shape == (2, 4, 4, 1)
    assert (pictures.min(axis=(1, 2, 3)).tolist(), pictures.dtype) == ([-1, 1], np.float32)
    assert read_given([f"text={folder / 'words.txt'}"], LEAVES)["text"].tolist() == [[0, 1, 2], [2, 0, 1]]
    npz = read_given([str(folder / "own.npz"), "label=2"], LEAVES)
    assert (npz["label"].tolist(), npz["source"].min(), sorted(npz)) == ([2], -1, ["label", "source"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("label=10", "labels are from 0 to 9"),
        ("label=three", "labels are from 0 to 9"),
        ("source=3", "there is no file 3"),
        ("colour=3", "the generator takes no colour, only label, source, text"),
        ("nowhere", "there is no such file; for a label write label=3"),
        ("{}/none.npz", "has none of the conditions of the generator: label, source, text"),
        ("{}/small.npz", r"source has the shape \[5, 3, 3, 1\], but the generator takes \['n', 4, 4, 1\]"),
        ("{}/pictures/notes.md", "no condition can be read from it; give an .npz of arrays"),
        ("text={}/long.txt", "line 1: 4 words, but the generator takes 3"),
        ("text={}/other.txt", "line 2: 'd' is not in the vocabulary"),
    ],
)
def test_conditions_that_cannot_be_read_are_refused_in_one_line(folder, given, message):
    (folder / "long.txt").write_text("abca")
    (folder / "other.txt").write_text("abc\nabd")
    with pytest.raises(Refused, match=message):
        read_given([given.format(folder)], LEAVES)


def test_a_file_for_two_leaves_of_a_kind_needs_the_name_of_one(folder):
    two = {"source": image(4, 4, 1), "mask": image(4, 4, 1)}
    with pytest.raises(Refused, match="say which of source, mask it is, as in source="):
        read_given([str(folder / "pictures")], two)
    assert list(read_given([f"mask={folder / 'pictures'}"], two)) == ["mask"]


def test_a_generator_without_conditions_takes_none():
    with pytest.raises(Refused, match="this generator takes no conditions"):
        read_given(["label=3"], {})


WORDS = Tokens(("", "<unknown>", "cat", "red", "two"))
DESCRIBED = {
    "text": Leaf((3,), WORDS, np.int32),
    "attributes": Leaf((3,), Attributes(("Male", "Smiling", "Young"))),
    "mask": Leaf((4, 4, 1), Mask()),
}


def test_words_are_filled_up_and_may_stand_on_the_command_line(tmp_path):
    assert read_given(["text=Red cat!"], DESCRIBED)["text"].tolist() == [[3, 2, 0]]
    (tmp_path / "lines.txt").write_text("two red, red\ncat\n\n")
    given = read_given([f"text={tmp_path / 'lines.txt'}"], DESCRIBED)["text"]
    assert (given.tolist(), given.dtype) == ([[4, 3, 3], [2, 0, 0], [0, 0, 0]], np.int32)


def test_attributes_are_named_or_numbered(tmp_path):
    given = read_given(["attributes=Young,Male"], DESCRIBED)["attributes"]
    assert (given.tolist(), given.dtype) == ([[1, 0, 1]], np.float32)
    assert read_given(["attributes=1,-1,0"], DESCRIBED)["attributes"].tolist() == [[1, 0, 0]]
    assert read_given(["attributes="], DESCRIBED)["attributes"].tolist() == [[0, 0, 0]]
    (tmp_path / "rows.csv").write_text("0,1,0\nSmiling, Young\n")
    given = read_given([f"attributes={tmp_path / 'rows.csv'}"], DESCRIBED)["attributes"]
    assert given.tolist() == [[0, 1, 0], [0, 1, 1]]


def test_masks_are_white_in_the_hole(folder):
    given = read_given([f"mask={folder / 'pictures'}"], DESCRIBED)["mask"]
    assert given.min(axis=(1, 2, 3)).tolist() == given.max(axis=(1, 2, 3)).tolist() == [0, 1]
    np.savez(folder / "masks.npz", mask=np.array([0, 255], np.uint8).repeat(16).reshape(2, 4, 4, 1))
    np.testing.assert_array_equal(read_given([str(folder / "masks.npz")], DESCRIBED)["mask"], given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("text=two rad cats", "--given text=two rad cats: 'rad', 'cats' are not in the vocabulary$"),
        ("text=reds", r"'reds' is not in the vocabulary \(did you mean red\?\)$"),
        ("text=two two two two", r"text has the shape \[1, 4\], but the generator takes \['n', 3\]"),
        ("attributes=0,1", "--given attributes=0,1: 2 attributes, but the generator takes 3"),
        (
            "attributes=Smilling",
            r"no attribute Smilling \(did you mean Smiling\?\), only Male, Smiling, Young",
        ),
        ("text={}/long.txt", "line 2: 4 words, but the generator takes 3"),
        ("attributes={}/short.csv", "short.csv, line 2: 1 attributes, but the generator takes 3"),
    ],
)
def test_words_and_attributes_that_do_not_fit_are_refused_in_one_line(tmp_path, given, message):
    (tmp_path / "long.txt").write_text("red\nred red red red\n")
    (tmp_path / "short.csv").write_text("1,0,0\n1\n")
    with pytest.raises(Refused, match=message) as refusal:
        read_given([given.format(tmp_path)], DESCRIBED)
    assert "\n" not in str(refusal.value)
