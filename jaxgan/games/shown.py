"""Preprocessing of D's inputs, in both players' losses: augmentation, noise and packing."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games import check
from jaxgan.parts.augmentations import Augmentation
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key, PyTree, Schedule, at, augment_each


class Preprocessing(NamedTuple):
    """From examples to inputs of D; the fields are the arguments of `gan` with these names."""

    augment: Augmentation
    instance_noise: Schedule
    packing: int

    def apply(self, memory: PyTree, keys: Key, which: str, x: Array, update: Array) -> Array:
        """Returns D's inputs [B, ...] for examples x [N, ...], given the memory of the augmentation."""
        x = augment_each(self.augment.now(memory, update), fold(keys, f"augment_{which}"), x)
        if check.is_on(self.instance_noise):
            noise_keys = fold(keys, f"noise_{which}")
            noise = jax.vmap(lambda key: jax.random.normal(key, x.shape[1:], x.dtype))(noise_keys)
            x = x + at(self.instance_noise, update) * noise
        return self.pack(x)

    def pack(self, x: Array) -> Array:
        """[B m, ..., C] -> [B, ..., C m]: neighbours in the batch as channels; [B m] -> [B, m]."""
        if x.shape[0] % self.packing:
            raise Refused(
                f"packing={self.packing} must divide the {x.shape[0]} examples on each device: change either"
            )
        if self.packing == 1:
            return x
        groups = x.reshape(-1, self.packing, *x.shape[1:])
        if x.ndim == 1:
            return groups
        return jnp.moveaxis(groups, 1, -2).reshape(groups.shape[0], *x.shape[1:-1], -1)

    def pack_alone(self, x: Array) -> Array:
        """Packs each example with copies of itself."""
        return self.pack(jnp.repeat(x, self.packing, axis=0))
