"""The gated feed-forward layer of recent transformers."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers.norms import Initializer

Array = jax.Array


class SwiGLU(nn.Module):
    """V (silu(U x) * W x) with `hidden` units: [..., C] -> [..., C] (Shazeer, 2020).

    >>> SwiGLU(hidden=6).init_with_output(jax.random.key(0), jnp.ones((2, 5, 4)))[0].shape
    (2, 5, 4)
    """

    hidden: int
    kernel_init: Initializer = nn.initializers.xavier_uniform()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        both = nn.Dense(2 * self.hidden, kernel_init=self.kernel_init, name="gate_and_value")(x)
        gate, value = jnp.split(both, 2, axis=-1)
        return nn.Dense(x.shape[-1], kernel_init=self.kernel_init, name="out")(nn.silu(gate) * value)
