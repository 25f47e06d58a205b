"""Digits as a hand might write them: a few strokes each, drawn anew by the example's number."""

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
SEGMENTS = 24  # to a digit

# The ways in which each digit is written. A stroke is a smooth curve through points "right,down", in percent
# of the height; a point that is named twice is one point: where two strokes share it, they stay joined.
WRITTEN = (
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
    """28x28 grey images in [-1, 1] with labels 0..9, white on black: 60,000 to train on, 10,000 held out.

    The sizes are MNIST's. A number shows its last digit, so every class is as frequent. All else is drawn
    from a constant key and the number: which way the digit is written, where each of its points lies, its
    slant, width, angle, size and place, how wide the pen is and how soft. No seed changes them.

    >>> glyphs().shape, glyphs().size, glyphs("test").size
    ((28, 28, 1), 60000, 10000)
    """
    check_split(split)
    start, size = (0, TRAIN) if split == "train" else (TRAIN, TEST)

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        number = number.astype(jnp.uint32) + jnp.uint32(start)
        label = (number % 10).astype(jnp.int32)
        keys = each(fold(jax.random.key(0), "glyphs"), number)
        return {"x": jax.vmap(_written, (None, 0, 0))(arrays, keys, label), "label": label}

    return Source(with_label(image(SIDE, SIDE, 1), 10), size, _ways(), take, note=PROCEDURAL)


def _ways() -> dict[str, Array]:
    """All ways to write all digits. The segments of one lie between the pairs `ends @ points`."""
    points, ends = zip(*(_way(text) for digit in WRITTEN for text in digit), strict=True)
    most = max(map(len, points))
    count = np.array([len(digit) for digit in WRITTEN])
    return {
        "points": jnp.asarray([np.pad(p, ((0, most - len(p)), (0, 0))) for p in points], jnp.float32),
        "ends": jnp.asarray([np.pad(e, ((0, 0), (0, 0), (0, most - e.shape[2]))) for e in ends], jnp.float32),
        "first": jnp.asarray(count.cumsum() - count),
        "count": jnp.asarray(count),
    }


def _way(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Points [P, 2], and the ends [2, SEGMENTS, P] of the segments as weights of the points."""
    strokes = [stroke.split() for stroke in text.split("/")]
    names = list(dict.fromkeys(name for stroke in strokes for name in stroke))
    last = np.cumsum([len(stroke) - 1 for stroke in strokes])
    last = np.round(SEGMENTS * last / last[-1]).astype(int)  # each stroke has its share of the segments
    ends = []
    for stroke, segments in zip(strokes, np.diff(last, prepend=0), strict=True):
        at = _curve(len(stroke), segments) @ np.eye(len(names))[[names.index(name) for name in stroke]]
        ends.append((at[:-1], at[1:]))
    points = np.array([name.split(",") for name in names], float) / 100
    return points, np.concatenate(ends, axis=1)


def _curve(points: int, segments: int) -> np.ndarray:
    """Weights [segments + 1, points] of a Catmull-Rom spline: the cubic p with p(k) = p_k and
    p'(k) = (p_{k+1} - p_{k-1}) / 2 at the point k (Catmull & Rom, 1974); straight on beyond both ends.
    """
    own = np.eye(points)
    slope = np.gradient(own, axis=0)
    t = np.linspace(0, points - 1, segments + 1)
    k = np.minimum(t.astype(int), points - 2)
    t = (t - k)[:, None]
    rise = own[k + 1] - own[k]
    bend = slope[k] + slope[k + 1] - 2 * rise
    return own[k] + t * (slope[k] + t * (rise - slope[k] + (t - 1) * bend))


def _written(ways: PyTree, key: Key, digit: Array) -> Array:
    """One image [28, 28, 1]."""
    which, jitter, hand = jax.random.split(key, 3)
    way = ways["first"][digit] + jax.random.randint(which, (), 0, ways["count"][digit])
    points = ways["points"][way]
    points = points + 0.035 * jax.random.normal(jitter, points.shape)
    slant, turn, width, size, right, down, pen, soft = jax.random.uniform(hand, (8,), minval=-1, maxval=1)

    ends = jnp.matmul(ways["ends"][way], points, precision="highest")  # the same digits on every device
    x, y = ends[..., 0], ends[..., 1]  # [2, SEGMENTS] each
    x = (0.72 + 0.16 * width) * x - (0.12 + 0.25 * slant) * y
    cos, sin = jnp.cos(0.15 * turn), jnp.sin(0.15 * turn)
    x, y = cos * x - sin * y, sin * x + cos * y
    # the longer side is 16.5 to 19.5 px, around a place near the middle: no digit leaves the image
    scale = (18 + 1.5 * size) / jnp.maximum(jnp.ptp(x), jnp.ptp(y))
    x = scale * (x - (x.max() + x.min()) / 2) + right
    y = scale * (y - (y.max() + y.min()) / 2) + down
    ink = 0.5 + (1.3 + 0.5 * pen - _distance(x, y)) / (1.3 + 0.4 * soft)
    return 2 * jnp.clip(ink, 0, 1)[..., None] - 1


def _distance(x: Array, y: Array) -> Array:
    """Of every pixel [28, 28] from the nearest segment (x[0], y[0]) to (x[1], y[1]); x, y: [2, SEGMENTS]."""
    down, right = np.mgrid[:SIDE, :SIDE].astype(np.float32) - (SIDE - 1) / 2

    def nearer(i: Array, nearest: Array) -> Array:
        u, v = x[1, i] - x[0, i], y[1, i] - y[0, i]
        p, q = right - x[0, i], down - y[0, i]
        along = jnp.clip((p * u + q * v) / jnp.maximum(u * u + v * v, 1e-9), 0, 1)
        return jnp.minimum(nearest, (p - along * u) ** 2 + (q - along * v) ** 2)

    # one segment after another: an axis of them would be held in memory, and takes four times as long
    return jnp.sqrt(jax.lax.fori_loop(0, SEGMENTS, nearer, jnp.full((SIDE, SIDE), jnp.inf)))
