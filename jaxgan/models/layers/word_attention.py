"""Attention of the pixels of an image to the words of a text."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers.numbers import at_least_float32
from jaxgan.models.layers.token_attention import attend

Array = jax.Array


class WordAttention(nn.Module):
    """A context of words for each pixel: h [B, H, W, C], words [B, L, D], present [B, L] -> [B, H, W, C].

    sum_i b_ji U e_i with b_j = softmax_i <h_j, U e_i> over the words that are present, U a learnt matrix of
    the word features e_i (AttnGAN; Xu et al., 2018). Without any word it is 0.

    >>> h, words, present = jnp.ones((2, 4, 4, 8)), jnp.ones((2, 5, 3)), jnp.ones((2, 5), bool)
    >>> WordAttention().init_with_output(jax.random.key(0), h, words, present)[0].shape
    (2, 4, 4, 8)
    """

    kernel_init: nn.initializers.Initializer = nn.initializers.xavier_uniform()

    @nn.compact
    def __call__(self, h: Array, words: Array, present: Array) -> Array:
        b, height, width, c = h.shape
        values = nn.Dense(c, use_bias=False, kernel_init=self.kernel_init)(words)
        similarity = at_least_float32(jnp.einsum("bqc,blc->bql", h.reshape(b, -1, c), values))
        similarity = jnp.where(present[:, None], similarity, jnp.finfo(similarity.dtype).min)
        context = attend(similarity[:, None], (values * present[..., None])[:, None])
        return context.reshape(b, height, width, c)
