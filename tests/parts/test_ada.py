"""ADA's pipeline: SciPy's warps, rotations and filters, eigenvectors of reflection, and the bits of p = 0."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation

from jaxgan.errors import Refused
from jaxgan.parts.augmentations import (
    ada,
    adaptive,
    bands,
    blit,
    chain,
    colour,
    flip,
    geometry,
    noise,
    quarter_turn,
    shift,
    sometimes,
    tones,
    warps,
)
from jaxgan.parts.augmentations.bands import equalise
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Lowering, View

KEYS = jax.random.split(jax.random.key(0), 3000)
PICTURE = jax.random.normal(jax.random.key(1), (8, 8, 3)).at[0, 0, 0].set(-0.0)


@partial(jax.jit, static_argnums=0)
def pipeline(of, p, keys, x):
    return jax.vmap(of(p), (0, None))(keys, x)


def test_with_probability_0_every_bit_stays():
    """Of colours and of grey, in either precision; and at 0.5 each part acts by a coin of its own."""
    for x in (PICTURE, PICTURE[..., :1].astype(jnp.bfloat16)):
        result = pipeline(ada, jnp.float32(0), KEYS[:100], x)
        assert result.dtype == x.dtype
        assert np.asarray(result).tobytes() == np.asarray(x).tobytes() * 100
    cut = (pipeline(ada, jnp.float32(0.5), KEYS[:100], PICTURE) == 0).mean((1, 2, 3)) > 0.05
    assert abs(cut.mean() - 0.5) < 0.2


def test_each_copy_acts_by_its_own_coin():
    """A flip moves in half of its cases, a turn in 3/4, a shift in 3/4: rows and columns by -1, 0, 1 px."""
    moved = (pipeline(blit, jnp.float32(0.5), KEYS, PICTURE) != PICTURE).any((1, 2, 3))
    still = (1 - 0.5 * 0.5) * (1 - 0.5 * 0.75) * (1 - 0.5 * 0.75)
    assert abs((~moved).mean() - still) < 0.05


def test_one_of_both_rotations_takes_place_with_the_probability():
    p = jnp.float32(0.3)
    turns = 1 - jnp.sqrt(1 - p)
    compose = chain(sometimes(warps.rotation(), turns), sometimes(warps.rotation(), turns))
    matrices = jax.jit(jax.vmap(compose, (0, None)))(KEYS, jnp.eye(3))
    turned = (matrices != jnp.eye(3)).any((1, 2))
    assert abs(turned.mean() - 0.3) < 4 * (0.3 * 0.7 / len(KEYS)) ** 0.5


def test_maps_have_the_deviations_of_the_paper():
    def draw(*maps):
        return [np.asarray(jax.vmap(one, (0, None))(KEYS, jnp.eye(3))) for one in maps]

    scaled, stretched, turned, moved = draw(
        warps.scaling(), warps.stretching(), warps.rotation(), warps.drift()
    )
    np.testing.assert_allclose(np.log2(scaled[:, 0, 0]).std(), 0.2, rtol=0.05)
    np.testing.assert_allclose(np.log2(stretched[:, 0, 0]).std(), 0.2, rtol=0.05)
    np.testing.assert_allclose(stretched[:, 0, 0] * stretched[:, 1, 1], 1, rtol=1e-5)
    np.testing.assert_allclose(moved[:, :2, 2].std(axis=0), 0.125, rtol=0.05)
    angle = np.arctan2(turned[:, 1, 0], turned[:, 0, 0])
    np.testing.assert_allclose([angle.mean(), angle.std()], [0, np.pi / 3**0.5], atol=0.12)
    np.testing.assert_allclose(np.linalg.det(turned), 1, rtol=1e-5)


def smooth(height, width):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([np.cos(0.5 * rows + 0.3), np.sin(0.4 * columns) * np.cos(0.3 * rows)], -1)


@pytest.mark.parametrize(
    "matrix",
    [
        [[1, 0, 0.1], [0, 1, -0.04], [0, 0, 1]],
        [[0.8, -0.5, 0.05], [0.6, 1.1, -0.1], [0, 0, 1]],
        [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    ],
    ids=["shifted", "sheared", "turned"],
)
def test_a_warp_is_scipys_affine_transform(matrix):
    """Of a smooth picture of unequal sides. SciPy goes from the output to the input, by (row, column)."""
    x, matrix = smooth(20, 28), np.array(matrix, float)
    back = np.linalg.inv(matrix[:2, :2])[::-1, ::-1]
    middle = np.array([9.5, 13.5])
    offset = middle - back @ (middle + matrix[1::-1, 2] * 28)
    expected = [affine_transform(x[..., c], back, offset, order=5, mode="mirror") for c in range(x.shape[-1])]
    moved = jax.jit(warps.resample)(jnp.asarray(x, jnp.float32), jnp.asarray(matrix, jnp.float32))
    np.testing.assert_allclose(moved, np.stack(expected, -1), atol=0.04)


def test_the_filter_keeps_what_is_not_moved():
    """Its even self-products vanish, so that up and down again is the identity; constants stay constant."""
    taps = warps.half_band()
    products = 2 * np.convolve(taps, taps)[len(taps) - 1 :: 2]
    np.testing.assert_allclose(products, [1] + [0] * (len(products) - 1), atol=5e-4)
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-15)
    kept = jax.jit(warps.resample)(PICTURE, jnp.eye(3))
    np.testing.assert_allclose(kept, PICTURE, atol=3e-3)
    moved = pipeline(geometry, jnp.float32(1), KEYS[:9], jnp.full((8, 8, 3), 0.7))
    np.testing.assert_allclose(moved, 0.7, atol=1e-5)


def test_colours_turn_around_the_grey_axis():
    colours = np.asarray(PICTURE).reshape(-1, 3)
    grey = colours.mean(1, keepdims=True)
    for make, key in ((tones.hue(), KEYS[0]), (tones.saturation(), KEYS[1])):
        matrix = np.asarray(make(key, jnp.eye(4)))
        assert (matrix[3] == [0, 0, 0, 1]).all()
        new = colours @ matrix[:3, :3].T
        np.testing.assert_allclose(new.mean(1, keepdims=True), grey, atol=1e-6)
        if make(key, jnp.eye(4))[0, 1] == make(key, jnp.eye(4))[1, 0]:  # saturation is symmetric
            by = 2 ** float(jax.random.normal(key))
            np.testing.assert_allclose(new, grey + by * (colours - grey), atol=1e-5)
        else:
            angle = np.pi * float(jax.random.uniform(key, minval=-1, maxval=1))
            turn = Rotation.from_rotvec(angle * np.ones(3) / 3**0.5).as_matrix()
            np.testing.assert_allclose(matrix[:3, :3], turn, atol=1e-6)


def test_a_luma_flip_keeps_hue_and_saturation():
    flipped = jax.vmap(tones.luma_flip(), (0, None))(KEYS[:50], jnp.eye(4))
    mirror = flipped[np.abs(flipped - jnp.eye(4)).max((1, 2)) > 0]
    assert 10 < len(mirror) < 40
    colours = np.asarray(PICTURE).reshape(-1, 3)
    new = colours @ np.asarray(mirror[0, :3, :3]).T
    np.testing.assert_allclose(new.mean(1), -colours.mean(1), atol=1e-6)
    np.testing.assert_allclose(new - new.mean(1)[:, None], colours - colours.mean(1)[:, None], atol=1e-6)


def test_grey_images_change_as_grey_colours_do():
    """One channel by the same draws as three equal ones, which hue and saturation leave as they are."""
    grey = jax.random.normal(jax.random.key(3), (4, 4, 1))
    one = pipeline(colour, jnp.float32(0.8), KEYS[:20], grey)
    three = pipeline(colour, jnp.float32(0.8), KEYS[:20], jnp.repeat(grey, 3, axis=2))
    np.testing.assert_allclose(jnp.repeat(one, 3, axis=3), three, atol=1e-5)


def test_bands_scale_the_waves_that_reflection_leaves():
    """cos(pi k x / (n - 1)) is an eigenvector of every filter, with its frequency response as eigenvalue."""
    n, gains = 33, np.array([0.5, 2.0, 3.0, 5.0])
    k = np.arange(n)
    waves = np.cos(np.pi * np.outer(k, k) / (n - 1))[..., None]  # [wave, place, 1]

    def low(step):
        angle = np.pi * k / (n - 1) * step
        return (16 + 18 * np.cos(angle) - 2 * np.cos(3 * angle)) / 32

    responses = np.stack(
        [
            low(1) * low(2) * low(4),
            low(1) * low(2) * (1 - low(4)),
            low(1) * (1 - low(2)),
            1 - low(1),
        ]
    )
    np.testing.assert_allclose(responses.sum(0), 1, atol=1e-12)
    of = jax.jit(lambda x: equalise(x, jnp.asarray(gains, jnp.float32)))
    constant = jnp.asarray(waves, jnp.float32)[:, :, None, :] * jnp.ones((1, 1, n, 1), jnp.float32)
    for wave in (0, 1, 3, 7, 12, 20, 32):
        expected = (gains @ responses)[wave] * gains[0] * waves[wave]  # along the other side it is constant
        np.testing.assert_allclose(of(constant[wave])[:, 5], expected, atol=2e-5)
    np.testing.assert_allclose(equalise(PICTURE, jnp.ones(4)), PICTURE, atol=1e-5)


def test_bands_keep_the_power_of_natural_images():
    """Each band's gains have mean square 1 under (10, 1, 1, 1) / 13, so pixels keep their power."""
    power = np.array([10, 1, 1, 1]) / 13
    for band in range(4):
        by = np.ones(4)
        by[band] = 3.0
        gains = by / np.sqrt((power * by**2).sum())
        np.testing.assert_allclose((power * gains**2).sum(), 1)
    # constants are of the lowest band alone: at most sqrt(13 / 10) by its own gain, sqrt(13 / 12) by others
    result = pipeline(bands, jnp.float32(1), KEYS, jnp.ones((4, 4, 1)))[:, 0, 0, 0]
    assert 1.5 < result.max() < (13 / 10) * (13 / 12) ** 3
    normals = np.asarray(jax.vmap(lambda key: jax.random.normal(fold(key, "gain"), (4,)))(KEYS[:9]))
    for n, image in zip(normals, result[:9], strict=True):
        by = np.where(np.eye(4), 2**n, 1.0)
        np.testing.assert_allclose(image, np.prod(by[:, 0] ** 2 / (by**2 @ power)), rtol=1e-4)


