"""What an augmentation is, and how several make one."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

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

    >>> from jaxgan.parts.augmentations import cutout, translation
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

    >>> from jaxgan.parts.augmentations import brightness
    >>> never = sometimes(brightness(), 0.0)
    >>> float(never(jax.random.key(0), jnp.ones((1, 1, 1))).max())
    1.0
    """
    check_range("the probability of sometimes", probability, most=1)

    def augment_sometimes(key: Key, x: Array) -> Array:
        applies = jax.random.bernoulli(fold(key, "whether"), probability)
        return jnp.where(applies, augment(fold(key, "how"), x), x)

    return augment_sometimes


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

    >>> from jaxgan.parts.augmentations import diffaugment
    >>> rising = scheduled(lambda p: sometimes(diffaugment(), p), lambda step: 0.55 * (step > 1000))
    >>> rising.now((), jnp.int32(0))(jax.random.key(0), jnp.ones((8, 8, 1))).min().item()
    1.0
    """
    return Augmentation(lambda: (), lambda memory, step: of(jnp.asarray(at(number, step))))
