"""What networks of super-resolution share: checks of the factor, and initial weights of a pixel shuffle."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused

Array = jax.Array


def icnr(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
    """A kernel [.., 4 C] whose four channels of each pixel shuffle are equal (Aitken et al., 2017).

    So that a convolution and a pixel shuffle start as the repetition of pixels, without a checkerboard.

    >>> kernel = icnr(jax.random.key(0), (3, 3, 2, 8))
    >>> bool((kernel[..., :2] == kernel[..., 6:]).all())
    True
    """
    kernel = nn.initializers.lecun_normal()(key, (*shape[:-1], shape[-1] // 4), dtype)
    return jnp.tile(kernel, 4)


def check_factor(shape: tuple[int, ...], factor: int) -> None:
    """Raises `Refused` unless images of this shape are a power of two times as large as smaller ones."""
    if len(shape) != 3:
        raise Refused(f"a network for super-resolution makes (height, width, channels), not {tuple(shape)}")
    if factor < 1 or factor & (factor - 1) or any(side % factor for side in shape[:2]):
        raise Refused(
            f"factor must be 1, 2, 4, ... and divide the sides {tuple(shape[:2])}, which {factor} does not"
        )


def check_small(source: Array, shape: tuple[int, ...], factor: int) -> None:
    """Raises `Refused` unless the source is smaller than images of this shape by the factor."""
    small = tuple(side // factor for side in shape[:2])
    if source.shape[1:3] != small:
        raise Refused(
            f"images {tuple(shape[:2])} of factor {factor} are made from {small}, not {source.shape[1:3]}"
        )


def on_bicubic(x: Array, source: Array) -> Array:
    """Returns x [B, H, W, C] plus the source, enlarged to H x W by cubic interpolation.

    What a network adds to it starts at 0 if its last kernel does (Kim et al., 2016).

    >>> on_bicubic(jax.numpy.zeros((1, 4, 4, 3)), jax.numpy.ones((1, 2, 2, 1))).shape
    (1, 4, 4, 3)
    """
    if source.shape[3] not in (1, x.shape[3]):
        raise Refused(
            f"images of {x.shape[3]} channels cannot be added to a source of {source.shape[3]}: "
            "leave out residual"
        )
    return x + jax.image.resize(source, (*x.shape[:3], source.shape[3]), "cubic")
