"""Handwritten digits of a few strokes each, drawn as a function of the example's number."""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import image, with_label
from jaxgan.data.source import PROCEDURAL, Source, check_split
from jaxgan.parts.rng import each, fold
from jaxgan.parts.types import Array, Batch, Key, PyTree

SIDE = 28
TRAIN, TEST = 60_000, 10_000
SEGMENTS = 24  # per digit

# The variants of each digit. A stroke is a smooth curve through points "right,down", in percent of the
# height; strokes are separated by "/". Equal points are one point, so strokes that share it stay joined.
VARIANTS = (
    ("50,0 18,20 10,55 25,90 50,100 80,80 88,40 75,10 50,0",),
    (
        "50,0 50,50 50,100",
        "36,20 52,0 / 52,0 52,50 52,100",
        "30,20 52,0 / 52,0 52,100 / 26,100 52,100 78,100",
    ),
    (
        "14,24 30,4 62,2 80,24 62,55 12,100 / 12,100 50,98 88,97",
        "14,20 44,0 76,18 66,52 34,90 12,92 20,78 50,90 90,98",
    ),
    (
        "16,12 45,0 78,16 70,38 40,48 / 40,48 76,56 84,80 55,100 14,90",
        "16,2 80,2 / 80,2 42,40 / 42,40 82,54 80,86 46,100 12,90",
    ),
    ("60,0 35,35 8,66 / 8,66 50,66 92,66 / 68,36 68,100", "18,0 14,30 20,48 50,50 78,44 / 80,0 78,44 76,100"),
    ("80,2 50,2 26,4 / 26,4 22,42 / 22,42 55,36 82,56 74,88 42,100 12,88",),
    ("66,0 30,30 16,68 32,96 62,98 80,76 64,54 36,58 18,76",),
    ("8,4 50,3 90,2 / 90,2 60,45 42,100", "8,4 50,3 90,2 / 90,2 60,45 42,100 / 36,50 80,48"),
    ("50,48 24,30 30,6 62,2 76,22 50,48 20,74 34,98 66,98 80,74 50,48",),
    (
        "80,22 50,2 22,20 28,44 56,48 80,22 / 80,22 78,60 68,100",
        "80,22 50,2 22,20 28,44 56,48 80,22 / 80,22 80,70 56,98 22,90",
    ),
)


def glyphs(split: Literal["train", "test"] = "train") -> Source:
    """Returns 28x28 images, white on black, in [-1, 1] with labels 0..9: 60,000 to train on, 10,000 held out.

    The sizes are MNIST's. An example shows the last digit of its number, so all classes are equally frequent.
    The variant of the digit, its points, slant, width, angle, size and position, and the width and softness
    of the pen are random functions of the number and a constant key: no seed changes them.

    >>> glyphs().shape, glyphs().size, glyphs("test").size
    ((28, 28, 1), 60000, 10000)
    """
    check_split(split)
    start, size = (0, TRAIN) if split == "train" else (TRAIN, TEST)

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        number = number.astype(jnp.uint32) + jnp.uint32(start)
        label = (number % 10).astype(jnp.int32)
        keys = each(fold(jax.random.key(0), "glyphs"), number)
        return {"x": jax.vmap(_draw, (None, 0, 0))(arrays, keys, label), "label": label}

    return Source(with_label(image(SIDE, SIDE, 1), 10), size, _all_variants(), take, note=PROCEDURAL)


def _all_variants() -> dict[str, Array]:
    """Returns all variants of all digits, as arrays. The ends of a variant's segments are `ends @ points`."""
    points, ends = zip(*(_variant(text) for digit in VARIANTS for text in digit), strict=True)
    most = max(map(len, points))
    count = np.array([len(digit) for digit in VARIANTS])
    return {
        "points": jnp.asarray([np.pad(p, ((0, most - len(p)), (0, 0))) for p in points], jnp.float32),
        "ends": jnp.asarray([np.pad(e, ((0, 0), (0, 0), (0, most - e.shape[2]))) for e in ends], jnp.float32),
        "first": jnp.asarray(count.cumsum() - count),
        "count": jnp.asarray(count),
    }


