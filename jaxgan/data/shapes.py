"""Coloured shapes with known factors: each image is a function of its number, and all are different."""

from collections.abc import Mapping
from itertools import product
from math import cos, pi, prod, sin, sqrt, tan
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Leaf, Tokens, image, with_label
from jaxgan.data.order import Integers, permute
from jaxgan.data.source import PROCEDURAL, Source, check_split
from jaxgan.data.words import tokenise
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, Key, PyTree

SIDE = 32
SHAPES = ("square", "triangle", "ellipse", "heart", "star")
COLOURS = {
    "red": (228, 40, 48),
    "orange": (252, 142, 20),
    "yellow": (254, 224, 50),
    "green": (40, 170, 70),
    "cyan": (70, 222, 230),
    "blue": (44, 92, 236),
    "purple": (150, 56, 208),
    "pink": (252, 132, 198),
}
BACKGROUND = (24, 26, 34)  # constant, so that an image depends on its factors alone
FACTORS = {"shape": len(SHAPES), "colour": len(COLOURS), "scale": 6, "angle": 8, "x": 10, "y": 10}
TOTAL = prod(FACTORS.values())  # 192,000
TEST = TOTAL // 10
BLOCK = 256  # images measured at a time
FAINT = 0.2  # ink that is taken for noise

SIZES = ("small", "", "large")  # of two scales each
ROWS, COLUMNS = ("top", "", "bottom"), ("left", "", "right")  # of three, four and three places each

SPLIT = np.random.RandomState(0).randint(0, 2**32, 8, np.uint32)  # the same in every version of NumPy
SYMMETRY = (4, 3, 2, 1, 5)  # order of the rotational symmetry of each shape


def shapes(split: Literal["train", "test"] = "train") -> Source:
    """Returns 32x32 RGB images in [-1, 1] labelled by shape: 172,800 to train on, 19,200 held out.

    Each combination of the FACTORS is in one split, by a constant permutation: no seed changes them.
    `split_numbers` returns the numbers of a split, and `factors` the factors of a number.

    >>> shapes().shape, shapes().size, shapes("test").size, shapes().classes
    ((32, 32, 3), 172800, 19200, 5)
    """
    check_split(split)

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        values = factors(split_numbers(number, split))
        return {"x": draw(values), "label": values["shape"]}

    size = TEST if split == "test" else TOTAL - TEST
    leaves = with_label(image(SIDE, SIDE, 3), len(SHAPES))
    return Source(leaves, size, (), take, note=PROCEDURAL, factors=measure)


def described_shapes(split: Literal["train", "test"] = "train") -> Source:
    """Returns `shapes` with a text that describes each, as the leaf "text": its words as numbers, int32 [8].

    There are 1,080 texts, one for each shape, colour, size and place that has a word, and each is that of
    178 images on average: those of both splits, so that no held-out text is new, and every held-out image is.

    >>> source = described_shapes()
    >>> source.leaves["text"].shape, source.leaves["text"].kind.vocabulary[:6]
    ((8,), ('', '<unknown>', 'a', 'at', 'blue', 'bottom'))
    """
    plain = shapes(split)
    texts = [_text(*said) for said in product(SHAPES, COLOURS, SIZES, ROWS, COLUMNS)]
    ids, vocabulary = tokenise(texts)
    leaf = Leaf(ids.shape[1:], Tokens(vocabulary), np.int32)

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        said = _said(factors(split_numbers(number, split)))
        counts = (len(SHAPES), len(COLOURS), len(SIZES), len(ROWS), len(COLUMNS))
        row = jnp.ravel_multi_index(said, counts, mode="clip")
        return {**plain.take((), key, number), "text": arrays[row]}

    return plain._replace(leaves={**plain.leaves, "text": leaf}, arrays=ids, take=take)


def describe(factors: Mapping[str, np.ndarray]) -> list[str]:
    """Returns the texts of images with these factors [N], drawn or measured: those of `described_shapes`.

    >>> describe(factors(np.array([0, 77_777])))
    ['a small red square at the top left', 'a small red ellipse at the bottom right']
    """
    words = (list(SHAPES), list(COLOURS), SIZES, ROWS, COLUMNS)
    said = [np.asarray(part).astype(int) for part in _said(factors)]
    return [
        _text(*(names[int(i)] for names, i in zip(words, row, strict=True)))
        for row in zip(*said, strict=True)
    ]


def _text(shape: str, colour: str, size: str, row: str, column: str) -> str:
    place = " ".join(filter(None, (row, column)))
    what = " ".join(filter(None, ("a", size, colour, shape)))
    return f"{what} at the {place}" if place else f"{what} in the middle"


def _said(factors: Mapping[str, Integers]) -> tuple[Integers, ...]:
    """Returns the numbers of what a text says: shape, colour, size, row and column."""
    size = 1 - (factors["scale"] < 1.5) + (factors["scale"] > 3.5)
    row, column = (1 - (factors[axis] < 2.5) + (factors[axis] > 6.5) for axis in ("y", "x"))
    return factors["shape"], factors["colour"], size, row, column


