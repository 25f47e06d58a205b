"""Layers that keep activations at unit variance, by weights that are normalised (Karras et al., 2024).

As in R3GAN2 (2026), the successor of R3GAN: weights are centred as well, so that the mean of an activation
has no effect and its variance is all that counts, and a residual branch sees its input divided by the
deviation that the branches before have given it. `jg.projected(unit_weights)` keeps stored weights
normalised too.
"""

from math import pi, sqrt

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.convolution import grouped_conv
from jaxgan.models.layers.numbers import at_least_float32

Array = jax.Array


def unit_kernel(kernel: Array) -> Array:
    """Centres the weights of each output and divides them by their norm: [..., inputs, outputs].

    Outputs of independent inputs of variance 1 then have variance 1, whatever the mean of the inputs.

    >>> w = unit_kernel(jnp.array([[2.0], [4.0], [6.0]]))
    >>> [round(float(x), 3) for x in w[:, 0]]
    [-0.707, 0.0, 0.707]
    """
    w = at_least_float32(kernel)
    axes = tuple(range(w.ndim - 1))
    w = w - w.mean(axis=axes, keepdims=True)
    return w * jax.lax.rsqrt(jnp.square(w).sum(axis=axes, keepdims=True) + 1e-8)


class UnitDense(nn.Module):
    """x [..., C] -> [..., features] by unit weights; with `bias` they have one more input, which is 1.

    >>> UnitDense(3, bias=True).init_with_output(jax.random.key(0), jnp.ones((2, 4)))[0].shape
    (2, 3)
    """

    features: int
    bias: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (x.shape[-1] + self.bias, self.features)
        w = unit_kernel(self.param("kernel", nn.initializers.normal(1.0), shape)).astype(x.dtype)
        return x @ w[:-1] + w[-1] if self.bias else x @ w


class UnitConv(nn.Module):
    """x [B, H, W, C] -> [B, H, W, features] by unit weights, "SAME", in groups of `group` channels.

    >>> UnitConv(8, group=4).init_with_output(jax.random.key(0), jnp.ones((2, 5, 5, 8)))[0].shape
    (2, 5, 5, 8)
    """

    features: int
    size: int = 3
    group: int = 16

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, self.group, self.features)
        kernel = unit_kernel(self.param("kernel", nn.initializers.normal(1.0), shape))
        return grouped_conv(x, kernel.astype(x.dtype))


def unit_leaky_relu(x: Array, slope: float = 0.2) -> Array:
    """leaky_relu(x) divided by its standard deviation for a normal x.

    The variance is (1 + slope^2) / 2 - (1 - slope)^2 / (2 pi).

    >>> [round(float(x), 3) for x in unit_leaky_relu(jnp.array([1.0, -1.0]))]
    [1.546, -0.309]
    """
    return nn.leaky_relu(x, slope) / sqrt((1 + slope**2) / 2 - (1 - slope) ** 2 / (2 * pi))


class UnitBlock(nn.Module):
    """x + a f(x / sqrt v), and v + a^2: a residual block that knows the variance v [C] of its input.

    f is a dense layer to `expansion` times the channels, a convolution in groups and a dense layer, with
    leaky ReLU between them. a [C] = tanh of learned numbers that start at 0, so that a block cannot outweigh
    what comes in. The first block of a stage is given v = 1, and what follows the last divides by sqrt v.

    >>> block = UnitBlock(group=4)
    >>> (y, v), _ = block.init_with_output(jax.random.key(0), jnp.ones((2, 5, 5, 8)), jnp.ones(8))
    >>> y.shape, v.shape, float(v[0])
    ((2, 5, 5, 8), (8,), 1.0)
    """

    expansion: int = 2
    group: int = 16

    @nn.compact
    def __call__(self, x: Array, variance: Array) -> tuple[Array, Array]:
        inner = self.expansion * x.shape[-1]
        h = x * jax.lax.rsqrt(variance).astype(x.dtype)
        h = unit_leaky_relu(UnitDense(inner, bias=True, name="expand")(h))
        h = unit_leaky_relu(UnitConv(inner, 3, self.group, name="spread")(h))
        amount = jnp.tanh(self.param("amount", nn.initializers.zeros, (x.shape[-1],)))
        h = UnitDense(x.shape[-1], name="project")(h) * amount.astype(x.dtype)
        return x + h, variance + jnp.square(amount)


def unit_weights(params: dict) -> dict:
    """Normalises every "kernel" of a tree of parameters as its layer does, which leaves the network the same.

    With R3GAN2 the stored weights are replaced after every step, so that their size does not slow learning.

    >>> params = unit_weights({"kernel": jnp.array([[2.0], [4.0], [6.0]]), "amount": jnp.ones(2)})
    >>> round(float(jnp.square(params["kernel"]).mean()), 3), params["amount"].tolist()
    (1.0, [1.0, 1.0])
    """

    def normalised(path: tuple, w: Array) -> Array:
        if path[-1].key != "kernel":
            return w
        return (unit_kernel(w) * sqrt(w.size / w.shape[-1])).astype(w.dtype)  # as large as it is drawn

    return jax.tree_util.tree_map_with_path(normalised, params)
