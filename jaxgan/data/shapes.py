"""Coloured shapes whose factors are known: a picture is drawn from its number, and no two are alike."""

from collections.abc import Mapping
from math import cos, pi, prod, sin, sqrt, tan
from typing import Literal

import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import image, with_label
from jaxgan.data.order import Place, shuffled
from jaxgan.data.source import PROCEDURAL, Source, check_split
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
GROUND = (24, 26, 34)  # one colour, so that the factors are all there is to see
FACTORS = {"shape": len(SHAPES), "colour": len(COLOURS), "scale": 6, "angle": 8, "x": 10, "y": 10}
TOTAL = prod(FACTORS.values())  # 192,000
TEST = TOTAL // 10

SPLIT = np.random.RandomState(0).randint(0, 2**32, 8, np.uint32)  # a stream that numpy has frozen
TURNS = (4, 3, 2, 1, 5)  # how often a shape looks the same in one turn


def shapes(split: Literal["train", "test"] = "train") -> Source:
    """32x32 RGB images in [-1, 1] labelled by shape: 172,800 to train on, 19,200 held out.

    Every combination of the FACTORS is in one of the two, as a constant order has it: no seed changes them.
    `chosen` tells which numbers these are, and `factors` what they show.

    >>> shapes().shape, shapes().size, shapes("test").size, shapes().classes
    ((32, 32, 3), 172800, 19200, 5)
    """
    check_split(split)

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        shown = factors(chosen(number, split))
        return {"x": drawn(shown), "label": shown["shape"]}

    size = TEST if split == "test" else TOTAL - TEST
    return Source(with_label(image(SIDE, SIDE, 3), len(SHAPES)), size, (), take, note=PROCEDURAL)


def chosen(example: Place, split: Literal["train", "test"] = "train") -> Place:
    """The numbers, of all 192,000, that the examples [N] of a split have.

    >>> chosen(np.arange(3), "test").tolist()
    [134993, 173768, 82614]
    """
    start = TOTAL - TEST if split == "test" else 0
    order = SPLIT if isinstance(example, np.ndarray) else jnp.asarray(SPLIT)
    return shuffled(order, example.astype(np.uint32) + start, TOTAL)


def factors(number: Place) -> dict[str, Place]:
    """What the pictures of these numbers [N] show: each of the FACTORS, int32 [N], counted from 0.

    >>> {name: int(value) for name, value in factors(np.array(TOTAL - 2)).items()}
    {'shape': 4, 'colour': 7, 'scale': 5, 'angle': 7, 'x': 9, 'y': 8}
    """
    rest, shown = number.astype(np.int32), {}
    for name, values in reversed(FACTORS.items()):
        rest, shown[name] = rest // values, rest % values
    return dict(reversed(shown.items()))


def numbered(factors: Mapping[str, Place]) -> Place:
    """The numbers of the pictures that show these factors.

    >>> numbered(factors(np.array([0, 1, 150_000]))).tolist()
    [0, 1, 150000]
    """
    number, *others = _all(factors)
    for values, factor in zip(list(FACTORS.values())[1:], others, strict=True):
        number = number * values + factor
    return number


def drawn(factors: Mapping[str, Place]) -> Array:
    """Pictures [N, 32, 32, 3] of these factors [N]; all but shape and colour may lie between two values.

    The scale k is an area of (6.5 (9/8)^k)^2 pixels, whatever the shape. x, to the right, and y, down, move
    its centre of mass by whole pixels. The angle, counter-clockwise, is in eighths of the turn after which a
    shape looks as before. At the outline a pixel has its share of ink, by the distance of its middle; so the
    area is right to 5 % and the centre to 0.1 px.

    >>> drawn(factors(np.arange(3))).shape
    (3, 32, 32, 3)
    """
    shape, colour, scale, angle, x, y = (jnp.asarray(factor)[:, None, None] for factor in _all(factors))
    down, right = np.mgrid[:SIDE, :SIDE].astype(np.float32) - (SIDE - 1) / 2
    right, up = right - (x - (FACTORS["x"] - 1) / 2), (y - (FACTORS["y"] - 1) / 2) - down
    size = 6.5 * 1.125**scale
    turn = 2 * pi / FACTORS["angle"] * angle / jnp.asarray(TURNS)[shape]
    u = (jnp.cos(turn) * right + jnp.sin(turn) * up) / size
    v = (jnp.cos(turn) * up - jnp.sin(turn) * right) / size
    outlines = (_square, _triangle, _ellipse, _heart, _star)
    distance = jnp.select([shape == i for i in range(len(outlines))], [outline(u, v) for outline in outlines])
    ink = jnp.clip(0.5 - size * distance, 0, 1)[..., None]
    paint = jnp.asarray(list(COLOURS.values()))[colour] / 127.5 - 1
    return ink * paint + (1 - ink) * (jnp.asarray(GROUND) / 127.5 - 1)


def _all(factors: Mapping[str, Place]) -> list[Place]:
    missing = [name for name in FACTORS if name not in factors]
    if missing:
        raise Refused(f"a shape has the factors {', '.join(FACTORS)}: {', '.join(missing)} is missing")
    for name in ("shape", "colour"):  # as far as they are known already
        values = factors[name]
        if isinstance(values, np.ndarray) and not np.isin(values, range(FACTORS[name])).all():
            raise Refused(f"the factor {name} is one of 0 to {FACTORS[name] - 1}")
    return [factors[name] for name in FACTORS]


# Shapes of area 1 around their centre of mass, v upwards: distances from the outline, negative inside. Half-
# planes and discs are cut by max and joined by min, which near a corner errs by a part of a pixel.


def _square(u: Array, v: Array) -> Array:
    return jnp.maximum(abs(u), abs(v)) - 1 / 2


def _triangle(u: Array, v: Array) -> Array:
    """Of three half-planes at the inner radius r; the area is 3 sqrt(3) r^2."""
    return jnp.maximum(-v, sqrt(3) / 2 * abs(u) + v / 2) - 3**-0.75


def _ellipse(u: Array, v: Array) -> Array:
    """Twice as long as wide. To first order: (f - 1) / |grad f|, where f = |(u / a, v / b)|."""
    b = sqrt(1 / (2 * pi))
    a = 2 * b
    f = jnp.hypot(u / a, v / b)
    return (f - 1) * (f + 1e-6) / (jnp.hypot(u / a**2, v / b**2) + 1e-6)  # in the middle too


def _heart(u: Array, v: Array) -> Array:
    """A square on its corner, half its side q, and a disc around the middle of each upper side.

    Half a disc is pi q^2 / 2, with its centre of mass 4 q / (3 pi) beyond the side; the square is 4 q^2.
    """
    q = sqrt(1 / (4 + pi))
    middle = q**3 * (pi / 2 + 2 / 3)  # along the axes of both discs; the area is 1
    p, r = (v + abs(u)) / sqrt(2) + middle, (v - abs(u)) / sqrt(2) + middle
    return jnp.minimum(jnp.maximum(abs(p), abs(r)), jnp.hypot(p - q, r)) - q


def _star(u: Array, v: Array) -> Array:
    """A pentagram: what lies in four at least of five half-planes, so the second largest distance counts.

    At a distance r they bound a pentagon of side 2 r tan 36; its tips are triangles, r tan 36 tan 72 high. A
    disc cuts off the ink that would run beyond them.
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