def split_numbers(example: Integers, split: Literal["train", "test"] = "train") -> Integers:
    """Returns the numbers, 0..191,999, of the examples [N] of a split.

    >>> split_numbers(np.arange(3), "test").tolist()
    [134993, 173768, 82614]
    """
    start = TOTAL - TEST if split == "test" else 0
    round_keys = SPLIT if isinstance(example, np.ndarray) else jnp.asarray(SPLIT)
    return permute(round_keys, example.astype(np.uint32) + start, TOTAL)


def factors(number: Integers) -> dict[str, Integers]:
    """Returns the FACTORS of the images with these numbers [N]: int32 [N] each, from 0.

    >>> {name: int(value) for name, value in factors(np.array(TOTAL - 2)).items()}
    {'shape': 4, 'colour': 7, 'scale': 5, 'angle': 7, 'x': 9, 'y': 8}
    """
    rest, values = number.astype(np.int32), {}
    for name, count in reversed(FACTORS.items()):
        rest, values[name] = rest // count, rest % count
    return dict(reversed(values.items()))


def number_of(factors: Mapping[str, Integers]) -> Integers:
    """Returns the numbers of the images with these factors, the inverse of `factors`.

    >>> number_of(factors(np.array([0, 1, 150_000]))).tolist()
    [0, 1, 150000]
    """
    number, *others = _check_factors(factors)
    for count, factor in zip(list(FACTORS.values())[1:], others, strict=True):
        number = number * count + factor
    return number


def draw(factors: Mapping[str, Integers]) -> Array:
    """Returns images [N, 32, 32, 3] of the factors [N], which may be fractions except for shape and colour.

    The scale k is an area of (6.5 (9/8)^k)^2 pixels for every shape. x, to the right, and y, down, move the
    centre of mass by whole pixels. The angle, counter-clockwise, is in eighths of the smallest rotation that
    maps the shape to itself. Pixels at the outline are antialiased by the distance of their centre from it,
    so the area is exact to 5 % and the centre to 0.1 px.

    >>> draw(factors(np.arange(3))).shape
    (3, 32, 32, 3)
    """
    shape, colour, scale, angle, x, y = (jnp.asarray(f)[:, None, None] for f in _check_factors(factors))
    ink = _ink(shape, scale, angle, x, y)[..., None]
    paint = jnp.asarray(list(COLOURS.values()))[colour] / 127.5 - 1
    return ink * paint + (1 - ink) * (jnp.asarray(BACKGROUND) / 127.5 - 1)


def _ink(shape: Array, scale: Array, angle: Array, x: Array, y: Array) -> Array:
    """Returns the share of ink in each pixel, [N, 32, 32] of factors [N, 1, 1]."""
    down, right = np.mgrid[:SIDE, :SIDE].astype(np.float32) - (SIDE - 1) / 2
    right, up = right - (x - (FACTORS["x"] - 1) / 2), (y - (FACTORS["y"] - 1) / 2) - down
    size = 6.5 * 1.125**scale
    turn = 2 * pi / FACTORS["angle"] * angle / jnp.asarray(SYMMETRY)[shape]
    u = (jnp.cos(turn) * right + jnp.sin(turn) * up) / size
    v = (jnp.cos(turn) * up - jnp.sin(turn) * right) / size
    outlines = (_square, _triangle, _ellipse, _heart, _star)
    distance = jnp.select([shape == i for i in range(len(outlines))], [outline(u, v) for outline in outlines])
    return jnp.clip(0.5 - size * distance, 0, 1)


