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


def averaged_style(
    module: nn.Module, w: Array, train: bool, *, decay: float, psi: float, axis: str | None
) -> Array:
    """Returns w [B, size] as it is in training, and else its average plus `psi` times its distance from it.

    The average is over the batch, over the mapped axis `axis` and, with `decay`, over training: a statistic
    of the module that calls this.
    """
    average = module.variable("average", "w", jnp.zeros, w.shape[1:])
    if train:
        mean = at_least_float32(w).mean(axis=0)
        mean = mean if axis is None else jax.lax.pmean(mean, axis)
        average.value = mean + decay * (average.value - mean)
        return w
    centre = average.value.astype(w.dtype)
    return w if psi == 1 else centre + psi * (w - centre)


def unit_moment(x: Array) -> Array:
    """x / sqrt(mean x^2 + 1e-8) over the last axis: pixel normalisation (Karras et al., 2018).

    >>> [round(float(x), 3) for x in unit_moment(jnp.array([3.0, 4.0]))]
    [0.849, 1.131]
    """
    square = jnp.square(at_least_float32(x)).mean(axis=-1, keepdims=True)
    return x * jax.lax.rsqrt(square + 1e-8).astype(x.dtype)
