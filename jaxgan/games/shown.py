"""What D is shown of examples, in either player's loss: augmented, with noise, in packs."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games import check
from jaxgan.parts.augmentations import Augmentation
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key, PyTree, Schedule, at, augmented


class Shown(NamedTuple):
    """How examples are shown: the parts of `gan` of these names."""

    augment: Augmentation
    instance_noise: Schedule
    packing: int

    def show(self, memory: PyTree, keys: Key, which: str, x: Array, update: Array) -> Array:
        """D's inputs [B, ...] for examples x [N, ...], by the memory of the augmentation as it is."""
        x = augmented(self.augment.now(memory, update), fold(keys, f"augment_{which}"), x)
        if check.is_on(self.instance_noise):
            own = fold(keys, f"noise_{which}")
            noise = jax.vmap(lambda key: jax.random.normal(key, x.shape[1:], x.dtype))(own)
            x = x + at(self.instance_noise, update) * noise
        return self.pack(x)

    def pack(self, x: Array) -> Array:
        """[B m, ..., C] -> [B, ..., C m]: neighbours in the batch as channels; [B m] -> [B, m]."""
        if x.shape[0] % self.packing:
            raise Refused(
                f"packing {self.packing} examples does not divide the {x.shape[0]} that a device is given"
            )
        if self.packing == 1:
            return x
        groups = x.reshape(-1, self.packing, *x.shape[1:])
        if x.ndim == 1:
            return groups
        return jnp.moveaxis(groups, 1, -2).reshape(groups.shape[0], *x.shape[1:-1], -1)

    def of_one(self, x: Array) -> Array:
        """Each example alone, as if packed with itself, without noise."""
        return self.pack(jnp.repeat(x, self.packing, axis=0))