def measure(images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the FACTORS [N] of images [N, 32, 32, 3], drawn or generated, by drawing what is most alike.

    The colour is the one whose mixture with the background is nearest to the pixels; area and centre of its
    ink give scale, x and y, as fractions; shape and angle are those of the nearest of 40 outlines there.

    >>> measured = measure(draw(factors(np.array([77_777]))))
    >>> {name: value.round(1).item() for name, value in measured.items()}
    {'shape': 2, 'colour': 0, 'scale': 1.0, 'angle': 1, 'x': 7.0, 'y': 7.0}
    """
    if images.shape[1:] != (SIDE, SIDE, 3):
        raise Refused(f"factors are measured on images of shape {(SIDE, SIDE, 3)}, not {images.shape[1:]}")
    blocks = [images[start : start + BLOCK] for start in range(0, len(images), BLOCK)]
    measured = jax.device_get([_measure(jnp.asarray(block)) for block in blocks])
    return {name: np.concatenate([block[name] for block in measured]) for name in FACTORS}


@jax.jit
def _measure(images: Array) -> dict[str, Array]:
    ground = jnp.asarray(BACKGROUND) / 127.5 - 1
    paint = jnp.asarray(list(COLOURS.values())) / 127.5 - 1 - ground  # [colours, 3]
    shares = (
        jnp.einsum("nhwc,kc->knhw", images - ground, paint) / jnp.square(paint).sum(-1)[:, None, None, None]
    )
    shares = shares.clip(0, 1)
    misfit = jnp.square(images - ground - shares[..., None] * paint[:, None, None, None]).sum((2, 3, 4))
    colour = misfit.argmin(axis=0)
    ink = jnp.take_along_axis(shares, colour[None, :, None, None], axis=0)[0]
    ink = jnp.where(ink > FAINT, ink, 0)  # not the noise of a background that is nearly dark
    area = ink.sum((1, 2)).clip(1.0)
    pixels = jnp.arange(SIDE) - (SIDE - 1) / 2
    scale = jnp.log(jnp.sqrt(area) / 6.5) / jnp.log(1.125)
    x = ink.sum(axis=1) @ pixels / area + (FACTORS["x"] - 1) / 2
    y = ink.sum(axis=2) @ pixels / area + (FACTORS["y"] - 1) / 2
    outlines = jnp.divmod(jnp.arange(len(SHAPES) * FACTORS["angle"]), FACTORS["angle"])

    def misfit_of(shape: Array, angle: Array) -> Array:
        drawn = _ink(*(jnp.broadcast_to(f, x.shape)[:, None, None] for f in (shape, scale, angle, x, y)))
        return jnp.square(drawn - ink).sum((1, 2))

    nearest = jax.lax.map(lambda outline: misfit_of(*outline), outlines).argmin(axis=0)
    values = {"shape": outlines[0][nearest], "colour": colour, "scale": scale}
    return {**values, "angle": outlines[1][nearest], "x": x, "y": y}


def _check_factors(factors: Mapping[str, Integers]) -> list[Integers]:
    missing = [name for name in FACTORS if name not in factors]
    if missing:
        raise Refused(f"a shape needs the factors {', '.join(FACTORS)}: {', '.join(missing)} is missing")
    for name in ("shape", "colour"):  # unless they are traced
        values = factors[name]
        if isinstance(values, np.ndarray) and not np.isin(values, range(FACTORS[name])).all():
            raise Refused(f"the factor {name} must be an integer from 0 to {FACTORS[name] - 1}")
    return [factors[name] for name in FACTORS]


# Distances from the outline, negative inside, of shapes of area 1 around their centre of mass; v is up.
# Half-planes and discs are intersected by max and united by min, wrong by less than a pixel near corners.


def _square(u: Array, v: Array) -> Array:
    return jnp.maximum(abs(u), abs(v)) - 1 / 2


def _triangle(u: Array, v: Array) -> Array:
    """Three half-planes at the inner radius r; the area is 3 sqrt(3) r^2."""
    return jnp.maximum(-v, sqrt(3) / 2 * abs(u) + v / 2) - 3**-0.75


def _ellipse(u: Array, v: Array) -> Array:
    """Twice as long as wide. To first order: (f - 1) / |grad f|, where f = |(u / a, v / b)|."""
    b = sqrt(1 / (2 * pi))
    a = 2 * b
    f = jnp.hypot(u / a, v / b)
    return (f - 1) * (f + 1e-6) / (jnp.hypot(u / a**2, v / b**2) + 1e-6)  # 1e-6 for the centre


def _heart(u: Array, v: Array) -> Array:
    """A square of side 2 q standing on a corner, and a disc around the middle of each upper side.

    Half a disc has the area pi q^2 / 2 and its centre of mass 4 q / (3 pi) from the side; the square 4 q^2.
    """
    q = sqrt(1 / (4 + pi))
    middle = q**3 * (pi / 2 + 2 / 3)  # along the axes of both discs, for area 1
    p, r = (v + abs(u)) / sqrt(2) + middle, (v - abs(u)) / sqrt(2) + middle
    return jnp.minimum(jnp.maximum(abs(p), abs(r)), jnp.hypot(p - q, r)) - q


def _star(u: Array, v: Array) -> Array:
    """A pentagram: the points in at least four of five half-planes, so the second largest distance counts.

    At a distance r they bound a pentagon of side 2 r tan 36; its tips are triangles, r tan 36 tan 72 high.
    A disc cuts off antialiased pixels beyond the tips.
    """
    tan36, tan72 = tan(pi / 5), tan(2 * pi / 5)
    r = 1 / sqrt(5 * tan36 * (1 + tan36 * tan72))
    reach = r * (1 + tan36 * tan72)
    largest = second = jnp.full_like(u, -jnp.inf)
    for i in range(5):
        distance = sin(2 * pi * i / 5) * u + cos(2 * pi * i / 5) * v
        second = jnp.maximum(second, jnp.minimum(largest, distance))
        largest = jnp.maximum(largest, distance)
    return jnp.maximum(second - r, jnp.hypot(u, v) - reach)
