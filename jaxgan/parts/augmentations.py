"""What D is shown in place of a picture: changes that G learns through, by which few examples go further.

An augmentation is a function of a key and one picture [H, W, C] to a picture of the same shape, drawn by the
key of its own example. `gan(augment=...)` shows real and generated ones through it in both losses (Zhao et
al., 2020): were real ones changed alone, G would learn to make changed ones. Sizes are shares of the sides,
and what is not there is 0, the middle of [-1, 1].
"""

from collections.abc import Callable, Mapping
from math import inf
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Augment, Key, PyTree, Schedule, View, at


def unchanged(key: Key, x: Array) -> Array:
    """x: no augmentation.

    >>> float(unchanged(jax.random.key(0), jnp.ones(())))
    1.0
    """
    return x


def chain(*augments: Augment) -> Augment:
    """One augmentation after another, each with a key by its place.

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
    """The augmentation with this probability, else the picture as it is.

    What is changed seldom enough cannot leak into what G makes, which always would (Karras et al., 2020).

    >>> never = sometimes(brightness(), 0.0)
    >>> float(never(jax.random.key(0), jnp.ones((1, 1, 1))).max())
    1.0
    """

    _refuse("sometimes", probability, 1)

    def changed(key: Key, x: Array) -> Array:
        changes = jax.random.bernoulli(fold(key, "whether"), probability)
        return jnp.where(changes, augment(fold(key, "how"), x), x)

    return changed


def diffaugment() -> Augment:
    """Colour, translation and cutout, as DiffAugment has them (Zhao et al., 2020).

    >>> diffaugment()(jax.random.key(0), jnp.ones((32, 32, 3))).shape
    (32, 32, 3)
    """
    return chain(brightness(), saturation(), contrast(), translation(), cutout())


class Augmentation(NamedTuple):
    """An augmentation that changes while training goes on: by the step, or by what it remembers of D.

    `init`: () -> memory. `now`: (memory, updates made) -> the augmentation of this step. `update`: (memory,
    view) -> memory, after D's loss has seen the view. `metrics`: (memory) -> numbers to log, as d/NAME. A
    plain augmentation is one that never changes.
    """

    init: Callable[[], PyTree]
    now: Callable[[PyTree, Array], Augment]
    update: Callable[[PyTree, View], PyTree] = lambda memory, view: memory
    metrics: Callable[[PyTree], Mapping[str, Array]] = lambda memory: {}


def constant(augment: Augment | Augmentation) -> Augmentation:
    """An augmentation of either sort as one that may change.

    >>> constant(unchanged).now((), 0) is unchanged
    True
    """
    return augment if isinstance(augment, Augmentation) else Augmentation(lambda: (), lambda *_: augment)


def scheduled(of: Callable[[Array], Augment], number: Schedule) -> Augmentation:
    """`of` a number that is a schedule of the updates, such as a probability that rises.

    >>> rising = scheduled(lambda p: sometimes(diffaugment(), p), lambda step: 0.55 * (step > 1000))
    >>> rising.now((), jnp.int32(0))(jax.random.key(0), jnp.ones((8, 8, 1))).min().item()
    1.0
    """
    return Augmentation(lambda: (), lambda memory, step: of(jnp.asarray(at(number, step))))


class Adaptive(NamedTuple):
    """The memory of `adaptive`."""

    probability: Array
    signs: Array  # their sum since the probability moved last
    steps: Array  # of D, since then


def adaptive(
    of: Callable[[Array], Augment],
    *,
    target: float = 0.6,
    steps: int = 8000,
    every: int = 4,
    sign: Callable[[View], Array] = lambda view: jnp.sign(view.real_out),
) -> Augmentation:
    """`of` a probability p that D itself sets: ADA (Karras et al., 2020).

    At every few steps of D, p goes up where r = E sign(D(real)) since the last time lies above the target,
    and down else, by `every` / `steps`: in `steps` steps it could go from 0 to 1. The paper's 500,000 are
    8,000 steps of 64 pictures; of a step's micro-batches each counts as one. Where the middle between real
    and fake is not 0, as of relativistic losses, give another `sign`, per input, of the view.

    >>> ada = adaptive(lambda p: sometimes(diffaugment(), p))
    >>> float(ada.init().probability)
    0.0
    """
    if every < 1 or steps < every:
        raise Refused(f"a probability that moves every {every} steps cannot go from 0 to 1 in {steps}")

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
    _refuse("brightness", most)
    return lambda key, x: x + _uniform(key, x, 0, most)


def saturation(most: float | Array = 1.0) -> Augment:
    """Every pixel's distance to its own grey times u ~ U(1 - most, 1 + most); nothing to grey pictures.

    >>> grey = saturation()(jax.random.key(0), jnp.ones((2, 2, 1)))
    >>> bool((grey == 1).all())
    True
    """
    _refuse("saturation", most)

    def augment(key: Key, x: Array) -> Array:
        grey = x.mean(axis=-1, keepdims=True)
        return grey + (x - grey) * _uniform(key, x, 1, most)

    return augment


def contrast(most: float | Array = 0.5) -> Augment:
    """Every number's distance to the picture's mean times u ~ U(1 - most, 1 + most).

    >>> x = contrast()(jax.random.key(0), jnp.array([[[-1.0], [1.0]]]))
    >>> float(x.mean())
    0.0
    """
    _refuse("contrast", most)

    def augment(key: Key, x: Array) -> Array:
        mean = x.mean()
        return mean + (x - mean) * _uniform(key, x, 1, most)

    return augment


def translation(most: float | Array = 1 / 8) -> Augment:
    """Moved by whole pixels, either way by at most this share of each side; what comes in is 0.

    >>> int(translation()(jax.random.key(1), jnp.ones((8, 8, 1))).sum())  # a row and a column are gone
    49
    """
    _refuse("translation", most, 1)

    def augment(key: Key, x: Array) -> Array:
        for axis, side in enumerate(_sides(x)):
            far = _pixels(most, side)
            came_from = jnp.arange(side) - jax.random.randint(fold(key, axis), (), -far, far + 1)
            there = _along(axis, (came_from >= 0) & (came_from < side))
            x = jnp.where(there, jnp.take(x, came_from % side, axis), 0)
        return x

    return augment


def cutout(share: float | Array = 1 / 2) -> Augment:
    """0 in a rectangle of this share of each side, with its middle anywhere (DeVries & Taylor, 2017).

    >>> 4 <= 64 - int(cutout()(jax.random.key(1), jnp.ones((8, 8, 1))).sum()) <= 16
    True
    """
    _refuse("cutout", share, 1)

    def augment(key: Key, x: Array) -> Array:
        cut = jnp.bool_(True)
        for axis, side in enumerate(_sides(x)):
            long = _pixels(share, side)
            # an even one has its middle between two pixels, of which there is one more place
            first = jax.random.randint(fold(key, axis), (), 0, side + 1 - long % 2) - long // 2
            place = jnp.arange(side)
            cut = cut & _along(axis, (place >= first) & (place < first + long))
        return jnp.where(cut, 0, x)

    return augment


def _refuse(name: str, number: float | Array, most: float = inf) -> None:
    """Refuses a number out of its range; not so of a lane's, which is traced."""
    if isinstance(number, float | int) and not 0 <= number <= most:
        allowed = f"from 0 to {most}" if most < inf else "of 0 or more"
        raise Refused(f"{name} takes a number {allowed}, not {number}")


def _uniform(key: Key, x: Array, middle: float, most: float | Array) -> Array:
    """One number for a picture, drawn evenly from around a middle."""
    return (middle + most * jax.random.uniform(key, (), x.dtype, -1, 1)).astype(x.dtype)


def _sides(x: Array) -> tuple[int, int]:
    if x.ndim != 3:
        raise Refused(f"this augmentation is of pictures [height, width, channels], not of shape {x.shape}")
    return x.shape[0], x.shape[1]


def _pixels(share: float | Array, side: int) -> Array:
    """A share of a side in whole pixels, halves rounded up."""
    return jnp.floor(jnp.asarray(share) * side + 0.5).astype(jnp.int32)


def _along(axis: int, x: Array) -> Array:
    """[n] -> [n, 1, 1] or [1, n, 1], to go with pictures."""
    return x[:, None, None] if axis == 0 else x[None, :, None]
