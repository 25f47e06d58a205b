"""The structural similarity of pictures (SSIM), differentiable, as a distance."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused
from jaxgan.parts.distance import Distance
from jaxgan.parts.types import Array

WINDOW, SIGMA = 11, 1.5
LUMINANCE, CONTRAST = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # for pixels in [0, 2]


def ssim_distance() -> Distance:
    """1 - SSIM(x, y) of pictures [n, H, W, C] in [-1, 1]; the SSIM is that of `jg.metrics.ssim.ssim`.

    (2 m m' + c) (2 v + c') / ((m^2 + m'^2 + c) (s^2 + s'^2 + c')) under a Gaussian window of 11 px, sigma
    1.5, averaged over positions where it fits and over channels; means are of x + 1 (Wang et al., 2004).

    >>> distance = ssim_distance()
    >>> black = -jnp.ones((2, 16, 16, 1))
    >>> distance.apply((), black, black).tolist()
    [0.0, 0.0]
    """
    return Distance("dissimilarity", lambda _, x, y: 1 - _ssim(x, y))


def _ssim(x: Array, y: Array) -> Array:
    if x.ndim != 4 or x.shape != y.shape:
        raise Refused(f"SSIM compares pictures [n, height, width, channels], not {x.shape} with {y.shape}")
    if min(x.shape[1:3]) < WINDOW:
        raise Refused(f"SSIM needs pictures of at least {WINDOW} px, not {x.shape[1]}x{x.shape[2]}")
    down, across = (jnp.asarray(_window(size), jnp.float32) for size in x.shape[1:3])

    def local(a: Array) -> Array:
        return jnp.einsum("ih,nhwc,jw->nijc", down, a, across, precision=jax.lax.Precision.HIGHEST)

    x, y = x.astype(jnp.float32) + 1, y.astype(jnp.float32) + 1
    mean_x, mean_y = local(x), local(y)
    # E (x - m)^2 is E x^2 - m^2, which loses digits: less so around the mean colour of the pair
    centre = (x.mean(axis=(1, 2), keepdims=True) + y.mean(axis=(1, 2), keepdims=True)) / 2
    a, b, mean_a, mean_b = x - centre, y - centre, mean_x - centre, mean_y - centre
    spread = local(a * a) - mean_a**2 + local(b * b) - mean_b**2
    structure = (2 * (local(a * b) - mean_a * mean_b) + CONTRAST) / (spread + CONTRAST)
    luminance = (2 * mean_x * mean_y + LUMINANCE) / (mean_x**2 + mean_y**2 + LUMINANCE)
    return (luminance * structure).mean(axis=(1, 2, 3))


def _window(size: int) -> np.ndarray:
    """Returns the matrix [size - 10, size] of Gaussian means at all positions where the window fits."""
    offsets = np.arange(size) - np.arange(size - WINDOW + 1)[:, None]
    weights = np.where((offsets >= 0) & (offsets < WINDOW), np.exp(-(((offsets - 5) / SIGMA) ** 2) / 2), 0)
    return weights / weights.sum(axis=1, keepdims=True)
