"""Differentiable augmentations of D's inputs, for training on few examples.

An augmentation maps (key, image [H, W, C]) to an image of the same shape; each example has its own key.
`gan(augment=...)` applies it to real and generated images in both losses (Zhao et al., 2020): if only real
ones were augmented, G would learn to generate augmented images. Sizes are fractions of the sides, and empty
pixels are 0, the middle of [-1, 1].
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Augment, Key, PyTree, Schedule, View, at, check_range


def unchanged(key: Key, x: Array) -> Array:
    """Returns x: no augmentation.

    >>> float(unchanged(jax.random.key(0), jnp.ones(())))
    1.0
    """
    return x


def chain(*augments: Augment) -> Augment:
    """Composes augmentations in order; each draws from a key of its own, by its position.

    >>> both = chain(translation(), cutout())
    >>> both(jax.random.key(0), jnp.ones((8, 8, 1))).shape
    (8, 8, 1)
    """

    def augment(key: Key, x: Array) -> Array:
        for place, part in enumerate(augments):
            x = part(fold(key, place), x)
        return x

    return augment


def sometimes(augment: Augment, probability: float | Array) -> Augment:
    """Applies the augmentation with this probability, else leaves the image as it is.

    An augmentation that is applied rarely enough does not leak into what G generates; one that is always
    applied would (Karras et al., 2020).

    >>> never = sometimes(brightness(), 0.0)
    >>> float(never(jax.random.key(0), jnp.ones((1, 1, 1))).max())
    1.0
    """
    check_range("the probability of sometimes", probability, most=1)

    def augment_sometimes(key: Key, x: Array) -> Array:
        applies = jax.random.bernoulli(fold(key, "whether"), probability)
        return jnp.where(applies, augment(fold(key, "how"), x), x)

    return augment_sometimes


def diffaugment() -> Augment:
    """Colour, translation and cutout, as in DiffAugment (Zhao et al., 2020).

    >>> diffaugment()(jax.random.key(0), jnp.ones((32, 32, 3))).shape
    (32, 32, 3)
    """
    return chain(brightness(), saturation(), contrast(), translation(), cutout())


class Augmentation(NamedTuple):
    """An augmentation that changes during training, with the step or with a memory of D's outputs.

    `init`: () -> memory. `now`: (memory, updates made) -> the augmentation of this step. `update`: (memory,
    view) -> memory, after D's loss on the view. `metrics`: (memory) -> numbers to log, as d/NAME.
    """

    init: Callable[[], PyTree]
    now: Callable[[PyTree, Array], Augment]
    update: Callable[[PyTree, View], PyTree] = lambda memory, view: memory
    metrics: Callable[[PyTree], Mapping[str, Array]] = lambda memory: {}


def constant(augment: Augment | Augmentation) -> Augmentation:
    """Wraps a plain augmentation as an `Augmentation` that never changes; returns an `Augmentation` as it is.

    >>> constant(unchanged).now((), 0) is unchanged
    True
    """
    return augment if isinstance(augment, Augmentation) else Augmentation(lambda: (), lambda *_: augment)


def scheduled(of: Callable[[Array], Augment], number: Schedule) -> Augmentation:
    """`of` a number that follows a schedule of the updates, such as a rising probability.

    >>> rising = scheduled(lambda p: sometimes(diffaugment(), p), lambda step: 0.55 * (step > 1000))
    >>> rising.now((), jnp.int32(0))(jax.random.key(0), jnp.ones((8, 8, 1))).min().item()
    1.0
    """
    return Augmentation(lambda: (), lambda memory, step: of(jnp.asarray(at(number, step))))


class Adaptive(NamedTuple):
    """The memory of `adaptive`."""

    probability: Array
    signs: Array  # sum of signs since the probability last changed
    steps: Array  # of D, since then


def adaptive(
    of: Callable[[Array], Augment],
    *,
    target: float = 0.6,
    steps: int = 8000,
    every: int = 4,
    sign: Callable[[View], Array] = lambda view: jnp.sign(view.real_out),
) -> Augmentation:
    """`of` a probability p that adapts to how far D overfits: ADA (Karras et al., 2020).

    After `every` steps of D, p rises by `every` / `steps` if r = E sign(D(real)), averaged over those steps,
    is above the target, and falls by as much otherwise: it takes `steps` steps from 0 to 1. The paper's
    500,000 images are 8,000 steps of 64; each micro-batch counts as a step. If the middle between real and
    fake is not 0, as with relativistic losses, give another `sign`: (view) -> [B].

    >>> ada = adaptive(lambda p: sometimes(diffaugment(), p))
    >>> float(ada.init().probability)
    0.0
    """
    if every < 1 or steps < every:
        raise Refused(f"adaptive needs 1 <= every <= steps, not every={every} and steps={steps}")

    def update(memory: Adaptive, view: View) -> Adaptive:
        signs, count = memory.signs + view.mean(sign(view)), memory.steps + 1
        due = count >= every
        moved = memory.probability + jnp.sign(signs / count - target) * every / steps
        return Adaptive(
            jnp.where(due, jnp.clip(moved, 0.0, 1.0), memory.probability).astype(jnp.float32),
            jnp.where(due, 0.0, signs).astype(jnp.float32),
            jnp.where(due, 0, count),
        )

    return Augmentation(
        lambda: Adaptive(jnp.float32(0), jnp.float32(0), jnp.int32(0)),
        lambda memory, step: of(memory.probability),
        update,
        lambda memory: {"augment": memory.probability},
    )


def brightness(most: float | Array = 0.5) -> Augment:
    """x + u, u ~ U(-most, most).

    >>> x = brightness()(jax.random.key(0), jnp.ones((2, 2, 3)))
    >>> 0.5 <= float(x.min()) == float(x.max()) <= 1.5
    True
    """
    check_range("the strength of brightness", most)
    return lambda key, x: x + _uniform(key, x, 0, most)


def saturation(most: float | Array = 1.0) -> Augment:
    """Scales each pixel's distance to its grey value by u ~ U(1 - most, 1 + most); grey images stay the same.

    >>> grey = saturation()(jax.random.key(0), jnp.ones((2, 2, 1)))
    >>> bool((grey == 1).all())
    True
    """
    check_range("the strength of saturation", most)

    def augment(key: Key, x: Array) -> Array:
        grey = x.mean(axis=-1, keepdims=True)
        return grey + (x - grey) * _uniform(key, x, 1, most)

    return augment


def contrast(most: float | Array = 0.5) -> Augment:
    """Scales each number's distance to the image's mean by u ~ U(1 - most, 1 + most).

    >>> x = contrast()(jax.random.key(0), jnp.array([[[-1.0], [1.0]]]))
    >>> float(x.mean())
    0.0
    """
    check_range("the strength of contrast", most)

    def augment(key: Key, x: Array) -> Array:
        mean = x.mean()
        return mean + (x - mean) * _uniform(key, x, 1, most)

    return augment


def translation(most: float | Array = 1 / 8) -> Augment:
    """Shifts by whole pixels, in either direction by at most this fraction of each side; pads with 0.

    >>> int(translation()(jax.random.key(1), jnp.ones((8, 8, 1))).sum())  # shifted by a row and a column
    49
    """
    check_range("the fraction of translation", most, most=1)

    def augment(key: Key, x: Array) -> Array:
        for axis, side in enumerate(_sides(x)):
            bound = _pixels(most, side)
            origin = jnp.arange(side) - jax.random.randint(fold(key, axis), (), -bound, bound + 1)
            inside = _along(axis, (origin >= 0) & (origin < side))
            x = jnp.where(inside, jnp.take(x, origin % side, axis), 0)
        return x

    return augment


def cutout(share: float | Array = 1 / 2) -> Augment:
    """Sets a rectangle with this fraction of each side, centred anywhere, to 0 (DeVries & Taylor, 2017).

    >>> 4 <= 64 - int(cutout()(jax.random.key(1), jnp.ones((8, 8, 1))).sum()) <= 16
    True
    """
    check_range("the fraction of cutout", share, most=1)

    def augment(key: Key, x: Array) -> Array:
        cut = jnp.bool_(True)
        for axis, side in enumerate(_sides(x)):
            length = _pixels(share, side)
            # the centre of an even length is between two pixels, and has one more possible position
            first = jax.random.randint(fold(key, axis), (), 0, side + 1 - length % 2) - length // 2
            position = jnp.arange(side)
            cut = cut & _along(axis, (position >= first) & (position < first + length))
        return jnp.where(cut, 0, x)

    return augment


def _uniform(key: Key, x: Array, middle: float, most: float | Array) -> Array:
    """Draws one number for an image from U(middle - most, middle + most)."""
    return (middle + most * jax.random.uniform(key, (), x.dtype, -1, 1)).astype(x.dtype)


def _sides(x: Array) -> tuple[int, int]:
    if x.ndim != 3:
        raise Refused(f"this augmentation takes images [height, width, channels], not shape {x.shape}")
    return x.shape[0], x.shape[1]


def _pixels(share: float | Array, side: int) -> Array:
    """Converts a fraction of a side to whole pixels, rounding halves up."""
    return jnp.floor(jnp.asarray(share) * side + 0.5).astype(jnp.int32)


def _along(axis: int, x: Array) -> Array:
    """[n] -> [n, 1, 1] or [1, n, 1], to broadcast against images."""
    return x[:, None, None] if axis == 0 else x[None, :, None]
