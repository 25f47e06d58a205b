"""Rotary positions: queries and keys turned by where they are, so that products depend on distances."""

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array


def rotary_angles(side: int, size: int) -> np.ndarray:
    """Angles of side x side patches: [side^2, size / 2], for heads of a size divisible by 4.

    One angle for every two channels: position times 10^(-4 i / (size / 4)), the row's for the first half of
    the channels and the column's for the second (Su et al., 2021; on images, Heo et al., 2024).

    >>> rotary_angles(2, 4).tolist()
    [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    angles = np.arange(side)[:, None] / 1e4 ** (np.arange(size // 4) / (size // 4))
    rows, columns = np.repeat(angles, side, axis=0), np.tile(angles, (side, 1))
    return np.concatenate([rows, columns], axis=1).astype(np.float32)


def rotate(x: Array, angles: Array | np.ndarray) -> Array:
    """Turns pairs of neighbouring channels of x [..., n, size] by angles [m, size / 2], m <= n.

    The last m tokens are turned, the ones before, such as a class token, stay as they are.

    >>> x = jnp.array([[1.0, 0.0], [1.0, 0.0]])
    >>> rotate(x, jnp.array([[jnp.pi / 2]])).round(2).tolist()
    [[1.0, 0.0], [-0.0, 1.0]]
    """
    still, x = jnp.split(x, [x.shape[-2] - angles.shape[0]], axis=-2)
    cos, sin = jnp.cos(jnp.asarray(angles, x.dtype)), jnp.sin(jnp.asarray(angles, x.dtype))
    a, b = x[..., ::2], x[..., 1::2]
    turned = jnp.stack([a * cos - b * sin, a * sin + b * cos], axis=-1).reshape(x.shape)
    return jnp.concatenate([still, turned], axis=-2)
