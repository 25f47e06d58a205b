"""Fakes among D's real examples, with a probability that follows how far D overfits."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.parts.augmentations.adaptive import Adaptive, controller
from jaxgan.parts.output import per_example
from jaxgan.parts.types import Array, Key, PyTree, Schedule, View, at, check_range, per_row


class Deception(NamedTuple):
    """The probability that D is shown a fake as real. `gan(deceive=...)` takes one, a number or a schedule.

    `init`: () -> memory. `probability`: (memory, updates made) -> that of this step. `update`: (memory, view)
    -> memory, after D's loss on the view. `metrics`: (memory) -> numbers to log, as d/NAME.
    """

    init: Callable[[], PyTree]
    probability: Callable[[PyTree, Array], Array | float]
    update: Callable[[PyTree, View], PyTree] = lambda memory, view: memory
    metrics: Callable[[PyTree], Mapping[str, Array]] = lambda memory: {}

    def apply(self, memory: PyTree, keys: Key, real: Array, fake: Array, step: Array) -> Array:
        """Returns real examples [N, ...], some of them replaced by the fake of the same number."""
        coin = jax.vmap(lambda key: jax.random.bernoulli(key, self.probability(memory, step)))(keys)
        return jnp.where(per_row(coin, real), jax.lax.stop_gradient(fake), real)


def apa(
    *,
    target: float = 0.6,
    steps: int = 8000,
    every: int = 4,
    sign: Callable[[View], Array] = lambda view: per_example(jax.tree.map(jnp.sign, view.real_out)),
) -> Deception:
    """Adaptive pseudo augmentation (Jiang et al., 2021): D is shown some fakes as real, so it overfits later.

    The probability is controlled as that of `adaptive`, whose arguments these are; r = E sign(D(real)) is of
    the real examples as D is shown them, the fakes among them included.

    >>> float(apa().init().probability)
    0.0
    """
    return Deception(
        Adaptive.start,
        lambda memory, step: memory.probability,
        controller("apa", target, steps, every, sign),
        lambda memory: {"deceived": memory.probability},
    )


def as_deception(deceive: Schedule | Deception) -> Deception:
    """Returns a number or schedule of updates as a `Deception` without memory; one of these as it is.

    >>> as_deception(0.25).probability((), 0)
    0.25
    """
    if isinstance(deceive, Deception):
        return deceive
    check_range("deceive", deceive, most=1)
    return Deception(lambda: (), lambda memory, step: at(deceive, step))
