"""An augmentation whose probability follows how far D overfits."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.augmentations.augmentation import Augmentation
from jaxgan.parts.types import Array, Augment, View


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

    >>> from jaxgan.parts.augmentations import diffaugment, sometimes
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
