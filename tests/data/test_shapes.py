import hashlib
from math import cos, pi, sin

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.spatial.distance import cdist

from jaxgan.data.shapes import (
    BACKGROUND,
    COLOURS,
    FACTORS,
    SHAPES,
    TOTAL,
    draw,
    factors,
    measure,
    number_of,
    shapes,
    split_numbers,
)
from jaxgan.data.source import PROCEDURAL
from jaxgan.errors import Refused

KEY = jax.random.key(0)
ALL = np.arange(TOTAL, dtype=np.uint32)
SYMMETRY = {"square": 4, "triangle": 3, "ellipse": 2, "heart": 1, "star": 5}  # order of rotational symmetry
DRAW = jax.jit(draw)
TAKE = {split: jax.jit(shapes(split).take) for split in ("train", "test")}


def draw_numbers(number):
    return np.asarray(DRAW(factors(number)))


def ink(images):
    """Returns the share of ink in every pixel, whatever the colour."""
    ground = np.array(BACKGROUND) / 127.5 - 1
    paint = np.abs(images - ground).reshape(len(images), -1, 3)
    strongest = paint[np.arange(len(paint)), paint.sum(-1).argmax(1)]
    return (np.abs(images - ground).sum(-1)) / strongest.sum(-1)[:, None, None]


def outline(shape):
    """Returns the corners [N, 2], as (right, up), of a shape of area 1 around its centre of mass."""
    circle = np.linspace(0, 2 * pi, 400, endpoint=False)
    if shape == "square":
        raw = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    elif shape == "triangle":
        raw = [(cos(a), sin(a)) for a in (pi / 2, pi / 2 + 2 * pi / 3, pi / 2 + 4 * pi / 3)]
    elif shape == "ellipse":
        raw = np.stack([2 * np.cos(circle), np.sin(circle)], axis=1)
    elif shape == "star":
        inner = (3 - 5**0.5) / 2  # of a pentagram: 1 / golden ratio squared
        raw = [
            (r * cos(pi / 2 + k * pi / 5), r * sin(pi / 2 + k * pi / 5)) for k, r in enumerate([1, inner] * 5)
        ]
    else:  # heart: from the tip around, with an arc over each of the upper sides of a square on its corner
        side = 2**0.5
        arc = np.linspace(-pi / 4, 3 * pi / 4, 200)
        right = np.stack([0.5 + side / 2 * np.cos(arc), 0.5 + side / 2 * np.sin(arc)], axis=1)
        raw = np.concatenate([[(0, -1)], right, right[::-1] * [-1, 1]])
    raw = np.array(raw, float)
    x, y = raw.T
    x_next, y_next = np.roll(raw, -1, axis=0).T
    cross = x * y_next - x_next * y
    area = cross.sum() / 2
    centre = np.array([((x + x_next) * cross).sum(), ((y + y_next) * cross).sum()]) / (6 * area)
    return (raw - centre) / abs(area) ** 0.5


def filled(corners, fine=32):
    """Returns the share of each of 32 x 32 pixels inside a polygon of corners (right, down)."""
    image = Image.new("L", (32 * fine, 32 * fine))
    ImageDraw.Draw(image).polygon([tuple(p) for p in corners * fine - 0.5], fill=1)
    return np.asarray(image, float).reshape(32, fine, 32, fine).mean((1, 3))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_a_filled_polygon(shape):
    rng = np.random.RandomState(SHAPES.index(shape))
    values = {name: rng.randint(0, count, 16) for name, count in FACTORS.items()}
    values["shape"] = np.full(16, SHAPES.index(shape))
    drawings = ink(np.asarray(DRAW(values)))
    for i, drawing in enumerate(drawings):
        scale, angle, x, y = (values[name][i] for name in ("scale", "angle", "x", "y"))
        turn = 2 * pi * angle / 8 / SYMMETRY[shape]
        rotated = outline(shape) @ np.array([[cos(turn), sin(turn)], [-sin(turn), cos(turn)]])
        size = 6.5 * 1.125**scale
        expected = filled(rotated * [size, -size] + [16 + x - 4.5, 16 + y - 4.5])
        assert abs(drawing - expected).mean() < 0.004
        assert abs(drawing - expected).max() < 0.45
        assert drawing.sum() == pytest.approx(size**2, rel=0.05)
        centre = [(drawing * axis).sum() / drawing.sum() for axis in np.mgrid[:32, :32]]
        np.testing.assert_allclose(centre, [15.5 + y - 4.5, 15.5 + x - 4.5], atol=0.1)


