"""Images of several sides as one array, which every game can pass on as it does images of one side."""

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers.resampling import repeat_2x2

Array = jax.Array


def stacked(images: list[Array]) -> Array:
    """Images [B, s, s, C], [B, 2s, 2s, C], ... -> [B, S, S, n C], each repeated to the last side S.

    >>> stacked([jnp.ones((1, 1, 1, 1)), jnp.zeros((1, 2, 2, 1))])[0, 0].tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    repeated: list[Array] = []
    for image in images:
        repeated = [*map(repeat_2x2, repeated), image]
    return jnp.concatenate(repeated, axis=-1)


def unstacked(x: Array, count: int, channels: int) -> list[Array]:
    """The inverse of `stacked`, for images of `channels`; of packs of m examples [B, S, S, m n C] as well.

    >>> [image.shape for image in unstacked(jnp.ones((2, 8, 8, 6)), 2, 3)]
    [(2, 4, 4, 3), (2, 8, 8, 3)]
    """
    if x.shape[-1] % (count * channels):
        raise Refused(
            f"D reads {count} images of {channels} channels, and is given {x.shape[-1]} in all: set "
            "channels=, and reals= of the game to what stacks the images"
        )
    b, h, w, _ = x.shape
    parts = x.reshape(b, h, w, -1, count, channels)
    steps = [1 << (count - 1 - i) for i in range(count)]
    return [
        parts[:, ::step, ::step, :, i].reshape(b, h // step, w // step, -1) for i, step in enumerate(steps)
    ]
