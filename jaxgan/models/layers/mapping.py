"""The mapping network of StyleGAN: from latents to styles."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers.equalised import EqualDense, scaled_leaky_relu
from jaxgan.models.layers.numbers import at_least_float32

Array = jax.Array


class Mapping(nn.Module):
    """z [B, n], label [B] if `classes` -> w [B, size] (Karras et al., 2019).

    z, and a learned embedding of the label as long as w, are scaled to second moment 1 and concatenated; then
    `depth` dense layers with scaled leaky ReLU, which learn at `lr` times the rate of others. z None is
    a mapping of labels alone.

    >>> mapping = Mapping(size=32, depth=2, classes=10)
    >>> z, label = jnp.ones((4, 16)), jnp.arange(4)
    >>> mapping.init_with_output(jax.random.key(0), z, label)[0].shape
    (4, 32)
    """

    size: int = 512
    depth: int = 8
    classes: int = 0
    lr: float = 0.01

    @nn.compact
    def __call__(self, z: Array | None, label: Array | None = None) -> Array:
        inputs = [] if z is None else [unit_moment(z)]
        if label is not None:
            table = nn.Embed(self.classes, self.size, embedding_init=nn.initializers.normal(1.0))
            inputs.append(unit_moment(table(label)))
        w = jnp.concatenate(inputs, axis=-1)
        for _ in range(self.depth):
            w = scaled_leaky_relu(EqualDense(self.size, lr=self.lr)(w))
        return w


def unit_moment(x: Array) -> Array:
    """x / sqrt(mean x^2 + 1e-8) over the last axis: pixel normalisation (Karras et al., 2018).

    >>> [round(float(x), 3) for x in unit_moment(jnp.array([3.0, 4.0]))]
    [0.849, 1.131]
    """
    square = jnp.square(at_least_float32(x)).mean(axis=-1, keepdims=True)
    return x * jax.lax.rsqrt(square + 1e-8).astype(x.dtype)
