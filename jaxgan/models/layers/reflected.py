"""A convolution whose border repeats the image in a mirror, for networks from image to image."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers.norms import Initializer, Norm, call_layer

Array = jax.Array


def reflected_conv(
    x: Array, features: int, size: int, norm: Norm, train: bool, kernel_init: Initializer
) -> Array:
    """Convolves x [B, H, W, C] padded by reflection: [B, H, W, features], kernels of an odd `size`.

    Must be called inside a compact module, which gets the parameters; see `call_layer` for the norm.

    >>> class Same(nn.Module):
    ...     @nn.compact
    ...     def __call__(self, x):
    ...         return reflected_conv(x, 2, 3, "none", False, nn.initializers.ones)
    >>> y, _ = Same().init_with_output(jax.random.key(0), jnp.ones((1, 4, 4, 1)))
    >>> y.shape, set(y.ravel().tolist())
    ((1, 4, 4, 2), {9.0})
    """
    padding = (size // 2, size // 2)
    x = jnp.pad(x, ((0, 0), padding, padding, (0, 0)), mode="reflect")
    return call_layer(
        nn.Conv(features, (size, size), padding="VALID", kernel_init=kernel_init), x, norm, train
    )
