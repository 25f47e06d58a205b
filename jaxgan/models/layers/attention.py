"""Self-attention between the pixels of an image."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers.norms import Initializer, Norm, call_layer
from jaxgan.models.layers.numbers import at_least_float32
from jaxgan.models.layers.resampling import split_2x2

Array = jax.Array


class SelfAttention(nn.Module):
    """x + gamma attention(x), gamma from 0 (Zhang et al., 2019): [B, H, W, C] -> [B, H, W, C].

    Queries and keys have C/8 channels, values C/2; keys and values are max-pooled 2x2, so that H W queries
    attend to H W / 4 positions. With `norm` "spectral" all four 1x1 convolutions are normalised.

    >>> SelfAttention().init_with_output(jax.random.key(0), jnp.ones((2, 8, 8, 16)))[0].shape
    (2, 8, 8, 16)
    """

    norm: Norm = "none"
    kernel_init: Initializer = nn.initializers.xavier_uniform()

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        b, h, w, c = x.shape

        def conv(x: Array, features: int, name: str) -> Array:  # 1x1
            dense = nn.Dense(features, use_bias=False, kernel_init=self.kernel_init, name=name)
            return call_layer(dense, x, self.norm, train)

        def pooled(x: Array) -> Array:
            return split_2x2(x).max(axis=(2, 4)).reshape(b, -1, x.shape[-1])

        query = conv(x, max(c // 8, 1), "query").reshape(b, h * w, -1)
        key, value = pooled(conv(x, max(c // 8, 1), "key")), pooled(conv(x, max(c // 2, 1), "value"))
        similarity = jnp.einsum("bqc,bkc->bqk", query, key)
        weights = nn.softmax(at_least_float32(similarity)).astype(x.dtype)
        attended = jnp.einsum("bqk,bkc->bqc", weights, value).reshape(b, h, w, -1)
        return x + self.param("gamma", nn.initializers.zeros, ()) * conv(attended, c, "out")
