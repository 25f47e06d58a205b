"""Words beside shapes: what a text says is what its picture shows, in both splits."""

import numpy as np

from jaxgan.data import labelled, load
from jaxgan.data.shapes import COLOURS, FACTORS, SHAPES, describe, measure

SOURCE = load("described_shapes")
HELD_OUT = labelled(SOURCE.held_out(), 200)


def texts(ids):
    vocabulary = SOURCE.leaves["text"].kind.vocabulary
    return [" ".join(vocabulary[n] for n in row if n) for row in ids]


def test_a_text_says_what_its_picture_shows():
    assert texts(HELD_OUT["text"]) == describe(measure(HELD_OUT["x"]))
    assert all(SHAPES[n] in text for n, text in zip(HELD_OUT["label"], texts(HELD_OUT["text"]), strict=True))


def test_texts_name_every_factor_but_the_angle():
    counts = [np.arange(n) for n in FACTORS.values()]
    every = dict(zip(FACTORS, (axis.ravel() for axis in np.meshgrid(*counts, indexing="ij")), strict=True))
    said = describe({name: values[::7] for name, values in every.items()})  # 7 divides none of the counts
    assert len(set(said)) == len(SHAPES) * len(COLOURS) * 27
    one = describe({name: np.array([value]) for name, value in zip(FACTORS, (4, 0, 1, 3, 7, 2), strict=True)})
    assert one == ["a small red star at the top right"]


def test_places_are_where_they_are_said_to_be():
    ink = np.abs(HELD_OUT["x"] - HELD_OUT["x"][:, :1, :1]).sum(-1)
    right = (ink.sum(1) * np.arange(32)).sum(1) / ink.sum((1, 2)) > 15.5
    low = (ink.sum(2) * np.arange(32)).sum(1) / ink.sum((1, 2)) > 15.5
    for n, text in enumerate(texts(HELD_OUT["text"])):
        words = text.split()
        assert not (right[n] and "left" in words)
        assert not (not right[n] and "right" in words)
        assert not (low[n] and "top" in words)
        assert not (not low[n] and "bottom" in words)


def test_the_pictures_are_those_of_shapes():
    plain = labelled(load("shapes").held_out(), 200)
    np.testing.assert_array_equal(plain["x"], HELD_OUT["x"])
    assert load("described_shapes", 16).leaves["text"] == SOURCE.leaves["text"]
