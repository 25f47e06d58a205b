"""Attention within the cells of a grid, with a learned number for every relative place."""

from math import sqrt

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.models.layers.norms import Initializer
from jaxgan.models.layers.patches import patchify, unpatchify
from jaxgan.models.layers.token_attention import attend, split_heads

Array = jax.Array


class GridAttention(nn.Module):
    """Each pixel attends to those of its `cell` x `cell` square: x [B, H, W, C] -> [B, H, W, C].

    softmax(q k / sqrt d + b) v per head, b a number for each head and difference of places (Shaw et al.,
    2018; Jiang et al., 2021). A cell of the image's side is full attention.

    >>> GridAttention(heads=2, cell=4).init_with_output(jax.random.key(0), jnp.ones((2, 8, 8, 6)))[0].shape
    (2, 8, 8, 6)
    """

    heads: int
    cell: int
    kernel_init: Initializer = nn.initializers.xavier_uniform()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        channels, pixels = x.shape[-1], self.cell**2
        tokens = patchify(x, self.cell).reshape(-1, pixels, channels)
        dense = nn.Dense(3 * channels, use_bias=False, kernel_init=self.kernel_init, name="query_key_value")
        query, key, value = (split_heads(part, self.heads) for part in jnp.split(dense(tokens), 3, axis=-1))
        table = self.param("places", nn.initializers.normal(0.02), ((2 * self.cell - 1) ** 2, self.heads))
        bias = jnp.moveaxis(table[_differences(self.cell)], -1, 0).astype(x.dtype)
        similarity = jnp.einsum("bhqd,bhkd->bhqk", query, key) / sqrt(query.shape[-1]) + bias
        out = nn.Dense(channels, kernel_init=self.kernel_init, name="out")(attend(similarity, value))
        return unpatchify(out.reshape(x.shape[0], -1, pixels * channels), x.shape[1:], self.cell)


def pixel_shuffle(x: Array) -> Array:
    """Doubles the sides by a quarter of the channels: [B, H, W, 4 C] -> [B, 2H, 2W, C] (Shi et al., 2016).

    >>> pixel_shuffle(jnp.arange(4.0).reshape(1, 1, 1, 4))[0, :, :, 0].tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    batch, height, width, channels = x.shape
    blocks = x.reshape(batch, height, width, 2, 2, channels // 4)
    return blocks.swapaxes(2, 3).reshape(batch, 2 * height, 2 * width, channels // 4)


def _differences(cell: int) -> np.ndarray:
    """Returns the number of the difference of places of every two pixels: [cell^2, cell^2]."""
    place = np.stack(np.meshgrid(np.arange(cell), np.arange(cell), indexing="ij"), -1).reshape(-1, 2)
    difference = place[:, None] - place[None] + cell - 1
    return difference[..., 0] * (2 * cell - 1) + difference[..., 1]
