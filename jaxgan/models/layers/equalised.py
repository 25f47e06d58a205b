"""Equalised learning rates: weights that are scaled when they are used, not when they are drawn."""

from math import prod, sqrt
from typing import Literal

import flax.linen as nn
import jax

from jaxgan.models.convolution import DIMENSIONS
from jaxgan.models.layers.fir import down_conv, up_conv

Array = jax.Array


class EqualDense(nn.Module):
    """x [B, n] -> W x lr / sqrt(n) + lr b, with W drawn from N(0, 1 / lr^2) (Karras et al., 2018).

    So Adam, whose steps do not depend on a gradient's size, changes every layer at the same relative rate,
    times `lr`. `bias`: the start of lr b, None for no bias.

    >>> import jax.numpy as jnp
    >>> EqualDense(3).init_with_output(jax.random.key(0), jnp.ones((2, 4)))[0].shape
    (2, 3)
    """

    features: int
    bias: float | None = 0.0
    lr: float = 1.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", nn.initializers.normal(1 / self.lr), (x.shape[-1], self.features))
        return x @ (kernel * (self.lr / sqrt(x.shape[-1]))).astype(x.dtype) + equal_bias(self, x)


class EqualConv(nn.Module):
    """Convolution, "SAME", with W / sqrt(fan_in) for W drawn from N(0, 1) (Karras et al., 2018).

    [B, H, W, C] -> [B, H, W, features]; `resample` "up" or "down" doubles or halves the sides, by `up_conv`
    and `down_conv`, and needs `size` 3. `gain` multiplies the weights: sqrt 2 in the paper.

    >>> import jax.numpy as jnp
    >>> EqualConv(8, 3, "down").init_with_output(jax.random.key(0), jnp.ones((2, 8, 8, 3)))[0].shape
    (2, 4, 4, 8)
    """

    features: int
    size: int = 3
    resample: Literal["up", "down", "none"] = "none"
    bias: float | None = 0.0
    gain: float = 1.0
    lr: float = 1.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = equal_kernel(self, x, self.size, self.features) * self.gain
        return resampled_conv(x, kernel.astype(x.dtype), self.resample) + equal_bias(self, x)


def equal_kernel(layer: nn.Module, x: Array, size: int, features: int) -> Array:
    """Returns the scaled kernel [size, size, C, features] of a layer with a field `lr`."""
    shape, lr = (size, size, x.shape[-1], features), getattr(layer, "lr", 1.0)
    kernel: Array = layer.param("kernel", nn.initializers.normal(1 / lr), shape)
    return kernel * (lr / sqrt(prod(shape[:3])))


def equal_bias(layer: "EqualDense | EqualConv", x: Array) -> Array | float:
    """Returns the scaled bias [features], 0 if the layer has none."""
    if layer.bias is None:
        return 0.0
    start = nn.initializers.constant(layer.bias / layer.lr)
    bias: Array = layer.param("bias", start, (layer.features,))
    return (layer.lr * bias).astype(x.dtype)


def resampled_conv(x: Array, kernel: Array, resample: Literal["up", "down", "none"]) -> Array:
    """Convolution of stride 1, "SAME", or one that doubles or halves the sides."""
    if resample == "up":
        return up_conv(x, kernel)
    if resample == "down":
        return down_conv(x, kernel)
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=DIMENSIONS)


def scaled_leaky_relu(x: Array) -> Array:
    """sqrt(2) leaky_relu(x, 0.2), which about keeps the second moment of a normal x (Karras et al., 2020).

    >>> import jax.numpy as jnp
    >>> [round(float(x), 3) for x in scaled_leaky_relu(jnp.array([1.0, -1.0]))]
    [1.414, -0.283]
    """
    return nn.leaky_relu(x, 0.2) * sqrt(2)