def _variant(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns points [P, 2], and the ends [2, SEGMENTS, P] of the segments as weights of the points."""
    strokes = [stroke.split() for stroke in text.split("/")]
    names = list(dict.fromkeys(name for stroke in strokes for name in stroke))
    last = np.cumsum([len(stroke) - 1 for stroke in strokes])
    last = np.round(SEGMENTS * last / last[-1]).astype(int)  # in proportion to the points of each stroke
    ends = []
    for stroke, segments in zip(strokes, np.diff(last, prepend=0), strict=True):
        weights = _spline(len(stroke), segments) @ np.eye(len(names))[[names.index(name) for name in stroke]]
        ends.append((weights[:-1], weights[1:]))
    points = np.array([name.split(",") for name in names], float) / 100
    return points, np.concatenate(ends, axis=1)


def _spline(points: int, segments: int) -> np.ndarray:
    """Returns the weights [segments + 1, points] of a Catmull-Rom spline: the cubic p with p(k) = p_k and
    p'(k) = (p_{k+1} - p_{k-1}) / 2 at the point k (Catmull & Rom, 1974), extrapolated linearly at both ends.
    """
    value = np.eye(points)
    slope = np.gradient(value, axis=0)
    t = np.linspace(0, points - 1, segments + 1)
    k = np.minimum(t.astype(int), points - 2)
    t = (t - k)[:, None]
    rise = value[k + 1] - value[k]
    bend = slope[k] + slope[k + 1] - 2 * rise
    return value[k] + t * (slope[k] + t * (rise - slope[k] + (t - 1) * bend))


def _draw(variants: PyTree, key: Key, digit: Array) -> Array:
    """Returns one image [28, 28, 1]."""
    choice, jitter, style = jax.random.split(key, 3)
    i = variants["first"][digit] + jax.random.randint(choice, (), 0, variants["count"][digit])
    points = variants["points"][i]
    points = points + 0.035 * jax.random.normal(jitter, points.shape)
    slant, turn, width, size, right, down, pen, soft = jax.random.uniform(style, (8,), minval=-1, maxval=1)

    ends = jnp.matmul(variants["ends"][i], points, precision="highest")  # equal on all devices
    x, y = ends[..., 0], ends[..., 1]  # [2, SEGMENTS] each
    x = (0.72 + 0.16 * width) * x - (0.12 + 0.25 * slant) * y
    cos, sin = jnp.cos(0.15 * turn), jnp.sin(0.15 * turn)
    x, y = cos * x - sin * y, sin * x + cos * y
    # the longer side is 16.5 to 19.5 px and the centre near the middle, so the digit fits into the image
    scale = (18 + 1.5 * size) / jnp.maximum(jnp.ptp(x), jnp.ptp(y))
    x = scale * (x - (x.max() + x.min()) / 2) + right
    y = scale * (y - (y.max() + y.min()) / 2) + down
    ink = 0.5 + (1.3 + 0.5 * pen - _distance(x, y)) / (1.3 + 0.4 * soft)
    return 2 * jnp.clip(ink, 0, 1)[..., None] - 1


def _distance(x: Array, y: Array) -> Array:
    """Returns the distance of each pixel [28, 28] to the nearest segment (x[0], y[0]) to (x[1], y[1])."""
    down, right = np.mgrid[:SIDE, :SIDE].astype(np.float32) - (SIDE - 1) / 2

    def nearer(i: Array, nearest: Array) -> Array:
        u, v = x[1, i] - x[0, i], y[1, i] - y[0, i]
        p, q = right - x[0, i], down - y[0, i]
        along = jnp.clip((p * u + q * v) / jnp.maximum(u * u + v * v, 1e-9), 0, 1)
        return jnp.minimum(nearest, (p - along * u) ** 2 + (q - along * v) ** 2)

    # a loop, since an axis of segments needs more memory and four times as long
    return jnp.sqrt(jax.lax.fori_loop(0, SEGMENTS, nearer, jnp.full((SIDE, SIDE), jnp.inf)))