def test_numbers_and_factors_correspond():
    values = factors(ALL)
    assert list(values) == list(FACTORS)
    for name, count in FACTORS.items():
        np.testing.assert_array_equal(np.unique(values[name], return_counts=True)[1], TOTAL // count)
    np.testing.assert_array_equal(number_of(values), ALL)
    on_device = jax.jit(factors)(jnp.asarray(ALL[::1000]))
    for name, value in on_device.items():
        np.testing.assert_array_equal(value, values[name][::1000])
    np.testing.assert_array_equal(jax.jit(number_of)(on_device), ALL[::1000])


def test_the_splits_are_disjoint_complete_and_fixed():
    train, test = shapes("train"), shapes("test")
    assert (train.size, test.size) == (172_800, 19_200)
    numbers = [
        split_numbers(np.arange(source.size), split) for source, split in ((train, "train"), (test, "test"))
    ]
    np.testing.assert_array_equal(np.sort(np.concatenate(numbers)), ALL)
    digest = hashlib.sha256(numbers[1].astype("<u4").tobytes()).hexdigest()
    assert digest[:16] == "f6c2c0d4eef25562"
    example = jnp.arange(0, 19_200, 100)
    np.testing.assert_array_equal(
        jax.jit(split_numbers, static_argnums=1)(example, "test"), numbers[1][::100]
    )
    for name, value in factors(numbers[1]).items():
        counts, expected = np.bincount(value), 19_200 / FACTORS[name]
        chi2, freedom = ((counts - expected) ** 2 / expected).sum(), FACTORS[name] - 1
        assert chi2 < freedom + 5 * np.sqrt(2 * freedom)


@pytest.mark.parametrize("split", ["train", "test"])
def test_images_and_labels_agree_with_the_factors(split):
    source, example = shapes(split), np.arange(0, 19_200, 300)
    taken = TAKE[split](source.arrays, KEY, example)
    number = split_numbers(example, split)
    assert taken["x"].shape == (64, *source.shape)
    assert taken["x"].dtype == np.float32
    assert abs(taken["x"]).max() <= 1
    np.testing.assert_allclose(taken["x"], draw_numbers(number), atol=1e-5)
    np.testing.assert_array_equal(taken["label"], factors(number)["shape"])
    assert set(np.unique(taken["label"])) == set(range(source.classes))
    assert source.note == PROCEDURAL
    other = TAKE[split](source.arrays, jax.random.key(1), example)
    np.testing.assert_array_equal(taken["x"], other["x"])


def test_no_shape_is_cut_off():
    """The largest have as much ink in the corners as in the middle."""
    shape, angle, x, y = np.mgrid[:5, :8, 0:13:4, 0:13:4].reshape(4, -1).clip(max=9)
    values = {"shape": shape, "colour": 0 * shape, "scale": 0 * shape + 5, "angle": angle, "x": x, "y": y}
    total = ink(np.asarray(DRAW(values))).sum((1, 2)).reshape(40, 16)
    np.testing.assert_allclose(total, total[:, 5:6] * np.ones(16), atol=0.03)


def test_x_and_y_move_a_shape_by_whole_pixels():
    values = {name: value[:64] for name, value in factors(split_numbers(np.arange(64))).items()}
    left, right = ({**values, "x": np.full(64, x)} for x in (3, 5))
    np.testing.assert_allclose(np.roll(DRAW(left), 2, axis=2), DRAW(right), atol=2e-5)
    upper, lower = ({**values, "y": np.full(64, y)} for y in (3, 5))
    np.testing.assert_allclose(np.roll(DRAW(upper), 2, axis=1), DRAW(lower), atol=2e-5)


def test_the_colour_can_be_recovered_from_the_image():
    values = factors(split_numbers(np.arange(256)))
    paint = np.array(list(COLOURS.values()))
    distance = np.linalg.norm(paint[:, None] - paint, axis=-1) + 1e3 * np.eye(8)
    assert distance.min() > 75
    pixels = (np.asarray(DRAW(values)).reshape(256, -1, 3) + 1) * 127.5
    far = np.abs(pixels - BACKGROUND).sum(-1).argmax(1)
    nearest = np.linalg.norm(pixels[np.arange(256), far][:, None] - paint, axis=-1).argmin(1)
    np.testing.assert_array_equal(nearest, values["colour"])


def test_shape_scale_and_angle_all_look_different():
    """The 240 images of one colour and position differ by far more than rounding."""
    indices = np.mgrid[:5, :6, :8].reshape(3, -1)
    same = np.full(240, 4)
    values = dict(zip(("shape", "scale", "angle"), indices, strict=True))
    drawings = ink(np.asarray(DRAW({**values, "colour": same, "x": same, "y": same}))).reshape(240, -1)
    distance = cdist(drawings, drawings, "chebyshev") + np.eye(240)
    assert distance.min() > 0.15
    rotated = np.asarray(DRAW({**values, "angle": indices[2] + 8, "colour": same, "x": same, "y": same}))
    np.testing.assert_allclose(ink(rotated).reshape(240, -1), drawings, atol=1e-4)


@pytest.mark.slow  # draws 192,000 images
def test_all_images_differ():
    distinct = set()
    for block in ALL.reshape(-1, 1000):
        byte = np.round((draw_numbers(block) + 1) * 127.5).astype(np.uint8)
        distinct |= {hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in byte}
    assert len(distinct) == TOTAL


def test_factors_may_be_fractions():
    values = {name: np.full(3, 2.0) for name in FACTORS} | {"shape": np.full(3, 3), "colour": np.full(3, 1)}
    sizes = ink(np.asarray(DRAW({**values, "scale": np.array([2, 2.5, 3])}))).sum((1, 2))
    np.testing.assert_allclose(sizes, 6.5**2 * 1.125 ** np.array([4, 5, 6]), rtol=0.03)


def test_refused():
    with pytest.raises(Refused, match="splits"):
        shapes("valid")
    values = factors(np.arange(2))
    del values["scale"], values["x"]
    for function in (draw, number_of):
        with pytest.raises(Refused, match="scale, x is missing"):
            function(values)
    for wrong in (8, 0.5):
        with pytest.raises(Refused, match="the factor colour must be an integer from 0 to 7"):
            draw({**factors(np.arange(2)), "colour": np.full(2, wrong)})


def test_the_factors_of_a_picture_are_measured_even_with_noise():
    number = np.random.RandomState(0).randint(0, TOTAL, 200).astype(np.uint32)
    images, true = draw_numbers(number), factors(number)
    noise = np.random.RandomState(1).normal(0, 0.1, images.shape)
    for pictures, most_wrong in ((images, 0), (images + noise, 2)):
        for name, value in measure(pictures).items():
            assert (np.rint(value) != true[name]).sum() <= most_wrong, name


def test_factors_are_of_pictures_as_they_are_drawn():
    with pytest.raises(Refused, match=r"images of shape \(32, 32, 3\), not \(16, 16, 3\)"):
        measure(np.zeros((4, 16, 16, 3)))
    assert shapes().factors is measure
