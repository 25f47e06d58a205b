"""Attention between tokens, by products or by distances."""

from math import sqrt

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.models.layers.norms import Initializer, Norm, call_layer
from jaxgan.models.layers.numbers import at_least_float32
from jaxgan.models.layers.rotary import rotate

Array = jax.Array


class RotaryAttention(nn.Module):
    """Attention with normalised queries and keys and rotary positions: x [B, n, C] -> [B, n, C].

    softmax(q k / sqrt d) v per head of d channels; q and k have root mean square 1 times a learned scale per
    channel (Henry et al., 2020), then are turned by `angles` [m, d / 2] of the last m tokens.

    >>> x = jnp.ones((2, 5, 8))  # a class token and 2 x 2 patches
    >>> layer = RotaryAttention(heads=2)
    >>> layer.init_with_output(jax.random.key(0), x, np.zeros((4, 2)))[0].shape
    (2, 5, 8)
    """

    heads: int
    kernel_init: Initializer = nn.initializers.xavier_uniform()

    @nn.compact
    def __call__(self, x: Array, angles: Array | np.ndarray) -> Array:
        dense = nn.Dense(3 * x.shape[-1], kernel_init=self.kernel_init, name="query_key_value")
        query, key, value = (split_heads(part, self.heads) for part in jnp.split(dense(x), 3, axis=-1))
        query = rotate(nn.RMSNorm(epsilon=1e-6, name="query_norm")(query), angles)
        key = rotate(nn.RMSNorm(epsilon=1e-6, name="key_norm")(key), angles)
        similarity = jnp.einsum("bhqd,bhkd->bhqk", query, key) / sqrt(query.shape[-1])
        attended = attend(similarity, value)
        return nn.Dense(x.shape[-1], kernel_init=self.kernel_init, name="out")(attended)


class L2Attention(nn.Module):
    """Attention by distance, with the same weights for queries and keys: x [B, n, C] -> [B, n, C].

    softmax(-|q - k|^2 / sqrt d) v per head of d channels, q = k = W x, so that near tokens count most (Kim et
    al., 2021, who prove that it is Lipschitz on bounded inputs, which products are not; Lee et al., 2022).
    `norm` is of the weights of all three dense layers.

    >>> L2Attention(heads=2).init_with_output(jax.random.key(0), jnp.ones((2, 4, 8)))[0].shape
    (2, 4, 8)
    """

    heads: int
    norm: Norm = "none"
    kernel_init: Initializer = nn.initializers.xavier_uniform()

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        def dense(x: Array, name: str) -> Array:
            layer = nn.Dense(x.shape[-1], use_bias=False, kernel_init=self.kernel_init, name=name)
            return call_layer(layer, x, self.norm, train)

        query = split_heads(dense(x, "query_key"), self.heads)
        attended = attend(
            -squared_distances(query) / sqrt(query.shape[-1]), split_heads(dense(x, "value"), self.heads)
        )
        return dense(attended, "out")


def split_heads(x: Array, heads: int) -> Array:
    """[B, n, heads d] -> [B, heads, n, d].

    >>> split_heads(jnp.ones((2, 5, 8)), 4).shape
    (2, 4, 5, 2)
    """
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


def attend(similarity: Array, value: Array) -> Array:
    """Weights values [B, heads, n, d] by the softmax of [B, heads, m, n] over n: [B, m, heads d].

    >>> attend(jnp.zeros((2, 4, 3, 5)), jnp.ones((2, 4, 5, 2))).shape
    (2, 3, 8)
    """
    weights = nn.softmax(at_least_float32(similarity)).astype(value.dtype)
    attended = jnp.einsum("bhqk,bhkd->bqhd", weights, value)
    return attended.reshape(*attended.shape[:2], -1)


def squared_distances(x: Array) -> Array:
    """|x_i - x_j|^2 between the tokens of x [..., n, d]: [..., n, n].

    >>> squared_distances(jnp.array([[0.0, 0.0], [3.0, 4.0]])).tolist()
    [[0.0, 25.0], [25.0, 0.0]]
    """
    x = at_least_float32(x)
    squares = jnp.square(x).sum(axis=-1)
    products = jnp.einsum("...id,...jd->...ij", x, x)
    return squares[..., :, None] + squares[..., None, :] - 2 * products
