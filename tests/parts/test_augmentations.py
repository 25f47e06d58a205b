"""Augmentations, against SciPy's shift, all positions of a cutout, and what each leaves unchanged."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import shift

from jaxgan.errors import Refused
from jaxgan.parts.augmentations import (
    brightness,
    chain,
    contrast,
    cutout,
    diffaugment,
    saturation,
    sometimes,
    translation,
    unchanged,
)

KEYS = jax.random.split(jax.random.key(0), 3000)
PICTURE = jax.random.normal(jax.random.key(1), (8, 9, 3))  # of sides that cannot be mistaken


def many(augment, x=PICTURE):
    """The same picture, augmented by every key."""
    return np.asarray(jax.jit(jax.vmap(augment, (0, None)))(KEYS, x))


def test_translation_is_a_shift_with_all_shifts_equally_likely():
    """By a fifth: two pixels of eight (1.6 rounded), two of nine (1.8)."""
    shifts = {
        (down, right): shift(np.asarray(PICTURE), (down, right, 0), order=0, cval=0.0)
        for down in range(-2, 3)
        for right in range(-2, 3)
    }
    by_bytes = {np.round(moved, 5).tobytes(): by for by, moved in shifts.items()}
    result = Counter(by_bytes[np.round(x, 5).tobytes()] for x in many(translation(0.2)))
    assert result.keys() == shifts.keys()
    assert all(abs(n - 120) < 5 * 120**0.5 for n in result.values())


def test_cutout_may_be_centred_anywhere():
    """Rows and columns of an 8 x 9 picture, half of each: 4 from -2 to 6 and 5 (4.5 rounded) from -2 to 6."""
    cut = many(cutout(), jnp.ones((8, 9, 3))) == 0
    assert (cut.all(axis=3) == cut.any(axis=3)).all()
    rows, columns = cut.any(axis=(2, 3)), cut.any(axis=(1, 3))
    assert (cut[..., 0] == rows[:, :, None] & columns[:, None, :]).all()
    for sides, long, places in ((rows, 4, 9), (columns, 5, 9)):
        place = np.arange(sides.shape[1])
        by_bytes = {tuple((place - first) // long == 0): first for first in range(-2, places - 2)}
        result = Counter(by_bytes[tuple(side)] for side in sides)
        expected = len(KEYS) / places
        assert len(result) == places
        assert all(abs(n - expected) < 5 * expected**0.5 for n in result.values())


def test_cutout_leaves_the_rest_unchanged():
    result = many(cutout())
    assert ((result == 0) | (result == np.asarray(PICTURE))).all()


def test_brightness_adds_one_number_to_all():
    added = many(brightness(0.3)) - np.asarray(PICTURE)
    np.testing.assert_allclose(added, added[:, :1, :1, :1] + np.zeros_like(added), atol=1e-6)
    evenly(added[:, 0, 0, 0], -0.3, 0.3)


@pytest.mark.parametrize(
    ("augment", "axes", "most"), [(saturation(), (2,), 1.0), (contrast(), (0, 1, 2), 0.5)]
)
def test_saturation_and_contrast_scale_distances_from_grey(augment, axes, most):
    middle = np.asarray(PICTURE).mean(axes, keepdims=True)
    away, result = np.asarray(PICTURE) - middle, many(augment) - middle
    by = (result * away).sum((1, 2, 3)) / (away**2).sum()
    np.testing.assert_allclose(result, by[:, None, None, None] * away, atol=1e-5)
    evenly(by, 1 - most, 1 + most)


def evenly(numbers, low, high):
    """Drawn evenly from an interval: within it, close to its ends, and with its mean and variance."""
    assert low - 1e-5 <= numbers.min() < low + 0.01 * (high - low)
    assert high + 1e-5 >= numbers.max() > high - 0.01 * (high - low)
    np.testing.assert_allclose(numbers.mean(), (low + high) / 2, atol=0.03 * (high - low))
    np.testing.assert_allclose(numbers.var(), (high - low) ** 2 / 12, rtol=0.1)


def test_sometimes_applies_with_its_probability():
    for probability in (0.0, 0.3, 1.0):
        changed = (many(sometimes(brightness(), probability)) != np.asarray(PICTURE)).any((1, 2, 3))
        assert abs(changed.mean() - probability) <= 4 * (probability * (1 - probability) / len(KEYS)) ** 0.5
    how = many(sometimes(brightness(0.3), 0.5))[:, 0, 0, 0] - float(PICTURE[0, 0, 0])
    evenly(how[how != 0], -0.3, 0.3)  # whether says nothing of how


def test_the_parts_of_a_chain_draw_independently():
    twice = many(chain(translation(0.2), translation(0.2)), jnp.ones((8, 9, 1)))
    zeros = 8 - (twice != 0).any((2, 3)).sum(1)
    assert set(zeros) == {0, 1, 2, 3, 4}  # by one draw for both, what left would be back: 0, 2, 4 alone
    assert (many(chain()) == np.asarray(PICTURE)).all()
    assert (many(chain(unchanged, brightness())) == many(chain(lambda key, x: x, brightness()))).all()


@pytest.mark.parametrize("augment", [diffaugment(), translation(0.3), cutout(), saturation(), contrast()])
def test_augmentations_are_differentiable(augment):
    """All of them are affine in the picture: the difference of two is the derivative along it, to the bit."""
    key, along = KEYS[0], jax.random.normal(jax.random.key(2), PICTURE.shape)
    slope = jax.jvp(lambda x: augment(key, x), (PICTURE,), (along,))[1]
    np.testing.assert_allclose(augment(key, PICTURE + along) - augment(key, PICTURE), slope, atol=1e-5)
    _, pullback = jax.vjp(lambda x: augment(key, x), PICTURE)
    direction = jax.random.normal(jax.random.key(3), PICTURE.shape)
    np.testing.assert_allclose(jnp.vdot(direction, slope), jnp.vdot(pullback(direction)[0], along), rtol=1e-4)
    assert np.abs(pullback(direction)[0]).max() > 0


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
def test_shape_and_precision_stay(dtype):
    x = PICTURE.astype(dtype)
    seen = jax.eval_shape(lambda most: chain(brightness(most), diffaugment())(KEYS[0], x), jnp.float32(0.5))
    assert (seen.shape, seen.dtype) == (x.shape, dtype)


@pytest.mark.parametrize("make", [brightness, saturation, contrast, translation, cutout])
def test_numbers_may_be_traced(make):
    """Sizes too, which no shape depends on."""
    lanes = jax.vmap(lambda most: make(most)(KEYS[5], PICTURE))(jnp.array([0.0, 0.25, 0.5]))
    for lane, most in zip(lanes, (0.0, 0.25, 0.5), strict=True):
        np.testing.assert_allclose(lane, make(most)(KEYS[5], PICTURE), atol=1e-6)
    np.testing.assert_allclose(lanes[0], PICTURE, atol=1e-6)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: translation(1.5), "the fraction of translation must be between 0 and 1, not 1.5"),
        (lambda: cutout(-0.5), "the fraction of cutout must be between 0 and 1, not -0.5"),
        (lambda: sometimes(cutout(), 2), "the probability of sometimes must be between 0 and 1, not 2"),
        (lambda: brightness(-1), "the strength of brightness must be 0 or more, not -1"),
        (lambda: saturation(float("nan")), "the strength of saturation must be 0 or more, not nan"),
        (lambda: contrast(-0.1), "the strength of contrast must be 0 or more, not -0.1"),
    ],
)
def test_numbers_out_of_range_are_refused(made, words):
    with pytest.raises(Refused, match=words):
        made()


@pytest.mark.parametrize("make", [translation, cutout])
def test_image_augmentations_refuse_points(make):
    with pytest.raises(Refused, match=r"takes images \[height, width, channels\], not shape \(2,\)"):
        make()(KEYS[0], jnp.zeros(2))
