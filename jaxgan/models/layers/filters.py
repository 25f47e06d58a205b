"""Low-pass filters by design, and resampling with them (Karras et al., 2021).

Sampled images are seen as continuous ones without frequencies above half the rate, so a layer that keeps to
that moves its output exactly as its input is moved. Frequencies are in cycles per image, rates in pixels per
image. Resampling is a product with a banded matrix for either axis, which every device does well and which
has all derivatives; for large images a convolution would need fewer products.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused

Array = jax.Array


class Resampler(NamedTuple):
    """A filter and change of rate: the sum over r of rows[r] x columns[r]^T, for arrays [r, out, in]."""

    rows: np.ndarray
    columns: np.ndarray


def kaiser_filter(taps: int, cutoff: float, half_width: float, rate: float) -> np.ndarray:
    """A low-pass filter [taps] of sum 1: a sinc in a Kaiser window (Kaiser, 1974).

    It falls from 1 to about 0 between `cutoff` - `half_width` and `cutoff` + `half_width`, the better the
    more taps. All are in the unit of the rate.

    >>> kaiser_filter(6, 1.0, 1.0, 4.0).round(3).tolist()
    [-0.009, 0.08, 0.429, 0.429, 0.08, -0.009]
    """
    place = (np.arange(taps) - (taps - 1) / 2) / rate
    filtered = np.sinc(2 * cutoff * place) * _kaiser_window(taps, half_width, rate)
    return filtered / filtered.sum()


def radial_filter(taps: int, cutoff: float, half_width: float, rate: float) -> np.ndarray:
    """As `kaiser_filter`, but [taps, taps] and the same in all directions: a jinc in a Kaiser window.

    >>> f = radial_filter(6, 1.0, 1.0, 4.0)
    >>> bool(np.allclose(f, f.T)), round(float(f.sum()), 3)
    (True, 1.0)
    """
    from scipy.special import j1

    place = (np.arange(taps) - (taps - 1) / 2) / rate
    radius = np.maximum(np.hypot(place[:, None], place[None]), 1e-9)
    window = _kaiser_window(taps, half_width, rate)
    filtered = j1(2 * np.pi * cutoff * radius) / radius * np.outer(window, window)
    return filtered / filtered.sum()


def resampler(taps: np.ndarray, size: int, new_size: int, up: int = 1, down: int = 1) -> Resampler:
    """Zeros between pixels to multiply the rate by `up`, a filter times `up`^2, every `down`-th pixel.

    For square images of side `size`, from and to an image of the same centre; outside is 0. `taps` [n], along
    either axis, or [n, n], which is split into a sum of products.

    >>> double = resampler(np.array([1.0, 1.0]) / 2, 2, 4, up=2)
    >>> double.rows[0].tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """
    if taps.ndim == 1:
        rows = columns = taps[None]
    else:
        left, sizes, right = np.linalg.svd(taps)
        count = int((sizes > 1e-6 * sizes[0]).sum())
        rows, columns = (left * np.sqrt(sizes)).T[:count], right[:count] * np.sqrt(sizes)[:count, None]
    pixel = up * (np.arange(size) + 0.5 - size / 2)
    new_pixel = down * (np.arange(new_size) + 0.5 - new_size / 2)
    place = new_pixel[:, None] - pixel[None] + (taps.shape[-1] - 1) / 2
    index = np.rint(place).astype(int)
    if not np.allclose(place, index):
        raise Refused(
            f"{size} to {new_size} px with {taps.shape[-1]} taps is off by half a pixel: change one"
        )
    inside = (index >= 0) & (index < taps.shape[-1])

    def matrices(filters: np.ndarray) -> np.ndarray:
        return np.where(inside, up * filters[:, np.where(inside, index, 0)], 0.0).astype(np.float32)

    return Resampler(matrices(rows), matrices(columns))


def resample(x: Array, by: Resampler) -> Array:
    """Filters and resamples images: [B, s, s, C] -> [B, t, t, C].

    >>> double = resampler(np.array([1.0, 1.0]) / 2, 2, 4, up=2)
    >>> resample(jnp.arange(4.0).reshape(1, 2, 2, 1), double)[0, 0, :, 0].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    rows, columns = jnp.asarray(by.rows, x.dtype), jnp.asarray(by.columns, x.dtype)
    tall = jnp.einsum("rti,bijc->brtjc", rows, x)
    return jnp.einsum("ruj,brtjc->btuc", columns, tall)


def filtered_leaky_relu(x: Array, up: Resampler, down: Resampler) -> Array:
    """sqrt 2 leaky_relu(x, 0.2) at the higher rate that `up` goes to, then filtered by `down`.

    A non-linearity makes frequencies above any bound; at twice the rate most of them can still be removed.

    >>> taps = kaiser_filter(12, 2.0, 2.0, 16.0)
    >>> up, down = resampler(taps, 8, 26, up=2), resampler(taps, 26, 8, down=2)
    >>> filtered_leaky_relu(jnp.ones((1, 8, 8, 3)), up, down).shape
    (1, 8, 8, 3)
    """
    return resample(2**0.5 * nn.leaky_relu(resample(x, up), 0.2), down)


def _kaiser_window(taps: int, half_width: float, rate: float) -> np.ndarray:
    """The window of the attenuation, in dB, that this many taps reach with this transition (Kaiser, 1974)."""
    attenuation = 2.285 * (taps - 1) * np.pi * (2 * half_width / (rate / 2)) + 7.95
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    elif attenuation > 21:
        beta = 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    else:
        beta = 0.0
    return np.kaiser(taps, beta)
