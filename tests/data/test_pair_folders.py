"""Pairs of pictures in folders: two folders, side by side in one file, words and attributes beside them."""

import pickle

import jax
import numpy as np
import pytest
from PIL import Image as Picture

from jaxgan.data import load
from jaxgan.data.kind import Attributes, Image, Mask, Tokens
from jaxgan.data.pairs import side_by_side, two_folders, unpaired
from jaxgan.data.source import batch
from jaxgan.errors import Refused, Unreadable
from jaxgan.folder.settings import Settings
from jaxgan.run.feed import make_feed
from jaxgan.run.options import absolute

COUNT = 30


def write(path, grey, size=(8, 8), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.new(mode, size, grey if mode == "L" else (grey, 0, 0)).save(path)


@pytest.fixture
def folders(tmp_path):
    """Pairs whose source is twice as dark, and half as large, as x."""
    for i in range(COUNT):
        write(tmp_path / "x" / f"{i:02d}.png", 8 * i, mode="RGB")
        write(tmp_path / "source" / f"{i:02d}.bmp", 4 * i, (4, 4))
    return tmp_path


def everything(source):
    read = pickle.loads(pickle.dumps(source.read))(np.arange(source.size))
    return {name: np.asarray(leaf) for name, leaf in source.take(read, None, None).items()}


def levels(x):
    return np.round((x[:, 0, 0, 0] + 1) * 127.5).astype(int)


def test_pictures_are_matched_by_name_whatever_their_format(folders):
    pair = load(f"pairs:{folders}")
    assert {name: leaf.shape for name, leaf in pair.leaves.items()} == {"x": (8, 8, 3), "source": (4, 4, 1)}
    assert (pair.size + pair.held_out().size, pair.asks) == (COUNT, ("source",))
    seen = []
    for source in (pair, pair.held_out()):
        taken = everything(source)
        np.testing.assert_array_equal(levels(taken["x"]), 2 * levels(taken["source"]))
        seen += levels(taken["x"]).tolist()
    assert sorted(seen) == [8 * i for i in range(COUNT)]
    larger = load(f"pairs:{folders}", size=16)
    assert (larger.shape, larger.leaves["source"].shape) == ((16, 16, 3), (8, 8, 1))
    assert two_folders(folders / "source", folders / "x").fingerprint == pair.fingerprint


def test_the_split_of_pairs_is_fixed_by_their_names(folders):
    held_out = set(levels(everything(load(f"pairs:{folders}", split="test"))["x"]))
    write(folders / "x" / "new.png", 255, mode="RGB")
    write(folders / "source" / "new.png", 127, (4, 4))
    assert held_out <= set(levels(everything(load(f"pairs:{folders}", split="test"))["x"]))


def test_pairs_are_the_same_streamed_and_in_memory(folders):
    pair, key = load(f"pairs:{folders}"), jax.random.key(0)
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    batches = []
    for megabytes in (512, 0):
        feed = make_feed(pair, (1, 6), Settings(memory=megabytes))(place, place)
        batches.append(batch(pair, (1, 6), feed.at(key, 7), key, 7))
    jax.tree.map(np.testing.assert_array_equal, *batches)
    np.testing.assert_array_equal(
        levels(np.asarray(batches[0]["x"][0])), 2 * levels(np.asarray(batches[0]["source"][0]))
    )


def test_a_and_b_are_source_and_x_and_may_have_split_folders(tmp_path):
    for split, count in (("train", 5), ("val", 2)):
        for i in range(count):  # the same names in both splits
            write(tmp_path / "A" / split / f"{i}.png", 10 * i)
            write(tmp_path / "B" / split / f"{i}.png", 10 * i + 1 + (split == "val"))
    pair = load(f"pairs:{tmp_path}")
    train, test = everything(pair), everything(pair.held_out())
    assert (levels(train["x"]) - levels(train["source"])).tolist() == [1] * 5
    assert (levels(test["x"]) - levels(test["source"])).tolist() == [2] * 2


def test_masks_are_one_in_the_white_hole(tmp_path):
    for i in range(COUNT):
        write(tmp_path / "x" / f"{i}.png", i)
        write(tmp_path / "mask" / f"{i}.png", 255 * (i % 2))
    pair = load(f"pairs:{tmp_path}")
    assert (pair.leaves["mask"].kind, pair.asks) == (Mask(), ("mask",))
    taken = everything(pair)
    assert taken["mask"].dtype == np.float32
    np.testing.assert_array_equal(taken["mask"][:, 0, 0, 0], levels(taken["x"]) % 2)


def test_two_pictures_side_by_side_are_source_and_x(tmp_path):
    for i in range(COUNT):
        both = np.full((8, 16), 4 * i, np.uint8)
        both[:, 8:] = 8 * i
        Picture.fromarray(both).save(tmp_path / f"{i}.png")
    pair = load(f"sides:{tmp_path}")
    assert {name: leaf.shape for name, leaf in pair.leaves.items()} == {"x": (8, 8, 1), "source": (8, 8, 1)}
    for source in (pair, pair.held_out(), load(f"sides:{tmp_path}", size=4)):
        taken = everything(source)
        np.testing.assert_array_equal(levels(taken["x"]), 2 * levels(taken["source"]))
        assert (taken["x"] == taken["x"][:, :1, :1]).all()  # nothing of the other half
    assert side_by_side(tmp_path).fingerprint == pair.fingerprint
    other_way = load(f"swapped:sides:{tmp_path}")
    assert (other_way.asks, other_way.held_out().asks) == (("source",), ("source",))
    assert other_way.fingerprint != pair.fingerprint
    for source in (other_way, other_way.held_out()):
        taken = everything(source)
        np.testing.assert_array_equal(levels(taken["source"]), 2 * levels(taken["x"]))


def test_variants_of_one_thing_are_in_one_split(tmp_path):
    for i in range(40):
        for view in ("left", "right"):
            for leaf in ("x", "source"):
                write(tmp_path / leaf / f"{i:02d}_{view}.png", i)

    def things(name):
        return [
            {file.split("/")[-1].split("_")[0] for file in load(name, split=split).read.files[leaf]}
            for split in ("train", "test")
            for leaf in ("x",)
        ]

    train, test = things(f"pairs:{tmp_path}:group=_")
    assert not train & test
    assert len(train | test) == 40
    train, test = things(f"pairs:{tmp_path}")
    assert train & test  # the trap: by the whole name, variants are on both sides
    plain = [set(load(f"{tmp_path}/x:group=_", split=split).read.files) for split in ("train", "test")]
    names = [{file.split("/")[-1][:2] for file in files} for files in plain]
    assert not names[0] & names[1]


def test_things_in_folders_of_both_splits_are_refused(tmp_path):
    for name in ("train/cat_1", "train/dog_1", "test/cat_2"):
        write(tmp_path / f"{name}.png", 0)
    load(str(tmp_path))
    with pytest.raises(Refused, match=r"cat_2\.png is held out, but shows the same as .*cat_1\.png: move it"):
        load(f"{tmp_path}:group=_")


def test_two_unrelated_folders_are_unpaired(folders):
    two = unpaired(load(str(folders / "x")), load(str(folders / "source")))
    assert (two.leaves["x"].shape, two.leaves["other"].shape, two.asks) == ((8, 8, 3), (4, 4, 1), ())
    read = two.read(np.arange(4))
    taken = two.take(read, jax.random.key(0), np.arange(4, dtype=np.uint32))
    assert (taken["x"].shape, taken["other"].shape) == ((4, 8, 8, 3), (4, 4, 4, 1))


@pytest.mark.parametrize("name", ["captions.txt", "captions.csv", "each"])
def test_words_beside_pictures(folders, name):
    words = {f"{i:02d}": f"A picture, number {i}" for i in range(COUNT)}
    if name == "each":
        for stem, text in words.items():
            (folders / "x" / f"{stem}.txt").write_text(text)
    elif name == "captions.txt":
        lines = [f"{stem}.png\t{text}" for stem, text in words.items()]
        (folders / "x" / name).write_text("\n".join([*lines, "", "gone.png\tnothing"]))
    else:
        lines = [f'{stem}.png,"{text}"' for stem, text in words.items()]
        (folders / "x" / name).write_text("\n".join(["file,words", *lines]))
    for data in (f"pairs:{folders}", str(folders / "x")):
        source = load(data)
        kind = source.leaves["text"].kind
        assert (kind.vocabulary[:2], source.leaves["text"].shape) == (("", "<unknown>"), (4,))
        taken = everything(source)
        for grey, row in zip(levels(taken["x"]), taken["text"], strict=True):
            assert [kind.vocabulary[n] for n in row] == ["a", "picture", "number", str(grey // 8)]
        assert source.held_out().leaves == source.leaves
        held_out = everything(source.held_out())
        numbers = {kind.vocabulary[row[3]] for row in held_out["text"]}
        assert numbers == {"<unknown>"}  # the words of the held-out pictures alone are not known
        assert source.asks == (("source",) if data.startswith("pairs:") else ())


@pytest.mark.parametrize("each", [False, True])
def test_a_picture_of_several_texts_is_an_example_with_each(folders, each):
    texts = {i: [f"view {k} of {i}" for k in range(1 + i % 3)] for i in range(COUNT)}
    if each:
        for i, of in texts.items():
            (folders / "x" / f"{i:02d}.txt").write_text("\n\n".join(of))
    else:
        lines = [f"{i:02d}.png,{text}" for i, of in texts.items() for text in of]
        (folders / "x" / "captions.txt").write_text("\n".join(["image,caption", *lines]))
    for data in (f"pairs:{folders}", str(folders / "x")):
        source = load(data)
        for of, most in ((source, 3), (source.held_out(), 1)):
            words, taken = of.leaves["text"].kind.vocabulary, everything(of)
            pictures = [int(grey) // 8 for grey in levels(taken["x"])]
            ours = [(i, int(words[row[1]])) for i, row in zip(pictures, taken["text"], strict=True)]
            expected = [(i, k) for k in range(most) for i in sorted(set(pictures)) if k <= i % 3]
            assert sorted(ours) == sorted(expected)
            assert [k for _, k in ours] == sorted(k for _, k in ours)  # all pictures come first
            if of is source:
                assert [words[row[3]] for row in taken["text"]] == [str(i) for i in pictures]
        if data.startswith("pairs:"):
            assert len(levels(taken["source"])) == len(pictures)
    assert not set(pictures) & {int(grey) // 8 for grey in levels(everything(source)["x"])}


def test_attributes_beside_pictures(folders):
    rows = [f"{i:02d}.png,{i % 2},{1 if i < 15 else -1}" for i in range(COUNT)]
    (folders / "x" / "attributes.csv").write_text("\n".join(["file,Odd,Dark", *rows]))
    pair = load(f"pairs:{folders}")
    assert pair.leaves["attributes"].kind == Attributes(("Odd", "Dark"))
    taken = everything(pair)
    number = levels(taken["x"]) // 8
    np.testing.assert_array_equal(taken["attributes"], np.stack([number % 2, number < 15], axis=1))
    fingerprint = pair.fingerprint
    (folders / "x" / "attributes.csv").write_text("\n".join(["file,Odd,Dark", *rows]).replace(",1,1", ",0,1"))
    assert load(f"pairs:{folders}").fingerprint != fingerprint


def test_the_attributes_of_celeba_are_read_as_they_are_published(folders):
    rows = [f"{i:02d}.png  {2 * (i % 2) - 1}  1" if i % 2 else f"{i:02d}.png -1 -1" for i in range(COUNT)]
    (folders / "x" / "list_attr_celeba.txt").write_text("\n".join([f"{COUNT}", "Odd Also_Odd ", *rows, ""]))
    pair = load(f"pairs:{folders}")
    assert pair.leaves["attributes"].kind == Attributes(("Odd", "Also_Odd"))
    taken = everything(pair)
    np.testing.assert_array_equal(taken["attributes"], (levels(taken["x"])[:, None] // 8 % 2).repeat(2, 1))


def test_words_of_each_split_are_in_its_folder(tmp_path):
    for split in ("train", "test"):
        for i in range(3):
            write(tmp_path / split / "cat" / f"{i}.png", i)
        lines = [f"cat/{i}.png,{split} cat {i}" for i in range(3)]
        (tmp_path / split / "captions.txt").write_text("\n".join(lines))
    source = load(str(tmp_path))
    words = source.leaves["text"].kind.vocabulary
    assert words == ("", "<unknown>", "0", "1", "2", "cat", "train")
    text, held_out = (everything(of)["text"] for of in (source, source.held_out()))
    assert [[words[n] for n in row] for row in text] == [["train", "cat", str(i)] for i in range(3)]
    assert [[words[n] for n in row] for row in held_out] == [["<unknown>", "cat", str(i)] for i in range(3)]
    assert isinstance(source.leaves["text"].kind, Tokens)
    assert source.classes == 1


BAD = [
    (
        "pairs:{}",
        lambda r: (r / "x/07.png").unlink(),
        r"source/07\.bmp has no picture of its name in .*/x: add",
    ),
    (
        "pairs:{}",
        lambda r: (r / "source/07.bmp").unlink(),
        r"x/07\.png has no picture of its name in .*/source",
    ),
    (
        "pairs:{}",
        lambda r: write(r / "source/07.bmp", 0, (5, 4)),
        r"07\.png is 8 x 8 px and .*07\.bmp 5 x 4 px, but it must have 2 times the size of its pair",
    ),
    (
        "pairs:{}",
        lambda r: write(r / "x/07.jpg", 0),
        r"07\.png and .*07\.jpg have one name: keep one of them",
    ),
    ("pairs:{}", lambda r: write(r / "mask/07.png", 0), r"00\.png has no .* in .*/mask \(nor have 28 more\)"),
    (
        "pairs:{}",
        lambda r: [write(r / f"mask/{i:02d}.png", 0, (4, 4)) for i in range(COUNT)],
        "there are masks of 4 px for pictures of 8 px: both must have the same size",
    ),
    ("pairs:{}", lambda r: (r / "x").rename(r / "y"), "needs the subfolders source and x, or A and B"),
    ("pairs:{}/nowhere", lambda r: None, "there is no folder"),
    ("sides:{}/nowhere", lambda r: None, "there is no folder"),
    ("swapped:{}/x", lambda r: None, "only pairs can be swapped, and these examples have no leaf 'source'"),
    (
        "sides:{}/x",
        lambda r: write(r / "x/00.png", 0, (7, 4)),
        "7 px wide: two pictures side by side are even",
    ),
    (
        "{}/x",
        lambda r: (r / "x/captions.txt").write_text("00.png,a"),
        r"01\.png has no line in .*captions\.txt",
    ),
    (
        "{}/x",
        lambda r: (r / "x/captions.txt").write_text("00.png"),
        r"captions\.txt, line 1: a picture's file",
    ),
    (
        "{}/x",
        lambda r: (r / "x/attributes.csv").write_text("file,big\n00.png,1\n00.png,0"),
        r"line 3: 00\.png has a line before",
    ),
    (
        "{}/x",
        lambda r: (r / "x/07.txt").write_text("seven"),
        r"00\.png has no words beside it, and others have",
    ),
    (
        "{}/x",
        lambda r: (r / "x/attributes.csv").write_text("file,A,B\n00.png,1,0\n01.png,1"),
        r"attributes\.csv, line 3: 1 values, but the header names 2",
    ),
    (
        "{}/x",
        lambda r: (r / "x/attributes.csv").write_text("file,A,B\n00.png,1,yes"),
        r"attributes\.csv, line 2: 'yes' is neither 1 nor 0 or -1",
    ),
    (
        "{}/x",
        lambda r: (r / "x/list_attr_celeba.txt").write_text("2\nA B\n00.png 1 -1\n01.png 1"),
        r"list_attr_celeba\.txt, line 4: 1 values, but the header names 2",
    ),
    (
        "{}/x",
        lambda r: (r / "x/list_attr_celeba.txt").write_text("A B\n00.png 1 -1"),
        "line 1: CelebA's list begins with the number of pictures, not 'A B'",
    ),
]


@pytest.mark.parametrize(("data", "change", "message"), BAD)
def test_pairs_that_do_not_match_are_refused_in_one_line(folders, data, change, message):
    change(folders)
    with pytest.raises(Refused, match=message) as refusal:
        load(data.format(folders))
    assert "\n" not in str(refusal.value)


def test_sizes_that_do_not_divide_are_refused(folders):
    with pytest.raises(Refused, match="the size 7 is not 2 times a whole number, as x is of source"):
        load(f"pairs:{folders}", size=7)


def test_a_damaged_picture_of_a_pair_is_named(folders):
    pair = load(f"pairs:{folders}")
    (folders / "source" / "12.bmp").write_bytes(b"no picture")
    with pytest.raises(Unreadable, match=r"source/12\.bmp \(example \d+\) cannot be read: it is no PNG"):
        everything(pair)
    assert pair.leaves["x"].kind == Image()


def test_the_path_of_pairs_is_made_absolute(folders, monkeypatch):
    np.savez(folders / "a.npz", x=np.zeros((3, 2)))
    monkeypatch.chdir(folders.parent)
    home = folders.name
    for before, path, after in (
        ("pairs:", home, ""),
        ("mirrored:pairs:", home, ":group=_"),
        ("swapped:sides:", f"{home}/x", ""),
        ("", f"{home}/x", ":group=_"),
        ("", f"{home}/a.npz", ":x=x"),
    ):
        assert absolute(f"{before}{path}{after}") == f"{before}{folders.parent}/{path}{after}"
    assert absolute("pairs:nowhere") == "pairs:nowhere"
    assert load(f"mirrored:pairs:{home}:group=_").shape == (8, 8, 3)
