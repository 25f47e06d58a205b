"""What networks that were trained on ImageNet take."""

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused

Array = jax.Array

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of its colours in [0, 1]


def standardised(x: Array) -> Array:
    """Returns pictures [n, H, W, 3 or 1] in [-1, 1] as (c - mean) / deviation of their colours c in [0, 1].

    The means and deviations are those of ImageNet's colours. A grey channel is repeated three times.

    >>> standardised(jnp.ones((2, 8, 8, 1))).shape
    (2, 8, 8, 3)
    """
    if x.ndim != 4 or x.shape[-1] not in (1, 3):
        raise Refused(
            f"a network of ImageNet takes pictures [n, height, width, 3 or 1], not {x.shape}: "
            "choose the channels that are colours"
        )
    x = jnp.broadcast_to(x, (*x.shape[:-1], 3))
    # in this form the numbers are those of LPIPS, to the last bit
    shift = jnp.array([round(2 * mean - 1, 3) for mean in MEAN], x.dtype)
    scale = jnp.array([round(2 * deviation, 3) for deviation in DEVIATION], x.dtype)
    return (x - shift) / scale
