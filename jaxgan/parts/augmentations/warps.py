"""Affine maps of an image's coordinates: all of an image's maps are one matrix, so it is resampled once.

A map is (key, matrix [3, 3]) -> the matrix of what was done before and then the map, so `chain` and
`sometimes` compose maps as they compose augmentations. Coordinates are (x to the right, y down, 1) from the
centre of the image, in units of its longer side.
"""

from collections.abc import Callable
from functools import cache
from math import comb, pi

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.parts.augmentations.augmentation import chain
from jaxgan.parts.augmentations.places import folded, sides
from jaxgan.parts.types import Array, Augment, Key, check_range

Map = Callable[[Key, Array], Array]


def after(matrix: Array, new: Array) -> Array:
    """Returns the matrix of a map after those of `matrix`, in full precision on every backend.

    >>> after(jnp.eye(2), 2 * jnp.eye(2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    return jnp.matmul(new, matrix, precision="highest")


def scaling(deviation: float | Array = 0.2) -> Map:
    """Scales by 2^n, n ~ N(0, deviation^2), the same along both axes.

    >>> matrix = scaling()(jax.random.key(0), jnp.eye(3))
    >>> bool(matrix[0, 0] == matrix[1, 1])
    True
    """
    check_range("the deviation of scaling", deviation)

    def scale(key: Key, matrix: Array) -> Array:
        by = jnp.exp2(deviation * jax.random.normal(key))
        return after(matrix, jnp.diag(jnp.stack([by, by, jnp.ones_like(by)])))

    return scale


def stretching(deviation: float | Array = 0.2) -> Map:
    """Scales by s along x and by 1 / s along y, s = 2^n, n ~ N(0, deviation^2).

    >>> matrix = stretching()(jax.random.key(0), jnp.eye(3))
    >>> round(float(matrix[0, 0] * matrix[1, 1]), 5)
    1.0
    """
    check_range("the deviation of stretching", deviation)

    def stretch(key: Key, matrix: Array) -> Array:
        by = jnp.exp2(deviation * jax.random.normal(key))
        return after(matrix, jnp.diag(jnp.stack([by, 1 / by, jnp.ones_like(by)])))

    return stretch


def rotation(most: float | Array = pi) -> Map:
    """Rotates by an angle ~ U(-most, most) around the centre.

    >>> round(float(jnp.linalg.det(rotation()(jax.random.key(0), jnp.eye(3)))), 5)
    1.0
    """
    check_range("the angle of rotation", most)

    def rotate(key: Key, matrix: Array) -> Array:
        angle = jax.random.uniform(key, minval=-1, maxval=1) * most
        cos, sin, zero, one = jnp.cos(angle), jnp.sin(angle), jnp.zeros_like(angle), jnp.ones_like(angle)
        turn = jnp.stack([cos, sin, zero, -sin, cos, zero, zero, zero, one]).reshape(3, 3)
        return after(matrix, turn)

    return rotate


def drift(deviation: float | Array = 0.125) -> Map:
    """Shifts along each axis by n ~ N(0, deviation^2) longer sides, and so by fractions of a pixel.

    >>> drift(0.0)(jax.random.key(0), jnp.eye(3)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    check_range("the deviation of drift", deviation)

    def shift(key: Key, matrix: Array) -> Array:
        by = deviation * jax.random.normal(key, (2,))
        return after(matrix, jnp.eye(3).at[:2, 2].set(by))

    return shift


def warp(*maps: Map) -> Augment:
    """Moves an image by the product of maps, resampled once, continued beyond its edges by reflection.

    Resampled at twice the resolution: upsampled, interpolated linearly and downsampled, with the zero-phase
    filter whose magnitudes are those of the wavelet sym6, at both ends (Karras et al., 2020). An image of
    which no map takes hold is returned as it is.

    >>> half_turn = warp(lambda key, matrix: jnp.diag(jnp.array([-1.0, -1.0, 1.0])) @ matrix)
    >>> x = half_turn(jax.random.key(0), jnp.arange(64.0).reshape(8, 8, 1))
    >>> [round(float(number), 1) for number in x[3, 3:6, 0]]
    [36.0, 35.0, 34.0]
    """
    compose = chain(*maps)

    def augment(key: Key, x: Array) -> Array:
        matrix = compose(key, jnp.eye(3))
        resampled = resample(x.astype(jnp.promote_types(x.dtype, jnp.float32)), matrix)
        return jnp.where((matrix == jnp.eye(3)).all(), x, resampled.astype(x.dtype))

    return augment


def resample(x: Array, matrix: Array) -> Array:
    """Returns an image [H, W, C] moved by a matrix, which may not be singular.

    >>> resample(jnp.ones((4, 4, 1)), jnp.eye(3)).shape
    (4, 4, 1)
    """
    height, width = sides(x)
    fine = _along_both(_upsampling(height), _upsampling(width), x)
    rows, columns = (jnp.arange(2 * side - 1 + 2 * HALF) / 2 - HALF / 2 for side in (height, width))
    unit, middle = max(height, width), jnp.array([width - 1, height - 1]) / 2
    (a, b, dx), (c, d, dy) = matrix[:2]
    back = jnp.stack([d, -b, -c, a]).reshape(2, 2) / (a * d - b * c)
    px = (columns - middle[0])[None, :] - dx * unit
    py = (rows - middle[1])[:, None] - dy * unit
    from_x = back[0, 0] * px + back[0, 1] * py + middle[0]
    from_y = back[1, 0] * px + back[1, 1] * py + middle[1]
    moved = _interpolate(fine, 2 * folded(from_y, height), 2 * folded(from_x, width))
    return _along_both(_downsampling(height), _downsampling(width), moved)


def _interpolate(x: Array, row: Array, column: Array) -> Array:
    """x [H, W, C] at places [h, w] between its pixels, linearly."""
    height, width, channels = x.shape
    flat = x.reshape(-1, channels)
    top, left = jnp.floor(row), jnp.floor(column)
    down, right = (row - top)[..., None], (column - left)[..., None]
    top, left = top.astype(jnp.int32), left.astype(jnp.int32)

    def at(row: Array, column: Array) -> Array:
        return flat[jnp.minimum(row, height - 1) * width + jnp.minimum(column, width - 1)]

    upper = (1 - right) * at(top, left) + right * at(top, left + 1)
    lower = (1 - right) * at(top + 1, left) + right * at(top + 1, left + 1)
    return (1 - down) * upper + down * lower


def _along_both(rows: np.ndarray, columns: np.ndarray, x: Array) -> Array:
    """[h, H] and [w, W] applied to the rows and columns of x [H, W, C]."""
    rows, columns = rows.astype(x.dtype), columns.astype(x.dtype)
    return jnp.einsum("hH,wW,HWc->hwc", rows, columns, x, precision="highest")


HALF = 8
"""Taps of the filter on each side of its middle one, at twice the resolution: it is exact to 4e-4."""


@cache
def half_band(order: int = 6, half: int = HALF) -> np.ndarray:
    """Returns a symmetric filter h with |h(w)|^2 + |h(w + pi)|^2 = 1, flat at 0 and at pi: [2 half + 1].

    |h(w)|^2 = cos(w/2)^2n sum_{k<n} C(n-1+k, k) sin(w/2)^2k, as that of Daubechies' wavelets and symlets of
    the same order n (Daubechies, 1992). Each phase sums to 1/2, so that constants stay.

    >>> round(float(half_band().sum()), 6)
    1.0
    """
    angle = 2 * np.pi * np.fft.fftfreq(1024)
    sine = np.sin(angle / 2) ** 2
    square = (1 - sine) ** order * sum(comb(order - 1 + k, k) * sine**k for k in range(order))
    taps = np.fft.fftshift(np.fft.ifft(np.sqrt(square)).real)[512 - half : 513 + half]
    for phase in (0, 1):
        taps[phase::2] /= 2 * taps[phase::2].sum()
    return taps


@cache
def _upsampling(side: int) -> np.ndarray:
    """[2 side - 1, side]: the values of a line at all pixels and between them, continued by reflection."""
    matrix = np.zeros((2 * side - 1, side))
    for place in range(2 * side - 1):
        for tap, weight in zip(range(-HALF, HALF + 1), half_band(), strict=True):
            if (place - tap) % 2 == 0:
                matrix[place, folded((place - tap) // 2, side)] += 2 * weight
    return matrix


@cache
def _downsampling(side: int) -> np.ndarray:
    """[side, 2 side - 1 + 2 HALF]: every second of the filtered values, which have a margin of HALF."""
    matrix = np.zeros((side, 2 * side - 1 + 2 * HALF))
    for place in range(side):
        matrix[place, 2 * place : 2 * place + 2 * HALF + 1] = half_band()
    return matrix
