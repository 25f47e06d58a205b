"""Images as sequences of patches, and where the patches are."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused

Array = jax.Array


def patchify(x: Array, size: int) -> Array:
    """Cuts images [B, H, W, C] into patches in order of rows: [B, H W / size^2, size^2 C].

    >>> patchify(jnp.arange(16.0).reshape(1, 4, 4, 1), 2)[0].tolist()[:2]
    [[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]
    """
    grid = _grid(x, size)
    return grid.reshape(x.shape[0], -1, grid.shape[-1])


def unpatchify(tokens: Array, shape: tuple[int, ...], size: int) -> Array:
    """Puts patches [B, H W / size^2, size^2 C] together to images [B, H, W, C] of this shape (H, W, C).

    >>> x = jnp.arange(48.0).reshape(1, 4, 4, 3)
    >>> bool((unpatchify(patchify(x, 2), (4, 4, 3), 2) == x).all())
    True
    """
    height, width, channels = shape
    grid = tokens.reshape(-1, height // size, width // size, size, size, channels)
    return grid.swapaxes(2, 3).reshape(-1, *shape)


def overlapping_patches(x: Array, size: int) -> Array:
    """As `patchify`, but every patch reaches size/2 pixels further on each side (Lee et al., 2022).

    [B, H, W, C] -> [B, H W / size^2, 4 size^2 C], for an even size. Outside the image is 0. Pixels are not in
    order of rows, which makes no difference to a dense layer.

    >>> overlapping_patches(jnp.ones((2, 8, 8, 3)), 4).shape
    (2, 4, 192)
    """
    if size % 2:
        raise Refused(f"patches overlap by half, so they need to be patches of an even side, not {size} px")
    half = size // 2
    grid = _grid(jnp.pad(x, ((0, 0), (half, half), (half, half), (0, 0))), size)
    quarters = [rows[:, :, i : i + grid.shape[2] - 1] for rows in (grid[:, :-1], grid[:, 1:]) for i in (0, 1)]
    return jnp.concatenate(quarters, axis=-1).reshape(x.shape[0], -1, 4 * grid.shape[-1])


def sine_positions(side: int, width: int) -> np.ndarray:
    """Sines and cosines of the places of side x side patches: [side^2, width], for a width divisible by 4.

    Half of the channels tell the column, half the row, at wavelengths from 2 pi to 2 pi 10^4 (Vaswani et al.,
    2017).

    >>> sine_positions(2, 4)[0].tolist(), sine_positions(8, 32).shape
    ([0.0, 1.0, 0.0, 1.0], (64, 32))
    """
    angles = np.arange(side)[:, None] / 1e4 ** (np.arange(width // 4) / (width // 4))
    wave = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    columns, rows = np.tile(wave, (side, 1)), np.repeat(wave, side, axis=0)
    return np.concatenate([columns, rows], axis=1).astype(np.float32)


def check_patches(side: int, size: int, width: int, heads: int) -> None:
    """Raises Refused unless an image is divisible into patches, and the width into heads of 4 k channels.

    >>> check_patches(32, 4, 64, 4)
    """
    if size < 1 or side % size:
        raise Refused(f"images of {side} px are not divisible into patches of {size} px: take another patch")
    if heads < 1 or width % (4 * heads):
        raise Refused(
            f"{width} channels are not divisible into {heads} attention heads of 4, 8, 12, ... channels: "
            "take another width or other attention_heads"
        )


def _grid(x: Array, size: int) -> Array:
    """[B, H, W, C] -> [B, H / size, W / size, size^2 C]."""
    batch, height, width, channels = x.shape
    blocks = x.reshape(batch, height // size, size, width // size, size, channels)
    return blocks.swapaxes(2, 3).reshape(batch, height // size, width // size, -1)
