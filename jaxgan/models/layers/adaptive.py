"""Adaptive instance norm: the moments of each channel are given from outside, as the style of an image."""

from math import prod

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers.numbers import at_least_float32

Array = jax.Array


def adaptive_instance_norm(x: Array, deviation: Array, mean: Array) -> Array:
    """AdaIN: x [B, ..., C] with the deviation and mean [B, C] over the pixels of each image and channel.

    deviation (x - mean(x)) / sqrt(var(x) + 1e-5) + mean (Huang & Belongie, 2017). Moments are computed in
    float32 or more.

    >>> y = adaptive_instance_norm(jnp.array([[[1.0], [3.0]]]), jnp.array([[2.0]]), jnp.array([[5.0]]))
    >>> [round(value, 3) for value in y.ravel().tolist()]
    [3.0, 7.0]
    """
    axes = tuple(range(1, x.ndim - 1))
    if prod(x.shape[1:-1]) < 2:
        raise Refused(
            f"instance norm of a single pixel is 0, and this layer's inputs are {x.shape[1:]}: take larger "
            "images or fewer layers"
        )
    h = at_least_float32(x)
    h = h - h.mean(axes, keepdims=True)
    h = h * jax.lax.rsqrt(jnp.square(h).mean(axes, keepdims=True) + 1e-5)
    shape = (x.shape[0], *(1,) * len(axes), x.shape[-1])
    return (h * deviation.reshape(shape) + mean.reshape(shape)).astype(x.dtype)
