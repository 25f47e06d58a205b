"""Dropout that does not depend on the layout of the batch."""

import zlib

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused

Array = jax.Array


class Dropout(nn.Module):
    """Keeps each number with probability 1 - rate and divides it by that (Srivastava et al., 2014).

    x [B, ...], key [B]: the mask of an example depends on its key and on this layer's path in the network
    only, not on the rest of the batch or the number of devices.

    >>> x, keys = jnp.ones((4, 3)), jax.random.split(jax.random.key(0), 4)
    >>> y = Dropout(0.5).apply({}, x, keys, train=True)
    >>> sorted(set(y.ravel().tolist())), bool((Dropout(0.5).apply({}, x) == x).all())
    ([0.0, 2.0], True)
    """

    rate: float

    @nn.compact
    def __call__(self, x: Array, key: Array | None = None, train: bool = False) -> Array:
        if isinstance(self.rate, float | int) and not 0 <= self.rate < 1:  # `--over` traces it
            raise Refused(f"the rate of dropout must be from 0 to less than 1, not {self.rate}")
        if not train or self.rate == 0.0:
            return x
        if key is None:
            raise Refused(f"dropout of {self.rate} needs key=, one key per example, when train=True")
        path_hash = zlib.crc32("/".join(self.path).encode())

        def mask(key: Array) -> Array:
            return jax.random.bernoulli(jax.random.fold_in(key, path_hash), 1 - self.rate, x.shape[1:])

        return jnp.where(jax.vmap(mask)(key), x / (1 - self.rate), 0.0)
