"""What can be made of a picture [H, W, C] in [-1, 1]: edges, grey, noise, low resolution."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Key

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in Pillow's grey images


def edges(x: Array) -> Array:
    """Returns the edges [H, W, 1] of an image [H, W, C] in [-1, 1]: -1 where flat, 1 at a step of 2 or more.

    The largest gradient norm of any channel, clipped at 2, minus 1. Gradients are Sobel differences (right -
    left and lower - upper, over three rows or columns weighted 1/4, 1/2, 1/4); borders are replicated.

    >>> edges(jnp.ones((8, 8, 3))).mean(), edges(2.0 * (jnp.mgrid[:8, :8][1] > 3)[..., None] - 1)[0, :, 0]
    (Array(-1., dtype=float32), Array([-1., -1., -1.,  1.,  1., -1., -1., -1.], dtype=float32))
    """
    p = jnp.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows, columns = (p[:-2] + 2 * p[1:-1] + p[2:]) / 4, (p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]) / 4
    square = ((rows[:, 2:] - rows[:, :-2]) ** 2 + (columns[2:] - columns[:-2]) ** 2).max(-1, keepdims=True)
    flat = square == 0  # sqrt has no derivative there
    return jnp.where(flat, 0, jnp.minimum(jnp.sqrt(jnp.where(flat, 1, square)), 2)) - 1


def grey(x: Array) -> Array:
    """Returns the luma [H, W, 1] of a colour picture [H, W, 3]: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).

    >>> grey(jnp.array([[[1.0, -1.0, -1.0]]])).round(3)
    Array([[[-0.402]]], dtype=float32)
    """
    if x.shape[-1] != 3:
        raise Refused(f"grey needs pictures in colour [H, W, 3], and these are {x.shape}")
    return jnp.matmul(x, np.asarray(LUMA, np.float32)[:, None], precision="highest")


def low_resolution(factor: int, method: Literal["area", "bicubic"] = "area") -> Callable[[Array], Array]:
    """Returns x -> x reduced to [H / factor, W / factor, C].

    "area" is the mean of each factor x factor square. "bicubic" is Keys' cubic (a = -1/2) widened by the
    factor, so it does not alias, and clipped to [-1, 1]. Both are what Pillow calls BOX and BICUBIC, but
    without its rounding to whole levels.

    >>> low_resolution(2)(jnp.eye(4)[..., None])[..., 0]
    Array([[0.5, 0. ],
           [0. , 0.5]], dtype=float32)
    """
    if factor < 2:
        raise Refused(f"a resolution is lower by a factor of 2 or more, not {factor}")
    if method not in ("area", "bicubic"):
        raise Refused(f'low_resolution knows the methods "area" and "bicubic", not {method!r}')

    def reduced(x: Array) -> Array:
        height, width, channels = x.shape
        if height % factor or width % factor:
            raise Refused(
                f"{height} x {width} px cannot be divided by {factor}: choose another size or factor"
            )
        if method == "area":
            return x.reshape(height // factor, factor, width // factor, factor, channels).mean((1, 3))
        small = (height // factor, width // factor, channels)
        return jnp.clip(jax.image.resize(x, small, "cubic", antialias=True), -1, 1)

    return reduced


def noisy(sigma: float) -> Callable[[Key, Array], Array]:
    """Returns (key, x) -> x + normal noise of standard deviation `sigma`, clipped to [-1, 1].

    >>> noisy(0.1)(jax.random.key(0), jnp.zeros((1, 2, 1))).shape
    (1, 2, 1)
    """
    if not sigma > 0:
        raise Refused(f"noise needs a standard deviation sigma above 0, not {sigma}")
    return lambda key, x: jnp.clip(x + sigma * jax.random.normal(key, x.shape, x.dtype), -1, 1)
