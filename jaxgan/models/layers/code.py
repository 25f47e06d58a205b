"""A layer with a random code, that does not depend on the layout of the batch."""

import zlib

import flax.linen as nn
import jax

from jaxgan.errors import Refused
from jaxgan.models.layers.norms import Initializer

Array = jax.Array


class GaussianCode(nn.Module):
    """h [B, n] -> (code, mean, deviation), [B, size] each: a code drawn from N(mean, deviation^2).

    Mean and deviation are dense in h, the latter through softplus. In training an example's draw depends on
    its key and on this layer's path only; otherwise the code is the mean.

    >>> import jax.numpy as jnp
    >>> h, keys = jnp.ones((4, 3)), jax.random.split(jax.random.key(0), 4)
    >>> (code, mean, deviation), _ = GaussianCode(2).init_with_output(jax.random.key(0), h, keys, train=True)
    >>> code.shape, bool((code != mean).all()), bool((deviation > 0).all())
    ((4, 2), True, True)
    """

    size: int
    kernel_init: Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, h: Array, key: Array | None = None, train: bool = False) -> tuple[Array, Array, Array]:
        both = nn.Dense(2 * self.size, kernel_init=self.kernel_init)(h)
        mean, deviation = both[:, : self.size], nn.softplus(both[:, self.size :]) + 1e-6
        if not train:
            return mean, mean, deviation
        if key is None:
            raise Refused("a random code needs key=, one key per example, when train=True")
        path_hash = zlib.crc32("/".join(self.path).encode())

        def draw(key: Array) -> Array:
            return jax.random.normal(jax.random.fold_in(key, path_hash), mean.shape[1:], mean.dtype)

        return mean + deviation * jax.vmap(draw)(key), mean, deviation
