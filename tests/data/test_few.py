"""Few examples of each class: which ones, how many, and what stays as it is."""

import sys

import jax
import numpy as np
import pytest
from support import png

import jaxgan as jg
from jaxgan.data.folder import folder
from jaxgan.data.source import Source, labelled


def rows(source):
    everything = labelled(source, source.size)
    return {x.tobytes(): int(k) for x, k in zip(everything["x"], everything["label"], strict=True)}


def unequal():
    """40, 15 and 5 examples of three classes, told apart by their first number."""
    x = np.arange(60, dtype=np.float32)[:, None] * np.ones((60, 2), np.float32)
    return jg.data.arrays.arrays(x, np.repeat([0, 1, 2], [40, 15, 5]))


def test_examples_are_those_of_the_source_with_their_labels():
    digits = jg.load("digits")
    some, everything = rows(jg.data.few(digits, 7)), rows(digits)
    assert len(some) == 70
    assert all(everything[x] == label for x, label in some.items())


def test_fewer_are_a_part_of_more():
    digits = jg.load("digits")
    assert rows(jg.data.few(digits, 5)).keys() < rows(jg.data.few(digits, 9)).keys()


def test_no_example_is_held_out_and_held_out_ones_stay():
    digits = jg.data.few(jg.load("digits"), 20)
    assert rows(digits).keys().isdisjoint(rows(digits.held_out()))
    assert digits.held_out().size == 297


def test_all_of_the_rarest_class_are_found():
    some = jg.data.few(unequal(), 5)
    assert np.bincount(labelled(some, 15)["label"]).tolist() == [5, 5, 5]
    assert {x for x, k in rows(some).items() if k == 2} == {x for x, k in rows(unequal()).items() if k == 2}


def test_a_batch_has_the_same_examples_in_memory_as_one_by_one():
    some = jg.data.few(unequal(), 5)
    batch = jg.data.batch(some, (15,), some.arrays, jax.random.key(3), 0)
    assert sorted(np.asarray(batch["x"])[:, 0]) == sorted(labelled(some, 15)["x"][:, 0])


def test_files_are_read_no_longer_than_needed(tmp_path, monkeypatch):
    for k, name in enumerate("ab"):
        (tmp_path / "train" / name).mkdir(parents=True)
        for i in range(40):
            (tmp_path / "train" / name / f"{i}.png").write_bytes(png(np.full((4, 4), 40 * k + i, np.uint8)))
    source = folder(tmp_path)
    asked = []

    def read(number):
        asked.extend(number.tolist())
        return source.read(number)

    monkeypatch.setattr(sys.modules["jaxgan.data.few"], "READ", 16)
    some = jg.data.few(source._replace(read=read), 2)
    assert some.size == 4
    assert some.read is None
    assert len(set(asked)) <= 32


def test_the_fingerprint_says_how_many():
    prints = {jg.data.few(unequal(), n).fingerprint for n in (2, 3)} | {unequal().fingerprint}
    assert len(prints) == 3
    assert jg.data.few(unequal(), 2).note.endswith("2 examples per class")


@pytest.mark.parametrize(
    ("source", "per_class", "message"),
    [
        (unequal, 6, "class 2 has 5 examples to train on, fewer than 6 per class: take fewer"),
        (unequal, 0, "few needs per_class=1 or more examples of each class, not 0"),
        (lambda: jg.load("spiral"), 5, "few takes examples of each class, and these have no labels"),
    ],
)
def test_refused_in_one_line(source, per_class, message):
    with pytest.raises(jg.Refused, match=message):
        jg.data.few(source(), per_class)


def test_examples_without_end_are_refused():
    endless: Source = unequal()._replace(size=None)
    with pytest.raises(jg.Refused, match="drawn anew without end"):
        jg.data.few(endless, 2)
