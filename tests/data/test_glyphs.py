from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline
from sklearn.neighbors import KNeighborsClassifier

from jaxgan.data import load
from jaxgan.data.glyphs import SEGMENTS, VARIANTS, _distance, _spline, _variant, glyphs
from jaxgan.data.source import PROCEDURAL
from jaxgan.errors import Refused

KEY = jax.random.key(0)
TAKE = {split: jax.jit(glyphs(split).take) for split in ("train", "test")}


@cache
def taken(split, start, count):
    drawn = TAKE[split](glyphs(split).arrays, KEY, jnp.arange(start, start + count))
    return np.asarray(drawn["x"]), np.asarray(drawn["label"])


def to_8x8(x):
    """The middle at 8x8, as scikit-learn's digits are: [N, 64]."""
    return x[:, 2:26, 2:26].reshape(-1, 8, 3, 8, 3).mean((2, 4)).reshape(-1, 64)


@pytest.mark.parametrize("split", ["train", "test"])
def test_glyphs(split):
    source = glyphs(split)
    x, label = taken(split, 0, 1000)
    assert (x.shape, x.dtype) == ((1000, *source.shape), np.float32)
    assert (x.min(), x.max()) == (-1, 1)
    np.testing.assert_array_equal(label, np.arange(1000) % source.classes)
    assert source.note == PROCEDURAL
    other = TAKE[split](source.arrays, jax.random.key(1), jnp.arange(1000))
    np.testing.assert_array_equal(x, other["x"])


def test_the_images_never_change():
    """Neither with the seed nor with the version."""
    ink = [(1 + taken(split, 0, 1000)[0][:, :, :, 0]).sum((1, 2))[[0, 1, 999]] / 2 for split in TAKE]
    np.testing.assert_allclose(ink, [[75.459, 76.762, 67.784], [137.016, 54.081, 130.518]], rtol=1e-3)


@pytest.mark.slow  # draws 60,000 images
def test_all_images_differ_and_no_digit_touches_the_border():
    distinct = set()
    for split in TAKE:
        source = glyphs(split)
        for number in np.arange(source.size).reshape(-1, 1000):
            x = np.asarray(TAKE[split](source.arrays, KEY, number)["x"])
            byte = np.round((x + 1) * 127.5).astype(np.uint8)
            assert not byte[:, [0, -1]].any()
            assert not byte[:, :, [0, -1]].any()
            distinct |= {image.tobytes() for image in byte}
    assert len(distinct) == 70_000


def test_a_classifier_generalises_to_the_held_out_digits():
    (x, label), (x_test, label_test) = taken("train", 0, 2000), taken("test", 0, 1000)
    classifier = KNeighborsClassifier(3).fit(x.reshape(2000, -1), label)
    assert classifier.score(x_test.reshape(1000, -1), label_test) > 0.95


def test_a_classifier_of_glyphs_generalises_to_real_digits():
    x, label = taken("train", 0, 2000)
    classifier = KNeighborsClassifier(3).fit(to_8x8(x), label)
    real = load("digits").arrays
    assert classifier.score(np.asarray(real["x"]).reshape(-1, 64), real["label"]) > 0.65


@pytest.mark.parametrize("points", [2, 3, 7])
def test_a_stroke_is_a_spline_through_its_points(points):
    corners = np.random.RandomState(points).normal(size=(points, 2))
    expected = CubicHermiteSpline(np.arange(points), corners, np.gradient(corners, axis=0))
    np.testing.assert_allclose(
        _spline(points, 30) @ corners, expected(np.linspace(0, points - 1, 31)), atol=1e-12
    )


@pytest.mark.parametrize("text", [text for digit in VARIANTS for text in digit])
def test_a_variant_has_the_ends_of_its_strokes(text):
    points, ends = _variant(text)
    assert ends.shape == (2, SEGMENTS, len(points))
    start, end = ends @ points
    lifted = np.flatnonzero(abs(start[1:] - end[:-1]).max(1) > 1e-9) + 1
    strokes = [[tuple(map(int, point.split(","))) for point in stroke.split()] for stroke in text.split("/")]
    gaps = [i for i in range(1, len(strokes)) if strokes[i][0] != strokes[i - 1][-1]]
    assert len(lifted) == len(gaps)
    np.testing.assert_allclose(start[0] * 100, strokes[0][0])
    np.testing.assert_allclose(end[-1] * 100, strokes[-1][-1])
    np.testing.assert_allclose(start[lifted] * 100, [strokes[i][0] for i in gaps] or np.empty((0, 2)))


def test_distance_is_that_to_the_nearest_of_many_points_on_the_segments():
    x, y = np.random.RandomState(0).uniform(-14, 14, (2, 2, SEGMENTS)).astype(np.float32)
    x[1, 3], y[1, 3] = x[0, 3], y[0, 3]  # a segment of length 0
    t = np.linspace(0, 1, 1000)[:, None]
    dots = np.stack([z[0] + t * (z[1] - z[0]) for z in (x, y)], axis=-1).reshape(-1, 2)
    down, right = np.mgrid[:28, :28] - 13.5
    expected = np.sqrt(((right[..., None] - dots[:, 0]) ** 2 + (down[..., None] - dots[:, 1]) ** 2).min(-1))
    np.testing.assert_allclose(_distance(jnp.asarray(x), jnp.asarray(y)), expected, atol=0.02)


def test_refused():
    with pytest.raises(Refused, match="splits"):
        glyphs("valid")