def test_noise_has_a_deviation_of_its_own_for_each_image():
    added = pipeline(lambda p: noise(), jnp.float32(0), KEYS, PICTURE) - PICTURE
    deviations = np.asarray(added.std((1, 2, 3)))
    np.testing.assert_allclose((deviations**2).mean() ** 0.5, 0.1, rtol=0.05)
    np.testing.assert_allclose(deviations.mean(), 0.1 * (2 / np.pi) ** 0.5, rtol=0.05)  # of |N(0, 0.1^2)|


def test_a_shift_is_numpys_reflected_pad():
    x = np.asarray(PICTURE)
    padded = np.pad(x, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    places = {
        padded[2 + down : 10 + down, 2 + right : 10 + right].tobytes(): (down, right)
        for down in range(-2, 3)
        for right in range(-2, 3)
    }
    result = [places[np.asarray(y).tobytes()] for y in pipeline(lambda p: shift(0.25), 0.0, KEYS, PICTURE)]
    rows = np.bincount([down + 2 for down, _ in result], minlength=5) / len(KEYS)
    np.testing.assert_allclose(rows, [1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 8], atol=0.04)  # halves at both ends


def test_flips_and_turns_are_all_equally_likely():
    x = np.asarray(PICTURE)
    for make, images in ((flip, [x, x[:, ::-1]]), (quarter_turn, [np.rot90(x, k) for k in range(4)])):
        result = np.asarray(pipeline(lambda p, make=make: make(), 0.0, KEYS, PICTURE))
        shares = [np.mean((result == image).all((1, 2, 3))) for image in images]
        np.testing.assert_allclose(shares, 1 / len(images), atol=0.04)


def test_gradients_flow_through_the_pipeline():
    """It is affine in the image: the pullback is the transpose of differences."""
    along, direction = (jax.random.normal(jax.random.key(i), PICTURE.shape) for i in (2, 3))

    @jax.jit
    @jax.vmap
    def both(key):
        augment = partial(ada(0.9), key)
        there, pullback = jax.vjp(augment, PICTURE)
        return augment(PICTURE + along) - there, pullback(direction)[0]

    for difference, pulled in zip(*both(KEYS[:5]), strict=True):
        by_hand = jnp.vdot(direction, difference)
        np.testing.assert_allclose(by_hand, jnp.vdot(pulled, along), rtol=2e-3, atol=1e-3)


def test_p_is_1_after_half_a_million_images():
    """8,000 steps of 64 with every real example on the right side, and back to 0 with none; never outside."""
    control = adaptive(ada)
    view = View(**{**dict.fromkeys(View._fields), "lowering": Lowering()})

    def play(logit):
        return lambda memory, _: (control.update(memory, view._replace(real_out=logit * jnp.ones(4))), None)

    up = jax.jit(lambda m: jax.lax.scan(play(1.0), m, length=8000)[0])
    risen = up(control.init())
    np.testing.assert_allclose(risen.probability, 1, rtol=1e-4)
    assert up(up(risen)).probability <= 1  # a probability above 1 would only take longer to fall
    fallen = jax.jit(lambda m: jax.lax.scan(play(-1.0), m, length=8100)[0])(risen)
    assert fallen.probability == 0


def test_unfit_images_are_refused():
    with pytest.raises(Refused, match="quarter turns take square images, not 4 x 6: leave them out"):
        blit(0.5)(KEYS[0], jnp.zeros((4, 6, 3)))
    with pytest.raises(Refused, match="colours are of images with 1 channel or 3, not 2: leave them out"):
        colour(0.5)(KEYS[0], jnp.zeros((4, 4, 2)))
    with pytest.raises(Refused, match=r"takes images \[height, width, channels\], not shape \(2,\)"):
        ada(0.5)(KEYS[0], jnp.zeros(2))
    with pytest.raises(Refused, match="the probability of sometimes must be between 0 and 1, not 2"):
        ada(2)
