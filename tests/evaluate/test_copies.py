"""The picture of nearest neighbours: planted copies come first, beside their originals."""

import numpy as np

from jaxgan.data import load
from jaxgan.data.source import examples
from jaxgan.evaluate.extractor import raw
from jaxgan.evaluate.panel import copies


def test_copies_come_first_beside_their_originals():
    digits = load("digits")
    train = examples(digits, 100)
    x = np.random.RandomState(0).uniform(size=(50, *digits.shape)).astype(np.float32)
    x[[7, 30]] = train[[60, 3]]
    rows = copies(lambda count, start: x[start : start + count], digits, raw(), 100)
    assert rows.shape == (8, 4, *digits.shape)
    np.testing.assert_array_equal(rows[:2, 0], x[[7, 30]])
    np.testing.assert_array_equal(rows[:2, 1], rows[:2, 0])
    assert all(np.square(row[0] - row[1]).sum() > 0 for row in rows[2:])
    distances = np.square(rows - rows[:, :1]).sum(axis=(2, 3, 4))
    assert (np.diff(distances[:, 1:]) >= 0).all()
    assert (np.diff(distances[:, 1]) >= 0).all()


def test_with_two_training_examples_both_are_shown():
    digits = load("digits")
    two = digits._replace(size=2, arrays={name: x[:2] for name, x in digits.arrays.items()})
    rows = copies(lambda count, start: examples(digits, 50)[:count], two, raw(), 10)
    assert rows.shape == (8, 3, *digits.shape)
