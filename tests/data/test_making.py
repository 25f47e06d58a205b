"""Pictures made of pictures: grey, low resolution, noise, and holes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image as Picture

from jaxgan.data.arrays import arrays
from jaxgan.data.digits import digits
from jaxgan.data.kind import Image, Mask
from jaxgan.data.mirror import mirrored
from jaxgan.data.mixtures import ring
from jaxgan.data.pairs import boxes, centre_hole, grey, low_resolution, masked, noisy, paired, strokes
from jaxgan.data.shapes import shapes
from jaxgan.data.source import arrays_for, labelled
from jaxgan.errors import Refused

KEY = jax.random.key(0)
RANDOM = np.random.RandomState(0)
COLOUR = RANDOM.randint(0, 256, (24, 16, 3)).astype(np.uint8)
DIGITS = digits("test")


def scaled(pixels):
    return pixels.astype(np.float32) / 127.5 - 1


def levels(x):
    return (np.asarray(x, np.float64) + 1) * 127.5


def test_grey_is_pillows_up_to_rounding():
    expected = np.asarray(Picture.fromarray(COLOUR).convert("L"), np.float64)
    assert abs(levels(grey(scaled(COLOUR)))[..., 0] - expected).max() <= 0.51  # half a level, and 16 bits
    with pytest.raises(
        Refused, match=r"grey needs pictures in colour \[H, W, 3\], and these are \(8, 8, 1\)"
    ):
        paired(DIGITS, grey)


@pytest.mark.parametrize(("method", "factor"), [("area", 2), ("area", 4), ("bicubic", 2), ("bicubic", 4)])
def test_low_resolution_is_pillows(method, factor):
    kernel = {"area": Picture.Resampling.BOX, "bicubic": Picture.Resampling.BICUBIC}[method]
    size = (COLOUR.shape[1] // factor, COLOUR.shape[0] // factor)
    small = levels(low_resolution(factor, method)(scaled(COLOUR)))
    for channel in range(3):  # in floats, which Pillow does not round
        exact = Picture.fromarray(COLOUR[..., channel].astype(np.float32)).resize(size, kernel)
        np.testing.assert_allclose(small[..., channel], np.asarray(exact).clip(0, 255), atol=2e-3)
    rounded = np.asarray(Picture.fromarray(COLOUR).resize(size, kernel), np.float64)
    assert abs(small - rounded).max() <= 1.01  # it rounds after the rows and after the columns


def test_bicubic_without_antialiasing_would_be_another_picture():
    """The trap of public code: torch's interpolate and OpenCV's resize alias when they shrink."""
    stripes = np.tile(np.array([-1.0, 1.0, 1.0, 1.0], np.float32), (16, 4))[..., None]
    aliased = jax.image.resize(stripes, (4, 4, 1), "cubic", antialias=False)
    assert abs(low_resolution(4, "bicubic")(stripes)[1:3, 1:3] - 0.5).max() < 0.05  # the mean
    assert abs(aliased[1:3, 1:3] - 0.5).max() > 0.4


def test_noise_has_its_standard_deviation_and_stays_in_range():
    noise = noisy(0.1)(KEY, jnp.zeros((100, 100, 1)))
    assert abs(float(noise.std()) - 0.1) < 4 * 0.1 / np.sqrt(2 * 10_000)
    assert abs(float(noise.mean())) < 4 * 0.1 / 100
    assert noisy(3.0)(KEY, jnp.ones((8, 8, 1))).max() == 1


def test_random_inputs_depend_on_the_example_alone():
    pair = paired(DIGITS, noisy(0.5))
    number = jnp.arange(6, dtype=jnp.uint32)
    taken = pair.take(pair.arrays, KEY, number)
    other = pair.take(pair.arrays, jax.random.key(7), number[::-1])  # another run, another order
    np.testing.assert_array_equal(taken["source"], other["source"][::-1])
    noise = np.asarray(taken["source"] - taken["x"])
    assert len({row.tobytes() for row in noise}) == 6
    assert pair.asks == ("source",)


def test_variants_of_training_examples_differ_and_held_out_ones_have_one():
    pair = paired(digits()._replace(held_out=lambda: DIGITS), noisy(0.5), variants=3)
    assert (pair.size, pair.held_out().size, len(labelled(pair, 4500)["x"])) == (4500, 297, 4500)
    taken = jax.jit(pair.take)(pair.arrays, KEY, np.array([7, 1507, 3007], np.uint32))
    assert (taken["x"] == taken["x"][:1]).all()
    assert (taken["label"] == taken["label"][0]).all()
    assert len({row.tobytes() for row in np.asarray(taken["source"])}) == 3
    assert pair.fingerprint != paired(digits(), noisy(0.5)).fingerprint
    endless = paired(ring(), lambda key, x: x + jax.random.normal(key, x.shape), variants=3)
    assert endless.size is None


def test_variants_are_read_from_the_same_file():
    leaves = {name: np.asarray(leaf) for name, leaf in DIGITS.arrays.items()}
    read = DIGITS._replace(
        arrays=(),
        read=lambda number: {name: leaf[number] for name, leaf in leaves.items()},
        take=lambda arrays, key, number: arrays,
    )
    number = np.array([5, 297 + 5, 2 * 297 + 8], np.uint32)
    from_files, from_memory = (paired(base, noisy(0.1), variants=3) for base in (read, DIGITS))
    one, two = (s.take(arrays_for(s, number), KEY, number) for s in (from_files, from_memory))
    jax.tree.map(np.testing.assert_array_equal, one, two)


def test_a_function_with_options_is_not_taken_for_a_random_one():
    def scaled_by(x, factor=2.0):
        return x * factor

    pair = paired(DIGITS, scaled_by)
    taken = pair.take(pair.arrays, KEY, jnp.arange(2))
    np.testing.assert_array_equal(taken["source"], 2 * taken["x"])


@pytest.mark.parametrize(("share", "side", "expected"), [(0.5, 8, 4), (0.5, 9, 5), (0.25, 16, 4), (1, 5, 5)])
def test_a_centre_hole_is_in_the_middle(share, side, expected):
    mask = np.asarray(centre_hole(share)(jnp.zeros((side, side, 3))))[..., 0]
    assert mask.sum() == expected**2
    np.testing.assert_array_equal(mask, mask[::-1, ::-1])
    np.testing.assert_array_equal(mask, mask.T)


def test_boxes_are_filled_rectangles_of_their_sizes():
    masks = jax.vmap(boxes(least=0.25, most=0.5), (0, None))(
        jax.random.split(KEY, 300), jnp.zeros((16, 32, 3))
    )
    sides = []
    for mask in np.asarray(masks)[..., 0]:
        rows, columns = mask.any(axis=1), mask.any(axis=0)
        assert mask.sum() == rows.sum() * columns.sum()  # a full rectangle
        sides.append((rows.sum() / 16, columns.sum() / 32))
    sides = np.array(sides)
    assert sides.min() >= 0.25 - 1 / 16
    assert sides.max() <= 0.5 + 1 / 16
    np.testing.assert_allclose(sides.mean(axis=0), 0.375, atol=0.02)
    covered = np.asarray(masks).mean(axis=(0, 3))
    assert covered.max(axis=0).min() > 0  # up to the borders
    assert covered.max(axis=1).min() > 0
    two = jax.vmap(boxes(count=2), (0, None))(jax.random.split(KEY, 50), jnp.zeros((16, 16, 1)))
    assert 0.14 < two.mean() < 0.28  # 2 * 0.375^2 = 0.28, less what overlaps


def test_strokes_are_the_points_near_a_walk():
    """By brute force: the walk of one stroke, drawn as many discs, covers the same pixels."""
    mask = np.asarray(strokes(count=1, steps=1, width=0.2, length=0.8)(KEY, jnp.zeros((24, 24, 1))))[..., 0]
    from jaxgan.data.pairs.holes import _distance

    starts, ends = np.array([[3.0, 4.0]]), np.array([[15.0, 20.0]])
    near = np.asarray(_distance((24, 24), starts, ends))[0]
    points = starts + np.linspace(0, 1, 2001)[:, None] * (ends - starts)
    for i, j in itertools.product(range(24), range(24)):
        expected = np.hypot(*(points - [i + 0.5, j + 0.5]).T).min()
        assert abs(near[i, j] - expected) < 1e-2
    ys, xs = np.nonzero(mask)
    assert 1 < len(ys) <= (0.8 + 0.2) * 24 * 0.2 * 24 + 12  # no more than the stroke has room for
    assert np.hypot(np.ptp(ys), np.ptp(xs)) <= (0.8 + 0.2) * 24 * 1.5


def test_strokes_differ_and_leave_most_of_the_picture():
    masks = np.asarray(jax.vmap(strokes(), (0, None))(jax.random.split(KEY, 200), jnp.zeros((32, 32, 3))))
    share = masks.mean(axis=(1, 2, 3))
    assert 0.1 < share.mean() < 0.35
    assert 0.01 < share.min() < share.max() < 0.7
    assert len({mask.tobytes() for mask in masks}) == 200
    assert masks.mean(axis=0).min() > 0.02  # holes are everywhere


@pytest.mark.parametrize("hole", [centre_hole(), boxes(), strokes()])
def test_the_hole_is_grey_and_the_rest_untouched(hole):
    base = shapes("test")
    cut = masked(base, hole)
    number = jnp.arange(5)
    taken = jax.jit(cut.take)(cut.arrays, KEY, number)
    mask = np.asarray(taken["mask"])
    assert sorted(np.unique(mask)) == [0, 1]
    np.testing.assert_array_equal(taken["source"], np.where(mask, 0, taken["x"]))
    assert (cut.leaves["source"].kind, cut.leaves["mask"].kind) == (Image(), Mask())
    assert cut.asks == ("source", "mask")
    flipped = mirrored(cut)
    taken = flipped.take(flipped.arrays, KEY, jnp.arange(4))
    np.testing.assert_array_equal(taken["source"], np.where(taken["mask"], 0, taken["x"]))
    np.testing.assert_array_equal(taken["mask"][1], taken["mask"][0][:, ::-1])


def test_held_out_examples_have_holes_too():
    cut = masked(arrays(COLOUR[None])._replace(held_out=lambda: arrays(COLOUR[None])), boxes(), variants=5)
    held_out = cut.held_out()
    assert (cut.size, held_out.size, sorted(held_out.leaves)) == (5, 1, ["mask", "source", "x"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: low_resolution(1), "lower by a factor of 2 or more, not 1"),
        (lambda: low_resolution(2, "nearest"), '"area" and "bicubic", not \'nearest\''),
        (lambda: paired(DIGITS, low_resolution(3)), "8 x 8 px cannot be divided by 3"),
        (lambda: noisy(0.0), "standard deviation sigma above 0"),
        (lambda: centre_hole(1.5), "share is a share of a side, above 0 and at most 1, not 1.5"),
        (lambda: boxes(count=0), "count must be 1 or more, not 0"),
        (lambda: boxes(least=0.6), "least=0.6 to most=0.5 of a side: exchange them"),
        (lambda: strokes(width=-1), "width is a share of a side"),
        (
            lambda: masked(DIGITS, lambda x: jnp.zeros((4, 4, 1))),
            r"is a mask \(8, 8, 1\), but hole\(x\) is \(4",
        ),
        (
            lambda: masked(ring(), boxes()),
            "holes are cut into pictures, not into examples of the kind Points",
        ),
        (lambda: masked(masked(DIGITS, boxes()), boxes()), "already a leaf 'source'"),
        (lambda: paired(DIGITS, noisy(1.0), variants=0), "variants must be 1 or more, not 0"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(make, message):
    with pytest.raises(Refused, match=message) as refusal:
        make()
    assert "\n" not in str(refusal.value)
