"""An augmentation whose probability follows how far D overfits."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.augmentations.augmentation import Augmentation
from jaxgan.parts.output import per_example
from jaxgan.parts.types import Array, Augment, View


class Adaptive(NamedTuple):
    """The memory of `adaptive` and `apa`."""

    probability: Array
    signs: Array  # sum of signs since the probability last changed
    steps: Array  # of D, since then

    @classmethod
    def start(cls) -> "Adaptive":
        """Returns the memory before the first step."""
        return cls(jnp.float32(0), jnp.float32(0), jnp.int32(0))


def adaptive(
    of: Callable[[Array], Augment],
    *,
    target: float = 0.6,
    steps: int = 8000,
    every: int = 4,
    sign: Callable[[View], Array] = lambda view: per_example(jax.tree.map(jnp.sign, view.real_out)),
) -> Augmentation:
    """`of` a probability p that adapts to how far D overfits: ADA (Karras et al., 2020).

    After `every` steps of D, p rises by `every` / `steps` if r = E sign(D(real)), averaged over those steps,
    is above the target, and falls by as much otherwise: it takes `steps` steps from 0 to 1. The paper's
    500,000 images are 8,000 steps of 64; each micro-batch counts as a step. If the middle between real and
    fake is not 0, as with relativistic losses, give another `sign`: (view) -> [B].

    >>> from jaxgan.parts.augmentations import bgc, diffaugment, sometimes
    >>> published, light = adaptive(bgc), adaptive(lambda p: sometimes(diffaugment(), p))
    >>> float(light.init().probability)
    0.0
    """
    return Augmentation(
        Adaptive.start,
        lambda memory, step: of(memory.probability),
        controller("adaptive", target, steps, every, sign),
        lambda memory: {"augment": memory.probability},
    )


def controller(
    name: str, target: float, steps: int, every: int, sign: Callable[[View], Array]
) -> Callable[[Adaptive, View], Adaptive]:
    """Returns (memory, view) -> memory, which moves the probability; arguments are those of `adaptive`.

    >>> controller("adaptive", 0.6, 0, 4, lambda view: view.real_out)
    Traceback (most recent call last):
    jaxgan.errors.Refused: adaptive needs 1 <= every <= steps, not every=4 and steps=0
    """
    if every < 1 or steps < every:
        raise Refused(f"{name} needs 1 <= every <= steps, not every={every} and steps={steps}")

    def update(memory: Adaptive, view: View) -> Adaptive:
        signs, count = memory.signs + view.mean(sign(view)), memory.steps + 1
        due = count >= every
        moved = memory.probability + jnp.sign(signs / count - target) * every / steps
        return Adaptive(
            jnp.where(due, jnp.clip(moved, 0.0, 1.0), memory.probability).astype(jnp.float32),
            jnp.where(due, 0.0, signs).astype(jnp.float32),
            jnp.where(due, 0, count),
        )

    return update
